"""`prow explain pr` and `prow watch pr` as people type them, against a dashboard over HTTP."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from prow.cli.explanation_text import change_lines, explanation_text, parse_pull
from prow.cli.watch import Lines, Screen
from prow.lib.errors import Retry, UsageError
from prow.lib.virtual_clock import VirtualClock
from prow.model.explanation import Explanation, Gate, GateState, NextStep
from tests.support.deck import DeckWorld, Tide, deck, waiting_pull

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[DeckWorld]:
    tide = Tide()
    tide.knows(waiting_pull())
    async with deck(tmp_path, tide=tide) as world:
        yield world


async def start(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "prow", *arguments, stdout=pipe, stderr=pipe)


async def prow(*arguments: str) -> tuple[int, str, str]:
    process = await start(*arguments)
    out, error = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), error.decode()


async def test_it_says_why_and_who_can_act(world: DeckWorld) -> None:
    code, out, _ = await prow("explain", "pr", "acme/rockets#12", f"--deck-url={world.url}")
    assert code == 4
    assert "\x1b" not in out
    for line in (
        "Waits for somebody: Not mergeable: it needs approval for engine/",
        "✗ Approved by owners  to do for 5h 0m",
        "  → mary or dorothy: /approve",
        "3 of 6 passed",
    ):
        assert line in out


@pytest.mark.parametrize(
    ("state", "gates", "expected"),
    [("merged", (), 0), ("open", (GateState.OPEN,), 0), ("open", (GateState.WAITING,), 3), ("closed", (), 5)],
)
async def test_exit_codes_and_json_are_for_programs(
    world: DeckWorld, state: str, gates: tuple[GateState, ...], expected: int
) -> None:
    explanation = msgspec.structs.replace(waiting_pull(), state=state, gates=tuple(Gate(state=gate) for gate in gates))
    world.tide.knows(explanation)
    code, out, _ = await prow("explain", "pr", "acme/rockets#12", "-deck-url", world.url, "-format", "json")
    assert code == expected
    assert msgspec.json.decode(out, type=Explanation) == explanation


async def test_what_cannot_be_told_is_one_line(world: DeckWorld) -> None:
    unknown = await prow("explain", "pr", "acme/rockets#13", f"--deck-url={world.url}")
    assert unknown == (6, "", f"prow: tide does not know acme/rockets#13: look at {world.url}/tide\n")
    world.tide.error = Retry("tide at http://tide does not answer")
    code, _, error = await prow("explain", "pr", "acme/rockets#12", f"--deck-url={world.url}")
    assert (code, error) == (1, f"prow: the dashboard at {world.url}: tide at http://tide does not answer\n")


@pytest.mark.parametrize("command", ["explain", "watch"])
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("acme/rockets#1", "--deck-url=http://127.0.0.1:1"), 1, "the dashboard at http://127.0.0.1:1 does not answer"),
        (("acme/rockets#1", "--deck-url=nowhere"), 2, "--deck-url nowhere: give the address of the dashboard"),
        (("rockets",), 2, '"rockets" is not a pull request: give ORG/REPO#NUMBER'),
        (("acme/rockets#1", "--deck-ulr=x"), 2, "unknown flag --deck-ulr; did you mean --deck-url?"),
    ],
)
async def test_a_wrong_call_is_one_line(command: str, arguments: tuple[str, ...], code: int, says: str) -> None:
    got, out, error = await prow(command, "pr", *arguments)
    assert (got, out) == (code, "")
    assert says in error
    assert error.count("\n") == 1


async def test_a_pull_request_is_watched_until_it_is_merged(world: DeckWorld) -> None:
    process = await start("watch", "pr", "acme/rockets#12", f"--deck-url={world.url}")
    assert process.stdout is not None
    lines = [(await process.stdout.readline()).decode() for _ in range(4)]
    assert "Waits for somebody" in lines[0]
    assert "Approved by owners: to do" in lines[1]
    before = waiting_pull()
    approved = msgspec.structs.replace(before.gates[2], state=GateState.OPEN, facts=(), next_steps=())
    gates = (*before.gates[:2], approved, *before.gates[3:])
    world.tide.knows(msgspec.structs.replace(before, gates=gates))
    assert "Approved by owners: passed" in (await process.stdout.readline()).decode()
    world.tide.knows(msgspec.structs.replace(before, state="merged", verdict="Merged into main.", gates=()))
    assert "Merged: Merged into main." in (await process.stdout.readline()).decode()
    assert await process.wait() == 0


@pytest.mark.parametrize(
    "text", ["acme/rockets#12", "https://github.com/acme/rockets/pull/12", "http://ghe.example/acme/rockets/pull/12/"]
)
def test_a_pull_request_is_named_as_people_name_it(text: str) -> None:
    assert parse_pull(text) == ("acme", "rockets", 12)


@pytest.mark.parametrize("text", ["acme/rockets", "acme#1", "a/b#x", "a/b/c#1", "../b#1", "a/b#1234567890", "a b/c#1"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_pull(text)


def test_nothing_that_people_wrote_draws_on_the_terminal() -> None:
    evil = "\x1b[2J\x1b]0;x\x07ok\u202e\r\nnext\x9b31m"
    explanation = Explanation(
        org="acme", repo="rockets", number=1, title=evil, author=evil, base_ref=evil, head_sha=evil, url=evil, verdict=evil,
        gates=(Gate(name="x", title=evil, facts=(evil,), next_steps=(NextStep(who=evil, what=evil),)),),
    )  # fmt: skip
    for text in (explanation_text(explanation, NOON, colour=False), *change_lines(None, explanation)):
        assert not set(text) & set("\x1b\x07\x9b\r\u202e")
        assert "ok" in text
    coloured = explanation_text(explanation, NOON, colour=True)
    assert "\x1b[2J" not in coloured
    assert "\x1b]" not in coloured
    assert not set(coloured) & set("\x07\x9b\r\u202e")


async def test_the_screen_is_drawn_again_when_something_changes_and_while_time_passes() -> None:
    clock = VirtualClock()
    drawn: list[str] = []
    screen = Screen(clock, drawn.append, colour=False)
    screen(waiting_pull(now=clock.now()))
    screen(waiting_pull(now=clock.now()))
    assert len(drawn) == 1
    keeping = asyncio.create_task(screen.keep())
    await clock.sleep(2.5)
    keeping.cancel()
    assert len(drawn) == 3
    assert "for 2m 2s" in drawn[-1]
    screen("the dashboard does not answer")
    assert drawn[-1].endswith("the dashboard does not answer\n")
    assert "Approved by owners" in drawn[-1]


async def test_lines_say_trouble_once() -> None:
    clock = VirtualClock()
    lines: list[str] = []
    show = Lines(clock, lines.append)
    show("no answer")
    show("no answer")
    show(waiting_pull(now=clock.now() - timedelta(minutes=1)))
    show("no answer")
    assert [line.split(" ", 1)[1] for line in lines if "no answer" in line] == ["no answer", "no answer"]
    changed = msgspec.structs.replace(waiting_pull(), head_sha="9" * 40)
    show(changed)
    assert lines[-1].endswith("acme/rockets#12: new commit 9999999")
