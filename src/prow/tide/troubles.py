"""What to do when GitHub cannot be asked: say it, and when to try again.

Limits are not said here, and neither is a token that GitHub does not know: the client says once when that begins. Whoever works in
rounds asks again when a limit is over, not before.
"""

from __future__ import annotations

from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import ProwError, RateLimited, Retry, Unauthenticated

_log = logs.get("tide")


def say(error: ProwError, what: str, **about: str) -> None:
    """Log `what` could not be done, and about whom."""
    (_log.debug if isinstance(error, (RateLimited, Unauthenticated)) else _log.warning)(what, error=str(error), **about)


def again_in(error: ProwError, clock: Clock, *, least: float) -> float:
    """Seconds after which it is worth while to ask again."""
    if isinstance(error, RateLimited):
        return max(least, (error.until - clock.now()).total_seconds())
    if isinstance(error, Unauthenticated):
        return max(least, error.longest)
    return max(least, error.after or 0.0) if isinstance(error, Retry) else least
