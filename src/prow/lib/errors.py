"""Errors by what the caller does next.

Every package derives its own errors from these, so that a queue or a loop can decide without knowing the package:

* `Permanent`: repeating cannot help; report it and go on.
* `Retry`: repeat after `after` seconds (None: the caller's own backoff decides).
* `RateLimited`: repeat at `until` (UTC).
* `Unauthenticated`: repeat when somebody may have given other credentials; what waits meanwhile is not lost.
* `Denied`: the other side understood and refused; a person has to change something.
* `UsageError`: bad input of the operator; `cli` prints it as one line and exits with `exit_code`.
"""

from __future__ import annotations

from datetime import datetime


class ProwError(Exception):
    """Root of all errors of this product. `str(error)` is one line that says what to do."""


class Permanent(ProwError):
    """Repeating cannot help."""


class Denied(Permanent):
    """The other side refused: credentials or rights are missing."""


class Retry(ProwError):
    """A passing fault. `after`: seconds to wait, or None for the caller's backoff."""

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class RateLimited(Retry):
    """A budget is used up. `until`: when it is filled again (UTC)."""

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class Unauthenticated(Retry):
    """The other side does not know our credentials: nothing goes through until a person gives other ones."""

    longest = 120.0
    """The longest pause between attempts: when there are other credentials, what waits should not wait much longer."""


class UsageError(ProwError):
    """The operator gave something that cannot work; the message says what and what to do."""

    exit_code = 2
