from __future__ import annotations

from typing import Any

import pytest

from prow.config.config import Config
from prow.config.plugins import PluginsConfig
from tests.plugins.trigger import JOBS, Told
from tests.plugins.world import loaded


@pytest.fixture(scope="session")
def trigger_configs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, PluginsConfig]:
    return loaded(tmp_path_factory.mktemp("config"), jobs=JOBS)


@pytest.fixture
def tell(trigger_configs: tuple[Config, PluginsConfig]) -> Any:
    """Make a story of trigger: `tell(state, options=…)`."""
    return lambda state=None, **more: Told(trigger_configs, state or {}, **more)
