"""Every GraphQL operation of the client against the simulated GitHub (`spec/plugins-other` §13.9)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.github.blame import BlamesLines
from prow.github.collaborators import Collaborators
from prow.github.errors import NotFound, Unprocessable
from prow.github.graph_search import FoundIssue, GraphSearch
from prow.github.issue_moves import IssueMoves
from prow.github.people import People
from prow.github.repo_settings import RepoSettings
from prow.sim.verbs import PullStory, RepoStory
from tests.support.github import World, world_in


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path, files={"a": "one\ntwo\n"}, change={"a": "one\nTWO\n"}) as made:
        yield made


@pytest.fixture
async def leak(world: World) -> PullStory:
    """An issue."""
    return await world.repo.open_issue("mia", title="Leak", body="It leaks")


async def test_pull_requests_are_found_with_what_is_judged_about_them(world: World, leak: PullStory) -> None:
    await world.pr.label("wernher", "lgtm")
    await world.pr.set_status("unit", "success")
    await world.pr.expect_mergeable()
    search = world.github.area(GraphSearch)
    (found,) = [facts async for facts in search.search_pull_facts("is:pr repo:acme/rockets is:open", org="acme")]
    assert (found.org, found.repo, found.number, found.author) == ("acme", "rockets", world.pr.number, "mia")
    assert (found.labels, found.contexts[0].name, found.allowed_methods) == (
        ("lgtm",), "unit", ("merge", "squash", "rebase"),
    )  # fmt: skip
    (small,) = [pull async for pull in search.search_pulls("repo:acme/rockets", org="acme")]
    assert (small.number, small.labels, small.mergeable, small.state) == (found.number, ("lgtm",), "MERGEABLE", "OPEN")
    assert (small.base_ref, small.head_sha) == ("main", world.pr.head_sha)
    (issue,) = [issue async for issue in search.search_issues("repo:acme/rockets is:open", org="acme")]
    assert issue == FoundIssue(org="acme", repo="rockets", number=leak.number, title="Leak", url=issue.url)
    points = {line.path: line.points for line in world.github.account().lines}
    assert points["/graphql"] >= 3


async def test_long_answers_of_a_search_come_page_by_page(world: World) -> None:
    for number in range(102):
        await world.repo.open_issue("mia", title=f"Leak {number}")
    search = world.github.area(GraphSearch)
    found = [issue.number async for issue in search.search_issues("repo:acme/rockets is:issue", org="acme")]
    assert len(found) == len(set(found)) == 102


async def test_people(world: World) -> None:
    persons = world.github.area(People)
    assert await persons.viewer_login() == "prow-bot"
    assert not await persons.is_busy("mia")
    world.sim.world.user("mia").busy = True
    assert await persons.is_busy("mia")
    with pytest.raises(NotFound):
        await persons.is_busy("nobody-at-all")
    assert await persons.find_users_by_email("mia@users.example") == ("mia",)
    assert await persons.find_users_by_email("nobody-at-all@users.example") == ()


async def test_direct_collaborators_come_with_what_they_may(world: World) -> None:
    direct = world.github.area(Collaborators)
    for number in range(101):
        world.repo.collaborator(f"guest-{number}", "triage")
    world.repo.collaborator("mia", "maintain")
    found = await direct.list_direct_collaborators("acme", "rockets")
    assert len(found) == 102
    assert (found["mia"], found["guest-7"], found.get("wernher")) == ("maintain", "triage", None)
    with pytest.raises(NotFound):
        await direct.list_direct_collaborators("acme", "unknown")


async def test_who_wrote_which_lines(world: World) -> None:
    lines = world.github.area(BlamesLines)
    (first, second) = await lines.blame("acme", "rockets", world.pr.head_sha, "a")
    assert (first.first, first.last, second.first, second.last) == (1, 1, 2, 2)
    assert second.login == "mia"
    assert second.date is not None
    (whole,) = await lines.blame("acme", "rockets", "main", "a")
    assert (whole.first, whole.last) == (1, 2)
    with pytest.raises(NotFound):
        await lines.blame("acme", "rockets", "no-such-branch", "a")


async def test_issues_are_pinned_and_moved(world: World, leak: PullStory) -> None:
    moves, github = world.github.area(IssueMoves), world.github
    leaking = await github.get_issue("acme", "rockets", leak.number)
    await moves.pin_issue(leaking.node_id, org="acme")
    others = [await world.repo.open_issue("mia", title=f"Leak {n}") for n in range(3)]
    ids = [(await github.get_issue("acme", "rockets", other.number)).node_id for other in others]
    for other in ids[:2]:
        await moves.pin_issue(other, org="acme")
    with pytest.raises(Unprocessable, match="pinned"):
        await moves.pin_issue(ids[2], org="acme")
    await moves.unpin_issue(leaking.node_id, org="acme")
    await moves.pin_issue(ids[2], org="acme")
    await RepoStory.create(world.sim, "acme/probes", files={"a": "a\n"})
    node = (await github.area(RepoSettings).get_full_repo("acme", "probes")).node_id
    url = await moves.transfer_issue(leaking.node_id, node, org="acme")
    assert url.endswith("/acme/probes/issues/1")
    moved = await github.get_issue("acme", "probes", 1)
    assert (moved.title, moved.body, moved.author) == ("Leak", "It leaks", "mia")
    assert (await github.get_issue("acme", "rockets", leak.number)).html_url == moved.html_url
