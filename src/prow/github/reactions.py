"""Reactions to issues and comments."""

from __future__ import annotations

from prow.github.area import Area, repo_at


class Reactions(Area):
    """`content`: +1, -1, laugh, confused, heart, hooray, rocket, eyes. The same reaction twice is one."""

    async def react_to_issue(self, org: str, repo: str, number: int, content: str) -> None:
        """Also to a pull request."""
        await self._ask(
            "POST", repo_at("/issues/:issueId/reactions", org, repo, issueId=number), body={"content": content}
        )

    async def react_to_comment(self, org: str, repo: str, comment_id: int, content: str) -> None:
        place = repo_at("/issues/comments/:commentId/reactions", org, repo, commentId=comment_id)
        await self._ask("POST", place, body={"content": content})
