"""Upstream's names (`spec/prowjobs-and-pods` §9)."""

from __future__ import annotations

from prometheus_client import Histogram

from prow.lib.metrics import GoCounter

REPORT_LATENCY = Histogram(
    "crier_report_latency",
    "Seconds from the end of a job to its report.",
    ["reporter"],
    buckets=(1, 10, 20, 30, 60, 120, 180, 300, 600, 1200, 1800, 2700, 3600, 5400, 7200),
)
REPORTING_RESULTS = GoCounter("crier_reporting_results", "Reports made, by outcome.", ["reporter", "result"])
