"""Plugins against what the original did for recorded events: the same writes in the same order, the same jobs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from prow.config.config import Config
from prow.config.load import load
from prow.config.load_plugins import load_plugins
from prow.config.plugins import PluginsConfig
from prow.lib import logs
from prow.lib.virtual_clock import VirtualClock
from prow.model.events import EventKind, GenericComment, PullRequestEvent
from prow.model.forge import LabelRef, PullKey, User
from prow.plugin.context import Context
from prow.plugin.effects import MemoryEffects
from prow.plugin.model import Plugin
from prow.plugin.view import PullView
from prow.plugins import BUILT
from tests.plugins.golden_world import BOT, REPO, GoldenWorld
from tests.support.data import golden, needs_data

pytestmark = needs_data


@cache
def configs(config: str, plugins: str, folder: Path) -> tuple[Config, PluginsConfig]:
    path = folder / f"{abs(hash((config, plugins)))}"
    path.mkdir()
    (path / "config.yaml").write_text(config)
    (path / "plugins.yaml").write_text(plugins)
    return load(path / "config.yaml"), load_plugins(path / "plugins.yaml")


async def played(plugin: Plugin, kind: EventKind, given: dict[str, Any], folder: Path) -> GoldenWorld:
    """Hand the recorded event to the plugin's handler."""
    world = GoldenWorld(given["state"])
    config, plugins = configs(given["config"], given["plugins"], folder)
    event = given["event"]
    pull = None
    if kind is EventKind.PULL_REQUEST:
        pull = world.pull()
        changes = str(event.get("changes", ""))
        made: Any = PullRequestEvent(
            guid="guid-1",
            action=event["action"],
            number=5,
            repo=REPO,
            sender=User(login=event["user"]),
            pull_request=pull,
            label=LabelRef(name=event["label"]) if "label" in event else None,
            base_changed='"base"' in changes,
        )
    else:
        made = GenericComment(
            guid="guid-1",
            action=event["action"],
            repo=REPO,
            number=5,
            is_pr=event["is_pr"],
            body=event["body"],
            user=User(login=event["user"]),
            issue_author=User(login=given["state"]["author"]),
            issue_state=given["state"]["state"],
            html_url="https://github.com/org/repo/pull/5#1",
        )
    ctx = Context(
        plugin=plugin.name,
        guid="guid-1",
        config=config,
        plugins=plugins,
        github=world,
        jobs=world,
        known_jobs=world,
        effects=MemoryEffects(),
        clock=VirtualClock(),
        log=logs.get("test"),
        view=PullView(PullKey("org", "repo", 5), world, pull=pull),
        bot=BOT,
    )
    if kind in plugin.handlers:
        await plugin.handlers[kind](ctx, made)
    return world


def wanted_jobs(out: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    return [(job["job"], job["labels"]) for job in out.get("prowjobs") or ()]


@pytest.mark.parametrize("plugin", BUILT, ids=lambda p: p.name)
@pytest.mark.parametrize(
    ("name", "kind"), [("comment-events", EventKind.GENERIC_COMMENT), ("pull-request-events", EventKind.PULL_REQUEST)]
)
async def test_the_same_is_written_and_the_same_jobs_are_made(
    plugin: Plugin, name: str, kind: EventKind, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("configs")
    for line in golden(name):
        out = (line.get("out") or {}).get(plugin.name) or {}
        world = await played(plugin, kind, line["in"], folder)
        assert world.effects == (out.get("effects") or []), (line["case"], line["in"]["event"], line["in"]["state"])
        made = sorted((job.spec.job, job.metadata.labels) for job in world.created)
        assert made == sorted(wanted_jobs(out)), (line["case"], line["in"]["event"])
