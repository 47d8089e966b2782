"""Metal3's real configuration, unchanged, with simulated repositories of theirs: for stories."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from prow.cli import compose
from prow.github.rules import Options
from prow.lib.clock import SystemClock
from prow.sim import gitrepo
from prow.sim.bots import BotStory
from prow.sim.state import Status
from prow.sim.verbs import PullStory, RepoStory
from prow.tide.service import Settings as TideSettings
from tests.support.data import METAL3
from tests.support.prow import BOT, SECRET, World, github, settings_for

SCRIPT = "#!/bin/sh\necho checked\n"
OWNERS = """\
approvers:
- bmo-maintainers
reviewers:
- bmo-maintainers
- bmo-reviewers
emeritus_approvers:
- konrad
"""
ALIASES = """\
aliases:
  bmo-maintainers:
  - wernher
  - Dora
  bmo-reviewers:
  - katherine
  - hedy
  docs-writers:
  - grete
"""
VERIFY_TITLE = (
    '#!/bin/sh\ncase "${PULL_TITLE#WIP }" in :*) ;; *) echo "No kind in the title: $PULL_TITLE"; exit 1 ;; esac\n'
)
"""Their titles say the kind of change with an emoji."""
_CHECKS = ("gomod", "markdownlint", "shellcheck", "generate", "manifestlint", "yamllint")
FILES = {
    "OWNERS": OWNERS,
    "OWNERS_ALIASES": ALIASES,
    "docs/OWNERS": "approvers:\n- docs-writers\n",
    "Makefile": "all test unit-cover unit-vbmctl ironic-plugin demo-plugin lint:\n\t@echo $@\n",
    "main.go": "package main\n",
    "docs/api.md": "# API\n",
    **{f"hack/{name}.sh": SCRIPT for name in _CHECKS},
}
TOOLS = {
    "OWNERS": "approvers:\n- wernher\n- dora\nreviewers:\n- hedy\n",
    "ci/build.txt": "one\n",
}
JENKINS = "metal3-centos-e2e-basic-test-main"


class Metal3(World):
    """`repo`: metal3-io/baremetal-operator; `tools`: Nordix/metal3-dev-tools."""

    tools: RepoStory

    async def handled(self) -> None:
        """But by the external plugins of their config: those are not there, and are waited for."""
        await self.system.hook.drain()


@asynccontextmanager
async def metal3(folder: Path, *, tide: TideSettings | None = None) -> AsyncIterator[Metal3]:
    """Everything running, with webhooks installed, and all repositories looked at by tide."""
    async with github(folder, "metal3-io/baremetal-operator", files=FILES) as (sim, repo):
        await RepoStory.create(sim, "metal3-io/project-infra", files={"hack/verify-pr-title.sh": VERIFY_TITLE})
        sim.world.org("Nordix", members=["wernher", BOT])
        tools = await RepoStory.create(sim, "Nordix/metal3-dev-tools", files=TOOLS)
        for login in (BOT, "wernher", "dora", "hedy"):
            tools.collaborator(login, "write")
        await repo.push("wernher", {"release.txt": "0.11\n"}, branch="release-0.11")
        settings = await settings_for(folder, sim, config="", jobs="", plugins="", tide=tide)
        real = compose.ConfigSettings(
            config_path=str(METAL3 / "config.yaml"),
            job_config_path=str(METAL3 / "jobs"),
            plugin_config=str(METAL3 / "plugins.yaml"),
        )
        eager = msgspec.structs.replace(settings.github, options=Options(initial_delay=0.05))
        settings = msgspec.structs.replace(settings, config=real, github=eager)
        bot = BotStory(sim, BOT, may=["label size/*", "status tide"])
        async with compose.running(settings, clock=SystemClock()) as system:
            for each in (repo, tools):
                sim.world.add_hook(each.repo, url=system.hook_url, secret=SECRET)
            await system.tide.ready()
            world = Metal3(system, sim, repo, settings, bot, tools)
            yield world
            await world.quiet()
        bot.expect_no_more_writes()


def jobs_of(pr: PullStory) -> dict[str, Status]:
    """The statuses of the head but tide's."""
    return {context: status for context, status in pr.statuses.items() if context != "tide"}


async def passed(pr: PullStory, contexts: set[str]) -> None:
    """Exactly these jobs reported, and all passed."""
    await pr.expect_statuses(dict.fromkeys(contexts, "success"), within=40)
    assert jobs_of(pr).keys() == contexts


async def tide_says(pr: PullStory, text: str, *, state: str = "", within: float = 20) -> None:
    """Its status has these words."""
    await pr.expect_status("tide", state, text=text, within=within)


async def brought_in(pr: PullStory, *, within: float = 20) -> str:
    """It has both labels, one comment that says who approved it, and is merged; gives the commit."""
    sha = await pr.expect_merged(within=within)
    await pr.expect_label("lgtm")
    await pr.expect_label("approved")
    await pr.expect_comment("[APPROVALNOTIFIER] This PR is **APPROVED**", by=BOT)
    return sha


async def history(repo: RepoStory, *, since: str) -> list[tuple[int, str]]:
    """The commits of the default branch since that one, newest first: how many parents, and the subject."""
    arguments = ("log", "--first-parent", "--format=%P%x00%s", f"{since}..{repo.repo.default_branch}")
    lines = (await gitrepo.git(*arguments, cwd=repo.repo.path)).decode().splitlines()
    return [(len(parents.split()), subject) for parents, _, subject in (line.partition("\0") for line in lines)]
