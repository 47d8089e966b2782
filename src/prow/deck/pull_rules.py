"""Pure: how the explanation of a pull request reads, on the page and in the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from prow.model.explanation import Explanation, GateState

_COMMAND = re.compile(r"/[a-z][a-z0-9-]*(?: [A-Za-z0-9_./@#:-]+)?")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_QUOTED = re.compile(r"`([^`\n]+)`|(?<![^\s(])(/[a-z][a-z-]{2,})(?=[\s.,;:!?)]|$)")


class Standing(StrEnum):
    """Where a pull request is, in one word. `READY`: every gate is open. `WAITING`: nobody has to act. `STOPPED`: somebody has to."""

    MERGED = "merged"
    CLOSED = "closed"
    READY = "ready"
    WAITING = "waiting"
    STOPPED = "stopped"


STANDING_WORDS = {
    Standing.MERGED: "Merged",
    Standing.CLOSED: "Closed",
    Standing.READY: "Ready",
    Standing.WAITING: "Under way",
    Standing.STOPPED: "Waits for somebody",
}
GATE_WORDS = {GateState.OPEN: "passed", GateState.WAITING: "waiting", GateState.CLOSED: "to do"}


def standing(explanation: Explanation) -> Standing:
    if explanation.state in {Standing.MERGED, Standing.CLOSED}:
        return Standing(explanation.state)
    states = {gate.state for gate in explanation.gates}
    if GateState.CLOSED in states:
        return Standing.STOPPED
    return Standing.WAITING if GateState.WAITING in states else Standing.READY


def verdict(explanation: Explanation) -> str:
    """The sentence below the standing; one that only says the same again is replaced by one that says more."""
    stands, said = standing(explanation), explanation.verdict
    if said.rstrip(".") != STANDING_WORDS[stands]:
        return said
    match stands:
        case Standing.MERGED if explanation.base_ref:
            return f"It is in {explanation.base_ref}."
        case Standing.CLOSED:
            return "It was closed without being merged."
    return said


class Piece(msgspec.Struct, frozen=True):
    """A part of a sentence. `code`: a name or a command, to be copied as it is."""

    text: str
    code: bool = False


def pieces(text: str) -> tuple[Piece, ...]:
    """A sentence with what stands in backquotes, and commands, told apart. A text that is a command is one piece."""
    if _COMMAND.fullmatch(text):
        return (Piece(text, code=True),)
    found: list[Piece] = []
    position = 0
    for match in _QUOTED.finditer(text):
        if match.start() > position:
            found.append(Piece(text[position : match.start()]))
        found.append(Piece(match[1] or match[2], code=True))
        position = match.end()
    if position < len(text):
        found.append(Piece(text[position:]))
    return tuple(found)


def span(seconds: float) -> str:
    """Like `span` of `static/live.js`, which goes on counting in the browser."""
    s = max(0, int(seconds))
    if s < 60:
        return f"{s}s"
    if s < 3600:
        return f"{s // 60}m {s % 60}s"
    if s < 172800:
        return f"{s // 3600}h {s % 3600 // 60}m"
    return f"{s // 86400}d"


def ago(moment: datetime, now: datetime) -> str:
    return f"{span((now - moment).total_seconds())} ago"


def progress(explanation: Explanation) -> tuple[int, int]:
    """How many gates are open, of how many."""
    return sum(gate.state is GateState.OPEN for gate in explanation.gates), len(explanation.gates)


def hidden(hidden_repos: Iterable[str], org: str, repo: str) -> bool:
    """Whether `deck.hidden_repos` keeps this repository from the pages (`spec/deck` §5)."""
    return not {org, f"{org}/{repo}"}.isdisjoint(hidden_repos)


def is_name(text: str) -> bool:
    """Whether it can name an org or a repository at GitHub."""
    return _NAME.fullmatch(text) is not None and text not in {".", ".."}


def pull_path(full_name: str, number: int) -> str:
    """The path of a pull request's page; empty when it cannot have one (Gerrit's are named by addresses)."""
    org, _, repo = full_name.partition("/")
    return f"/pr/{org}/{repo}/{number}" if is_name(org) and is_name(repo) and number > 0 else ""
