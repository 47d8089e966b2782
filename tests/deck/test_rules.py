from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from prow.deck import rules
from prow.deck.model import Filter, JobView, PullView, safe_link

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def job(
    name: str = "unit", *, state: str = "success", repo: str = "acme/rockets", pull: int = 1, at: int = 0
) -> JobView:
    return JobView(
        name=f"{name}-{at}", job=name, type="presubmit", agent="kubernetes", state=state, description="", why="", repo=repo,
        base_ref="main", base_sha="a" * 40, pulls=(PullView(pull, "b" * 40, "mia", ""),), started=NOON + timedelta(seconds=at),
        finished=None, duration=None, build_id=str(at), page="", rerun_command="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, True),
        ({"repo": "acme/rockets", "pull": "1"}, True),
        ({"pull": "2"}, False),
        ({"pull": "many"}, True),
        ({"author": "MIA"}, True),
        ({"author": "noah"}, False),
        ({"job": "un*"}, True),
        ({"job": "un"}, False),
        ({"job": "[u]nit"}, False),
        ({"state": "failure"}, False),
        ({"state": "nonsense"}, True),
        ({"type": "periodic"}, False),
    ],
)
def test_the_url_filters_jobs(query: dict[str, str], shown: bool) -> None:
    assert rules.matches(rules.parse_filter(query), job()) is shown


def test_newest_jobs_come_first() -> None:
    assert [j.name for j in rules.newest_first([job(at=1), job(at=3), job(at=2)])] == ["unit-3", "unit-2", "unit-1"]


def test_counts_link_to_their_state_and_back() -> None:
    jobs = [job(at=1), job(at=2, state="failure"), job(at=3, state="failure", repo="acme/other")]
    bar = rules.counts(Filter(repo="acme/rockets", state="failure"), jobs)
    assert [(c.state, c.count, c.chosen) for c in bar] == [("success", 1, False), ("failure", 1, True)]
    assert bar[0].link == "/?repo=acme%2Frockets&state=success"
    assert bar[1].link == "/?repo=acme%2Frockets"


@pytest.mark.parametrize(
    ("link", "safe"), [("https://github.com/x", "https://github.com/x"), ("javascript:alert(1)", ""), ("", "")]
)
def test_only_web_links_of_a_payload_become_links(link: str, safe: str) -> None:
    assert safe_link(link) == safe
