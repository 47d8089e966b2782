"""The configuration of a running process follows the files and survives bad ones."""

import asyncio
from pathlib import Path

import pytest

from prow.config.agent import ConfigAgent, Snapshot
from prow.config.errors import ConfigError
from prow.config.supplemental import Supplements
from prow.lib.virtual_clock import VirtualClock

JOB = "presubmits:\n  o/r:\n  - name: {name}\n    spec: {{containers: [{{image: x}}]}}\n"


def agent_on(folder: Path) -> ConfigAgent:
    (folder / "config.yaml").write_text("log_level: info\n")
    (folder / "plugins.yaml").write_text("plugins: {o: {plugins: [size]}}\n")
    (folder / "jobs/deep").mkdir(parents=True)
    (folder / "jobs/deep/a.yaml").write_text(JOB.format(name="one"))
    return ConfigAgent(folder / "config.yaml", folder / "jobs", folder / "plugins.yaml")


def names(agent: ConfigAgent) -> list[str]:
    return [job.name for job in agent.config.presubmits_for("o", "r")]


async def test_nothing_can_be_asked_before_the_first_load(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        _ = agent_on(tmp_path).config


async def test_the_first_load_fails_on_a_bad_config(tmp_path: Path) -> None:
    agent = agent_on(tmp_path)
    (tmp_path / "config.yaml").write_text("log_level: loud\n")
    with pytest.raises(ConfigError, match="log_level"):
        await agent.load()


async def test_an_edit_deep_in_the_tree_is_seen_and_subscribers_hear_of_it(tmp_path: Path) -> None:
    agent, clock = agent_on(tmp_path), VirtualClock()
    heard: list[tuple[Snapshot, Snapshot]] = []
    agent.subscribe(lambda old, new: heard.append((old, new)))
    await agent.load()
    before = agent.snapshot
    watch = asyncio.create_task(agent.watch(clock))
    await clock.sleep(5)
    assert heard == []
    (tmp_path / "jobs/deep/a.yaml").write_text(JOB.format(name="changed"))
    await clock.sleep(5)
    watch.cancel()
    assert names(agent) == ["changed"]
    assert heard == [(before, agent.snapshot)]
    assert before.config.presubmits_for("o", "r")[0].name == "one"
    assert before.hash != agent.hash


async def test_a_bad_config_is_refused_and_the_last_good_one_stays(tmp_path: Path) -> None:
    agent, clock = agent_on(tmp_path), VirtualClock()
    await agent.load()
    watch = asyncio.create_task(agent.watch(clock))
    (tmp_path / "jobs/deep/a.yaml").write_text("presubmits: broken\n")
    await clock.sleep(3)
    assert names(agent) == ["one"]
    (tmp_path / "jobs/deep/a.yaml").write_text(JOB.format(name="mended"))
    await clock.sleep(3)
    watch.cancel()
    assert names(agent) == ["mended"]


async def test_the_swap_of_a_mounted_configmap_is_seen(tmp_path: Path) -> None:
    for version in ("one", "two"):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}/config.yaml").write_text(f"pod_namespace: {version}\n")
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")
    agent, clock = ConfigAgent(tmp_path / "config.yaml"), VirtualClock()
    await agent.load()
    watch = asyncio.create_task(agent.watch(clock))
    (tmp_path / "..new").symlink_to("..two")
    (tmp_path / "..new").replace(tmp_path / "..data")
    await clock.sleep(3)
    watch.cancel()
    assert agent.config.pod_namespace == "two"


def mounted(folder: Path, version: str, files: dict[str, str]) -> None:
    """As Kubernetes mounts a ConfigMap: names are links into `..data`, which is a link that is replaced."""
    (folder / f"..{version}").mkdir(parents=True)
    for name, text in files.items():
        (folder / f"..{version}/{name}").write_text(text)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    (folder / "..new").symlink_to(f"..{version}")
    (folder / "..new").replace(folder / "..data")


async def test_jobs_plugins_and_settings_of_mounted_configmaps_are_followed(tmp_path: Path) -> None:
    """Each is mounted by itself, and each may be swapped by itself. Neither `..data` nor what it pointed to is read too."""
    mounted(tmp_path / "config", "one", {"config.yaml": "log_level: info\n", "VERSION": "a"})
    mounted(tmp_path / "jobs", "one", {"a.yaml": JOB.format(name="one"), "b.yaml": ""})
    mounted(tmp_path / "plugins", "one", {"plugins.yaml": "plugins: {o: {plugins: [size]}}\n"})
    agent = ConfigAgent(tmp_path / "config/config.yaml", tmp_path / "jobs", tmp_path / "plugins/plugins.yaml")
    clock = VirtualClock()
    await agent.load()
    watch = asyncio.create_task(agent.watch(clock))
    assert (names(agent), agent.config.config_version_sha) == (["one"], "a")
    mounted(tmp_path / "jobs", "two", {"a.yaml": JOB.format(name="two"), "b.yaml": ""})
    await clock.sleep(3)
    assert names(agent) == ["two"]
    mounted(tmp_path / "config", "two", {"config.yaml": "log_level: debug\n", "VERSION": "b"})
    await clock.sleep(3)
    assert (agent.config.log_level, agent.config.config_version_sha) == ("debug", "b")
    mounted(tmp_path / "plugins", "two", {"plugins.yaml": "plugins: {o: {plugins: [hold]}}\n"})
    await clock.sleep(3)
    assert agent.plugins.plugins_for("o", "r") == ("hold",)
    mounted(tmp_path / "jobs", "three", {"a.yaml": "presubmits: 1\n", "b.yaml": ""})
    await clock.sleep(3)
    watch.cancel()
    assert names(agent) == ["two"]


async def test_every_kind_of_file_is_followed(tmp_path: Path) -> None:
    more = Supplements((str(tmp_path / "more"),), suffix=".part")
    (tmp_path / "more/o").mkdir(parents=True)
    agent_on(tmp_path)
    agent, clock = ConfigAgent(tmp_path / "config.yaml", tmp_path / "jobs", supplemental=more), VirtualClock()
    await agent.load()
    watch = asyncio.create_task(agent.watch(clock))
    (tmp_path / "more/o/tide.part").write_text("tide: {merge_method: {o: squash}}\n")
    await clock.sleep(3)
    assert agent.config.tide.merge_method == {"o": "squash"}
    (tmp_path / "jobs/.prowignore").write_text("deep\n")
    await clock.sleep(3)
    assert names(agent) == []
    (tmp_path / "jobs/.prowignore").unlink()
    (tmp_path / "jobs/b.yml").write_text(JOB.format(name="two"))
    await clock.sleep(3)
    watch.cancel()
    assert sorted(names(agent)) == ["one", "two"]


async def test_a_subscriber_that_fails_does_not_keep_the_others_from_the_news(tmp_path: Path) -> None:
    agent = agent_on(tmp_path)
    heard: list[str] = []

    def fails(_old: Snapshot, _new: Snapshot) -> None:
        raise RuntimeError

    agent.subscribe(fails)
    agent.subscribe(lambda _, new: heard.append(new.config.log_level))
    await agent.load()
    (tmp_path / "config.yaml").write_text("log_level: debug\n")
    assert await agent.reload()
    assert heard == ["debug"]


async def test_an_agent_can_be_made_of_values(tmp_path: Path) -> None:
    agent = agent_on(tmp_path)
    await agent.load()
    assert ConfigAgent.of(agent.config, agent.plugins).snapshot == agent.snapshot
