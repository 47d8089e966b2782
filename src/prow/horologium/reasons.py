"""Why a periodic is started, or not yet."""

from __future__ import annotations

from datetime import datetime

from prow.model.base import go_time
from prow.model.decision import Reason


def _text(moment: datetime) -> str:
    return f"{go_time(moment):%Y-%m-%d %H:%M:%S} UTC"


class NeverRan(Reason, frozen=True):
    def __str__(self) -> str:
        return "it has never run"


class Fired(Reason, frozen=True):
    """`late`: seconds since then."""

    at: datetime
    late: int

    def __str__(self) -> str:
        late = f", {self.late} seconds ago: it is made up for once" if self.late >= 60 else ""
        return f"its cron expression fired at {_text(self.at)}{late}"


class IntervalOver(Reason, frozen=True):
    since: datetime
    interval: str
    minimum: bool = False

    def __str__(self) -> str:
        event = "ended" if self.minimum else "began"
        return f"its last run {event} at {_text(self.since)}, {self.interval} or more ago"


class Repeats(Reason, frozen=True):
    run: str
    count: int
    attempts: int

    def __str__(self) -> str:
        return f"repetition {self.count} of {self.attempts} after run {self.run}"


class StillRuns(Reason, frozen=True):
    run: str

    def __str__(self) -> str:
        return f"its run {self.run} has not ended"


class Lost(Reason, frozen=True):
    """A firing at a time when a run goes on starts nothing, then or later. `at`: the first of them."""

    at: datetime

    def __str__(self) -> str:
        return f"firings from {_text(self.at)} until its end are passed over"


class NotYet(Reason, frozen=True):
    at: datetime

    def __str__(self) -> str:
        return f"it is due at {_text(self.at)}"


class NeverFires(Reason, frozen=True):
    cron: str

    def __str__(self) -> str:
        return f'"{self.cron}" names no moment that will come'


class Unusable(Reason, frozen=True):
    problem: str

    def __str__(self) -> str:
        return f"it can never run as it is configured: {self.problem}"
