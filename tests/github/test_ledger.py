"""GitHub counts an identity, not its processes: what each of them does is in one file, and survives them."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from prow.cli.github_client import GitHubSettings
from prow.cli.parts import ConfigSettings, open_parts
from prow.github.call import Answer, Call, Cost
from prow.github.ledger import FIRST, NAME, USED, Ledger, key_of
from prow.github.limiter import Limiter, Limits, Pace, Paces
from prow.github.places import Places
from prow.github.windows import Window
from prow.lib.clock import SystemClock
from prow.lib.virtual_clock import VirtualClock
from tests.support.github import world_in

COMMENT = Call(method="POST", template="/comments", path="/comments", content=True, cost=Cost.INTERACTIVE)
QUERY = Call(method="POST", template="/graphql", path="", reads=True, cost=Cost.INTERACTIVE)


def process(folder: Path, clock: VirtualClock, limits: Limits) -> Limiter:
    """What one more process on this machine has. Locks belong to whoever opened the file, so it may as well be here."""
    return Limiter(clock, limits, Paces(clock, Ledger.open(folder)))


async def test_two_processes_write_no_more_than_one_might_and_a_killed_one_neither_frees_nor_blocks_anything(
    tmp_path: Path,
) -> None:
    async with world_in(tmp_path) as world:
        story = await world.repo.open_issue("mia", title="Talk")
        comments = story.issue.comments
        pipe = asyncio.subprocess.PIPE
        where = (str(tmp_path / "cache"), world.sim.world.base, world.token())

        async def start(name: str) -> asyncio.subprocess.Process:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.github.writer", *where, name, stdin=pipe, stdout=pipe
            )
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
            return process

        killed, other, heir = await asyncio.gather(start("killed"), start("other"), start("heir"))
        for each in (killed, other):
            assert each.stdin is not None
            each.stdin.write(b"\n")
        await story.expect_comment("killed")
        killed.send_signal(signal.SIGKILL)
        told, _ = await other.communicate()
        of_killed = [comment for comment in comments if (comment.body or "").startswith("killed")]
        assert await killed.wait() == -signal.SIGKILL
        assert len(comments) == int(told) + len(of_killed)
        assert 79 <= len(comments) <= 80  # the one that was under way may not have arrived
        told, _ = await heir.communicate(b"\n")
        assert told == b"0"
        assert len(comments) <= 80


def test_an_hour_goes_on_when_everything_is_started_again(tmp_path: Path) -> None:
    clock, limits = VirtualClock(), Limits(writes_per_minute=1_000, points_per_minute=10_000)
    before = process(tmp_path, clock, limits)
    assert all(before.reserve(COMMENT, "bot").seconds == 0 for _ in range(500))
    after = process(tmp_path, clock, limits)
    wait = after.reserve(COMMENT, "bot")
    assert (wait.reason, 3600 <= wait.seconds <= 3720) == ("content", True)
    assert after.reserve(COMMENT, "another bot").seconds == 0
    assert "content writes in an hour: 500" in {f"{fill.name}: {fill.used:.0f}" for fill in after.pace("bot").fills()}


def test_processes_share_githubs_time_for_graphql_and_what_it_told_one_of_them(tmp_path: Path) -> None:
    clock = VirtualClock()
    one, other = process(tmp_path, clock, Limits()), process(tmp_path, clock, Limits(graphql_seconds_per_minute=0.5))
    for limiter in (one, other):
        limiter.pace("bot")
    one.pace("bot").answered(QUERY, Answer(200), 10.0)
    assert other.reserve(QUERY, "bot").reason == "time"
    until = clock.now() + timedelta(minutes=5)
    assert one.pace("bot").tell(until)
    assert not other.pace("bot").tell(until)
    assert other.pace("bot").told == until


async def test_processes_share_the_places_in_flight_and_give_back_what_they_do_not_use(tmp_path: Path) -> None:
    clock, key = VirtualClock(), key_of("bot")
    one, other = (Places(18, clock, Ledger.open(tmp_path), key) for _ in range(2))
    now = most = 0

    async def ask(places: Places) -> None:
        nonlocal now, most
        async with places.slot(Cost.INTERACTIVE):
            now += 1
            most = max(most, now)
            await clock.sleep(1)
            now -= 1

    await asyncio.gather(*(ask(places) for places in (one, other) for _ in range(40)))
    assert most == 18
    most = 0
    await asyncio.gather(*(ask(one) for _ in range(18)))
    assert most == 18


async def test_who_gives_up_waiting_for_a_place_takes_none(tmp_path: Path) -> None:
    clock = VirtualClock()
    one, other = (Places(9, clock, Ledger.open(tmp_path), 7) for _ in range(2))
    held = [asyncio.create_task(one.enter(Cost.INTERACTIVE)) for _ in range(9)]
    await asyncio.gather(*held)
    waiting = asyncio.create_task(other.enter(Cost.INTERACTIVE))
    await clock.sleep(1)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    for _ in held:
        one.leave()
    await asyncio.gather(*(other.enter(Cost.INTERACTIVE) for _ in range(9)))


async def test_background_work_of_one_process_never_keeps_people_from_another(tmp_path: Path) -> None:
    clock = VirtualClock()
    tide, hook = (Places(90, clock, Ledger.open(tmp_path), 7) for _ in range(2))
    asked = {
        cost: [asyncio.create_task(tide.enter(cost)) for _ in range(100)] for cost in (Cost.BACKGROUND, Cost.MERGE)
    }
    await clock.sleep(1)
    assert {cost: sum(task.done() for task in tasks) for cost, tasks in asked.items()} == {
        Cost.BACKGROUND: 70,
        Cost.MERGE: 10,
    }
    began = clock.monotonic()
    for _ in range(10):
        await hook.enter(Cost.INTERACTIVE)
    assert clock.monotonic() == began
    for _ in range(30):
        tide.leave()
    await clock.sleep(1)
    assert sum(task.done() for task in asked[Cost.MERGE]) == 40
    for tasks in asked.values():
        for task in tasks:
            task.cancel()


async def test_people_need_not_wait_for_background_work_of_their_own_process_either() -> None:
    places = Places(90, VirtualClock())
    asked = [asyncio.create_task(places.enter(Cost.BACKGROUND)) for _ in range(100)]
    await VirtualClock().sleep(0)
    assert sum(task.done() for task in asked) == 68
    await places.enter(Cost.INTERACTIVE)
    for task in asked:
        task.cancel()


async def test_a_place_that_comes_just_as_its_asker_leaves_is_free_for_the_next() -> None:
    clock = VirtualClock()
    places = Places(1, clock)
    await places.enter(Cost.MERGE)
    leaving = asyncio.create_task(places.enter(Cost.MERGE))
    await clock.sleep(0)
    places.leave()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    began = clock.monotonic()
    async with clock.timeout(1):
        await places.enter(Cost.MERGE)
    assert clock.monotonic() == began


async def test_who_waits_is_not_overtaken_by_who_comes_when_another_process_gives_places_back(tmp_path: Path) -> None:
    clock, order = VirtualClock(), list[str]()
    one, other = (Places(1, clock, Ledger.open(tmp_path), 7) for _ in range(2))

    async def ask(name: str) -> None:
        await other.enter(Cost.MERGE)
        order.append(name)
        other.leave()

    await one.enter(Cost.MERGE)
    waiting = asyncio.create_task(ask("waits"))
    await clock.sleep(1)
    one.leave()
    await asyncio.gather(waiting, ask("comes"))
    assert order == ["waits", "comes"]


async def test_what_is_kept_for_people_is_given_back_first(tmp_path: Path) -> None:
    clock = VirtualClock()
    one, other = (Places(9, clock, Ledger.open(tmp_path), 7) for _ in range(2))
    await one.enter(Cost.INTERACTIVE)
    await other.enter(Cost.INTERACTIVE)
    one.leave()
    await other.enter(Cost.INTERACTIVE)
    other.leave()
    third = Ledger.open(tmp_path)
    assert [third.lease(7, place) for place in range(2)] == [False, True]


_HOLDER = """
import pathlib, sys
from prow.github.ledger import Ledger
ledger = Ledger.open(pathlib.Path(sys.argv[1]))
print(all(ledger.lease(5, place) for place in range(9)), flush=True)
sys.stdin.read()
"""


def test_places_of_a_process_that_is_killed_are_free(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        assert not any(ledger.lease(5, place) for place in range(9))
        assert ledger.lease(6, 0)
        holder.kill()
    assert all(ledger.lease(5, place) for place in range(9))


def test_a_process_that_was_stopped_in_the_midst_of_booking_holds_nobody_up(tmp_path: Path) -> None:
    stopped, other = Ledger.open(tmp_path), Ledger.open(tmp_path)
    pace = Pace("bot", VirtualClock(), Limits(), other)
    with stopped, pace:
        assert pace.wait(COMMENT).seconds == 0


def test_more_identities_than_there_are_pages_are_counted_and_an_old_page_is_given_to_the_next(tmp_path: Path) -> None:
    clock, shared = VirtualClock(), Ledger.open(tmp_path)
    now = clock.now().timestamp()
    pages = [shared.page(number, now) for number in range(1, 301)]
    for page in pages:
        page[FIRST] = page[0]
    assert [page[0] for page in pages] == list(range(1, 301))
    assert shared.page(300, now)[FIRST] == 300
    assert Ledger.open(tmp_path).page(256, now)[FIRST] == 256
    taken = Ledger.open(tmp_path).page(999, now + 4 * 3600)
    assert (taken[FIRST], taken[USED]) == (0, now + 4 * 3600)
    assert shared.page(1, now)[FIRST] == 0


def writes_of(limiter: Limiter, identity: str) -> dict[str, float]:
    return {fill.name: fill.used for fill in limiter.pace(identity).fills() if "writes" in fill.name}


async def test_an_identity_whose_page_was_given_away_meanwhile_gets_another(tmp_path: Path) -> None:
    early, late = VirtualClock(), VirtualClock()
    await late.sleep(4 * 3600)
    limiter, other = process(tmp_path, early, Limits()), process(tmp_path, late, Limits())
    assert limiter.reserve(COMMENT, "bot").seconds == 0
    assert other.reserve(COMMENT, "another").seconds == 0
    await early.sleep(4 * 3600)
    assert limiter.reserve(COMMENT, "bot").seconds == 0
    for each, identity in ((limiter, "bot"), (other, "another")):
        assert writes_of(each, identity) == {"writes in a minute": 1, "content writes in an hour": 1}


async def test_a_page_that_is_in_use_is_given_to_nobody(tmp_path: Path) -> None:
    clock = VirtualClock()
    limiter = process(tmp_path, clock, Limits())
    limiter.pace("bot")
    await clock.sleep(3 * 3600 - 600)
    assert limiter.reserve(COMMENT, "bot").seconds == 0
    await clock.sleep(1200)
    assert process(tmp_path, clock, Limits()).reserve(COMMENT, "another").seconds == 0
    assert writes_of(limiter, "bot")["content writes in an hour"] == 1


def test_while_one_process_looks_and_books_no_other_does(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    with (tmp_path / NAME).open() as other:
        with ledger, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_where_no_file_can_be_each_process_counts_for_itself_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / NAME).mkdir()
    with caplog.at_level(logging.WARNING):
        limiter = process(tmp_path, VirtualClock(), Limits(writes_per_minute=1))
    assert [record.getMessage() for record in caplog.records] == [
        "What is written at GitHub is counted in this process alone."
    ]
    assert [limiter.reserve(COMMENT, "bot").reason for _ in range(2)][1] == "content"


async def test_where_linux_s_locks_are_missing_each_process_has_all_places_to_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        ledger = Ledger.open(tmp_path, system="Darwin")
    assert [record.getMessage() for record in caplog.records] == [
        "What is written at GitHub is counted in this process alone."
    ]
    assert not (tmp_path / NAME).exists()
    places = Places(2, VirtualClock(), ledger, 7)
    for _ in range(2):
        await places.enter(Cost.INTERACTIVE)


@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), 1e300, -1e300, -5.0])
def test_a_damaged_page_is_right_again_after_its_time(tmp_path: Path, garbage: float) -> None:
    clock = VirtualClock()
    limiter, ledger = process(tmp_path, clock, Limits()), Ledger.open(tmp_path)
    limiter.pace("bot")
    page = ledger.page(key_of("bot"), clock.now().timestamp())
    for place in range(2, FIRST + 2 * Window.FLOATS):
        page[place] = garbage
    limiter.reserve(COMMENT, "bot")
    assert limiter.pace("bot").told <= clock.now() + timedelta(days=1, minutes=1)
    window = Window(5, 60, page[FIRST : FIRST + Window.FLOATS])
    later = clock.now().timestamp() + 3600
    assert window.wait(later, 1.0) == 0
    window.book(later)
    assert window.used(later) == 1


async def test_components_with_one_job_store_keep_the_limits_together(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("{}")
    settings = ConfigSettings(config_path=str(tmp_path / "config.yaml"))
    async with (
        open_parts(settings, tmp_path / "jobs.db", clock=SystemClock()) as hook,
        open_parts(settings, tmp_path / "jobs.db", clock=SystemClock()) as tide,
    ):
        clients = [await parts.github(GitHubSettings(), component="x", dry_run=True) for parts in (hook, tide)]
        assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
        assert [client.account().full for client in clients] == [(), ()]
