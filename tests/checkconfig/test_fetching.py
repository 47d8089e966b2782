"""Checks that ask the world: which repositories have OWNERS, and which build clusters there are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from prow.checkconfig.fetching import cluster_statuses
from prow.cli.main import main
from prow.sim.verbs import RepoStory
from prow.storage.folders import Folders
from tests.support.prow import BOT, github

PLUGINS = "plugins:\n  acme:\n    plugins: [approve, verify-owners]\n    excluded_repos: [legacy]\n"
STATUSES = "s3://logs/build-clusters.json"


def check(folder: Path, *more: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["checkconfig", f"--config-path={folder}/config.yaml", *more])
    assert isinstance(ended.value.code, int)
    return ended.value.code


async def test_repository_without_owners_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text("")
    (tmp_path / "plugins.yaml").write_text(PLUGINS)
    async with github(tmp_path, "acme/rockets", files={"OWNERS": "approvers: [wernher]\n"}) as (sim, _):
        for name in ("acme/probes", "acme/legacy", "acme/old"):
            repo = await RepoStory.create(sim, name, files={"README.md": "x\n"})
            repo.repo.archived = name == "acme/old"
        (tmp_path / "token").write_text(sim.world.token(BOT))
        flags = [
            f"--plugin-config={tmp_path}/plugins.yaml", "--warnings=verify-owners-presence", "--strict",
            f"--github-token-path={tmp_path}/token", f"--github-endpoint={sim.world.base}",
            f"--github-graphql-endpoint={sim.world.base}/graphql",
        ]  # fmt: skip
        assert await asyncio.to_thread(check, tmp_path, *flags) == 1
    assert capsys.readouterr().out.replace(f"{tmp_path}/", "").splitlines() == [
        ("plugins.yaml:2:3: [verify-owners-presence] plugins.acme: acme/probes has plugins that use OWNERS files, but no file "
        "OWNERS at the top of its default branch"),
        "checkconfig: 0 jobs, 1 warning; with --strict they are errors",
    ]  # fmt: skip


async def test_organisation_without_the_app_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also one where it is suspended. With an App nobody has to name the check."""
    job = "  {}:\n  - name: unit\n    decorate: false\n    spec: {{containers: [{{image: x}}]}}\n"
    orgs = ("acme/rockets", "umbrella/x", "umbrella/y", "globex/z")
    (tmp_path / "config.yaml").write_text("presubmits:\n" + "".join(job.format(name) for name in orgs))
    async with github(tmp_path, "acme/rockets", files={"README.md": "x\n"}) as (sim, _):
        world = sim.world
        for org in ("umbrella", "globex"):
            world.org(org)
        app = world.app("our-prow")
        (tmp_path / "key.pem").write_text(world.new_private_key(app))
        world.install(app, "acme")
        suspended = world.install(app, "globex")
        world.suspend(suspended, "wernher")
        flags = [
            "--exclude-warning=non-decorated-jobs", "--strict", f"--github-app-id={app.id}",
            f"--github-app-private-key-path={tmp_path}/key.pem", f"--github-endpoint={world.base}",
            f"--github-graphql-endpoint={world.base}/graphql",
        ]  # fmt: skip
        assert await asyncio.to_thread(check, tmp_path, *flags) == 1
        told = capsys.readouterr().out.replace(f"{tmp_path}/", "").splitlines()
        assert told[:-1] == [
            f"config.yaml:{place}: the config is about {org}, but the GitHub App is not installed there, or suspended"
            for place, org in (
                ("7:5: [validate-github-app-installation] presubmits.umbrella/x[0]", "umbrella"),
                ("15:5: [validate-github-app-installation] presubmits.globex/z[0]", "globex"),
            )
        ]
        world.install(app, "umbrella")
        world.unsuspend(suspended)
        assert await asyncio.to_thread(check, tmp_path, *flags) == 0
        assert "nothing to say" in capsys.readouterr().out


async def test_github_that_refuses_is_one_more_thing_to_tell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text("status_error_link: ':'\n")
    (tmp_path / "plugins.yaml").write_text(PLUGINS)
    (tmp_path / "token").write_text("ghp_of_nobody_here")
    async with github(tmp_path, "acme/rockets", files={"README.md": "x\n"}) as (sim, _):
        flags = [
            f"--plugin-config={tmp_path}/plugins.yaml", "--warnings=verify-owners-presence", "--warnings=validate-urls",
            f"--github-token-path={tmp_path}/token", f"--github-endpoint={sim.world.base}",
            f"--github-graphql-endpoint={sim.world.base}/graphql",
        ]  # fmt: skip
        assert await asyncio.to_thread(check, tmp_path, *flags) == 0
        told = capsys.readouterr().out.replace(f"{tmp_path}/", "").splitlines()
        assert told[0].startswith("config.yaml:1:20: [validate-urls] ")
        assert told[1].startswith(
            "plugins.yaml:1:1: [verify-owners-presence] plugins: GitHub cannot be asked for OWNERS: "
        )
        assert await asyncio.to_thread(check, tmp_path, *flags, "--strict") == 1


async def test_cluster_that_plank_does_not_know_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text(
        f"plank:\n  build_cluster_status_file: {STATUSES}\nperiodics:\n- name: nightly\n  interval: 1h\n  cluster: biuld\n"
        "  spec: {containers: [{image: x}]}\n"
    )
    flags = ["--warnings=validate-cluster-field", "--strict", f"--bucket-dir={tmp_path}/buckets"]
    assert await asyncio.to_thread(check, tmp_path, *flags) == 0  # plank has not written it yet
    buckets = Folders(tmp_path / "buckets")
    await buckets.put(STATUSES, b'{"build": "Reachable", "default": "Unreachable"}')
    capsys.readouterr()
    assert await asyncio.to_thread(check, tmp_path, *flags) == 1
    assert (
        "config.yaml:6:12: [validate-cluster-field] periodics[0].cluster: the job nightly wants the cluster biuld"
        in (capsys.readouterr().out)
    )
    await buckets.put(STATUSES, b"[]")
    assert await asyncio.to_thread(check, tmp_path, *flags) == 1
    assert "config.yaml:2:30: [validate-cluster-field] plank.build_cluster_status_file: the file is no JSON of" in (
        capsys.readouterr().out
    )
    assert (await cluster_statuses(buckets, "s3://../x"))[1].startswith("the file cannot be read: ")
