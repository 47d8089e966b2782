from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.hook.effects_store import Ledger
from prow.hook.inbox import MIGRATIONS
from prow.lib.clock import SystemClock
from prow.lib.errors import Retry
from prow.lib.sqlite import Database
from prow.plugin.effects import Effects, MemoryEffects
from tests.contract.effects import EffectsContract, Writer


class TestMemory(EffectsContract):
    @pytest.fixture
    def effects(self) -> Effects:
        return MemoryEffects()


class TestLedger(EffectsContract):
    @pytest.fixture
    async def effects(self, tmp_path: Path) -> AsyncIterator[Effects]:
        database = await Database.open(tmp_path / "hook.db", MIGRATIONS)
        yield Ledger(database, clock=SystemClock()).of("guid-1", "trigger")
        await database.close()

    async def test_it_remembers_over_a_restart(self, tmp_path: Path) -> None:
        writer = Writer()
        writer.broken = Retry("killed in between")
        database = await Database.open(tmp_path / "again.db", MIGRATIONS)
        with pytest.raises(Retry):
            await (
                Ledger(database, clock=SystemClock()).of("guid", "hold").once("label", act=writer.act, find=writer.find)
            )
        await database.close()
        writer.broken = None
        database = await Database.open(tmp_path / "again.db", MIGRATIONS)
        ledger = Ledger(database, clock=SystemClock())
        assert await ledger.of("guid", "hold").once("label", act=writer.act, find=writer.find) == "id-1"
        assert await ledger.of("guid", "size").once("label", act=writer.act, find=None) == "id-2"
        await database.close()
