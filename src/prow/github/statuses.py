"""Commit statuses."""

from __future__ import annotations

import msgspec

from prow.github.area import Area, repo_at, typed
from prow.github.errors import MaybeDone
from prow.lib.errors import ProwError
from prow.model.forge import CombinedStatus, CommitStatus

_ATTEMPTS = 3


class Statuses(Area):
    async def create_status(self, org: str, repo: str, sha: str, status: CommitStatus) -> CommitStatus:
        """Gives it as GitHub keeps it.

        When the answer is lost, GitHub is asked whether it took the status before that is sent again; when it does not tell, either, it
        is asked first by whoever wants to set that status next.
        """
        unsure, key = self._transport.unsure_statuses, (org, repo, sha, status.context)
        lost: ProwError | None = None
        for _ in range(_ATTEMPTS):
            if key in unsure:
                kept = await self._kept(org, repo, sha, status)
                unsure.discard(key)
                if kept is not None:
                    return kept
            unsure.add(key)
            try:
                kept = await self._sent(org, repo, sha, status)
            except MaybeDone as error:
                lost = error
                continue
            except ProwError:
                unsure.discard(key)
                raise
            unsure.discard(key)
            return kept
        assert lost is not None
        raise lost

    async def _sent(self, org: str, repo: str, sha: str, status: CommitStatus) -> CommitStatus:
        """Raises MaybeDone when nobody can tell whether GitHub took it."""
        body = {
            "state": status.state,
            "target_url": status.target_url or "",
            "description": status.description or "",
            "context": status.context,
        }
        place = repo_at("/statuses/:statusId", org, repo, statusId=sha)
        answer = await self._ask("POST", place, body=body, once=True, lags=True)
        return status if answer.suppressed else typed(answer, CommitStatus, place, once=True)

    async def _kept(self, org: str, repo: str, sha: str, status: CommitStatus) -> CommitStatus | None:
        """The newest status of that context, if it is this one."""
        combined = await self.get_combined_status(org, repo, sha)
        newest = next((each for each in combined.statuses if each.context == status.context), None)
        return newest if newest is not None and _content(newest) == _content(status) else None

    async def get_combined_status(self, org: str, repo: str, ref: str) -> CombinedStatus:
        """The newest status of every context of a commit, all pages in one. `ref`: a SHA, branch or tag."""
        place = repo_at("/commits/:sha*/status", org, repo, sha=ref)
        pages = [typed(page, CombinedStatus, place) for page in await self._pages(place, lags=True)]
        return msgspec.structs.replace(pages[0], statuses=tuple(s for page in pages for s in page.statuses))


def _content(status: CommitStatus) -> tuple[str, str, str]:
    return status.state, status.description or "", status.target_url or ""
