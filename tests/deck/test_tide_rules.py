from __future__ import annotations

from datetime import UTC, datetime

import pytest

from prow.config.tide import TideQuery
from prow.deck import tide_rules
from prow.deck.tide_model import Doing, HistoryFilter
from prow.deck.tide_wire import HistoryRecord, TideBlocker, TidePool, TidePull, read_history, read_pools
from prow.lib.errors import Permanent
from prow.model.refs import Pull

ONE, TWO, THREE = (TidePull(title=f"Change {n}", number=n) for n in (1, 2, 3))


def pool(action: str = "WAIT", **more: object) -> TidePool:
    return TidePool(org="acme", repo="rockets", branch="main", action=action, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pool", "doing", "headline", "groups"),
    [
        (pool(), Doing.RESTING, "Waiting", {}),
        (pool(success_prs=(ONE,)), Doing.RESTING, "Waiting", {"passing": [1]}),
        (pool(pending_prs=(ONE,)), Doing.TESTING, "Waiting for tests", {"pending": [1]}),
        (pool(batch_pending=(ONE, TWO)), Doing.TESTING, "Waiting for tests", {"batch": [1, 2]}),
        (pool("MERGE", target=(ONE,), success_prs=(ONE, TWO)), Doing.MERGING, "Merging #1", {"target": [1], "passing": [2]}),
        (pool("MERGE_BATCH", target=(ONE, TWO)), Doing.MERGING, "Merging #1, #2", {"target": [1, 2]}),
        (pool("TRIGGER", target=(ONE,), missing_prs=(ONE,)), Doing.TESTING, "Starting the tests of #1 on the newest main", {"target": [1]}),
        (pool("TRIGGER_BATCH", target=(ONE, TWO)), Doing.TESTING, "Testing #1, #2 together", {"target": [1, 2]}),
        (pool("BLOCKED", missing_prs=(ONE,)), Doing.STUCK, "Nothing merges while an issue blocks this branch", {"missing": [1]}),
        (pool("POOL_BLOCKED"), Doing.STUCK, "Nothing merges while an issue blocks this branch", {}),
        (pool("MERGE", target=(ONE,), error="no"), Doing.STUCK, "The last attempt failed", {"target": [1]}),
    ],
)  # fmt: skip
def test_a_pool_says_what_it_is_at(pool: TidePool, doing: Doing, headline: str, groups: dict[str, list[int]]) -> None:
    (view,) = tide_rules.pool_views([pool])
    assert (view.doing, view.headline) == (doing, headline)
    assert {group.kind: [item.number for item in group.pulls] for group in view.groups} == groups


def test_pools_are_in_the_order_of_their_names_and_link_safely() -> None:
    bad = pool(blockers=(TideBlocker(number=1, title="x", url="javascript:x"),))
    gerrit = TidePool(org="https://gerrit", repo="thing", branch="main", success_prs=(ONE,))
    views = tide_rules.pool_views([gerrit, pool(), bad])
    assert [view.key for view in views] == ["acme/rockets:main", "acme/rockets:main", "https://gerrit/thing:main"]
    assert {blocker.url for view in views for blocker in view.blockers} == {""}
    assert (views[2].branch_link, views[2].groups[0].pulls[0].page) == ("", "")
    assert views[0].branch_link == "https://github.com/acme/rockets/tree/main"


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("acme/rockets:main", ("acme", "rockets", "main")),
        ("acme/rockets:release:1", ("acme", "rockets", "release:1")),
        ("https://gerrit.example/a/b:main", ("https://gerrit.example", "a/b", "main")),
    ],
)
def test_keys_of_pools_are_split_as_upstream_splits_them(key: str, parts: tuple[str, str, str]) -> None:
    assert tide_rules.split_key(key) == parts


def test_a_query_becomes_parts_of_a_sentence() -> None:
    found = tide_rules.requirement(
        TideQuery(orgs=("acme",), repos=("other/x",), labels=("a", "b,c"), missing_labels=("d",), author="mia")
    )
    assert found.where == ("all of acme", "other/x")
    assert found.labels == (("a",), ("b", "c"))
    assert found.link == (
        "https://github.com/search?q=is%3Apr+state%3Aopen+archived%3Afalse+author%3A%22mia%22+label%3A%22a%22+"
        "label%3A%22b%22%2C%22c%22+-label%3A%22d%22+org%3A%22acme%22+repo%3A%22other%2Fx%22&type=pullrequests"
    )


def test_the_history_is_bounded_and_leaves_out_records_without_targets() -> None:
    moment = datetime(2026, 3, 4, 12, tzinfo=UTC)
    full = tuple(HistoryRecord(time=moment, action="MERGE", target=(Pull(number=n + 1),)) for n in range(600))
    empty = HistoryRecord(time=moment, action="TRIGGER")
    rows, total = tide_rules.history_views({"acme/rockets:main": (*full, empty)}, HistoryFilter())
    assert (len(rows), total) == (500, 600)


def test_a_chosen_value_stays_in_the_select_even_without_records() -> None:
    selects = tide_rules.history_selects({}, HistoryFilter(repo="acme/none", branch="old"))
    assert [(s.name, s.options) for s in selects[:3]] == [
        ("repo", ("acme/none",)),
        ("branch", ("old",)),
        ("author", ()),
    ]


def test_documents_that_cannot_be_read_are_told() -> None:
    assert read_pools(b"null") is None
    assert read_history(b"null") == {}
    for read in (read_pools, read_history):
        with pytest.raises(Permanent, match="cannot be read"):
            read(b'"nonsense"')
