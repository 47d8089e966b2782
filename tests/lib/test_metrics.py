"""Counters by the names that dashboards know."""

from __future__ import annotations

import importlib

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from prow.lib.metrics import GoCounter


def test_a_counter_has_exactly_the_name_it_was_given() -> None:
    registry = CollectorRegistry()
    counter = GoCounter("ghcache_responses", "Answers.", ["mode"], registry=registry)
    counter.labels("MISS").inc()
    counter.labels("MISS").inc(2)
    text = generate_latest(registry).decode()
    assert 'ghcache_responses{mode="MISS"} 3.0\n' in text
    assert "_total" not in text
    assert "_created" not in text
    (family,) = text_string_to_metric_families(text)
    assert (family.name, len(family.samples)) == ("ghcache_responses", 1)


def test_counters_that_upstream_has_are_found_by_upstream_s_names() -> None:
    importlib.import_module("prow.cli.components")
    text = generate_latest().decode()
    for name in (
        "prow_webhook_counter", "prow_webhook_response_codes", "prow_plugin_handle_errors", "tidepoolerrors", "tidesyncheartbeat",
        "prowjob_state_transitions", "crier_reporting_results",
    ):  # fmt: skip
        assert f"# TYPE {name} untyped\n" in text
        assert f"{name}_total" not in text
