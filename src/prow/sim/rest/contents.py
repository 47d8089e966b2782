"""Files by path, and git's objects: trees, blobs, commits and tags."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from prow.sim import gitdata, gitlog, gitrepo
from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.gitdata import Entry
from prow.sim.payloads import Json
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login
from prow.sim.state import Repo

_FILE = f"{REPO}/contents/{{file:path}}"
_LARGEST_INLINE = 1 << 20
_LARGEST = 100 << 20
_MOST_IN_FOLDER = 1000
_MOST_IN_TREE = 100_000
_MODES = {"100644": "blob", "100755": "blob", "120000": "blob", "040000": "tree", "160000": "commit"}
_NO_TREE = "GitRPC::BadObjectState"
"""GitHub's word for a tree that cannot be made, as when a file is to go that is not there."""
_KINDS = ("diff", "patch", "raw", "sha")


def media_of(call: Call) -> str:
    """`diff`, `patch`, `raw` or `sha` where another media type than JSON is asked for."""
    accept = call.accept
    return next((kind for kind in _KINDS if f".{kind}" in accept and "application/vnd.github" in accept), "")


class Contents(Area):
    def table(self) -> Table:
        return {
            ("GET", f"{REPO}/readme"): self.get_readme,
            ("GET", f"{REPO}/readme/{{dir:path}}"): self.get_readme,
            ("GET", f"{REPO}/contents"): self.get_contents,
            ("GET", _FILE): self.get_contents,
            ("PUT", _FILE): self.put_file,
            ("DELETE", _FILE): self.delete_file,
            ("GET", f"{REPO}/git/trees/{{sha:path}}"): self.get_tree,
            ("POST", f"{REPO}/git/trees"): self.create_tree,
            ("GET", f"{REPO}/git/blobs/{{sha}}"): self.get_blob,
            ("POST", f"{REPO}/git/blobs"): self.create_blob,
            ("GET", f"{REPO}/git/commits/{{sha}}"): self.get_commit,
            ("POST", f"{REPO}/git/commits"): self.create_commit,
            ("GET", f"{REPO}/git/tags/{{sha}}"): self.get_tag,
            ("POST", f"{REPO}/git/tags"): self.create_tag,
        }

    # Reading by path

    async def _commit(self, call: Call, repo: Repo) -> tuple[str, str]:
        """The ref that is asked for, by name and by commit."""
        ref = call.query.get("ref") or repo.default_branch
        for name in (ref,) if gitrepo.is_sha(ref) else (f"refs/heads/{ref}", f"refs/tags/{ref}", ref):
            sha = await gitrepo.resolve(repo.path, name)
            if sha is not None:
                return ref, sha
        if await gitdata.is_empty(repo.path):
            raise Refused(404, "This repository is empty.")
        raise Refused(404, f"No commit found for the ref {ref}")

    async def get_contents(self, call: Call) -> Answer:
        """A file with what is in it, the list of a folder, where a symbolic link leads, or which repository is a submodule."""
        repo, name = self.repo(call), call.path.get("file", "").strip("/")
        ref, sha = await self._commit(call, repo)
        if not name:
            return await self._folder(repo, ref, f"{sha}^{{tree}}", "")
        found = await gitdata.entry(repo.path, sha, name)
        if found is None:
            raise not_found()
        if found.kind == "tree":
            return await self._folder(repo, ref, found.sha, name)
        return await self._file(call, repo, ref, found)

    async def _folder(self, repo: Repo, ref: str, treeish: str, name: str) -> Answer:
        entries = await gitdata.tree(repo.path, treeish) or []
        start = f"{name}/" if name else ""
        found = [self._entry(repo, f"{start}{one.path}", ref, one) for one in entries[:_MOST_IN_FOLDER]]
        return Answer(found)

    def _entry(self, repo: Repo, path: str, ref: str, one: Entry) -> Json:
        """Submodules stand in lists as files: GitHub keeps it so."""
        kind = "file" if one.word == "submodule" else one.word
        return self.world.json.entry(repo, path, ref, kind=kind, sha=one.sha, size=one.size or 0)

    async def _file(self, call: Call, repo: Repo, ref: str, found: Entry) -> Answer:
        entry = self._entry(repo, found.path, ref, found)
        if found.word == "submodule":
            return Answer(entry | {"type": "submodule", "submodule_git_url": None})
        data = await gitdata.blob(repo.path, found.sha) or b""
        if found.word == "symlink":
            return Answer(entry | {"target": data.decode("utf-8", "replace")})
        if len(data) > _LARGEST:
            raise Refused(403, "This API returns blobs up to 100 MB in size.", [{"resource": "Blob", "field": "data", "code": "too_large"}])  # fmt: skip
        if media_of(call) == "raw":
            return Answer(data, media="application/vnd.github.raw; charset=utf-8")
        if len(data) > _LARGEST_INLINE:
            return Answer(entry | {"encoding": "none", "content": ""})
        return Answer(entry | {"encoding": "base64", "content": base64.encodebytes(data).decode()})

    async def get_readme(self, call: Call) -> Answer:
        repo = self.repo(call)
        ref, sha = await self._commit(call, repo)
        folder = call.path.get("dir", "").strip("/")
        entries = await gitdata.tree(repo.path, f"{sha}:{folder}" if folder else f"{sha}^{{tree}}") or []
        found = next((one for one in entries if one.path.lower().startswith("readme") and one.kind == "blob"), None)
        if found is None:
            raise not_found()
        return await self._file(
            call, repo, ref, replace(found, path=f"{folder}/{found.path}" if folder else found.path)
        )

    # Writing by path

    async def put_file(self, call: Call) -> Answer:
        """A commit that makes a file, or changes the one with the blob that is named."""
        repo, wanted, name = self.repo(call, "write"), body(call), call.path["file"].strip("/")
        try:
            data = base64.b64decode(str(wanted.get("content") or ""), validate=False)
        except ValueError:
            raise Refused(422, "content is not valid Base64") from None
        branch, before = await self._branch(repo, wanted)
        known = await gitdata.entry(repo.path, before, name) if before else None
        self._check_blob(known, wanted.get("sha"), name)
        sha = await self.world.commit_files(
            repo, call.who, branch, {name: data}, **_about(wanted, "Update" if known else "Create", name)
        )
        made = await gitdata.entry(repo.path, sha, name)
        assert made is not None
        commit = self.world.json.git_commit(repo, await gitlog.one(repo.path, sha))
        return Answer({"content": self._entry(repo, name, branch, made), "commit": commit}, 200 if known else 201)

    async def delete_file(self, call: Call) -> Answer:
        repo, name = self.repo(call, "write"), call.path["file"].strip("/")
        wanted = call.body if isinstance(call.body, dict) else dict(call.query)
        branch, before = await self._branch(repo, wanted)
        known = await gitdata.entry(repo.path, before, name) if before else None
        if known is None:
            raise not_found()
        if not wanted.get("sha"):
            raise Refused(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
        self._check_blob(known, wanted["sha"], name)
        sha = await self.world.commit_files(repo, call.who, branch, {name: None}, **_about(wanted, "Delete", name))
        return Answer({"content": None, "commit": self.world.json.git_commit(repo, await gitlog.one(repo.path, sha))})

    async def _branch(self, repo: Repo, wanted: dict[str, Any]) -> tuple[str, str | None]:
        """A branch that is named must be there; without any the default branch begins."""
        branch = str(wanted.get("branch") or repo.default_branch).removeprefix("refs/heads/")
        sha = await gitrepo.resolve(repo.path, f"refs/heads/{branch}")
        if sha is None and not (branch == repo.default_branch and await gitdata.is_empty(repo.path)):
            raise Refused(404, f"Branch {branch} not found")
        return branch, sha

    @staticmethod
    def _check_blob(known: Entry | None, wanted: Any, name: str) -> None:
        """Whoever changes a file tells which one he knows."""
        if known is not None and known.kind == "tree":
            raise Refused(422, f"{name} is a directory")
        if known is not None and not wanted:
            raise Refused(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
        if known is not None and wanted != known.sha:
            raise Refused(409, f"{name} does not match {wanted}")
        if known is None and wanted:
            raise Refused(409, f"{name} does not match {wanted}")

    # git's objects

    def _api(self, repo: Repo) -> str:
        return f"{self.world.base}/repos/{repo.full_name}/git"

    async def get_tree(self, call: Call) -> Answer:
        repo, name = self.repo(call), call.path["sha"]
        if await gitdata.is_empty(repo.path):
            raise Refused(409, "Git Repository is empty.")
        sha = await gitdata.object_at(repo.path, f"{name}^{{tree}}")
        entries = await gitdata.tree(repo.path, sha, recursive="recursive" in call.query) if sha else None
        if sha is None or entries is None:
            raise not_found()
        return Answer(self._tree_json(repo, sha, entries))

    def _tree_json(self, repo: Repo, sha: str, entries: list[Entry]) -> Json:
        api, shown = self._api(repo), []
        for one in entries[:_MOST_IN_TREE]:
            found: Json = {"path": one.path, "mode": one.mode, "type": one.kind, "sha": one.sha}
            if one.size is not None:
                found["size"] = one.size
            if one.kind != "commit":
                found["url"] = f"{api}/{one.kind}s/{one.sha}"
            shown.append(found)
        return {"sha": sha, "url": f"{api}/trees/{sha}", "tree": shown, "truncated": len(entries) > _MOST_IN_TREE}

    async def create_tree(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "write"), body(call)
        base = str(wanted.get("base_tree") or "") or None
        if base is not None and await gitdata.object_at(repo.path, f"{base}^{{tree}}") is None:
            raise Refused(422, "base_tree is not a valid tree")
        entries: list[tuple[str, str | None, str]] = []
        for one in wanted.get("tree") or ():
            mode, path, sha = str(one.get("mode") or "100644"), str(one.get("path") or ""), one.get("sha")
            if mode not in _MODES or not path:
                raise Refused(422, "tree.mode must be one of 100644, 100755, 040000, 160000 or 120000")
            if "content" in one:
                sha = await gitdata.write_blob(repo.path, str(one["content"]).encode())
            elif sha is not None and mode != "160000" and await gitdata.kind_of(repo.path, str(sha)) != _MODES[mode]:
                raise Refused(422, f"tree.sha {sha} is not a valid {_MODES[mode]}")
            entries += await self._expanded(repo, mode, str(sha) if sha else None, path)
        try:
            async with self.world.lock(repo):
                made = await gitdata.write_tree(repo.path, base, entries)
        except gitrepo.GitFailed as failed:
            text = "tree.path contains a malformed path component" if "invalid path" in str(failed) else _NO_TREE
            raise Refused(422, text) from failed
        return Answer(self._tree_json(repo, made, await gitdata.tree(repo.path, made) or []), 201)

    @staticmethod
    async def _expanded(repo: Repo, mode: str, sha: str | None, path: str) -> list[tuple[str, str | None, str]]:
        """An index has files only: a folder is all of its files."""
        if mode != "040000" or sha is None:
            return [(mode, sha, path)]
        inside = await gitdata.tree(repo.path, sha, recursive=True) or []
        return [(one.mode, one.sha, f"{path}/{one.path}") for one in inside if one.kind != "tree"]

    async def get_blob(self, call: Call) -> Answer:
        repo, sha = self.repo(call), call.path["sha"]
        data = await gitdata.blob(repo.path, sha)
        if data is None:
            raise not_found()
        if media_of(call) == "raw":
            return Answer(data, media="application/vnd.github.raw; charset=utf-8")
        found = {"content": base64.encodebytes(data).decode(), "encoding": "base64", "size": len(data)}
        return Answer(found | {"sha": sha, "node_id": f"B_sim{sha}", "url": f"{self._api(repo)}/blobs/{sha}"})

    async def create_blob(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "write"), body(call)
        text = str(wanted.get("content") or "")
        try:
            data = base64.b64decode(text) if wanted.get("encoding") == "base64" else text.encode()
        except ValueError:
            raise Refused(422, "content is not valid Base64") from None
        sha = await gitdata.write_blob(repo.path, data)
        return Answer({"sha": sha, "url": f"{self._api(repo)}/blobs/{sha}"}, 201)

    async def get_commit(self, call: Call) -> Answer:
        repo, sha = self.repo(call), call.path["sha"]
        if not gitrepo.is_sha(sha) or await gitdata.kind_of(repo.path, sha) != "commit":
            raise not_found()
        return Answer(self.world.json.git_commit(repo, await gitlog.one(repo.path, sha)))

    async def create_commit(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "write"), body(call)
        tree, parents = str(wanted.get("tree") or ""), [str(p) for p in wanted.get("parents") or ()]
        if await gitdata.kind_of(repo.path, tree) != "tree":
            raise Refused(422, "Tree SHA does not exist")
        for parent in parents:
            if await gitdata.kind_of(repo.path, parent) != "commit":
                raise Refused(422, "Parent SHA does not exist or is not a commit object")
        names = self._names(call, wanted)
        sha = await gitdata.write_commit(repo.path, tree, parents, str(wanted.get("message") or ""), names)
        return Answer(self.world.json.git_commit(repo, await gitlog.one(repo.path, sha)), 201)

    def _names(self, call: Call, wanted: dict[str, Any]) -> dict[str, str]:
        """Author and committer for git, the caller where they are not named."""
        name, now = login(call), f"{self.world.seconds} +0000"
        found = {}
        author = wanted.get("author") or {}
        for word, who in (("AUTHOR", author), ("COMMITTER", wanted.get("committer") or author)):
            found[f"GIT_{word}_NAME"] = str(who.get("name") or name)
            found[f"GIT_{word}_EMAIL"] = str(who.get("email") or f"{name}@users.noreply.example")
            found[f"GIT_{word}_DATE"] = _date(who.get("date")) or now
        return found

    async def _tag_json(self, repo: Repo, sha: str) -> Json:
        tag = await gitdata.tag_object(repo.path, sha)
        if tag is None:
            raise not_found()
        name, _, rest = tag.get("tagger", "").partition(" <")
        email, _, when = rest.partition("> ")
        seconds = int(when.split(" ")[0]) if when[:1].isdecimal() else 0
        date = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        api = self._api(repo)
        return {
            "node_id": f"T_sim{sha}",
            "tag": tag["tag"],
            "sha": sha,
            "url": f"{api}/tags/{sha}",
            "message": tag["message"],
            "tagger": {"name": name, "email": email, "date": date},
            "object": {"sha": tag["object"], "type": tag["type"], "url": f"{api}/{tag['type']}s/{tag['object']}"},
        }

    async def get_tag(self, call: Call) -> Answer:
        return Answer(await self._tag_json(self.repo(call), call.path["sha"]))

    async def create_tag(self, call: Call) -> Answer:
        """Only the object; a ref for it is made apart."""
        repo, wanted = self.repo(call, "write"), body(call)
        target, kind = str(wanted.get("object") or ""), str(wanted.get("type") or "commit")
        named = gitrepo.is_sha(target) and await gitdata.kind_of(repo.path, target) == kind
        if not named or not wanted.get("tag"):
            raise unprocessable("Tag", "object", "invalid")
        who = wanted.get("tagger") or {}
        name, email = who.get("name") or login(call), who.get("email") or f"{login(call)}@users.noreply.example"
        tagger = f"{name} <{email}> {_date(who.get('date')) or f'{self.world.seconds} +0000'}"
        try:
            sha = await gitdata.write_tag(
                repo.path, str(wanted["tag"]), target, kind, str(wanted.get("message") or ""), tagger
            )
        except gitrepo.GitFailed as failed:
            raise unprocessable("Tag", "tag", "invalid") from failed
        return Answer(await self._tag_json(repo, sha), 201)


def _date(text: Any) -> str:
    """A moment of JSON as git takes it."""
    if not text:
        return ""
    try:
        return f"{int(datetime.fromisoformat(str(text)).timestamp())} +0000"
    except ValueError:
        raise Refused(422, "Invalid request.\n\nThe date is not of the form YYYY-MM-DDTHH:MM:SSZ.") from None


def _about(wanted: dict[str, Any], verb: str, name: str) -> dict[str, Any]:
    """Message and author of a commit."""
    author = wanted.get("author") or wanted.get("committer") or {}
    by = (str(author["name"]), str(author["email"])) if author.get("name") and author.get("email") else None
    return {"message": str(wanted.get("message") or f"{verb} {name}"), "by": by}
