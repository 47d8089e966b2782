"""Counters with exactly the name they are given: Prometheus' own client adds `_total`, Go's does not, and dashboards know Go's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prometheus_client import Counter


class GoCounter(Counter):
    """A counter whose one sample has the metric's own name. In the text format it is `untyped`, which `rate()` takes as well."""

    _type = "unknown"

    def _child_samples(self) -> Iterable[Any]:
        return [sample._replace(name="") for sample in super()._child_samples() if sample.name == "_total"]
