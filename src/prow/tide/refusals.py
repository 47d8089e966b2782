"""What GitHub's answer to a merge means, and how long a refused one is left alone (`spec/tide` §4.4, §11.3). Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from prow.tide.model import Refusal


class Answer(StrEnum):
    """`AGAIN`: the base moved, try again in a moment. `HEAD_MOVED`: somebody pushed. `STOP`: no merge into this repository can work."""

    AGAIN = "again"
    HEAD_MOVED = "head moved"
    STOP = "stop"
    REFUSED = "refused"


def answer_of(status: int, message: str) -> Answer:
    """Of a merge that was not done."""
    raise NotImplementedError


def refused(before: Refusal | None, *, head_sha: str, message: str, now: datetime) -> Refusal:
    """The refusal to remember: the delay grows with each one for the same head and message, 1 min to 30 min."""
    raise NotImplementedError
