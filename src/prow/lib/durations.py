"""Go durations: `1h30m`, `1.5h`, `-2m3.5s`. Exact, in nanoseconds, 64 bits; `spec/config` §3.4.

`Duration` is an int of nanoseconds that prints as Go prints it, so that config structs carry one value for both uses.
"""

from __future__ import annotations

import re

NANOSECOND = 1
MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

_UNITS = {
    "ns": NANOSECOND,
    "us": MICROSECOND,
    "µs": MICROSECOND,
    "μs": MICROSECOND,
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)", re.ASCII)
# Of 2^63 there are 19; Python refuses to convert thousands of them.
_MOST_DIGITS = 20
_LIMIT = 1 << 63


class DurationError(ValueError):
    """Not a Go duration; the text says why."""


class Duration(int):
    """Nanoseconds; `str()` is Go's canonical text."""

    __slots__ = ()

    @property
    def seconds(self) -> float:
        return self / SECOND

    def __str__(self) -> str:
        return format(self)

    def __repr__(self) -> str:
        return f"Duration({format(self)!r})"


def parse(text: str) -> Duration:
    """Go's `time.ParseDuration`. Raises DurationError."""
    body = text[1:] if text[:1] in {"-", "+"} else text
    if body == "0":
        return Duration(0)
    if not body:
        raise DurationError(f"not a duration: {text!r} (write e.g. 90s, 15m or 1h30m)")
    total, position = 0, 0
    while position < len(body):
        found = _PART.match(body, position)
        whole, fraction, unit = found.groups() if found else ("", None, "")
        if not (whole or fraction):
            raise DurationError(f"not a duration: {text!r} (write e.g. 90s, 15m or 1h30m)")
        if unit not in _UNITS:
            problem = f"unknown unit {unit!r}" if unit else "the unit is missing"
            raise DurationError(f"{problem} in duration {text!r} (units are ns, us, ms, s, m, h)")
        total += int(whole.lstrip("0")[:_MOST_DIGITS] or "0") * _UNITS[unit] + _fraction(fraction or "", _UNITS[unit])
        if total > _LIMIT:
            raise DurationError(f"the duration {text!r} is too long")
        position = found.end() if found else len(body)
    if text[:1] == "-":
        return Duration(-total)
    if total == _LIMIT:
        raise DurationError(f"the duration {text!r} is too long")
    return Duration(total)


def _fraction(digits: str, unit: int) -> int:
    """Go drops digits that no longer fit 63 bits and computes the rest in floating point."""
    value, scale = 0, 1.0
    for digit in digits:
        if value > (_LIMIT - 1) // 10 or value * 10 + int(digit) > _LIMIT:
            break
        value, scale = value * 10 + int(digit), scale * 10
    return int(float(value) * (float(unit) / scale)) if value else 0


def format(nanoseconds: int) -> str:  # noqa: A001 - `durations.format` reads well
    """Go's text: `0s`, `1.5µs`, `2h0m0s`."""
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", int(nanoseconds))
    if rest < SECOND:
        for unit, size in (("ns", NANOSECOND), ("µs", MICROSECOND), ("ms", MILLISECOND)):
            if 0 < rest < size * 1000:
                return f"{sign}{_decimal(rest, size)}{unit}"
        return "0s"
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    text = f"{_decimal(rest, SECOND)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else sign + text


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    if not rest:
        return str(whole)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0")
    return f"{whole}.{digits}"


def seconds(text: str) -> float:
    """The duration in seconds. Raises DurationError."""
    return parse(text).seconds
