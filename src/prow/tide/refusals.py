"""What GitHub's answer to a merge means, and how long a refused one is left alone (`spec/tide` §4.4, §11.3). Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from prow.tide.model import Refusal

_FIRST_DELAY = timedelta(minutes=1)
_LONGEST_DELAY = timedelta(minutes=30)


class Answer(StrEnum):
    """`AGAIN`: the base moved, try again in a moment. `HEAD_MOVED`: somebody pushed. `STOP`: no merge into this repository can work.
    `REFUSED`: not this one, as it is."""

    AGAIN = "again"
    HEAD_MOVED = "head moved"
    STOP = "stop"
    REFUSED = "refused"


def answer_of(status: int, message: str) -> Answer:
    """Of a merge that was not done."""
    if status == 409:
        return Answer.HEAD_MOVED
    if status == 405:
        text = message.lower()
        if "base branch was modified" in text:
            return Answer.AGAIN
        if (
            "not authorized to push to this branch" in text
            or "merge commits are not allowed on this repository" in text
        ):
            return Answer.STOP
    return Answer.REFUSED


def refused(before: Refusal | None, *, head_sha: str, message: str, now: datetime) -> Refusal:
    """The refusal to remember: the delay doubles with each one for the same head and message, from 1 min to 30 min."""
    again = before is not None and before.head_sha == head_sha and before.message == message
    count = before.count + 1 if again and before is not None else 1
    delay = min(_FIRST_DELAY * 2 ** min(count - 1, 10), _LONGEST_DELAY)
    return Refusal(head_sha=head_sha, message=message, at=now, until=now + delay, count=count)
