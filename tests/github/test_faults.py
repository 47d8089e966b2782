"""What becomes of a call when GitHub fails in any of the ways it does: nothing lost, nothing twice. The real client, on the virtual clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from prow.git.client import Git
from prow.git.mirror import Mirrors
from prow.github.errors import Unprocessable
from prow.github.graph_search import GraphSearch
from prow.github.rules import Options
from prow.lib.errors import RateLimited, Retry
from prow.lib.virtual_clock import VirtualClock
from prow.model.forge import CommitStatus
from prow.sim.plan import (
    CallFault,
    Error,
    GraphQLErrors,
    Html,
    Malformed,
    Match,
    NoAnswer,
    Plan,
    PrimaryLimit,
    Reset,
    Rule,
    SecondaryLimit,
    Slow,
    StaleSearch,
    plan_from,
)
from tests.support.github import R, World, world_in

BEFORE: list[CallFault] = [
    Error(500),
    Error(502),
    Error(503),
    Html(),
    NoAnswer(),
    Reset(after=False),
    Slow(30),
    SecondaryLimit(30),
    SecondaryLimit(30, status=429),
    PrimaryLimit(30),
    PrimaryLimit(30, status=429),
]
"""Nothing took effect, and one can try again."""
AFTER: list[CallFault] = [Error(502, after=True), Html(after=True), NoAnswer(after=True), Reset(), Malformed()]
"""It took effect, but one does not know."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path, clock=VirtualClock(), change={"a": "b\n"}, options=Options()) as made:
        made.github = made.github.bound(caller="test", patience=600.0)
        yield made


async def test_a_read_is_repeated_until_it_is_right(world: World) -> None:
    for what in (*BEFORE, Reset(), Malformed(), Error(502, after=True)):
        world.sim.faults.add(Rule(what=what, times=1))
        assert (await world.github.get_repo(*R)).full_name == "acme/rockets", what
    assert not world.sim.faults.pending
    assert world.sim.faults.ignored == []


async def test_a_write_that_may_be_repeated_is_in_effect_at_the_end(world: World) -> None:
    for number, what in enumerate((*BEFORE, *AFTER)):
        world.sim.faults.add(Rule(match=Match(method="POST"), what=what, times=1))
        await world.github.add_labels(*R, world.pr.number, [f"x{number}"])
        assert f"x{number}" in world.pr.labels, what
        world.sim.faults.add(Rule(match=Match(method="POST"), what=what, times=1))
        context = f"unit-{number}"
        await world.github.create_status(*R, world.pr.head_sha, CommitStatus(context=context, state="success"))
        assert world.pr.statuses[context].state == "success", what
    assert not world.sim.faults.pending
    assert world.sim.faults.ignored == []


@pytest.mark.parametrize("lost", AFTER, ids=lambda what: type(what).__name__)
async def test_a_status_that_github_may_have_is_not_sent_again_before_github_tells(
    world: World, lost: CallFault
) -> None:
    status = CommitStatus(context="unit", state="success")
    sending, looking = Match(method="POST", path="*/statuses/*"), Match(method="GET", path="*/status")
    world.sim.faults.add(Rule(match=sending, what=lost, times=1))
    world.sim.faults.add(Rule(match=looking, what=Error(503), times=16))
    for _ in range(2):
        with pytest.raises(Retry):
            await world.github.create_status(*R, world.pr.head_sha, status)
    kept = await world.github.create_status(*R, world.pr.head_sha, status)
    assert (kept.context, kept.state) == ("unit", "success")
    assert not world.sim.faults.pending
    assert sent(world) == 1
    await world.github.create_status(*R, world.pr.head_sha, CommitStatus(context="unit", state="failure"))
    assert (world.pr.statuses["unit"].state, sent(world)) == ("failure", 2)


async def test_a_status_that_github_did_not_take_is_sent_when_that_is_known(world: World) -> None:
    status = CommitStatus(context="unit", state="success")
    world.sim.faults.add(Rule(match=Match(method="POST"), what=NoAnswer(), times=1))
    world.sim.faults.add(Rule(match=Match(method="GET"), what=Error(503), times=8))
    with pytest.raises(Retry):
        await world.github.create_status(*R, world.pr.head_sha, status)
    assert "unit" not in world.pr.statuses
    await world.github.create_status(*R, world.pr.head_sha, status)
    assert world.pr.statuses["unit"].state == "success"


async def test_another_status_that_is_there_is_not_taken_for_the_one_whose_answer_was_lost(world: World) -> None:
    await world.github.create_status(*R, world.pr.head_sha, CommitStatus(context="unit", state="pending"))
    world.sim.faults.add(Rule(match=Match(method="POST"), what=NoAnswer(), times=1))
    await world.github.create_status(*R, world.pr.head_sha, CommitStatus(context="unit", state="success"))
    assert world.pr.statuses["unit"].state == "success"


async def test_after_a_status_that_github_refused_the_next_is_sent_without_looking(world: World) -> None:
    world.sim.faults.add(Rule(match=Match(method="POST"), what=Error(422, "Validation Failed"), times=1))
    status = CommitStatus(context="unit", state="success")
    with pytest.raises(Unprocessable):
        await world.github.create_status(*R, world.pr.head_sha, status)
    before = sum(world.sim.world.calls.values())
    await world.github.create_status(*R, world.pr.head_sha, status)
    assert sum(world.sim.world.calls.values()) == before + 1


def sent(world: World) -> int:
    """Statuses that GitHub took."""
    return sum(
        count for (method, path), count in world.sim.world.calls.items() if method == "POST" and "/statuses/" in path
    )


async def test_a_comment_is_never_made_twice(world: World) -> None:
    """Either it is there at the end, or its maker is told to look for it before he tries again."""
    for number, what in enumerate((*BEFORE, *AFTER)):
        text = f"once {number}"
        world.sim.faults.add(Rule(match=Match(method="POST"), what=what, times=1))
        try:
            await world.github.create_comment(*R, world.pr.number, text)
            told = False
        except Retry:
            told = True
        there = [c.body for c in await world.github.list_comments(*R, world.pr.number)]
        assert there.count(text) == (1 if not told or what in AFTER else 0), what
    assert not world.sim.faults.pending


@pytest.mark.parametrize("what", [PrimaryLimit(1200), SecondaryLimit(1200)], ids=["primary", "secondary"])
async def test_a_limit_holds_for_everybody_with_this_token_until_it_is_over(world: World, what: CallFault) -> None:
    impatient = world.github.bound(caller="other", patience=10.0)
    world.sim.faults.add(Rule(what=what, times=1))
    for _ in range(3):
        with pytest.raises(RateLimited):
            await impatient.get_repo(*R)
    assert len(world.sim.faults.struck) == 1
    await world.clock.sleep(1202)
    assert (await impatient.get_repo(*R)).full_name == "acme/rockets"
    assert world.sim.faults.ignored == []


async def test_half_an_answer_to_a_query_is_not_taken_for_the_whole(world: World) -> None:
    path = ("repository", "pullRequest")
    world.sim.faults.add(Rule(match=Match(path="/graphql"), what=GraphQLErrors(path), times=1))
    assert (await world.github.pull_facts(*R, world.pr.number)).number == world.pr.number


async def test_a_query_is_repeated_until_it_is_right(world: World) -> None:
    for what in (*BEFORE, Reset(), Malformed()):
        world.sim.faults.add(Rule(match=Match(path="/graphql"), what=what, times=1))
        try:
            found = await world.github.pull_facts(*R, world.pr.number)
        except Retry as later:
            until = later.until if isinstance(later, RateLimited) else world.clock.now()
            await world.clock.sleep((until - world.clock.now()).total_seconds())
            found = await world.github.pull_facts(*R, world.pr.number)
        assert found.number == world.pr.number, what
    assert not world.sim.faults.pending
    assert world.sim.faults.ignored == []


async def test_a_stale_search_knows_what_was(world: World) -> None:
    world.sim.faults.add(Rule(match=Match(path="/graphql"), what=StaleSearch(60)))
    await world.clock.sleep(100)
    await world.pr.label("wernher", "x")

    async def found() -> list[int]:
        return [
            pull.number async for pull in world.github.area(GraphSearch).search_pulls("repo:acme/rockets is:pr label:x")
        ]

    assert await found() == []
    await world.clock.sleep(61)
    assert await found() == [world.pr.number]


async def test_a_fetch_that_broke_leaves_a_mirror_that_the_next_one_fills(world: World, tmp_path: Path) -> None:
    git = await Git.open(world.clock, home=tmp_path)
    mirrors = Mirrors(git, clock=world.clock, folder=tmp_path / "mirrors", base=world.sim.world.base)
    for path, what in (
        ("*/info/refs", Error(500)),
        ("*/info/refs", Html(503)),
        ("*/git-upload-pack", Error(502)),
        ("*/git-upload-pack", Reset(part=0.5)),
        ("*/git-upload-pack", Reset(part=0.9)),
        ("*/git-upload-pack", Slow(30)),
    ):
        sha = await world.pr.push({"a": f"{path} {what}\n"})
        mirror = mirrors.mirror(*R)
        world.sim.faults.add(Rule(match=Match(path=path), what=what, times=1))
        if not isinstance(what, Slow):
            with pytest.raises(Retry):
                await mirror.ensure([sha])
        await mirror.ensure([sha])
        assert await mirror.read_file(sha, "a") == f"{path} {what}\n".encode(), what
    assert not world.sim.faults.pending
    await mirrors.aclose()


async def test_rules_strike_when_they_should(world: World) -> None:
    """The second and the fourth of four after the first; then, in the second minute, one in two by the seed's luck."""
    sim, github = world.sim, world.github

    async def asked(times: int) -> str:
        """Letters: f(ailed), w(ell)."""
        before = len(sim.faults.struck)
        answers = ""
        for _ in range(times):
            await github.is_member("acme", "wernher")
            answers += "f" if len(sim.faults.struck) > before else "w"
            before = len(sim.faults.struck)
        return answers

    plan = plan_from(
        {"rules": [{"match": {"path": "/orgs/*"}, "what": {"kind": "slow", "seconds": 0}, "skip": 1, "every": 2}]}
    )
    sim.faults.follow(plan)
    assert await asked(5) == "wwfwf"
    lucky = Plan(rules=(Rule(what=Slow(0), chance=0.5, between=(60, 120)),), seed=7)
    runs = []
    for _ in range(2):
        sim.faults.follow(lucky)
        assert await asked(5) == "wwwww"
        await world.clock.sleep(61)
        runs.append(await asked(20))
        await world.clock.sleep(60)
        assert await asked(5) == "wwwww"
    assert runs[0] == runs[1]
    assert 4 < runs[0].count("f") < 16


def test_a_plan_says_where_it_is_wrong() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"rules\[0\].what"):
        plan_from({"rules": [{"what": {"kind": "earthquake"}}]})
    with pytest.raises(msgspec.ValidationError, match=r"unknown field `tims`"):
        plan_from({"rules": [{"what": {"kind": "slow"}, "tims": 3}]})
