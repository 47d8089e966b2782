"""The view of a pull request: everything is read once per delivery, and knows what the delivery's handlers changed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from prow.lib.errors import Retry
from prow.model.forge import ChangedFile, PullKey
from prow.plugin.view import PullView
from tests.plugins.world import World

KEY = PullKey("org", "repo", 5)


class SlowWorld(World):
    """Answers about files only when told."""

    def __init__(self) -> None:
        super().__init__({"files": ["a"]})
        self.answer = asyncio.Event()

    async def list_files(self, org: str, repo: str, number: int) -> Sequence[ChangedFile]:
        found = await super().list_files(org, repo, number)
        await self.answer.wait()
        return found


async def test_every_part_is_read_once() -> None:
    world = World({"files": ["a"], "labels": ["x"]})
    view = PullView(KEY, world)
    for _ in range(2):
        await view.labels()
        await view.fresh_pull()
        await view.pull()
        await view.files()
        await view.comments()
        await view.reviews()
        await view.review_comments()
        await view.base_sha()
        await view.statuses()
    assert sorted(world.calls) == sorted(set(world.calls))
    assert len(world.calls) == 8


async def test_a_pull_request_that_was_read_brings_its_labels() -> None:
    world = World({"labels": ["x"]})
    view = PullView(KEY, world)
    await view.fresh_pull()
    assert await view.labels() == ("x",)
    assert world.calls == ["get_pull_request"]


async def test_handlers_that_ask_at_once_share_one_request() -> None:
    world = SlowWorld()
    view = PullView(KEY, world)
    asked = asyncio.gather(view.files(), view.files(), view.files())
    await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    world.answer.set()
    first, second, third = await asked
    assert first is second is third
    assert world.calls == ["list_files"]


async def test_one_handler_that_gives_up_does_not_stop_the_others_request() -> None:
    world = SlowWorld()
    view = PullView(KEY, world)
    hasty, patient = asyncio.create_task(view.files()), asyncio.create_task(view.files())
    await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    hasty.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hasty
    world.answer.set()
    assert [f.filename for f in await patient] == ["a"]


async def test_a_failed_read_is_forgotten() -> None:
    world = World({"files": ["a"]})
    world.faults["list_files"].append(Retry("GitHub is away"))
    view = PullView(KEY, world)
    with pytest.raises(Retry):
        await view.files()
    assert [f.filename for f in await view.files()] == ["a"]


async def test_the_payload_saves_reading_the_pull_request_and_never_its_labels() -> None:
    world = World({"labels": ["now"]})
    view = PullView(KEY, world, pull=world.pull())
    assert (await view.pull()).head.sha == "head"
    assert await view.labels() == ("now",)
    assert world.calls == ["list_issue_labels"]


async def test_labels_are_compared_as_github_does() -> None:
    view = PullView(KEY, World({"labels": ["Kind/Bug"]}))
    assert await view.has_label("kind/bug")
    view.learn_added(["KIND/bug", "new"])
    assert await view.labels() == ("Kind/Bug", "new")
    view.learn_removed("kind/BUG")
    assert await view.labels() == ("new",)


def test_learning_before_reading_changes_nothing() -> None:
    view = PullView(KEY, World())
    view.learn_added(["a"])
    view.learn_removed("a")
    assert view.key.number == 5
