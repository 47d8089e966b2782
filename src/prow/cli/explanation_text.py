"""Pure: the explanation of a pull request as text for a terminal. What people wrote (titles, names) loses its control characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime

from prow.deck.pull_rules import (
    GATE_WORDS,
    STANDING_WORDS,
    Standing,
    is_name,
    pieces,
    progress,
    span,
    standing,
    verdict,
)
from prow.lib.errors import UsageError
from prow.model.explanation import Explanation, Gate, GateState
from prow.model.forge import PullKey

EXIT_CODES = {
    Standing.MERGED: 0,
    Standing.READY: 0,
    Standing.WAITING: 3,
    Standing.STOPPED: 4,
    Standing.CLOSED: 5,
}
UNKNOWN = 6
_PULL = re.compile(r"(?:https?://[^/]+/)?([^/#\s]+)/([^/#\s]+)(?:#|/pull/)([0-9]{1,9})/?")
_MARKS = {GateState.OPEN: "✓", GateState.WAITING: "…", GateState.CLOSED: "✗"}
_GATE_COLOURS = {GateState.OPEN: 32, GateState.WAITING: 33, GateState.CLOSED: 31}
_STANDING_COLOURS = {
    Standing.MERGED: 35,
    Standing.READY: 32,
    Standing.WAITING: 33,
    Standing.STOPPED: 31,
    Standing.CLOSED: 2,
}
_BOLD, _SOFT, _CODE = 1, 2, 36


def parse_pull(text: str) -> PullKey:
    """`ORG/REPO#N`, or the address of its page at GitHub; `UsageError` for anything else."""
    match = _PULL.fullmatch(text)
    if match is None or not (is_name(match[1]) and is_name(match[2])):
        raise UsageError(f'"{printable(text)}" is not a pull request: give ORG/REPO#NUMBER')
    return PullKey(match[1], match[2], int(match[3]))


def printable(text: str) -> str:
    """One line without control, format and bidirectional characters, so that no title can draw on the terminal."""
    return "".join(c for c in " ".join(text.split()) if unicodedata.category(c)[0] != "C")


class Paint:
    """Colours, or none."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, *codes: int) -> str:
        return f"\x1b[{';'.join(map(str, codes))}m{text}\x1b[0m" if self._colour and codes else text

    def sentence(self, text: str, *, plain: int | None = None) -> str:
        """Names and commands in it stand out; without colours they keep their quotes."""
        if not self._colour:
            return printable(text)
        codes = () if plain is None else (plain,)
        return "".join(
            self(printable_piece(piece.text), *((_CODE,) if piece.code else codes)) for piece in pieces(text)
        )


def printable_piece(text: str) -> str:
    """Like `printable`, but keeps the blanks at its ends."""
    return "".join(c for c in text.replace("\n", " ") if unicodedata.category(c)[0] != "C")


def explanation_text(explanation: Explanation, now: datetime, *, colour: bool) -> str:
    """Everything, several lines."""
    return "\n".join(_lines(explanation, now, Paint(colour=colour)))


def _lines(explanation: Explanation, now: datetime, paint: Paint) -> Iterator[str]:
    stands = standing(explanation)
    name = f"{explanation.org}/{explanation.repo}#{explanation.number}"
    yield f"{paint(name, _BOLD)}  {printable(explanation.title)}"
    origin = [f"by {printable(explanation.author)}"] if explanation.author else []
    origin += [f"into {printable(explanation.base_ref)}"] if explanation.base_ref else []
    origin += [printable(explanation.head_sha)[:7], printable(explanation.url)]
    yield paint("  ".join(part for part in origin if part), _SOFT)
    yield ""
    word = paint(f"{STANDING_WORDS[stands]}:", _BOLD, _STANDING_COLOURS[stands])
    yield f"{word} {paint.sentence(verdict(explanation))}"
    if explanation.gates:
        yield ""
        for gate in explanation.gates:
            yield from _gate_lines(gate, now, paint)
        if explanation.state == "open":
            opened, of = progress(explanation)
            yield ""
            yield paint(f"{opened} of {of} passed", _SOFT)


def _gate_lines(gate: Gate, now: datetime, paint: Paint) -> Iterator[str]:
    tone = _GATE_COLOURS[gate.state]
    since = f" for {span((now - gate.since).total_seconds())}" if gate.since else ""
    title = paint(printable(gate.title), _BOLD)
    yield f"{paint(_MARKS[gate.state], tone)} {title}  {paint(GATE_WORDS[gate.state], tone)}{paint(since, _SOFT)}"
    for fact in gate.facts:
        yield "    " + paint.sentence(fact, plain=_SOFT)
    for step in gate.next_steps:
        who = f"{paint(printable(step.who), _BOLD)}: " if step.who else ""
        yield f"  {paint('→', tone)} {who}{paint.sentence(step.what)}"


def change_lines(before: Explanation | None, after: Explanation) -> list[str]:
    """What is new, as plain lines: for a log file."""
    name = f"{after.org}/{after.repo}#{after.number}"
    lines = []
    if before is None or (before.verdict, before.state) != (after.verdict, after.state):
        lines.append(f"{name}: {STANDING_WORDS[standing(after)]}: {printable(verdict(after))}")
    if before is not None and before.head_sha != after.head_sha:
        lines.append(f"{name}: new commit {printable(after.head_sha)[:7]}")
    known = {gate.name: gate for gate in before.gates} if before else {}
    for gate in after.gates:
        old = known.get(gate.name)
        if before is None and gate.state is GateState.OPEN:
            continue
        if old is None or (old.state, old.facts, old.next_steps) != (gate.state, gate.facts, gate.next_steps):
            facts = "; ".join(printable(fact) for fact in gate.facts)
            steps = "; ".join(f"{printable(s.who)}: {printable(s.what)}" for s in gate.next_steps)
            line = f"{name}: {printable(gate.title)}: {GATE_WORDS[gate.state]}"
            lines.append(line + (f" ({facts})" if facts else "") + (f" → {steps}" if steps else ""))
    return lines
