"""Comments on commits."""

from __future__ import annotations

from prow.sim.errors import Refused
from prow.sim.gitrepo import is_sha
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login, number
from prow.sim.state import CommitComment, Repo

_COMMENT = f"{REPO}/comments/{{comment}}"
_OF_COMMIT = f"{REPO}/commits/{{sha}}/comments"


class CommitComments(Area):
    def table(self) -> Table:
        return {
            ("GET", f"{REPO}/comments"): self.list_comments,
            ("GET", _COMMENT): self.get_comment,
            ("PATCH", _COMMENT): self.edit_comment,
            ("DELETE", _COMMENT): self.delete_comment,
            ("GET", _OF_COMMIT): self.list_comments,
            ("POST", _OF_COMMIT): self.create_comment,
        }

    async def list_comments(self, call: Call) -> Answer:
        """Of the repository, or of the commit that the path names."""
        repo, sha = self.repo(call), call.path.get("sha", "")
        found = [one for one in repo.commit_comments if sha in {"", one.commit_id}]
        return Answer(items=found, each=lambda one: self.world.json.commit_comment(repo, one))

    async def create_comment(self, call: Call) -> Answer:
        repo, wanted, sha = self.repo(call), body(call), call.path["sha"]
        if not is_sha(sha):
            raise Refused(422, f"No commit found for SHA: {sha}")
        await self.world.known_commit(repo, sha)
        position, path = wanted.get("position"), str(wanted.get("path") or "")
        made = await self.world.comment_on_commit(
            repo, login(call), sha, body=str(wanted.get("body") or ""), path=path, position=position
        )
        return Answer(self.world.json.commit_comment(repo, made), 201)

    def _comment(self, call: Call) -> tuple[Repo, CommitComment]:
        repo = self.repo(call)
        found = self.world.find_commit_comment(repo, number(call, "comment"))
        mine = call.login is not None and found.user.login.lower() == call.login.lower()
        if call.route[0] != "GET" and not mine and not self.world.may(repo, call.login, "write"):
            raise Refused(403, "Must have push access to repository")
        return repo, found

    async def get_comment(self, call: Call) -> Answer:
        return Answer(self.world.json.commit_comment(*self._comment(call)))

    async def edit_comment(self, call: Call) -> Answer:
        repo, comment = self._comment(call)
        await self.world.edit_commit_comment(comment, str(body(call).get("body") or ""))
        return Answer(self.world.json.commit_comment(repo, comment))

    async def delete_comment(self, call: Call) -> Answer:
        await self.world.delete_commit_comment(*self._comment(call))
        return Answer(status=204)
