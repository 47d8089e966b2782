"""Kubernetes quantities: `100m`, `1.5Gi`, `2e3` (`spec/config` §3.4). Exact, to a billionth."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

_SYNTAX = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([a-zA-Z]*)([-+]?[0-9]*)", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX = {power: suffix for suffix, power in _BINARY.items()}
_NANO = 10**9
_MAX_BINARY = ((1 << 63) - 1) * _NANO
_FAST_DIGITS = 18
_MAX_LENGTH = 256


class QuantityError(ValueError):
    """Not a quantity; the text says so."""


class Quantity(NamedTuple):
    """`nano`: billionths. `form`: how it is printed, `decimal`, `binary` or `exponent`."""

    nano: int
    form: str

    @property
    def value(self) -> int:
        """Whole units, rounded up (away from zero)."""
        return _up(self.nano, _NANO)

    @property
    def milli(self) -> int:
        return _up(self.nano, _NANO // 1000)

    def __str__(self) -> str:
        """Kubernetes' canonical text."""
        if not self.nano:
            return "0"
        sign, number = ("-", -self.nano) if self.nano < 0 else ("", self.nano)
        if self.form == "binary" and number >= 1024 * _NANO and not number % _NANO:
            number, power = number // _NANO, 0
            while not number % 1024 and power < 6:
                number, power = number // 1024, power + 1
            return f"{sign}{number}{_BINARY_SUFFIX.get(power, '')}"
        exponent = -9
        while not number % 1000 and exponent < 18:
            number, exponent = number // 1000, exponent + 3
        if self.form == "exponent":
            return f"{sign}{number}e{exponent}" if exponent else f"{sign}{number}"
        return f"{sign}{number}{_DECIMAL_SUFFIX[exponent]}"


def parse(text: str) -> Quantity:
    """Raises QuantityError."""
    found = _SYNTAX.fullmatch(text) if 0 < len(text) <= _MAX_LENGTH else None
    if found is None:
        raise QuantityError(f"not a quantity: {text[:80]!r} (write e.g. 100m, 0.5, 512Mi)")
    sign, whole, decimals, suffix, exponent = found.groups()
    decimals = decimals or ""
    if suffix in {"e", "E"} and exponent.lstrip("+-"):
        form, factor = "exponent", _power(int(exponent))
    elif exponent:
        raise QuantityError(f"not a quantity: {text[:80]!r} (write e.g. 100m, 0.5, 512Mi)")
    elif suffix in _BINARY:
        form, factor = "binary", Fraction(1024 ** _BINARY[suffix])
    elif suffix in _DECIMAL:
        form, factor = "decimal", _power(_DECIMAL[suffix])
    else:
        raise QuantityError(
            f"the suffix {suffix!r} of the quantity {text[:80]!r} is not known (write e.g. 100m, 512Mi)"
        )
    nano = _ceiling(Fraction(int(whole + decimals or "0"), 10 ** len(decimals)) * factor * _NANO)
    if form == "binary":
        nano = min(nano, _MAX_BINARY)
        form = "decimal" if 0 < nano < _NANO else form
    return Quantity(-nano if sign == "-" else nano, form)


@lru_cache(1024)  # thousands of containers ask for the same few
def canonical(text: str) -> str:
    """The text that Kubernetes writes for the same quantity: `0.5` is `500m`. Raises QuantityError.

    A decimal quantity whose digits need no shifting to a multiple of 1000 keeps its text, as in Kubernetes (`1E3`).
    """
    quantity = parse(text)
    found = _SYNTAX.fullmatch(text)
    if found is not None and quantity.nano and quantity.form != "binary" and found[4] not in _BINARY:
        digits = found[2].lstrip("0") + (found[3] or "")
        scale = int(found[5]) if found[5] else _DECIMAL.get(found[4], 0)
        scale -= len(found[3] or "")
        if (
            len(digits) <= _FAST_DIGITS
            and scale >= -9
            and scale % 3 == 0
            and not digits.endswith("000")
            and digits[0] != "0"
        ):
            return text
    return str(quantity)


def _ceiling(number: Fraction) -> int:
    return -(-number.numerator // number.denominator)


def _power(exponent: int) -> Fraction:
    exponent = max(-400, min(400, exponent))
    return Fraction(10**exponent) if exponent >= 0 else Fraction(1, 10**-exponent)


def _up(number: int, unit: int) -> int:
    return -(-number // unit) if number >= 0 else number // unit
