"""The search index: what search knows, which may lag behind what is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

from prow.sim import rules
from prow.sim.search import Entry
from prow.sim.state import Issue
from prow.sim.world.automerge import AutoMerges

_MOST_VERSIONS = 100
_MENTION = re.compile(r"(?<![\w`])@([A-Za-z0-9][A-Za-z0-9-]*)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_stale: ContextVar[float] = ContextVar("stale", default=0.0)


@contextmanager
def searched_as_of(seconds: float) -> Iterator[None]:
    """In the block search knows what was true that long ago, if `remember` was called before."""
    token = _stale.set(seconds)
    try:
        yield
    finally:
        _stale.reset(token)


class Index(AutoMerges):
    _lag = 0.0
    _versions: dict[int, list[tuple[datetime, Entry]]] | None = None

    @property
    def search_lag(self) -> float:
        """Seconds of the clock until a change is found by search."""
        return self._lag

    @search_lag.setter
    def search_lag(self, seconds: float) -> None:
        self._lag = seconds
        if seconds:
            self.remember()

    def remember(self) -> None:
        """From now on keep what search would have said before."""
        if self._versions is None:
            self._versions = {issue.id: [(_EPOCH, self.entry(issue))] for issue in self._all_issues()}

    def _all_issues(self) -> list[Issue]:
        return [issue for repo in self.repos.values() for issue in repo.issues.values()]

    def entry(self, issue: Issue) -> Entry:
        """What search would know of it without any lag."""
        pull = issue.pull
        said, writers, mentioned = self._talk(issue)
        return Entry(
            id=issue.id,
            number=issue.number,
            pull=pull is not None,
            state=issue.state,
            repo=issue.repo.full_name.lower(),
            author=issue.user.login.lower(),
            title=issue.title,
            created=issue.created_at,
            updated=issue.updated_at,
            merged=pull is not None and pull.merged,
            draft=pull is not None and pull.draft,
            archived=issue.repo.archived,
            base=pull.base_ref if pull is not None else "",
            head=pull.head_ref if pull is not None else "",
            milestone=issue.milestone.title if issue.milestone is not None else "",
            review=rules.search_review(self.protection(issue), self.verdicts(issue)),
            labels=frozenset(label.name.lower() for label in issue.labels),
            assignees=frozenset(user.login.lower() for user in issue.assignees),
            body=issue.body,
            said=said,
            comments=len(issue.comments),
            shas=self._shas(issue),
            closed=issue.closed_at,
            merged_at=pull.merged_at if pull is not None else None,
            status=self._status(issue),
            locked=issue.locked,
            private=issue.repo.private,
            people=self._people(issue) | {"commenter": writers, "mentions": mentioned},
        )

    @staticmethod
    def _shas(issue: Issue) -> tuple[str, ...]:
        """Its commits, as far as they are known."""
        pull = issue.pull
        if pull is None:
            return ()
        known = pull.compared[1].commits if pull.compared is not None else ()
        return (pull.head_sha, *(sha for sha, _ in known if sha != pull.head_sha))

    def _status(self, issue: Issue) -> str:
        states = self.states(issue.repo, issue.pull.head_sha) if issue.pull is not None else {}
        return rules.combined_state(states.values()) if states else ""

    @staticmethod
    def _talk(issue: Issue) -> tuple[str, frozenset[str], frozenset[str]]:
        """All comments as one text, who wrote them, and who is mentioned; kept until the issue changes."""
        key = (issue.updated_at, len(issue.comments), issue.body)
        known = issue.talk
        if known is None or known[0] != key:
            said = "\n".join(comment.body for comment in issue.comments)
            mentioned = frozenset(name.lower() for name in _MENTION.findall(f"{issue.body}\n{said}"))
            writers = frozenset(comment.user.login.lower() for comment in issue.comments)
            known = issue.talk = key, (said, writers, mentioned)
        return known[1]

    @staticmethod
    def _people(issue: Issue) -> dict[str, frozenset[str]]:
        pull, owner = issue.pull, issue.repo.owner.lower()
        if pull is None:
            return {}
        return {
            "reviewed-by": frozenset(r.user.login.lower() for r in pull.reviews if r.state != "PENDING"),
            "review-requested": frozenset(user.login.lower() for user in pull.requested_reviewers),
            "team-review-requested": frozenset(f"{owner}/{team.slug}" for team in pull.requested_teams),
        }

    def indexed(self) -> dict[int, tuple[Entry, Issue]]:
        """What search knows now, by the issue's id."""
        issues = self._all_issues()
        lag = max(self._lag, _stale.get())
        if not lag or self._versions is None:
            return {issue.id: (self.entry(issue), issue) for issue in issues}
        known = self.clock.now() - timedelta(seconds=lag)
        found: dict[int, tuple[Entry, Issue]] = {}
        for issue in issues:
            versions = self._versions.get(issue.id, [])
            old = [entry for when, entry in versions if when <= known]
            if old:
                found[issue.id] = (old[-1], issue)
        return found

    async def changed(self, issues: Collection[Issue] | None = None) -> None:
        if self._versions is not None:
            now = self.clock.now()
            for issue in self._all_issues() if issues is None else issues:
                versions, entry = self._versions.setdefault(issue.id, []), self.entry(issue)
                if not versions or versions[-1][1] != entry:
                    versions.append((now, entry))
                    del versions[:-_MOST_VERSIONS]
        await super().changed(issues)
