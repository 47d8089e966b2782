"""Cron expressions of robfig/cron v3: whether a text is one, and when it fires (`spec/config` §3.5). Always in UTC.

`problem` is the check of the configuration, which lets a time zone pass; `parse` is what runs, and refuses it, as upstream's
scheduler does.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta

import msgspec

from prow.lib import durations
from prow.lib.durations import DurationError

_DESCRIPTORS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
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
_EVERY = "@every "
_LONGEST = 4096
_YEARS = 5
"""How far ahead a firing is looked for; what comes later never fires, as upstream."""


class CronError(ValueError):
    """Not a cron expression that can run; the text says why."""


class Every(msgspec.Struct, frozen=True):
    """Fires that many seconds after it was last asked for."""

    seconds: int

    def after(self, moment: datetime) -> datetime:
        """The first firing later than `moment`, when counting from there."""
        return moment.replace(microsecond=0) + timedelta(seconds=self.seconds)


class Calendar(msgspec.Struct, frozen=True):
    """Fires at every second whose parts are all listed; each list is sorted."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    both_days: bool
    """Whether day of month and day of week have to match; else either is enough."""

    def after(self, moment: datetime) -> datetime | None:
        """The first firing later than `moment` (UTC); None: it never fires."""
        if not (self.seconds and self.minutes and self.hours):
            return None
        start = moment.replace(microsecond=0) + timedelta(seconds=1)
        for year in range(start.year, start.year + _YEARS + 1):
            for month in self.months:
                if (year, month) < (start.year, start.month):
                    continue
                first = start.day if (year, month) == (start.year, start.month) else 1
                for day in range(first, calendar.monthrange(year, month)[1] + 1):
                    if not self._on(year, month, day):
                        continue
                    today = (year, month, day) == (start.year, start.month, start.day)
                    clock = self._clock((start.hour, start.minute, start.second) if today else (0, 0, 0))
                    if clock is not None:
                        return datetime(year, month, day, *clock, tzinfo=UTC)
        return None

    def _on(self, year: int, month: int, day: int) -> bool:
        by_month = day in self.days
        by_week = (calendar.weekday(year, month, day) + 1) % 7 in self.weekdays
        return (by_month and by_week) if self.both_days else (by_month or by_week)

    def _clock(self, least: tuple[int, int, int]) -> tuple[int, int, int] | None:
        """The first time of a day that is not before `least`."""
        for hour in self.hours:
            if hour < least[0]:
                continue
            for minute in self.minutes:
                if (hour, minute) < least[:2]:
                    continue
                for second in self.seconds:
                    if (hour, minute, second) >= least:
                        return hour, minute, second
        return None


Schedule = Every | Calendar


def parse(text: str) -> Schedule:
    """The schedule of an expression without a time zone. Raises CronError."""
    if text.startswith(("TZ=", "CRON_TZ=")):
        raise CronError("schedules are in UTC and take no time zone: leave it away")
    wrong = problem(text)
    if wrong:
        raise CronError(wrong)
    if text.startswith(_EVERY):
        return Every(max(1, int(durations.parse(text.removeprefix(_EVERY))) // durations.SECOND))
    parts = _DESCRIPTORS.get(text, text).split()
    parts = ["0"] * (len(_FIELDS) - len(parts)) + parts
    fields = [_values(part, low, high, names) for (_, low, high, names), part in zip(_FIELDS, parts, strict=True)]
    second, minute, hour, day, month, weekday = (tuple(sorted(numbers)) for numbers, _ in fields)
    return Calendar(second, minute, hour, day, month, weekday, both_days=fields[3][1] or fields[5][1])


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
    if len(text) > _LONGEST:
        return f"it is longer than {_LONGEST} characters"
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
    if not text.startswith(_EVERY):
        return f"{text!r} is not known"
    try:
        durations.parse(text.removeprefix(_EVERY))
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
        sunday = "; Sunday is 0" if names is _DAYS and values[-1] == high + 1 else ""
        return f"{item!r} is outside of {low}-{high}{sunday}"
    if values[0] > values[-1]:
        return f"the range {item!r} runs backwards"
    return None


def _values(part: str, low: int, high: int, names: dict[str, int]) -> tuple[set[int], bool]:
    """The numbers that a field lists, and whether it lists all by a star (a step of its own takes that away)."""
    found: set[int] = set()
    star = False
    for item in filter(None, part.split(",")):
        bounds, _, step_text = item.partition("/")
        step = int(step_text or "1")
        ends = bounds.split("-")
        if ends[0] in {"*", "?"}:
            first, last = low, high
            star = star or step == 1
        else:
            numbers = [names[end.lower()] if end.lower() in names else int(end) for end in ends]
            first = numbers[0]
            last = numbers[-1] if len(numbers) > 1 or not step_text else high
        found.update(range(first, last + 1, step))
    return found, star


def _whole(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) and len(text) < 12 else None
