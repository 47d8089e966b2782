"""Reading what a process says at /metrics."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from prow.lib.http_client import http_client

LAG = "prow_event_loop_lag_seconds"


async def loop_lag(port: int) -> Mapping[float, float]:
    """How many of the looks at the event loop found it at most so many seconds late."""
    async with http_client() as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    family = next(family for family in text_string_to_metric_families(text) if family.name == LAG)
    return {float(s.labels["le"]): s.value for s in family.samples if s.name == f"{LAG}_bucket"}


def kept_by(looks: Mapping[float, float], part: float = 0.99) -> float:
    """A bound that this part of the looks kept."""
    return min(bound for bound, count in looks.items() if count >= part * looks[float("inf")])
