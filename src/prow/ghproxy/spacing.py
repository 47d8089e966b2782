"""Requests of one budget are sent some time apart, so that GitHub's secondary limits are not met (`spec/plugins-other` §7.4)."""

from __future__ import annotations

from collections import OrderedDict

from prow.ghproxy import metrics, rules
from prow.ghproxy.model import Request, Settings
from prow.lib.clock import Clock

_REMEMBERED = 4096


class Spacing:
    """`wait` before each request that goes to GitHub. REST and GraphQL are apart. Off unless both `spacing` and `get_spacing` are set.

    `budgets`: what they are called in metrics.
    """

    def __init__(self, settings: Settings, clock: Clock, budgets: metrics.Names) -> None:
        self._budgets = budgets
        self._settings = settings
        self._clock = clock
        self._slots: OrderedDict[tuple[str, bool], rules.Slot] = OrderedDict()
        self.on = settings.spacing > 0 and settings.get_spacing > 0

    async def wait(self, request: Request, budget: str) -> None:
        if not self.on:
            return
        settings, graphql, get = self._settings, request.graphql, request.method == "GET"
        now = self._clock.monotonic()
        slot = rules.next_slot(
            self._slots.get((budget, graphql)),
            now,
            get=get,
            spacing=(settings.graphql_spacing or settings.spacing) if graphql else settings.spacing,
            get_spacing=settings.get_spacing,
            longest=settings.longest_graphql_delay if graphql else settings.longest_delay,
        )
        self._slots[budget, graphql] = slot
        self._slots.move_to_end((budget, graphql))
        if len(self._slots) > _REMEMBERED:
            self._slots.popitem(last=False)
        delay = max(0.0, slot.at - now)
        metrics.WAITED.labels(self._budgets(budget), metrics.method(request.method), "v4" if graphql else "v3").observe(
            delay
        )
        if delay > 0:
            await self._clock.sleep(delay)
