"""Search strings of tide queries, against those that the original makes."""

from __future__ import annotations

import msgspec

from prow.config.tide import TideQuery
from prow.config.tide_search import search_string, search_strings_by_org
from tests.support.data import golden, needs_data


@needs_data
def test_a_query_becomes_the_search_of_the_original() -> None:
    for case in golden("tide-queries"):
        query, expected = msgspec.convert(case["in"]["query"], TideQuery), case["out"]
        assert search_strings_by_org(query) == expected["org_queries"], case["case"]
        if "query" in expected:
            assert search_string(query) == expected["query"], case["case"]
        else:
            assert sorted(search_string(query).split(" ")) == expected["query_tokens_sorted"], case["case"]


def test_labels_of_one_entry_are_alternatives() -> None:
    query = TideQuery(labels=("lgtm", "bug,feature"), repos=("acme/rockets",))
    assert search_string(query) == (
        'is:pr state:open archived:false label:"lgtm" label:"bug","feature" repo:"acme/rockets"'
    )
