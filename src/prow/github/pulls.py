"""Pull requests: what they change, who reviews them."""

from __future__ import annotations

from collections.abc import Sequence

from prow.github.area import Area, repo_at
from prow.github.errors import Unprocessable
from prow.github.issues import NotAssigned
from prow.model.forge import ChangedFile, PullRequest, Review, ReviewComment


class Pulls(Area):
    async def get_pull_request(self, org: str, repo: str, number: int) -> PullRequest:
        return await self._read(PullRequest, repo_at("/pulls/:pullId", org, repo, pullId=number), lags=True)

    async def list_pull_requests(
        self, org: str, repo: str, *, state: str = "open", base: str = ""
    ) -> tuple[PullRequest, ...]:
        """`base`: only those into this branch. Listed pull requests have no `mergeable` and no counts."""
        query = {"state": state, **({"base": base} if base else {})}
        return await self._list(PullRequest, repo_at("/pulls", org, repo, query=query))

    async def list_files(self, org: str, repo: str, number: int) -> tuple[ChangedFile, ...]:
        """At most 3,000: GitHub lists no more."""
        return await self._list(ChangedFile, repo_at("/pulls/:pullId/files", org, repo, pullId=number), lags=True)

    async def list_reviews(self, org: str, repo: str, number: int) -> tuple[Review, ...]:
        return await self._list(Review, repo_at("/pulls/:pullId/reviews", org, repo, pullId=number), lags=True)

    async def list_review_comments(self, org: str, repo: str, number: int) -> tuple[ReviewComment, ...]:
        return await self._list(ReviewComment, repo_at("/pulls/:pullId/comments", org, repo, pullId=number), lags=True)

    async def request_reviewers(self, org: str, repo: str, number: int, logins: Sequence[str]) -> None:
        """`org/slug` means a team. Who can be asked is asked; NotAssigned names the others."""
        await self._reviewers("POST", org, repo, number, logins)

    async def remove_reviewers(self, org: str, repo: str, number: int, logins: Sequence[str]) -> None:
        await self._reviewers("DELETE", org, repo, number, logins)

    async def _reviewers(self, method: str, org: str, repo: str, number: int, logins: Sequence[str]) -> None:
        """All at once; when GitHub refuses the whole set for one of them, one by one."""
        possible = [login for login in logins if "/" not in login or login.partition("/")[0].lower() == org.lower()]
        refused = [login for login in logins if login not in possible]
        if possible and not await self._some_reviewers(method, org, repo, number, possible):
            if len(possible) == 1:
                refused += possible
            else:
                for login in possible:
                    if not await self._some_reviewers(method, org, repo, number, [login]):
                        refused.append(login)
        if refused:
            names = ", ".join(refused)
            verb = "request a review from" if method == "POST" else "withdraw the request to"
            raise NotAssigned(f"GitHub did not {verb} {names} on {org}/{repo}#{number}", logins=tuple(refused))

    async def _some_reviewers(self, method: str, org: str, repo: str, number: int, logins: Sequence[str]) -> bool:
        people = [login for login in logins if "/" not in login]
        teams = [login.partition("/")[2] for login in logins if "/" in login]
        body = {"reviewers": people, **({"team_reviewers": teams} if teams else {})}
        place = repo_at("/pulls/:pullId/requested_reviewers", org, repo, pullId=number)
        try:
            await self._ask(method, place, body=body, content=method == "POST", lags=True)
        except Unprocessable as error:
            if error.status == 422:
                return False
            raise
        return True
