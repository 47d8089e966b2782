"""The client against the simulated GitHub: what it asks, what it saves, and what it does when GitHub fails."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from prow.github.client import GitHub
from prow.github.errors import BadCredentials, NotFound, Refused
from prow.github.tokens import FixedToken
from prow.lib.errors import Retry
from prow.lib.virtual_clock import VirtualClock
from prow.model.forge import CommitStatus
from prow.sim.plan import Error, Match, Rule
from tests.support.github import World


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


async def test_who_has_written_does_not_join_a_read_that_may_be_older() -> None:
    asked, labels, late = asyncio.Event(), ["old"], asyncio.Event()

    async def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            labels.append("new")
            return httpx2.Response(200, json=[])
        seen = [{"name": name} for name in labels]
        if not asked.is_set():
            asked.set()
            await late.wait()
        return httpx2.Response(200, json=seen)

    github = GitHub.open(clock=VirtualClock(), component="test", http=httpx2.MockTransport(answer))
    early = asyncio.create_task(github.list_issue_labels("acme", "rockets", 1))
    await asked.wait()
    await github.add_labels("acme", "rockets", 1, ["new"])
    assert [label.name for label in await github.list_issue_labels("acme", "rockets", 1)] == ["old", "new"]
    late.set()
    assert [label.name for label in await early] == ["old"]
    await github.aclose()


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
    with pytest.raises(Refused):
        await world.client("mia").add_labels("acme", "rockets", world.pr.number, ["x"])
    with pytest.raises(BadCredentials):
        await world.client(tokens=FixedToken("wrong")).current_user()


async def test_a_dry_run_writes_nothing(world: World) -> None:
    dry = world.client(dry_run=True)
    await dry.add_labels("acme", "rockets", world.pr.number, ["x"])
    await dry.create_comment("acme", "rockets", world.pr.number, "hello")
    assert (world.pr.labels, list(world.pr.comments)) == (set(), [])


async def test_what_is_spent_is_booked_on_who_spent_it(world: World) -> None:
    await world.github.bound(caller="hold").list_issue_labels("acme", "rockets", world.pr.number)
    assert world.github.spent().by_caller == {"hold": 1}
