"""Who changed what of late: one entry for each effect, noted in the moment of the change, by whatever way it came.

`verbs` takes as expected what a story speaks of; `bots` looks at what is left. Bounded, and not kept on disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from prow.lib.clock import Clock
from prow.sim.payloads import Json
from prow.sim.state import Issue, IssueEvent, Repo

MOST = 5_000
_LONGEST = 4_000
"""Characters of a text that are kept."""
_SHOWN = 160
_KINDS = {
    "labeled": "label",
    "unlabeled": "label",
    "milestoned": "milestone",
    "demilestoned": "milestone",
    "assigned": "assignee",
    "unassigned": "assignee",
    "review_requested": "reviewer",
    "review_request_removed": "reviewer",
    "merged": "merge",
}
"""Of an issue's history; what is not here is of the kind `issue`."""
_NOTED = frozenset({"pull_request", "issue_comment", "pull_request_review", "pull_request_review_comment", "status"})
"""Events of changes that are noted before they are told."""
_UNRECORDED = frozenset({"opened", "edited", "transferred"})
"""What an issue's history does not have."""


@dataclass(eq=False)
class Call:
    """A request that may change something. `effects`: how many entries it made; `expected`: with all that it brings along."""

    name: str
    effects: int = 0
    expected: bool = False


@dataclass(eq=False)
class Write:
    """One change. `kind` and `about` are its subject, `how` says what became of it:

    | kind | about | how |
    | --- | --- | --- |
    | comment, review | its text | created, edited, submitted … |
    | label | its name | labeled, unlabeled |
    | status | its context | pending, success … |
    | assignee, reviewer | login or team | assigned, review_requested … |
    | merge | | merged |
    | issue | | closed, reopened, renamed, edited … |
    | push | the ref | created, moved, deleted |
    | any other event | its action | |
    | nothing | what was called | a call that changed nothing |

    `number`: of the issue or pull request, 0: none. `id`: of the comment or review. `sha`: of the commit. `said`: the words of a
    status. `call`: None when no request to the API brought it.
    """

    at: datetime
    login: str
    repo: Repo | None
    kind: str
    about: str = ""
    how: str = ""
    number: int = 0
    id: int = 0
    sha: str = ""
    said: str = ""
    call: Call | None = None
    expected: bool = False

    @property
    def name(self) -> str:
        """What patterns are held against."""
        return f"{self.kind} {self.about}".rstrip()

    def __str__(self) -> str:
        where = self.repo.full_name if self.repo is not None else ""
        place = f"{where}#{self.number}" if self.number else f"{where}@{self.sha[:7]}" if self.sha else where
        about = repr(self.about[:_SHOWN]) if self.kind in {"comment", "review"} else self.about
        said = repr(" ".join(self.said.split())[:_SHOWN]) if self.said else ""
        call = f"({self.call.name})" if self.call is not None and self.call.name != self.about else ""
        return " ".join(part for part in (f"{self.at:%H:%M:%S}", place, self.kind, about, self.how, said, call) if part)


class Journal:
    """`world.journal`. `forgotten`: how many entries had to make room."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._writes: deque[Write] = deque(maxlen=MOST)
        self._heads: dict[tuple[int, str], int] = {}
        self._call: ContextVar[Call | None] = ContextVar("call", default=None)
        self.forgotten = 0

    @property
    def writes(self) -> list[Write]:
        """Oldest first."""
        return list(self._writes)

    def expect(self, fits: Callable[[Write], bool]) -> None:
        """These were expected; with a merge, what it brings along."""
        for write in self._writes:
            if not write.expected and fits(write):
                write.expected = True
                if write.kind == "merge" and write.call is not None:
                    write.call.expected = True

    @property
    def unexpected(self) -> list[Write]:
        return [w for w in self._writes if not w.expected and not (w.call is not None and w.call.expected)]

    def number_of(self, repo: Repo, sha: str) -> int:
        """The pull request of which this commit is or was the head; 0: none that is remembered."""
        return self._heads.get((repo.id, sha), 0)

    # Noting

    @contextmanager
    def during(self, login: str | None, name: str) -> Iterator[None]:
        """What happens in the block comes by this call; one that changes nothing is noted, too, unless it fails."""
        call = Call(name)
        token = self._call.set(call)
        try:
            yield
        finally:
            self._call.reset(token)
        if not call.effects and login is not None:
            self._keep(Write(self._clock.now(), login, None, "nothing", name, call=call))

    def note(
        self, repo: Repo | None, login: str, kind: str, about: str = "", how: str = "", *, number: int = 0, of: int = 0,
        sha: str = "", said: str = "",
    ) -> None:  # fmt: skip
        """`of`: the id of the comment, review or status."""
        call = self._call.get()
        if call is not None:
            call.effects += 1
        number = number or (self.number_of(repo, sha) if repo is not None and kind == "status" else 0)
        self._keep(Write(self._clock.now(), login, repo, kind, about[:_LONGEST], how, number, of, sha, said, call))

    def note_entry(self, issue: Issue, entry: IssueEvent) -> None:
        """An entry of an issue's history."""
        kind, details = _KINDS.get(entry.event, "issue"), entry.details
        who: dict[str, Any] = details.get("requested_team") or details.get("requested_reviewer") or {}
        about = details.get("label") or details.get("assignee") or details.get("milestone") or who
        name = about.get("name") or about.get("login") or about.get("title") or ""
        sha = str(details.get("commit_id") or "")
        self.note(issue.repo, entry.actor.login, kind, str(name), entry.event, number=issue.number, sha=sha)

    def note_pull(self, issue: Issue, login: str, action: str) -> None:
        """An event of a pull request."""
        if issue.pull is not None:
            self._heads[issue.repo.id, issue.pull.head_sha] = issue.number
            if len(self._heads) > MOST:
                del self._heads[next(iter(self._heads))]
        if action in _UNRECORDED:
            self.note(issue.repo, login, "issue", how=action, number=issue.number)

    def note_event(self, repo: Repo | None, login: str, event: str, payload: Json) -> None:
        """Any other event, unless its change is noted already."""
        action = str(payload.get("action", ""))
        if event == "issues":
            if action in _UNRECORDED:
                self.note(repo, login, "issue", how=action, number=int(payload["issue"]["number"]))
        elif event == "push":
            how = "created" if payload["created"] else "deleted" if payload["deleted"] else "moved"
            self.note(repo, login, event, str(payload["ref"]), how, sha=str(payload["after"]))
        elif event not in _NOTED:
            self.note(repo, login, event, action)

    def _keep(self, write: Write) -> None:
        self.forgotten += len(self._writes) == MOST
        self._writes.append(write)


def fits(write: Write, pattern: str) -> bool:
    """`pattern`: a kind alone, or with a glob of what it is about: `comment`, `status tide`, `label size/*`."""
    return pattern == write.kind or fnmatchcase(write.name, pattern)
