"""What to do when GitHub cannot be asked: say it, and when to try again.

Limits are not said here, and neither is a token that GitHub does not know: the client says once when that begins. Whoever works in
rounds asks again when a limit is over, not before.
"""

from __future__ import annotations

from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import ProwError, RateLimited, Retry, Unauthenticated

_log = logs.get("tide")


class Troubles:
    """Of one tide since it began. `count`: how often something could not be done; `first`: what that was and why, for people."""

    def __init__(self) -> None:
        self.count = 0
        self.first = ""

    def say(self, error: Exception, what: str, **about: str) -> None:
        """Log `what` could not be done, and about whom. An error that nobody expected is logged with where it came from."""
        expected = isinstance(error, ProwError)
        text = str(error) if expected else f"unexpected error: {error!r}"
        self.count += 1
        self.first = self.first or f"{what.rstrip('.')} ({'/'.join(about.values())}): {text}"
        if not expected:
            _log.exception(what, **about)
        elif isinstance(error, (RateLimited, Unauthenticated)):
            _log.debug(what, error=text, **about)
        else:
            _log.warning(what, error=text, **about)


def again_in(error: ProwError, clock: Clock, *, least: float) -> float:
    """Seconds after which it is worth while to ask again."""
    if isinstance(error, RateLimited):
        return max(least, (error.until - clock.now()).total_seconds())
    if isinstance(error, Unauthenticated):
        return max(least, error.longest)
    return max(least, error.after or 0.0) if isinstance(error, Retry) else least
