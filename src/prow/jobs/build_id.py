"""Build ids without `tot`: snowflakes, as upstream makes them (`spec/prowjobs-and-pods` §1.8)."""

from __future__ import annotations

from prow.lib.clock import Clock

_EPOCH_MS = 1288834974657
_NODE = 1
_STEPS = 4096


class BuildIds:
    """Decimal 64-bit numbers that grow with time; never the same twice in one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_ms = 0
        self._step = 0

    def new(self) -> str:
        now_ms = int(self._clock.now().timestamp() * 1000)
        if now_ms > self._last_ms:
            self._last_ms, self._step = now_ms, 0
        else:
            # The clock stands still or went back: go on counting, into the next millisecond when this one is full.
            self._step += 1
            if self._step >= _STEPS:
                self._last_ms, self._step = self._last_ms + 1, 0
        return str(((self._last_ms - _EPOCH_MS) << 22) | (_NODE << 12) | self._step)
