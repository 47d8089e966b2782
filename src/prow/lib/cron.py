"""Whether a text is a cron expression of robfig/cron v3 (`spec/config` §3.5). Schedules come with the scheduler."""

from __future__ import annotations

import re

from prow.lib import durations
from prow.lib.durations import DurationError

_DESCRIPTORS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: n for n, name in enumerate(_MONTH_NAMES, start=1)}
_DAYS = {name: n for n, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("second", 0, 59, {}),
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _DAYS),
)
_NUMBER = re.compile(r"\+?[0-9]+", re.ASCII)
_ZONE = re.compile(r"(?:CRON_)?TZ=([A-Za-z0-9_+\-/]*) ", re.ASCII)


def problem(text: str) -> str | None:
    """What is wrong with the expression, or None."""
    if text.startswith(("TZ=", "CRON_TZ=")):
        zone = _ZONE.match(text)
        if zone is None:
            return "nothing stands after the time zone"
        if not _known_zone(zone[1]):
            return f"the time zone {zone[1]!r} is not known"
        text = text[zone.end() :].strip()
    if not text:
        return "it is empty"
    if text.startswith("@"):
        return _descriptor_problem(text)
    parts = text.split()
    if len(parts) not in {5, 6}:
        return f"it has {len(parts)} fields, not 5 (or 6 with seconds)"
    for (name, low, high, names), part in zip(_FIELDS[6 - len(parts) :], parts, strict=True):
        for item in part.split(","):
            wrong = item and _item_problem(item, low, high, names)
            if wrong:
                return f"{name}: {wrong}"
    return None


def _known_zone(name: str) -> bool:
    if name in {"", "UTC", "Local"}:
        return True
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - rare, and reads files

    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def _descriptor_problem(text: str) -> str | None:
    if text in _DESCRIPTORS:
        return None
    if not text.startswith("@every "):
        return f"{text!r} is not known"
    try:
        durations.parse(text.removeprefix("@every "))
    except DurationError as error:
        return str(error)
    return None


def _item_problem(item: str, low: int, high: int, names: dict[str, int]) -> str | None:
    bounds, *step = item.split("/")
    ends = bounds.split("-")
    if len(step) > 1 or len(ends) > 2:
        return f"too many signs in {item!r}"
    if step and (not _NUMBER.fullmatch(step[0]) or not int(step[0])):
        return f"the step of {item!r} is not a positive number"
    if ends[0] in {"*", "?"}:
        return None
    numbers = [names[end.lower()] if end.lower() in names else _whole(end) for end in ends]
    if any(number is None for number in numbers):
        return f"{item!r} is no number" + (" or name" if names else "")
    values = [number for number in numbers if number is not None]
    if values[0] < low or values[-1] > high:
        return f"{item!r} is outside of {low}-{high}"
    if values[0] > values[-1]:
        return f"the range {item!r} runs backwards"
    return None


def _whole(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) and len(text) < 12 else None
