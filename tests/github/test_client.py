"""The client against the simulated GitHub: what it asks, what it saves, and what it does when GitHub fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.github.client import GitHub
from prow.github.errors import NotFound, Refused
from prow.github.rules import Options
from prow.github.tokens import FixedToken, Tokens
from prow.lib.clock import SystemClock
from prow.lib.errors import Denied, Retry
from prow.model.forge import CommitStatus
from prow.sim.plan import Error, Match, Rule
from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory

FAST = Options(initial_delay=0.01, max_retries=4)


class World:
    def __init__(self, sim: Sim, repo: RepoStory, pr: PullStory, github: GitHub) -> None:
        self.sim = sim
        self.repo = repo
        self.pr = pr
        self.github = github


def client(sim: Sim, tokens: Tokens, *, dry_run: bool = False) -> GitHub:
    return GitHub.open(
        clock=SystemClock(), component="test", tokens=tokens, endpoints=(sim.world.base,), options=FAST, dry_run=dry_run
    )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    sim = Sim(tmp_path / "github")
    sim.world.org("acme", members=["wernher", "prow-bot"])
    async with sim.serve():
        repo = await RepoStory.create(sim, "acme/rockets", files={"a": "a\n"})
        repo.collaborator("prow-bot", "write")
        pr = await repo.open_pull_request("mia", title="Change", files={"a": "b\n", "c": "c\n"})
        github = client(sim, FixedToken(sim.world.token("prow-bot")))
        yield World(sim, repo, pr, github)
        await github.aclose()


async def test_reads_and_writes_are_typed(world: World) -> None:
    github, number = world.github, world.pr.number
    assert (await github.current_user()).login == "prow-bot"
    pull = await github.get_pull_request("acme", "rockets", number)
    assert (pull.author, pull.base.ref, pull.head.sha) == ("mia", "main", world.pr.head_sha)
    assert {f.filename for f in await github.list_files("acme", "rockets", number)} == {"a", "c"}
    await github.add_labels("acme", "rockets", number, ["x", "y"])
    assert {label.name for label in await github.list_issue_labels("acme", "rockets", number)} == {"x", "y"}
    await github.remove_label("acme", "rockets", number, "x")
    await github.remove_label("acme", "rockets", number, "x")
    made = await github.create_comment("acme", "rockets", number, "hello")
    await github.edit_comment("acme", "rockets", made.id, "hello again")
    assert [c.body for c in await github.list_comments("acme", "rockets", number)] == ["hello again"]
    await github.create_status("acme", "rockets", pull.head.sha, CommitStatus(context="unit", state="success"))
    assert (await github.get_combined_status("acme", "rockets", pull.head.sha)).state == "success"
    assert await github.get_ref("acme", "rockets", "heads/main") == pull.base.sha
    assert await github.get_file("acme", "rockets", "a") == b"a\n"
    assert (await github.is_member("acme", "wernher"), await github.is_member("acme", "mia")) == (True, False)
    assert (
        await github.is_collaborator("acme", "rockets", "prow-bot"),
        await github.is_collaborator("acme", "rockets", "mia"),
    ) == (True, False)


async def test_long_lists_come_whole(world: World) -> None:
    for number in range(130):
        await world.pr.comment("mia", f"c{number}")
    assert len(await world.github.list_comments("acme", "rockets", world.pr.number)) == 130


async def test_an_unchanged_read_is_free_and_equal_reads_at_once_are_one(world: World) -> None:
    read = ("GET", "/repos/{owner}/{repo}/pulls/{number}/files")
    await asyncio.gather(*(world.github.list_files("acme", "rockets", world.pr.number) for _ in range(5)))
    assert world.sim.world.calls[read] == 1
    await world.github.list_files("acme", "rockets", world.pr.number)
    assert world.sim.world.calls[read] == 1


async def test_a_failing_read_is_repeated(world: World) -> None:
    world.sim.faults.add(Rule(what=Error(503), times=1), Rule(what=Error(502), times=1))
    assert (await world.github.get_repo("acme", "rockets")).full_name == "acme/rockets"


async def test_a_write_whose_answer_was_lost_is_not_repeated_blindly(world: World) -> None:
    world.sim.faults.add(Rule(match=Match(method="POST"), what=Error(502, after=True)))
    with pytest.raises(Retry):
        await world.github.create_comment("acme", "rockets", world.pr.number, "once")
    assert [c.body for c in world.pr.comments] == ["once"]


async def test_errors_say_what_they_mean(world: World) -> None:
    with pytest.raises(NotFound):
        await world.github.get_repo("acme", "nothing")
    mia = client(world.sim, FixedToken(world.sim.world.token("mia")))
    with pytest.raises(Refused):
        await mia.add_labels("acme", "rockets", world.pr.number, ["x"])
    nobody = client(world.sim, FixedToken("wrong"))
    with pytest.raises(Denied):
        await nobody.current_user()
    await mia.aclose()
    await nobody.aclose()


async def test_a_dry_run_writes_nothing(world: World) -> None:
    dry = client(world.sim, FixedToken(world.sim.world.token("prow-bot")), dry_run=True)
    await dry.add_labels("acme", "rockets", world.pr.number, ["x"])
    await dry.create_comment("acme", "rockets", world.pr.number, "hello")
    assert (world.pr.labels, list(world.pr.comments)) == (set(), [])
    await dry.aclose()


async def test_what_is_spent_is_booked_on_who_spent_it(world: World) -> None:
    await world.github.bound(caller="hold").list_issue_labels("acme", "rockets", world.pr.number)
    assert world.github.spent().by_caller == {"hold": 1}
