"""What every effect ledger must do. Subclasses give an `effects` fixture, and `again()`: the same ledger after a crash."""

from __future__ import annotations

import asyncio

import pytest

from prow.lib.errors import Permanent, Retry
from prow.plugin.effects import Effects


class Writer:
    """Counts its writes; `broken` is raised after the write took effect, `refused` before."""

    def __init__(self) -> None:
        self.writes = 0
        self.broken: Exception | None = None
        self.refused: Exception | None = None

    async def act(self) -> str:
        if self.refused is not None:
            raise self.refused
        self.writes += 1
        if self.broken is not None:
            raise self.broken
        return f"id-{self.writes}"

    async def find(self) -> str | None:
        return f"id-{self.writes}" if self.writes else None


class EffectsContract:
    async def test_an_effect_is_done_once_and_its_answer_kept(self, effects: Effects) -> None:
        writer = Writer()
        assert await effects.once("comment", act=writer.act) == "id-1"
        assert await effects.once("comment", act=writer.act) == "id-1"
        assert writer.writes == 1

    async def test_different_keys_are_different_effects(self, effects: Effects) -> None:
        writer = Writer()
        await effects.once("one", act=writer.act)
        await effects.once("two", act=writer.act)
        assert writer.writes == 2

    async def test_a_lost_answer_is_looked_for_before_it_is_done_again(self, effects: Effects) -> None:
        writer = Writer()
        writer.broken = Retry("connection lost")
        with pytest.raises(Retry):
            await effects.once("comment", act=writer.act, find=writer.find)
        writer.broken = None
        assert await effects.once("comment", act=writer.act, find=writer.find) == "id-1"
        assert writer.writes == 1

    async def test_an_intent_that_came_to_nothing_is_carried_out(self, effects: Effects) -> None:
        writer = Writer()
        writer.refused = Retry("connection refused")
        with pytest.raises(Retry):
            await effects.once("comment", act=writer.act, find=writer.find)
        writer.refused = None
        assert await effects.once("comment", act=writer.act, find=writer.find) == "id-1"

    async def test_a_refusal_leaves_no_intent_behind(self, effects: Effects) -> None:
        writer = Writer()
        writer.refused = Permanent("no rights")
        with pytest.raises(Permanent):
            await effects.once("comment", act=writer.act)
        writer.refused = None
        assert await effects.once("comment", act=writer.act) == "id-1"

    async def test_what_was_begun_is_known_whether_or_not_it_came_through(self, effects: Effects) -> None:
        done, lost, refused = Writer(), Writer(), Writer()
        lost.broken = Retry("connection lost")
        refused.refused = Permanent("no rights")
        assert not await effects.begun("done")
        await effects.once("done", act=done.act)
        with pytest.raises(Retry):
            await effects.once("lost", act=lost.act)
        with pytest.raises(Permanent):
            await effects.once("refused", act=refused.act)
        assert [await effects.begun(key) for key in ("done", "lost", "refused")] == [True, True, False]

    async def test_two_at_once_do_one(self, effects: Effects) -> None:
        writer = Writer()
        answers = await asyncio.gather(*(effects.once("comment", act=writer.act) for _ in range(5)))
        assert (set(answers), writer.writes) == ({"id-1"}, 1)
