"""Errors of ghproxy."""

from __future__ import annotations

from prow.lib.errors import Permanent, Retry


class Unreachable(Retry):
    """GitHub cannot be reached, or the connection broke before its answer was there."""


class BadRequest(Permanent):
    """A client's request that cannot be passed on. `status`: what it is answered."""

    def __init__(self, text: str, *, status: int = 400) -> None:
        super().__init__(text)
        self.status = status
