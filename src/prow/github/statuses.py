"""Commit statuses."""

from __future__ import annotations

import msgspec

from prow.github.area import Area, repo_at, typed
from prow.model.forge import CombinedStatus, CommitStatus


class Statuses(Area):
    async def create_status(self, org: str, repo: str, sha: str, status: CommitStatus) -> None:
        """The newest status of a context counts, so the same one twice is harmless."""
        body = {
            "state": status.state,
            "target_url": status.target_url or "",
            "description": status.description or "",
            "context": status.context,
        }
        await self._ask("POST", repo_at("/statuses/:statusId", org, repo, statusId=sha), body=body, lags=True)

    async def get_combined_status(self, org: str, repo: str, ref: str) -> CombinedStatus:
        """The newest status of every context of a commit, all pages in one. `ref`: a SHA, branch or tag."""
        place = repo_at("/commits/:sha*/status", org, repo, sha=ref)
        pages = [typed(page, CombinedStatus, place) for page in await self._pages(place, lags=True)]
        return msgspec.structs.replace(pages[0], statuses=tuple(s for page in pages for s in page.statuses))
