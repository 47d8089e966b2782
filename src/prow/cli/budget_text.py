"""Pure: what was spent at GitHub as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from prow.github.spending import Account, Line

_SAVED = {
    "304": "answered 304, which costs nothing",
    "merged": "reads joined to one that was under way",
    "unchanged": "writes left out: GitHub has it like that already",
    "joined": "writes made one with another",
    "dry-run": "writes left out: a dry run",
}
_REASONS = {
    "told": "until GitHub's limit is over",
    "budget": "until there is more left than more urgent ones may need",
    "content": "for GitHub's limit of writes",
    "points": "for GitHub's limit of points",
    "time": "for GitHub's limit of computing time",
    "throttle": "for the component's own limit",
}


def budget_text(accounts: Sequence[Account]) -> str:
    """All components, one after another."""
    return "\n".join("\n".join(_component(account)) + "\n" for account in accounts)


def _component(account: Account) -> Iterator[str]:
    who = f" as {account.login}" if account.login else ""
    charged = sum(line.charged for line in account.lines)
    free = sum(line.free for line in account.lines)
    yield (
        f"{account.component}{who}: {charged:,} spent, {free:,} free, since {account.since:%H:%M} "
        f"({_span(account.now, account.since)})"
    )
    if account.lines:
        yield ""
        yield from _table(account.lines)
    for text in (_savings(account), _left(account), _full(account), _stopped(account), _held(account)):
        lines = tuple(text)
        if lines:
            yield ""
            yield from lines


def _table(lines: Iterable[Line]) -> Iterator[str]:
    rows = [("spent", "free", "failed", "caller", "class", "call")] + [
        (
            f"{line.charged:,}",
            f"{line.free or ''}",
            f"{line.failed or ''}",
            line.caller,
            line.cost,
            f"{line.method} {line.path}" + (f" ({line.points:,} points)" if line.points else ""),
        )
        for line in lines
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        numbers = "  ".join(text.rjust(width) for text, width in zip(row[:3], widths[:3], strict=True))
        names = "  ".join(text.ljust(width) for text, width in zip(row[3:5], widths[3:], strict=True))
        yield f"  {numbers}  {names}  {row[5]}"


def _savings(account: Account) -> Iterator[str]:
    total: dict[str, int] = {}
    for saving in account.savings:
        total[saving.how] = total.get(saving.how, 0) + saving.calls
    for how, calls in sorted(total.items(), key=lambda item: -item[1]):
        by = ", ".join(f"{saving.caller} {saving.calls:,}" for saving in account.savings if saving.how == how)
        yield f"  saved {calls:,}: {_SAVED.get(how, how)} ({by})"


def _left(account: Account) -> Iterator[str]:
    for left in account.left:
        yield (
            f"  left of {left.resource}: {left.remaining:,} of {left.limit:,} until {left.reset:%H:%M} UTC "
            f"(in {_span(left.reset, account.now)}; identity {left.identity})"
        )


def _full(account: Account) -> Iterator[str]:
    for full in account.full:
        if full.used:
            yield f"  {full.name}: {full.used:,.0f} of {full.limit:,.0f}"


def _stopped(account: Account) -> Iterator[str]:
    for stopped in account.stopped:
        yield f"  nothing is asked until {stopped.until:%H:%M:%S} UTC: too much at once, says GitHub (identity {stopped.identity})"


def _held(account: Account) -> Iterator[str]:
    for held in account.held:
        calls = "call waits" if held.calls == 1 else "calls wait"
        yield f"  {held.calls:,} {held.cost} {calls} {_REASONS.get(held.reason, held.reason)}"


def _span(later: datetime, earlier: datetime) -> str:
    minutes = max(0, round((later - earlier).total_seconds() / 60))
    return f"{minutes} min"
