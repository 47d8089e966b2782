"""Why a pull request is not merging: an ordered list of gates, each with its state, the facts, and who can do what next.

Made by tide, shown by the page `/pr/ORG/REPO/N`, by `prow explain pr` and, in short, by the `tide` status (`spec/tide` §11.6).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from prow.model.base import Noun, always


class GateState(StrEnum):
    """`WAITING`: something is under way by itself. `CLOSED`: somebody has to act."""

    OPEN = "open"
    WAITING = "waiting"
    CLOSED = "closed"


class NextStep(Noun, frozen=True):
    """`who`: names or a role, for people to read; `what`: what they do, a command where there is one."""

    who: str = always("")
    what: str = always("")


class Gate(Noun, frozen=True):
    """`name`: stable, for programs: `labels`, `hold`, `checks`, … `title`: for people. `since`: when its state last changed."""

    name: str = always("")
    title: str = always("")
    state: GateState = always(GateState.CLOSED)
    facts: tuple[str, ...] = always(())
    since: datetime | None = None
    next_steps: tuple[NextStep, ...] = always(())


class Explanation(Noun, frozen=True):
    """`verdict`: one sentence. `state`: open, merged or closed."""

    org: str = always("")
    repo: str = always("")
    number: int = always(0)
    title: str = always("")
    author: str = always("")
    url: str = always("")
    state: str = always("open")
    base_ref: str = always("")
    head_sha: str = always("")
    verdict: str = always("")
    gates: tuple[Gate, ...] = always(())
