"""Commit statuses."""

from __future__ import annotations

import msgspec

from prow.github.area import Area, repo_at, typed
from prow.github.errors import MaybeDone
from prow.model.forge import CombinedStatus, CommitStatus

_ATTEMPTS = 3


class Statuses(Area):
    async def create_status(self, org: str, repo: str, sha: str, status: CommitStatus) -> None:
        """When GitHub's answer is lost, it is asked whether it took the status before that is sent again."""
        body = {
            "state": status.state,
            "target_url": status.target_url or "",
            "description": status.description or "",
            "context": status.context,
        }
        place = repo_at("/statuses/:statusId", org, repo, statusId=sha)
        for _ in range(_ATTEMPTS):
            try:
                await self._ask("POST", place, body=body, once=True, lags=True)
                return
            except MaybeDone as error:
                lost = error
            if await self._stands(org, repo, sha, status):
                return
        raise lost

    async def _stands(self, org: str, repo: str, sha: str, status: CommitStatus) -> bool:
        """Whether the newest status of that context is this one."""
        combined = await self.get_combined_status(org, repo, sha)
        newest = next((each for each in combined.statuses if each.context == status.context), None)
        return newest is not None and _content(newest) == _content(status)

    async def get_combined_status(self, org: str, repo: str, ref: str) -> CombinedStatus:
        """The newest status of every context of a commit, all pages in one. `ref`: a SHA, branch or tag."""
        place = repo_at("/commits/:sha*/status", org, repo, sha=ref)
        pages = [typed(page, CombinedStatus, place) for page in await self._pages(place, lags=True)]
        return msgspec.structs.replace(pages[0], statuses=tuple(s for page in pages for s in page.statuses))


def _content(status: CommitStatus) -> tuple[str, str, str]:
    return status.state, status.description or "", status.target_url or ""
