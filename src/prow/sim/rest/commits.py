"""Commits: their history, what they change, how two of them compare, and what is said about them."""

from __future__ import annotations

from datetime import datetime

from prow.sim import gitdata, gitdiff, gitlog, gitrepo
from prow.sim.errors import Refused, not_found
from prow.sim.payloads import Json
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login
from prow.sim.rest.contents import media_of
from prow.sim.rules import combined_state
from prow.sim.state import Repo

_MOST_COMPARED = 250
_MOST_FILES = 300
_MOST_FILES_OF_COMMIT = 3000


class Commits(Area):
    def table(self) -> Table:
        return {
            ("GET", f"{REPO}/commits"): self.list_commits,
            ("GET", f"{REPO}/commits/{{ref:path}}/status"): self.combined_status,
            ("GET", f"{REPO}/commits/{{ref:path}}/statuses"): self.list_statuses,
            ("GET", f"{REPO}/statuses/{{ref:path}}"): self.list_statuses,
            ("POST", f"{REPO}/statuses/{{sha}}"): self.create_status,
            ("GET", f"{REPO}/commits/{{ref:path}}/pulls"): self.list_pulls,
            ("GET", f"{REPO}/commits/{{ref:path}}/branches-where-head"): self.branches_where_head,
            ("GET", f"{REPO}/commits/{{ref:path}}"): self.get_commit,
            ("GET", f"{REPO}/compare/{{span:path}}"): self.compare,
        }

    async def _sha(self, repo: Repo, ref: str) -> str:
        names = (f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/{ref}", ref)
        for name in (ref,) if gitrepo.is_sha(ref) else names:
            sha = await gitrepo.resolve(repo.path, name)
            if sha is not None:
                return sha
        if await gitdata.is_empty(repo.path):
            raise Refused(409, "Git Repository is empty.")
        raise Refused(422, f"No commit found for SHA: {ref}")

    # History

    async def list_commits(self, call: Call) -> Answer:
        """Of a branch, the default one unless told, or of a path below it."""
        repo, query = self.repo(call), call.query
        if await gitdata.is_empty(repo.path):
            raise Refused(409, "Git Repository is empty.")
        try:
            start = await self._sha(repo, query.get("sha") or repo.default_branch)
        except Refused:
            raise not_found() from None
        author = query.get("author", "").lower()
        found = [
            one
            for one in await gitlog.listed(repo.path, start, below=query.get("path", ""))
            if author in {"", one.author.name.lower(), one.author.email.lower()}
            and one.committer.date >= query.get("since", "")
            and (not query.get("until") or one.committer.date <= query["until"])
        ]
        return Answer(items=found, each=lambda commit: self.world.commit_json(repo, commit))

    async def _full(self, repo: Repo, sha: str) -> Json:
        """A commit with what it changes."""
        told = await gitlog.one(repo.path, sha)
        parent = told.parents[0] if told.parents else None
        files = await gitdiff.changed_files(repo.path, parent, sha)
        shown = gitdiff.patches(repo.path, parent, sha)
        plus, minus = sum(int(str(f["additions"])) for f in files), sum(int(str(f["deletions"])) for f in files)
        return self.world.commit_json(repo, told) | {
            "stats": {"total": plus + minus, "additions": plus, "deletions": minus},
            "files": [self.world.json.changed_file(repo, sha, file, shown) for file in files[:_MOST_FILES_OF_COMMIT]],
        }

    async def get_commit(self, call: Call) -> Answer:
        repo = self.repo(call)
        sha = await self._sha(repo, call.path["ref"])
        kind = media_of(call)
        if kind == "sha":
            return Answer(sha.encode(), media="application/vnd.github.sha; charset=utf-8")
        if kind:
            make = gitdata.diff_of if kind == "diff" else gitdata.patch_of
            return Answer(await make(repo.path, sha), media=f"application/vnd.github.{kind}; charset=utf-8")
        found = await self._full(repo, sha)
        return Answer(found, modified=datetime.fromisoformat(found["commit"]["committer"]["date"]))

    async def list_pulls(self, call: Call) -> Answer:
        """Those that brought the commit, or want to."""
        repo = self.repo(call)
        sha = await self._sha(repo, call.path["ref"])
        found = await self.world.pulls_with(repo, sha)
        return Answer(items=found, each=lambda issue: self.world.pull_json(issue, full=False))

    async def branches_where_head(self, call: Call) -> Answer:
        repo = self.repo(call)
        sha, refs = await self._sha(repo, call.path["ref"]), await gitrepo.refs(repo.path)
        heads = {
            ref.removeprefix("refs/heads/") for ref, at in refs.items() if ref.startswith("refs/heads/") and at == sha
        }
        return Answer(
            items=[
                self.world.json.short_branch(
                    repo, name, sha, protected=self.world.protection_of(repo, name) is not None
                )
                for name in sorted(heads)
            ]
        )

    # Comparing

    async def _side(self, repo: Repo, name: str) -> str:
        """A ref here, or `owner:ref` of a fork, whose commits are brought here first."""
        owner, colon, ref = name.rpartition(":")
        if not colon or owner.lower() == repo.owner.lower():
            return await self._sha(repo, ref if colon else name)
        other = next(
            (r for r in self.world.repos.values() if r.owner.lower() == owner.lower() and r.parent is repo), None
        )
        sha = await gitrepo.resolve(other.path, ref) if other is not None else None
        if other is None or sha is None:
            raise not_found()
        if await gitrepo.resolve(repo.path, sha) is None:
            await gitrepo.fetch(repo.path, other.path, sha, f"refs/sim/compared/{sha}")
        return sha

    async def compare(self, call: Call) -> Answer:
        repo = self.repo(call)
        left, dots, right = call.path["span"].partition("...")
        if not dots:
            raise not_found()
        try:
            base, head = await self._side(repo, left), await self._side(repo, right)
        except Refused as refused:
            raise (refused if refused.status == 409 else not_found()) from None
        kind = media_of(call)
        if kind:
            make = gitdata.diff if kind == "diff" else gitdata.patch
            return Answer(await make(repo.path, base, head), media=f"application/vnd.github.{kind}; charset=utf-8")
        fork = await gitdata.merge_base(repo.path, base, head)
        if fork is None:
            raise Refused(404, f"No common ancestor between {left} and {right}.")
        ahead, behind = await gitdata.counts(repo.path, base, head)
        shas = await gitdata.only_in(repo.path, base, head, most=_MOST_COMPARED)
        told = {one.sha: one for one in await gitlog.of(repo.path, list(dict.fromkeys([base, fork, *shas])))}
        found = [self.world.commit_json(repo, told[sha]) for sha in (base, fork, *shas)]
        files = (await gitdiff.changed_files(repo.path, base, head))[:_MOST_FILES]
        shown = gitdiff.patches(repo.path, base, head)
        api, page = f"{self.world.base}/repos/{repo.full_name}", f"{self.world.base}/{repo.full_name}"
        span = f"{left}...{right}"
        word = "identical" if base == head else "diverged" if ahead and behind else "ahead" if ahead else "behind"
        about = {
            "url": f"{api}/compare/{span}",
            "html_url": f"{page}/compare/{span}",
            "permalink_url": f"{page}/compare/{base[:7]}...{head[:7]}",
            "diff_url": f"{page}/compare/{span}.diff",
            "patch_url": f"{page}/compare/{span}.patch",
            "base_commit": found[0],
            "merge_base_commit": found[1],
            "status": word,
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "files": [self.world.json.changed_file(repo, head, file, shown) for file in files],
        }
        return Answer(items=found[2:], wrap=lambda page: about | {"commits": list(page)})

    # Statuses

    async def create_status(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "write"), body(call)
        status = await self.world.set_status(
            repo,
            login(call),
            call.path["sha"],
            context=str(wanted.get("context") or ""),
            state=str(wanted.get("state", "")),
            description=str(wanted.get("description") or ""),
            target_url=str(wanted.get("target_url") or ""),
        )
        return Answer(self.world.json.status(repo, call.path["sha"], status), 201)

    async def combined_status(self, call: Call) -> Answer:
        repo = self.repo(call)
        sha = await self._sha(repo, call.path["ref"])
        statuses = self.world.combined(repo, sha)
        state = combined_state(s.state for s in statuses)
        about = {"state": state, "sha": sha, "total_count": len(statuses), "repository": self.repo_json(repo)}
        api = f"{self.world.base}/repos/{repo.full_name}/commits/{sha}"
        about |= {"commit_url": api, "url": f"{api}/status"}
        items = [self.world.json.short_status(repo, sha, s) for s in statuses]
        return Answer(items=items, wrap=lambda page: about | {"statuses": list(page)})

    async def list_statuses(self, call: Call) -> Answer:
        repo = self.repo(call)
        sha = await self._sha(repo, call.path["ref"])
        found = list(reversed(repo.statuses.get(sha, ())))
        return Answer(items=found, each=lambda status: self.world.json.status(repo, sha, status))
