"""`prow hook`: the webhook server and its plugins alone. Its ProwJobs go to the job store below the state folder."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from prow.cli import adapters, compose, groups
from prow.cli.state import state_dir
from prow.cli.up import github_settings
from prow.github.call import Cost
from prow.hook.service import Hook
from prow.hook.settings import Settings as HookSettings
from prow.jobs.index import JobIndex
from prow.jobs.sqlite_store import SQLiteJobStore
from prow.lib import flags, http, logs
from prow.lib.clock import SystemClock
from prow.lib.errors import UsageError
from prow.lib.secrets import Secrets
from prow.lib.service import Instrumentation, Ports, run
from prow.owners.service import OwnersReader
from prow.plugins import BUILT

_log = logs.get("hook")


@click.command(cls=flags.GoCommand)
@flags.group(groups.ConfigFlags)
@flags.group(groups.PluginFlags)
@flags.group(groups.GitHubFlags, name="github_flags")
@flags.group(groups.EnablementFlags)
@flags.group(groups.HookFlags)
@flags.group(groups.KubernetesFlags)
@flags.group(groups.InstrumentationFlags)
@flags.group(groups.StateFlags)
def command(**given: Any) -> None:
    """Receive webhooks and run the plugins. Starts with upstream's flags; jobs wait in the state folder for `prow up`."""
    groups.refuse_unsupported(*given.values())
    given["enablement_flags"].check()
    state: groups.StateFlags = given["state_flags"]
    logs.setup("hook", level=state.log_level)
    if not given["config_flags"].config_path:
        raise UsageError("--config-path is required: give the path of config.yaml")
    run(_serve(given), clock=SystemClock())


async def _serve(given: dict[str, Any]) -> None:
    clock = SystemClock()
    config, hook_flags, enablement = given["config_flags"], given["hook_flags"], given["enablement_flags"]
    state: groups.StateFlags = given["state_flags"]
    ports: groups.InstrumentationFlags = given["instrumentation_flags"]
    secrets = Secrets(clock)
    agent = await compose.load_config(
        compose.ConfigSettings(
            config_path=config.config_path,
            job_config_path=config.job_config_path,
            plugin_config=given["plugin_flags"].plugin_config,
        )
    )
    hmac = secrets.load(hook_flags.hmac_secret_file, flag="--hmac-secret-file")
    settings = github_settings(given["github_flags"])
    github = compose.open_github(settings, secrets, clock=clock, component="hook", dry_run=hook_flags.dry_run)
    folder = state_dir(state.state_dir)
    mirrors = await compose.open_mirrors(folder, settings, secrets, clock=clock)
    store = await SQLiteJobStore.open(folder / "jobs.db", clock=clock, namespace=agent.config.prowjob_namespace)
    index = JobIndex(store, clock=clock)
    jobs = adapters.DryJobs() if hook_flags.dry_run else store
    hook = await Hook.open(
        HookSettings(
            webhook_path=hook_flags.webhook_path,
            grace_period=hook_flags.grace_period,
            enabled_orgs=frozenset(enablement.enabled_org),
            enabled_repos=frozenset(enablement.enabled_repo),
            disabled_orgs=frozenset(enablement.disabled_org),
            disabled_repos=frozenset(enablement.disabled_repo),
        ),
        folder / "hook.db",
        hmac=hmac,
        plugins=BUILT,
        snapshot=lambda: agent.snapshot,
        github=lambda caller: github.bound(caller=caller, cost=Cost.INTERACTIVE),
        jobs=jobs,
        known_jobs=adapters.OpenPresubmits(index),
        in_repo_config=adapters.InRepo(mirrors).reader_for,
        owners=OwnersReader(mirrors, github.bound(caller="owners", cost=Cost.INTERACTIVE)),
        clock=clock,
    )
    side = Instrumentation(
        Ports(health=ports.health_port, metrics=ports.metrics_port, pprof=ports.pprof_port, host=state.host),
        clock=clock,
    )
    try:
        async with side.serve(), asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(work) for work in (secrets.watch(), agent.watch(clock), index.run(), hook.run())
            ]
            await index.synced()
            try:
                async with http.serve(hook.app, host=state.host, port=hook_flags.port) as port:
                    side.ready()
                    where = f"http://{state.host}:{port}{hook_flags.webhook_path}"
                    _log.info("Ready.", webhooks=where, dry_run=hook_flags.dry_run)
                    await asyncio.Event().wait()
            finally:
                await asyncio.shield(hook.drain())
                for task in background:
                    task.cancel()
    finally:
        await hook.close()
        await store.close()
        await github.aclose()
