"""`prow demo`: `prow up`, the simulator and a scripted contributor in one process. No account, no cluster, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import click

from prow.cli import compose, groups
from prow.cli.demo import own, world
from prow.cli.demo.merging import Merging
from prow.cli.demo.narrator import Narrator
from prow.cli.demo.story import Tested
from prow.cli.given import engine_settings
from prow.deck.service import Settings as DeckSettings
from prow.engines.local.detect import choose
from prow.engines.local.settings import BUBBLEWRAP, PROCESS
from prow.engines.local.settings import Settings as EngineSettings
from prow.hook.settings import Settings as HookSettings
from prow.lib import flags, http, logs
from prow.lib.clock import Clock, SystemClock
from prow.lib.errors import UsageError
from prow.lib.http_client import http_client
from prow.lib.service import Ports, run
from prow.sim.server import Sim

_PORT = 8080
_INTERRUPTED = 130


class DemoFlags(flags.FlagGroup):
    clone: str = flags.flag("clone", "", "Local git repository to play with in place of the bundled sample.")
    repo: str = flags.flag("repo", "", "What the config calls that repository: org/repo; default: found out.")
    config_path: str = flags.flag("config-path", "", "config.yaml for that repository; default: the demo's own.")
    job_config_path: str = flags.flag(
        "job-config-path", "", "Jobs for that repository; default: those of its .prow.yaml."
    )
    plugin_config: str = flags.flag("plugin-config", "", "plugins.yaml; default: the demo's own.")
    once: bool = flags.flag(
        "once", False, "End by itself, with exit code 0 when every step came true (also ONCE=1 or CI=true)."
    )
    port: int = flags.flag("port", _PORT, "Port of the dashboard; any free one when it is taken.")
    log_level: str = flags.flag("log-level", "error", "How much the components say on standard error.")


@click.command(cls=flags.GoCommand)
@flags.group(DemoFlags, name="demo")
@flags.group(groups.EngineFlags)
def command(demo: DemoFlags, engine_flags: groups.EngineFlags) -> int:
    """Watch the whole system on this machine: a scripted contributor, real git, real jobs, and a page."""
    logs.setup("demo", level=demo.log_level, form="text")
    once = (
        demo.once or os.environ.get("ONCE", "") not in {"", "0"} or os.environ.get("CI", "") not in {"", "0", "false"}
    )
    code = _INTERRUPTED

    def came_true() -> None:
        nonlocal code
        code = 0

    async def show() -> None:
        with _folder() as folder:
            await _show(demo, engine_flags, Path(folder), came_true=came_true, once=once)

    run(show(), clock=SystemClock())
    return code


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="prow-demo-", ignore_cleanup_errors=True)


async def _show(
    demo: DemoFlags, engine_flags: groups.EngineFlags, folder: Path, *, came_true: Callable[[], None], once: bool
) -> None:
    """Raises `StepFailed` with the step's name when one does not come true."""
    clock = SystemClock()
    narrator = Narrator(clock)
    clone = Path(demo.clone) if demo.clone else None
    if clone is not None:
        own.check(clone)
    async with _system(demo, engine_flags, folder, narrator, clone=clone, clock=clock) as (stage, system):
        narrator.note(f"The dashboard: {system.deck_url}")
        async with http_client() as client:

            async def link_works(link: str) -> bool:
                answer = await client.get(link)
                return answer.status_code == 200 and "Build log" in answer.text

            config, runs = folder / "config", system.index.by_job
            if clone is None:
                play = Tested(stage, narrator, clock=clock, config=config, link_works=link_works, runs=runs)
                pr = await play.bundled()
                narrator.note(f"\n  Why it is not merging yet: {system.deck_url}/pr/{world.ORG}/rockets/{pr.number}")
                more = Merging(stage, narrator, clock=clock, config=config, link_works=link_works, runs=runs)
                await more.play(pr)
            else:
                repo = stage.repo.repo
                jobs = own.presubmits(system.agent.config, repo, repo.default_branch)
                theirs = own.Own(stage, narrator, clock=clock, config=config, link_works=link_works, runs=runs)
                await theirs.play(jobs)
        await stage.sim.world.hooks.settled()
        await system.hook.idle()
        _summary(narrator, stage, system)
        came_true()
        if not once:
            narrator.note(f"\nThe page stays open at {system.deck_url}; Ctrl-C ends the demo.")
            await asyncio.Event().wait()


@asynccontextmanager
async def _system(
    demo: DemoFlags,
    engine_flags: groups.EngineFlags,
    folder: Path,
    narrator: Narrator,
    *,
    clone: Path | None,
    clock: Clock,
) -> AsyncIterator[tuple[world.Stage, compose.System]]:
    sim = Sim(folder / "github", clock=clock)
    async with sim.serve() as github:
        name = f"{world.ORG}/rockets"
        if clone is not None:
            name = own.name_of(clone, demo.repo, demo.config_path, demo.job_config_path)
        stage = await world.build(sim, folder, full_name=name, clone=clone)
        port = _free(demo.port)
        config = _config(demo, folder, stage, deck=f"http://127.0.0.1:{port}", bundled=clone is None)
        settings = compose.Settings(
            state_dir=folder / "state",
            config=config,
            github=compose.GitHubSettings(
                endpoints=(github,),
                graphql_endpoint=f"{github}/graphql",
                git_base=github,
                token_path=str(stage.token_path),
            ),
            hook=HookSettings(),
            deck=DeckSettings(actions=True),
            engine=await _engine(engine_flags, folder / "state" / "engine", narrator, clock),
            hmac_secret_file=str(stage.hmac_path),
            ports=Ports(health=None, metrics=None, pprof=None),
            hook_port=0,
            deck_port=port,
            bucket_dir=str(folder / "buckets"),
        )
        (folder / "state").mkdir(mode=0o700)
        async with compose.running(settings, clock=clock) as system:
            sim.world.add_hook(stage.repo.repo, url=system.hook_url, secret=stage.hmac_path.read_text())
            yield stage, system


async def _engine(options: groups.EngineFlags, state: Path, narrator: Narrator, clock: Clock) -> EngineSettings:
    """The sandbox that was asked for; where bubblewrap does not work, plain processes, and it is said."""
    settings = engine_settings(options, state)
    try:
        await choose(settings, clock)
    except UsageError as error:
        if options.engine != BUBBLEWRAP:
            raise
        narrator.note(f"Jobs run as plain processes, without a sandbox: {error}")
        return engine_settings(options, state, sandbox=PROCESS)
    return settings


def _free(port: int) -> int:
    try:
        listener = http.bind("127.0.0.1", port)
    except UsageError:
        listener = http.bind("127.0.0.1", 0)
    found = int(listener.getsockname()[1])
    listener.close()
    return found


def _config(demo: DemoFlags, folder: Path, stage: world.Stage, *, deck: str, bundled: bool) -> compose.ConfigSettings:
    """The demo's config files, with the dashboard's address and the repository's name in them."""
    target = folder / "config"
    shutil.copytree(world.SAMPLE, target, ignore=shutil.ignore_patterns("repo"))
    config = target / "config.yaml"
    text = config.read_text().replace("DECK_URL", deck)
    if not bundled:
        repo = stage.repo.repo
        text += f"in_repo_config:\n  enabled:\n    {repo.full_name}: true\n  allowed_clusters:\n    '*': [default]\n"
        text = text.replace(f"[{world.ORG}]", f"[{repo.owner}]")
        plugins = target / "plugins.yaml"
        plugins.write_text(plugins.read_text().replace(world.ORG, repo.owner))
    config.write_text(text)
    return compose.ConfigSettings(
        config_path=demo.config_path or str(config),
        job_config_path=demo.job_config_path or (str(target / "jobs.yaml") if bundled else ""),
        plugin_config=demo.plugin_config or str(target / "plugins.yaml"),
    )


def _summary(narrator: Narrator, stage: world.Stage, system: compose.System) -> None:
    calls = stage.sim.world.calls
    slowest = max(narrator.steps, key=lambda step: step.seconds)
    narrator.chapter("That was it")
    narrator.note(f"  {len(narrator.steps)} steps came true; the longest took {slowest.seconds:.1f} s: {slowest.name}")
    counts = system.hook.counts()
    narrator.note(
        f"  webhooks: {stage.sim.world.hooks.sent} sent, {counts.received} received, {counts.handled} handled"
    )
    narrator.note(f"  API calls that count: {sum(calls.values())}, of them {stage.sim.world.content_writes} that write")
    for (method, path), count in sorted(calls.items(), key=lambda item: -item[1]):
        narrator.note(f"    {count:3} {method:6} {path}")
