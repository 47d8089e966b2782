"""A decision is a value with its reasons; reasons are typed and become text only at the edge."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

V = TypeVar("V")


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why. Rooms derive their own reasons with fields; `str(reason)` is the text shown to people."""

    def __str__(self) -> str:
        raise TypeError(f"{type(self).__name__} has no text")


class Decision(msgspec.Struct, Generic[V], frozen=True):
    """What is to be done, and why, in the order of the checks."""

    verdict: V
    reasons: tuple[Reason, ...] = ()

    def explain(self) -> str:
        return "; ".join(str(reason) for reason in self.reasons)
