"""Descriptions of statuses against what the original wrote and read."""

from __future__ import annotations

from prow.model.status_text import SKIP_RETEST, base_sha_of, description
from tests.support.data import golden, needs_data


@needs_data
def test_descriptions_carry_the_base_as_the_original_writes_and_reads_it() -> None:
    for line in golden("context-descriptions"):
        given, out = line["in"], line["out"]
        assert description(given["text"], given["sha"]) == out["description"], line["case"]
        assert base_sha_of(out["description"]) == out["base_sha"], line["case"]
        assert base_sha_of(given["text"]) == out["base_sha_of_text"], line["case"]
        assert (SKIP_RETEST in given["text"]) == out["skip_retest"], line["case"]
