"""Metal3's real configuration, unchanged, with a simulated metal3-io/baremetal-operator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import msgspec
import pytest

from prow.cli import compose
from prow.lib.clock import SystemClock
from prow.sim.verbs import PullStory, RepoStory
from tests.support.data import METAL3, needs_data
from tests.support.prow import World, github, settings_for

pytestmark = needs_data

SCRIPT = "#!/bin/sh\necho checked\n"
CHECKS = ("gomod", "markdownlint", "shellcheck", "generate", "manifestlint", "yamllint")
FILES = {
    "OWNERS": "approvers: [wernher]\n",
    "Makefile": "all test unit-cover unit-vbmctl ironic-plugin demo-plugin lint:\n\t@echo $@\n",
    "main.go": "package main\n",
    "docs/api.md": "# API\n",
    **{f"hack/{name}.sh": SCRIPT for name in CHECKS},
}
GO_CHANGE = {"generate", "gomod", "golangci-lint", "manifestlint", "pr-verifier", "unit"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with github(tmp_path, "metal3-io/baremetal-operator", files=FILES) as (sim, repo):
        infra = await RepoStory.create(sim, "metal3-io/project-infra", files={"hack/verify-pr-title.sh": SCRIPT})
        await repo.push("wernher", {"release.txt": "0.11\n"}, branch="release-0.11")
        settings = await settings_for(tmp_path, sim, config="", jobs="", plugins="")
        real = compose.ConfigSettings(
            config_path=str(METAL3 / "config.yaml"),
            job_config_path=str(METAL3 / "jobs"),
            plugin_config=str(METAL3 / "plugins.yaml"),
        )
        settings = msgspec.structs.replace(settings, config=real)
        async with compose.running(settings, clock=SystemClock()) as system:
            sim.world.add_hook(repo.repo, url=system.hook_url, secret="0123456789abcdef0123")
            assert infra.repo.full_name
            yield World(system, sim, repo, settings)


async def passed(pr: PullStory, contexts: set[str]) -> None:
    """Exactly these jobs reported, and all passed."""

    def holds(p: PullStory) -> bool:
        return {c for c, s in p.statuses.items() if s.state == "success"} == contexts

    await pr.wait_for(holds, f"success of {sorted(contexts)}", within=40)
    assert pr.statuses.keys() - {"tide"} == contexts


async def test_a_change_of_code_on_main_starts_exactly_what_the_config_asks_for(world: World) -> None:
    pr = await world.repo.open_pull_request("wernher", title=":bug: Fix it", files={"main.go": "package fixed\n"})
    await passed(pr, GO_CHANGE)
    await pr.expect_label("size/XS")
    pages = {s.target_url for c, s in pr.statuses.items() if c != "tide"}
    assert all(
        p.startswith("https://prow.apps.test.metal3.io/view/s3/prow-logs/pr-logs/pull/metal3-io_baremetal-operator/1/")
        for p in pages
    )


async def test_a_release_branch_has_its_own_jobs(world: World) -> None:
    pr = await world.repo.open_pull_request(
        "wernher", title="Backport", files={"hack/gomod.sh": SCRIPT + "\n"}, base="release-0.11"
    )
    await passed(pr, {"gomod", "generate", "manifestlint", "shellcheck", "test"})


async def test_prose_starts_other_jobs_and_jenkins_jobs_stay_triggered_and_the_page_says_why(world: World) -> None:
    pr = await world.repo.open_pull_request("mia", title="Docs", files={"docs/api.md": "# The API\n"})
    await pr.expect_label("needs-ok-to-test")
    await pr.comment("wernher", "/ok-to-test")
    await passed(pr, {"markdownlint", "pr-verifier", "yamllint"})
    await pr.comment("mia", "/test metal3-centos-e2e-basic-test-main")
    status = await pr.expect_status("metal3-centos-e2e-basic-test-main", "pending")
    assert status.target_url == ""
    async with httpx2.AsyncClient(base_url=world.system.deck_url, trust_env=False) as client:
        page = (await client.get("/?job=metal3-centos-e2e-basic-test-main")).text
    assert "no engine here runs jobs of agent &#34;jenkins&#34;" in page
    assert 'class="state triggered"' in page
