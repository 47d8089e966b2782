"""Check runs and the whole list of a commit's statuses."""

from __future__ import annotations

from datetime import datetime

import msgspec

from prow.github.area import Area, given, repo_at
from prow.model.base import Noun
from prow.model.forge import CommitStatus


class CheckOutput(Noun, frozen=True):
    """`summary`, `text`: Markdown."""

    title: str | None = None
    summary: str | None = None
    text: str | None = None


class CheckRunApp(Noun, frozen=True):
    id: int = 0
    slug: str | None = None


class CheckRun(Noun, frozen=True):
    """`status`: queued, in_progress, completed, … `conclusion`: null until it is completed."""

    id: int = 0
    name: str = ""
    head_sha: str = ""
    status: str = ""
    conclusion: str | None = None
    details_url: str | None = None
    html_url: str | None = None
    external_id: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    output: CheckOutput = CheckOutput()
    app: CheckRunApp | None = None


class CheckRunChange(msgspec.Struct, frozen=True, kw_only=True):
    """A new check run (then `name` and `head_sha` are needed), or what is to be another one."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    head_sha: str | msgspec.UnsetType = msgspec.UNSET
    status: str | msgspec.UnsetType = msgspec.UNSET
    conclusion: str | msgspec.UnsetType = msgspec.UNSET
    details_url: str | msgspec.UnsetType = msgspec.UNSET
    external_id: str | msgspec.UnsetType = msgspec.UNSET
    started_at: datetime | msgspec.UnsetType = msgspec.UNSET
    completed_at: datetime | msgspec.UnsetType = msgspec.UNSET
    output: CheckOutput | msgspec.UnsetType = msgspec.UNSET


class _Runs(msgspec.Struct):
    check_runs: list[CheckRun] = []
    total_count: int = 0


class Checks(Area):
    async def list_check_runs(self, org: str, repo: str, ref: str) -> tuple[CheckRun, ...]:
        """Of a commit; `ref`: its SHA, a branch or a tag."""
        pages = await self._wrapped(_Runs, repo_at("/commits/:sha*/check-runs", org, repo, sha=ref), lags=True)
        return tuple(run for page in pages for run in page.check_runs)

    async def create_check_run(self, org: str, repo: str, run: CheckRunChange) -> CheckRun:
        """Only an App may. Raises MaybeDone when nobody can tell whether it was made."""
        place = repo_at("/check-runs", org, repo)
        return await self._write("POST", place, CheckRun, body=run, instead=_planned(run), once=True, lags=True)

    async def update_check_run(self, org: str, repo: str, run: int, change: CheckRunChange) -> CheckRun:
        """Only the App that made it may."""
        place = repo_at("/check-runs/:checkRunId", org, repo, checkRunId=run)
        return await self._write("PATCH", place, CheckRun, body=change, instead=_planned(change, id=run))

    async def list_statuses(self, org: str, repo: str, ref: str) -> tuple[CommitStatus, ...]:
        """All statuses ever set on a commit, newest first; one context may be there many times."""
        return await self._list(CommitStatus, repo_at("/commits/:sha*/statuses", org, repo, sha=ref), lags=True)


def _planned(change: CheckRunChange, *, id: int = 0) -> CheckRun:  # noqa: A002 - GitHub's name
    known = given(change)
    return CheckRun(id=id, **known)
