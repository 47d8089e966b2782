"""What a process opens follows its command line: the level of logs, in-repo configs, mirrors, the cache of configs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from prow.cli import groups
from prow.cli.adapters import InRepo
from prow.cli.github_client import GitHubSettings
from prow.cli.given import Given
from prow.cli.parts import ConfigSettings, open_parts
from prow.config.errors import ConfigError
from prow.lib.clock import SystemClock
from prow.lib.errors import UsageError
from tests.git.support import hub_in
from tests.support.prow import github

JOB = "presubmits:\n- {name: unit, always_run: true, spec: {containers: [{image: x}]}}\n"


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger("prow")
    before = root.level
    yield
    root.setLevel(before)


def settings(folder: Path, config: str = "", *, jobs: str = "", **flags: Any) -> ConfigSettings:
    """As a component's command line makes them."""
    (folder / "config.yaml").write_text(config)
    (folder / "jobs.yaml").write_text(jobs)
    paths = {"config_path": str(folder / "config.yaml"), "job_config_path": str(folder / "jobs.yaml")}
    level = flags.pop("log_level", "")
    return Given([groups.ConfigFlags(**paths, **flags), groups.StateFlags(log_level=level)]).config()


async def test_the_level_of_logs_is_that_of_the_config_and_follows_it(tmp_path: Path) -> None:
    async with open_parts(settings(tmp_path, "log_level: ERROR"), tmp_path / "jobs.db", clock=SystemClock()) as parts:
        assert logging.getLogger("prow").level == logging.ERROR
        (tmp_path / "config.yaml").write_text("log_level: debug\n")
        assert await parts.agent.reload()
        assert logging.getLogger("prow").level == logging.DEBUG
        (tmp_path / "config.yaml").write_text("log_level: loud\n")
        assert not await parts.agent.reload()
        assert logging.getLogger("prow").level == logging.DEBUG
        (tmp_path / "config.yaml").write_text("{}\n")
        assert await parts.agent.reload()
        assert logging.getLogger("prow").level == logging.INFO


async def test_a_level_on_the_command_line_goes_before(tmp_path: Path) -> None:
    logging.getLogger("prow").setLevel(logging.WARNING)
    given = settings(tmp_path, "log_level: debug", log_level="warning")
    async with open_parts(given, tmp_path / "jobs.db", clock=SystemClock()):
        assert logging.getLogger("prow").level == logging.WARNING


def figures(repo: str) -> dict[str, float]:
    """The in-repo metrics of a repository by upstream's names."""
    names = [f"inRepoConfigCache_{name}" for name in ("lookups", "hits", "misses", "evictions_forced", "evictions_manual",
             "cache_usage_size", "GetProwYAML_duration_count")]  # fmt: skip
    names += ["inrepoconfig_git_client_acquisition_duration_count", "inrepoconfig_git_other_duration_count"]
    found = {name: REGISTRY.get_sample_value(name, {"org": "measured", "repo": repo}) for name in names}
    return {name.removeprefix("inRepoConfigCache_"): value for name, value in found.items() if value}


async def test_in_repo_configs_are_kept_as_many_as_the_flag_says_and_counted(tmp_path: Path) -> None:
    """Mirrors are where the flag says."""
    given = settings(
        tmp_path, "in_repo_config: {enabled: {'*': true}}", in_repo_config_cache_size=1, cache_dir_base=str(tmp_path / "m")
    )  # fmt: skip
    files = {".prow.yaml": JOB}
    async with (
        github(tmp_path, "measured/rockets", files=files) as (sim, repo),
        open_parts(given, tmp_path / "jobs.db", clock=SystemClock()) as parts,
    ):
        mirrors = await parts.mirrors(tmp_path / "state", GitHubSettings(git_base=sim.world.base))
        reader = InRepo(mirrors, parts.in_repo_cache).reader_for(parts.config(), "measured", "rockets")
        assert reader is not None
        first = await repo.tip()
        for _ in range(2):
            (job,) = await reader.presubmits("measured", "rockets", base_sha=first, heads=[])
            assert job.name == "unit"
        once = {"lookups": 2, "hits": 1, "misses": 1, "cache_usage_size": 1, "GetProwYAML_duration_count": 2}
        assert figures("rockets") == once | {
            "inrepoconfig_git_client_acquisition_duration_count": 2, "inrepoconfig_git_other_duration_count": 1,
        }  # fmt: skip
        same = await repo.push("wernher", {"README.md": "# Rockets\n"})
        await reader.presubmits("measured", "rockets", base_sha=same, heads=[])
        assert figures("rockets")["hits"] == 2
        second = await repo.push("wernher", {".prow.yaml": f"{JOB}# more\n"})
        await reader.presubmits("measured", "rockets", base_sha=second, heads=[])
        assert figures("rockets")["evictions_forced"] == 1
        assert figures("rockets")["cache_usage_size"] == 1
        broken = await repo.push("wernher", {".prow.yaml": "presubmits: 3\n"})
        with pytest.raises(ConfigError):
            await reader.presubmits("measured", "rockets", base_sha=broken, heads=[])
        assert figures("rockets")["evictions_manual"] == 1
    assert [path.name for path in (tmp_path / "m").iterdir()]
    assert not (tmp_path / "state/git/mirrors").exists()


async def test_a_head_is_read_with_its_base_in_three_requests(tmp_path: Path) -> None:
    """The commits, what the merge needs, what the files of the config say; then nothing until they change."""
    job = "presubmits:\n- name: %s\n  spec: {containers: [{image: x}]}\n"
    given = settings(tmp_path, "in_repo_config: {enabled: {'*': true}}")
    files = {f".prow/{name}.yaml": job % name for name in ("one", "two", "three")} | {"code": "1\n2\n3\n4\n5\n"}
    async with (
        hub_in(tmp_path, files) as hub,
        open_parts(given, tmp_path / "jobs.db", clock=SystemClock()) as parts,
    ):
        repo, watched, url = hub.repo, hub.watched, hub.sim.world.base
        start = await repo.tip()
        head = await repo.push(
            "mia", {"code": "one\n2\n3\n4\n5\n", ".prow/four.yaml": job % "four"}, branch="head", start=start
        )
        base = await repo.push("mia", {"code": "1\n2\n3\n4\nfive\n"})
        mirrors = await parts.mirrors(tmp_path / "state", GitHubSettings(git_base=url))
        reader = InRepo(mirrors, parts.in_repo_cache).reader_for(parts.config(), "acme", "rockets")
        assert reader is not None
        for _ in range(2):
            jobs = await reader.presubmits("acme", "rockets", base_sha=base, heads=[head])
            assert {each.name for each in jobs} == {"one", "two", "three", "four"}
            assert watched.fetches == 3
        clash = await repo.push("mia", {"code": "uno\n2\n3\n4\n5\n"}, branch="clash", start=start)
        with pytest.raises(ConfigError, match=r"does not merge into .* \(conflicts in code\)"):
            await reader.presubmits("acme", "rockets", base_sha=base, heads=[head, clash])


def test_no_room_for_in_repo_configs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--in-repo-config-cache-size=0: give 1 or more"):
        settings(tmp_path, in_repo_config_cache_size=0)


async def test_that_nobody_is_asked_as_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    anonymous = Given([groups.GitHubFlags()]).github()
    async with open_parts(settings(tmp_path), tmp_path / "jobs.db", clock=SystemClock()) as parts:
        for component in ("hook", "tide"):
            await parts.github(anonymous, component=component, dry_run=False)
    (said,) = [record.getMessage() for record in caplog.records if "credentials" in record.getMessage()]
    assert said == "GitHub is asked without credentials: 60 calls an hour, and nothing can be written."


async def test_git_mirrors_have_the_room_and_the_key_that_the_flags_give(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--git-cache-sizeMB=0: give 1 or more"):
        settings(tmp_path, git_cache_size_mb=0)
    given = settings(tmp_path, git_cache_size_mb=1)
    assert given.mirror_bytes == 1 << 20
    signing = Given([groups.GitHubFlags(git_signing_key_path=str(tmp_path / "none"))]).github()
    async with open_parts(given, tmp_path / "jobs.db", clock=SystemClock()) as parts:
        with pytest.raises(UsageError, match=r"--git-signing-key-path .*: there is no such file"):
            await parts.mirrors(tmp_path / "state", signing)


async def test_what_was_read_is_kept_where_the_flag_says(tmp_path: Path) -> None:
    job = "- {name: job-%d, interval: 1h, spec: {containers: [{image: x, args: [%s]}]}}\n"
    many = "periodics:\n" + "".join(job % (number, "y" * 300) for number in range(900))
    given = settings(tmp_path, jobs=many, config_cache_dir=str(tmp_path / "kept"))
    async with open_parts(given, tmp_path / "jobs.db", clock=SystemClock()):
        assert list((tmp_path / "kept").glob("*.cache"))
    off = msgspec.structs.replace(given, cache_dir="off")
    async with open_parts(off, tmp_path / "jobs.db", clock=SystemClock()):
        assert not Path("off").exists()
