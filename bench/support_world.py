"""A Prow in this process against a simulated GitHub."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from bench.support import BOT, CONFIG, PLUGINS, SECRET
from prow.cli import compose
from prow.deck.service import Settings as DeckSettings
from prow.engines.local.settings import Settings as EngineSettings
from prow.github.limiter import Limits
from prow.hook.settings import Settings as HookSettings
from prow.lib.clock import SystemClock
from prow.lib.service import Ports
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory


class Bench(msgspec.Struct):
    system: compose.System
    sim: Sim
    repo: RepoStory


@asynccontextmanager
async def prow(
    folder: Path,
    *,
    jobs: str = "",
    latency: float = 0.0,
    config: str = CONFIG,
    plugins: str = PLUGINS,
    files: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Bench]:
    """Everything running; the simulated GitHub answers after `latency` seconds."""
    sim = Sim(folder / "github", latency=latency)
    sim.world.org("acme", members=["wernher", "katherine", BOT])
    sim.budgets.secondary = False
    async with sim.serve():
        repo = await RepoStory.create(sim, "acme/rockets", files=files or {"run.sh": "exit 0\n"})
        repo.collaborator(BOT, "write")
        for name, text in (("config.yaml", config), ("jobs.yaml", jobs), ("plugins.yaml", plugins), ("hmac", SECRET)):
            (folder / name).write_text(text)
        (folder / "token").write_text(sim.world.token(BOT))
        (folder / "state").mkdir()
        settings = compose.Settings(
            state_dir=folder / "state",
            config=compose.ConfigSettings(
                config_path=str(folder / "config.yaml"),
                job_config_path=str(folder / "jobs.yaml") if jobs else "",
                plugin_config=str(folder / "plugins.yaml"),
            ),
            github=compose.GitHubSettings(
                endpoints=(sim.world.base,),
                graphql_endpoint=f"{sim.world.base}/graphql",
                git_base=sim.world.base,
                token_path=str(folder / "token"),
                limits=limits or Limits(),
            ),
            hook=HookSettings(grace_period=1),
            deck=DeckSettings(),
            engine=EngineSettings(state=folder / "state" / "engine"),
            hmac_secret_file=str(folder / "hmac"),
            ports=Ports(health=None, metrics=None, pprof=None),
            hook_port=0,
            deck_port=0,
            bucket_dir=str(folder / "buckets"),
        )
        async with compose.running(settings, clock=SystemClock()) as system:
            sim.world.add_hook(repo.repo, url=system.hook_url, secret=SECRET)
            await sim.world.hooks.settled()
            yield Bench(system, sim, repo)
