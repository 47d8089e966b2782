"""Comments on commits."""

from __future__ import annotations

from prow.sim import gitdiff, gitlog
from prow.sim.errors import not_found, unprocessable
from prow.sim.state import CommitComment, Repo
from prow.sim.world.deployments import Deployments
from prow.sim.world.issues import check_body


class CommitComments(Deployments):
    def find_commit_comment(self, repo: Repo, number: int) -> CommitComment:
        found = next((one for one in repo.commit_comments if one.id == number), None)
        if found is None:
            raise not_found()
        return found

    async def comment_on_commit(
        self, repo: Repo, login: str, sha: str, *, body: str, path: str = "", position: int | None = None
    ) -> CommitComment:
        check_body("CommitComment", body)
        now = self.clock.now()
        comment = CommitComment(self.new_id(), self.user(login), body, sha, now, now)
        if path:
            comment.path, comment.position = path, position
            comment.line = await self._line_at(repo, sha, path, position)
        repo.commit_comments.append(comment)
        payload = {"action": "created", "comment": self.json.commit_comment(repo, comment, webhook=True)}
        await self.emit(repo, "commit_comment", comment.user, payload)
        return comment

    @staticmethod
    async def _line_at(repo: Repo, sha: str, path: str, position: int | None) -> int | None:
        """The line of a position in what the commit changes."""
        parents = (await gitlog.one(repo.path, sha)).parents
        patch = gitdiff.patches(repo.path, parents[0] if parents else None, sha).get(path)
        if patch is None:
            raise unprocessable("CommitComment", "path", "invalid")
        if position is None:
            return None
        place = next((one for one in gitdiff.places(patch) if one.position == position), None)
        if place is None:
            raise unprocessable("CommitComment", "position", "invalid")
        return place.new if place.new is not None else place.old

    async def edit_commit_comment(self, comment: CommitComment, body: str) -> None:
        check_body("CommitComment", body)
        comment.body, comment.updated_at = body, self.clock.now()
        await self.changed()

    async def delete_commit_comment(self, repo: Repo, comment: CommitComment) -> None:
        repo.commit_comments.remove(comment)
        await self.changed()
