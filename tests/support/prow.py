"""A whole Prow against a simulated GitHub, in this process, for stories."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from prow.cli import compose
from prow.crier import github_reporter
from prow.crier.rules import should_report
from prow.deck.service import Settings as DeckSettings
from prow.engines.local.settings import PROCESS
from prow.engines.local.settings import Settings as EngineSettings
from prow.hook.settings import Settings as HookSettings
from prow.jobs.store import JobStore
from prow.lib.clock import SystemClock
from prow.lib.service import Ports
from prow.model.prowjob import ProwJob
from prow.sim.bots import BotStory
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from prow.tide.service import Settings as TideSettings
from tests.support.checked import checked
from tests.support.sandbox import SANDBOX

BOT = "prow-bot"
SECRET = "0123456789abcdef0123"
_PATIENCE = 20.0

CONFIG = """
prowjob_namespace: default
pod_namespace: default
plank:
  job_url_prefix_config:
    '*': https://prow.example/view/
  default_decoration_configs:
    '*':
      timeout: 5m
      grace_period: 2s
      utility_images: {clonerefs: c, initupload: i, entrypoint: e, sidecar: s}
      gcs_configuration: {bucket: prow-logs, path_strategy: explicit}
"""

PLUGINS = """
plugins:
  acme:
    plugins: [trigger, hold, size, help]
"""

TIDE = """
tide:
  queries:
  - orgs: [acme]
    labels: [lgtm, approved]
    missingLabels: [do-not-merge/hold, needs-ok-to-test]
"""
"""To be added to CONFIG: merging on two labels."""

REVIEWED = """
plugins:
  acme:
    plugins: [trigger, lgtm, approve, assign, hold, wip, size, help]
owners:
  skip_collaborators: [acme]
approve:
- repos: [acme]
  require_self_approval: true
"""

OWNERS = "approvers: [wernher]\nreviewers: [katherine, wernher]\n"


class World(msgspec.Struct):
    """`system`: the running Prow; `sim`, `repo`: the GitHub and the repository it looks after; `bot`: what it writes there."""

    system: compose.System
    sim: Sim
    repo: RepoStory
    settings: compose.Settings
    bot: BotStory

    async def quiet(self) -> None:
        """Prow is at rest: all webhooks were delivered and handled, every state of a job was told. Jobs may still run."""
        hooks, sent = self.sim.world.hooks, -1
        async with self.sim.clock.timeout(_PATIENCE):
            while sent != hooks.sent:
                sent = hooks.sent
                await hooks.settled()
                await self.handled()
                await told(self.system.store)
                await self.system.tide.idle()

    async def handled(self) -> None:
        """hook has handled what arrived."""
        await self.system.hook.idle()


async def told(store: JobStore) -> None:
    """Return when crier has told GitHub the state of every job."""
    while True:
        jobs = await store.list()
        waiting = {job.name for job in jobs.items if _untold(job)}
        if not waiting:
            return
        async for change in store.watch(jobs.resource_version):
            if change.job is not None and not _untold(change.job):
                waiting.discard(change.job.name)
            if not waiting:
                break


def _untold(job: ProwJob) -> bool:
    return should_report(job) and job.status.prev_report_states.get(github_reporter.NAME) != job.status.state


def job(name: str, script: str, *, extra: str = "always_run: true") -> str:
    """A decorated presubmit that runs a shell script."""
    return (
        f"  - name: {name}\n    {extra}\n    decorate: true\n    spec:\n      containers:\n"
        f"      - image: debian\n        command: [sh, -c, {msgspec.json.encode(script).decode()}]\n"
    )


async def settings_for(
    folder: Path,
    sim: Sim,
    *,
    config: str,
    jobs: str,
    plugins: str,
    deck: DeckSettings | None = None,
    tide: TideSettings | None = None,
) -> compose.Settings:
    """Config files, secrets and settings below `folder`."""
    (folder / "config.yaml").write_text(config)
    (folder / "jobs.yaml").write_text(jobs)
    (folder / "plugins.yaml").write_text(plugins)
    (folder / "token").write_text(sim.world.token(BOT))
    (folder / "hmac").write_text(SECRET)
    (folder / "state").mkdir(exist_ok=True)
    return compose.Settings(
        state_dir=folder / "state",
        config=compose.ConfigSettings(
            config_path=str(folder / "config.yaml"),
            job_config_path=str(folder / "jobs.yaml"),
            plugin_config=str(folder / "plugins.yaml"),
        ),
        github=compose.GitHubSettings(
            endpoints=(sim.world.base,),
            graphql_endpoint=f"{sim.world.base}/graphql",
            git_base=sim.world.base,
            token_path=str(folder / "token"),
        ),
        hook=HookSettings(grace_period=5),
        deck=deck or DeckSettings(actions=True),
        tide=tide or TideSettings(),
        engine=EngineSettings(
            state=folder / "state" / "engine", max_jobs=8, sandbox=SANDBOX, allow_unsandboxed=SANDBOX == PROCESS
        ),
        hmac_secret_file=str(folder / "hmac"),
        ports=Ports(health=None, metrics=None, pprof=None),
        hook_port=0,
        deck_port=0,
        bucket_dir=str(folder / "buckets"),
    )


@asynccontextmanager
async def github(
    folder: Path, full_name: str = "acme/rockets", *, files: Mapping[str, str]
) -> AsyncIterator[tuple[Sim, RepoStory]]:
    """A simulated GitHub with one repository, a bot that may write, and members wernher and katherine.

    Every call to it is held against GitHub's own description.
    """
    with checked(Sim(folder / "github")) as sim:
        sim.world.org(full_name.partition("/")[0], members=["wernher", "katherine", BOT])
        async with sim.serve():
            repo = await RepoStory.create(sim, full_name, files=files)
            repo.collaborator(BOT, "write")
            yield sim, repo


@asynccontextmanager
async def prow(
    folder: Path,
    *,
    jobs: str,
    files: Mapping[str, str],
    config: str = CONFIG,
    plugins: str = PLUGINS,
    full_name: str = "acme/rockets",
    tide: TideSettings | None = None,
    may: Sequence[str] = (),
) -> AsyncIterator[World]:
    """Everything running, with the webhook installed. `may`: what the bot may write that the story does not speak of."""
    async with github(folder, full_name, files=files) as (sim, repo):
        settings = await settings_for(folder, sim, config=config, jobs=jobs, plugins=plugins, tide=tide)
        async with running(settings, sim, repo, may=may) as world:
            yield world


@asynccontextmanager
async def running(
    settings: compose.Settings, sim: Sim, repo: RepoStory, *, login: str = BOT, may: Sequence[str] = ()
) -> AsyncIterator[World]:
    """The same with settings of one's own. `login`: whose writes are looked at. At the end none may be left that nobody expected."""
    bot = BotStory(sim, login, may=may)
    async with compose.running(settings, clock=SystemClock()) as system:
        sim.world.add_hook(repo.repo, url=system.hook_url, secret=SECRET)
        world = World(system, sim, repo, settings, bot)
        yield world
        await world.quiet()
    bot.expect_no_more_writes()
