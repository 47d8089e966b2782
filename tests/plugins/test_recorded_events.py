"""Plugins against what the original did for recorded events: the same writes in the same order, the same jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from prow.config.config import Config
from prow.config.plugins import PluginsConfig
from prow.model.events import EventKind
from prow.plugin.model import Plugin
from prow.plugins import BUILT
from tests.plugins.world import Story, World, loaded
from tests.support.data import golden, needs_data

pytestmark = needs_data

ELSEWHERE = {"approve"}
"""Plugins that differ from the original on purpose; their own tests hold them against the recordings."""

_configs: dict[tuple[str, str], tuple[Config, PluginsConfig]] = {}


def configs(given: dict[str, Any], folder: Path) -> tuple[Config, PluginsConfig]:
    texts = (given["config"], given["plugins"])
    if texts not in _configs:
        _configs[texts] = loaded(folder, jobs=texts[0], plugins=texts[1])
    return _configs[texts]


async def played(plugin: Plugin, kind: EventKind, given: dict[str, Any], folder: Path) -> World:
    """Hand the recorded event to the plugin as hook would."""
    world = World(given["state"])
    story = Story(world, *configs(given, folder), enabled=[plugin])
    event = given["event"]
    if kind is EventKind.PULL_REQUEST:
        base_changed = '"base"' in str(event.get("changes", ""))
        label = event.get("label", "")
        await story.pull(event["action"], sender=event["user"], label=label, base_changed=base_changed)
    else:
        await story.comment(event["user"], event["body"], action=event["action"], is_pr=event["is_pr"])
    return world


def wanted_jobs(out: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    return [(job["job"], job["labels"]) for job in out.get("prowjobs") or ()]


@pytest.mark.parametrize("plugin", [p for p in BUILT if p.name not in ELSEWHERE], ids=lambda p: p.name)
@pytest.mark.parametrize(
    ("name", "kind"), [("comment-events", EventKind.ISSUE_COMMENT), ("pull-request-events", EventKind.PULL_REQUEST)]
)
async def test_the_same_is_written_and_the_same_jobs_are_made(
    plugin: Plugin, name: str, kind: EventKind, tmp_path: Path
) -> None:
    for line in golden(name):
        out = (line.get("out") or {}).get(plugin.name) or {}
        world = await played(plugin, kind, line["in"], tmp_path)
        assert world.effects == (out.get("effects") or []), (line["case"], line["in"]["event"], line["in"]["state"])
        made = sorted((job.spec.job, job.metadata.labels) for job in world.created)
        assert made == sorted(wanted_jobs(out)), (line["case"], line["in"]["event"])
