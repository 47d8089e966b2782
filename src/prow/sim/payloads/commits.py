"""Commits, refs and files, and what is said about commits."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from prow.sim.gitlog import Logged, Signature
from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.repos import Repos
from prow.sim.state import Protection, Repo, Status, User


class Commits(Repos):
    def commit(self, repo: Repo, commit: Logged, author: User | None, committer: User | None) -> Json:
        """As REST's commits tell it; `author`, `committer`: the users behind the names, where they are known."""
        url, page = f"{self.base}/repos/{repo.full_name}/commits/{commit.sha}", f"{self.base}/{repo.full_name}/commit/"
        git = self.git_commit(repo, commit)
        inner = {name: git[name] for name in ("author", "committer", "message", "tree", "url", "verification")}
        return {
            "sha": commit.sha,
            "node_id": f"C_sim{commit.sha}",
            "commit": inner | {"comment_count": 0},
            "url": url,
            "html_url": page + commit.sha,
            "comments_url": f"{url}/comments",
            "author": self.user(author) if author else None,
            "committer": self.user(committer) if committer else None,
            "parents": git["parents"],
        }

    def git_commit(self, repo: Repo, commit: Logged) -> Json:
        """As git's own object is told."""
        api, page = f"{self.base}/repos/{repo.full_name}/git", f"{self.base}/{repo.full_name}/commit"
        return {
            "sha": commit.sha,
            "node_id": f"C_sim{commit.sha}",
            "url": f"{api}/commits/{commit.sha}",
            "html_url": f"{page}/{commit.sha}",
            "author": _signed(commit.author),
            "committer": _signed(commit.committer),
            "message": commit.message,
            "tree": {"sha": commit.tree, "url": f"{api}/trees/{commit.tree}"},
            "parents": [
                {"sha": parent, "url": f"{api}/commits/{parent}", "html_url": f"{page}/{parent}"}
                for parent in commit.parents
            ],
            "verification": {
                "verified": False,
                "reason": "unsigned",
                "signature": None,
                "payload": None,
                "verified_at": None,
            },
        }

    def pushed_commit(self, repo: Repo, commit: Logged) -> Json:
        """As a push event tells it."""
        author, committer = ({"name": who.name, "email": who.email} for who in (commit.author, commit.committer))
        return {
            "id": commit.sha,
            "tree_id": commit.tree,
            "distinct": True,
            "message": commit.message,
            "timestamp": commit.committer.date,
            "url": f"{self.base}/{repo.full_name}/commit/{commit.sha}",
            "author": author,
            "committer": committer,
            "added": list(commit.added),
            "removed": list(commit.removed),
            "modified": list(commit.modified),
        }

    def ref(self, repo: Repo, ref: str, sha: str, kind: str = "commit") -> Json:
        api = f"{self.base}/repos/{repo.full_name}/git"
        return {
            "ref": ref,
            "node_id": f"REF_sim{repo.id}_{ref}",
            "url": f"{api}/{ref}",
            "object": {"type": kind, "sha": sha, "url": f"{api}/{kind}s/{sha}"},
        }

    def tag(self, repo: Repo, name: str, sha: str) -> Json:
        api = f"{self.base}/repos/{repo.full_name}"
        return {
            "name": name,
            "commit": {"sha": sha, "url": f"{api}/commits/{sha}"},
            "zipball_url": f"{api}/zipball/refs/tags/{name}",
            "tarball_url": f"{api}/tarball/refs/tags/{name}",
            "node_id": f"REF_sim{repo.id}_refs/tags/{name}",
        }

    def short_branch(self, repo: Repo, name: str, sha: str, *, protected: bool) -> Json:
        """As it stands in lists."""
        commit = {"sha": sha, "url": f"{self.base}/repos/{repo.full_name}/commits/{sha}"}
        return {"name": name, "commit": commit, "protected": protected}

    def full_branch(self, repo: Repo, name: str, commit: Json, rules: Protection | None) -> Json:
        api = f"{self.base}/repos/{repo.full_name}/branches/{name}"
        checks: Json = {"enforcement_level": "off", "contexts": [], "checks": []}
        if rules is not None and rules.contexts is not None:
            checks["enforcement_level"] = "everyone" if rules.enforce_admins else "non_admins"
            checks["contexts"] = list(rules.contexts)
            checks["checks"] = [{"context": context, "app_id": None} for context in rules.contexts]
        return {
            "name": name,
            "commit": commit,
            "_links": {"self": api, "html": f"{self.base}/{repo.full_name}/tree/{name}"},
            "protected": rules is not None,
            "protection": {"enabled": rules is not None, "required_status_checks": checks},
            "protection_url": f"{api}/protection",
        }

    def file(self, repo: Repo, path: str, ref: str, data: bytes) -> Json:
        """A file's content at a ref."""
        entry = self.entry(repo, path, ref, kind="file", sha=blob_sha(data), size=len(data))
        return entry | {"encoding": "base64", "content": base64.encodebytes(data).decode()}

    def entry(self, repo: Repo, path: str, ref: str, *, kind: str, sha: str, size: int) -> Json:
        """What a folder's list says of one of its files or folders."""
        api, page = f"{self.base}/repos/{repo.full_name}", f"{self.base}/{repo.full_name}"
        links = {
            "self": f"{api}/contents/{quote(path)}?ref={quote(ref)}",
            "git": f"{api}/git/{'trees' if kind == 'dir' else 'blobs'}/{sha}",
            "html": f"{page}/{'tree' if kind == 'dir' else 'blob'}/{quote(ref)}/{quote(path)}",
        }
        return {
            "type": kind,
            "name": path.rpartition("/")[2],
            "path": path,
            "sha": sha,
            "size": size,
            "url": links["self"],
            "git_url": links["git"],
            "html_url": links["html"],
            "download_url": None if kind == "dir" else f"{page}/raw/{quote(ref)}/{quote(path)}",
            "_links": links,
        }

    def changed_file(self, repo: Repo, head: str, file: Json, patches: Mapping[str, str]) -> Json:
        """One file of a comparison; `file`: its name, state and numbers; `patches`: by name, of those that have one to show."""
        page, name = f"{self.base}/{repo.full_name}", quote(str(file["filename"]))
        found = file | {
            "blob_url": f"{page}/blob/{head}/{name}",
            "raw_url": f"{page}/raw/{head}/{name}",
            "contents_url": f"{self.base}/repos/{repo.full_name}/contents/{name}?ref={head}",
        }
        patch = patches.get(str(file["filename"]))
        return found | {"patch": patch} if patch is not None else found

    def status(self, repo: Repo, sha: str, status: Status) -> Json:
        return self.short_status(repo, sha, status) | {"creator": self.user(status.creator)}

    def status_event(self, repo: Repo, commit: Json, branches: list[Json], status: Status) -> Json:
        """As the event tells it; `commit`: as REST tells it."""
        signed = {name: value for name, value in commit["commit"]["verification"].items() if name != "verified_at"}
        short = self.short_status(repo, commit["sha"], status)
        return {name: value for name, value in short.items() if name not in {"url", "node_id"}} | {
            "sha": commit["sha"],
            "name": repo.full_name,
            "commit": commit | {"commit": commit["commit"] | {"verification": signed}},
            "branches": branches,
        }

    def short_status(self, repo: Repo, sha: str, status: Status) -> Json:
        """As it stands in a combined status."""
        return {
            "url": f"{self.base}/repos/{repo.full_name}/statuses/{sha}",
            "avatar_url": f"{self.base}/avatars/u/{status.creator.id}",
            "id": status.id,
            "node_id": node("SC", status.id),
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url or None,
            "context": status.context,
            "created_at": stamp(status.created_at),
            "updated_at": stamp(status.created_at),
        }


def blob_sha(data: bytes) -> str:
    """git's name of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _signed(who: Signature) -> Json:
    return {"name": who.name, "email": who.email, "date": stamp(datetime.fromisoformat(who.date))}
