"""`prow run JOB`: one job of the config on this machine, as CI would run it, with its log on the terminal."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import click
import msgspec

from prow.cli import groups
from prow.cli.given import engine_settings
from prow.config.config import Config
from prow.config.errors import ConfigError
from prow.config.job import JobBase, Postsubmit, Presubmit
from prow.config.load import load
from prow.engines.local.engine import LocalEngine
from prow.jobs import make
from prow.jobs.build_id import BuildIds
from prow.jobs.engine import Execution, Phase
from prow.lib import flags, logs
from prow.lib.clock import Clock, SystemClock
from prow.lib.errors import UsageError
from prow.lib.ids import RandomIds
from prow.model import paths
from prow.model.prowjob import ProwJob, ProwJobSpec
from prow.model.refs import Pull, Refs
from prow.storage.folders import Folders

_PIECE = 1 << 16
_POLL = 0.1
_ENDED = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.ERROR, Phase.LOST})


class RunFlags(flags.FlagGroup):
    repo: str = flags.flag("repo", "", "org/repo of the job, where the name alone does not tell.")
    source: str = flags.flag("source", "", "Git repository on this disk to test; default: the one you stand in.")
    base_ref: str = flags.flag("base-ref", "", "Branch; default: the current one.")
    base_sha: str = flags.flag("base-sha", "", "Commit of that branch; default: its newest.")
    pull_number: int = flags.flag("pull-number", 0, "Pull request to merge into it.")
    pull_sha: str = flags.flag("pull-sha", "", "Commit of that pull request.")
    output: str = flags.flag("output", "", "Folder for logs and artifacts; default: a new one, named at the end.")


@click.command(cls=flags.GoCommand)
@click.argument("job")
@flags.group(groups.ConfigFlags)
@flags.group(groups.EngineFlags)
@flags.group(RunFlags)
def command(job: str, config_flags: groups.ConfigFlags, engine_flags: groups.EngineFlags, run_flags: RunFlags) -> int:
    """Run one JOB of the config on this machine, as CI would run it."""
    logs.setup("run", level="warning", form="text")
    if not config_flags.config_path:
        raise UsageError("--config-path is required: give the path of config.yaml")
    try:
        config = load(config_flags.config_path, config_flags.job_config_path)
    except ConfigError as error:
        raise UsageError(str(error)) from error
    spec = _spec(config, job, run_flags)
    return asyncio.run(_run(spec, config, engine_flags, run_flags))


def _find(config: Config, name: str, repo: str) -> tuple[str, JobBase]:
    found = [(where, job) for where, job in config.all_jobs() if job.name == name and repo in {"", where}]
    if not found:
        raise UsageError(f"there is no job named {name}" + (f" for {repo}" if repo else "") + " in this config")
    repos = sorted({where for where, _ in found})
    if len(repos) > 1:
        raise UsageError(f"several repositories have a job named {name}: choose one by --repo ({', '.join(repos[:6])})")
    return found[0]


def _spec(config: Config, name: str, options: RunFlags) -> ProwJobSpec:
    repo, job = _find(config, name, options.repo)
    if job.agent != "kubernetes" or job.spec is None:
        raise UsageError(f'{name} has agent "{job.agent}": only jobs with a pod spec run on this machine')
    if not repo:
        return make.periodic_spec(job)  # type: ignore[arg-type]
    refs = _refs(repo, options)
    if isinstance(job, Presubmit):
        return make.presubmit_spec(job, refs)
    if isinstance(job, Postsubmit):
        return make.postsubmit_spec(job, refs)
    raise UsageError(f"{name} is no job that can be run by name")


def _refs(repo: str, options: RunFlags) -> Refs:
    org, _, name = repo.partition("/")
    source = Path(options.source or ".").resolve()
    inside = _git(source, "rev-parse", "--show-toplevel")
    if options.source and not inside:
        raise UsageError(f"--source {options.source} is no git repository")
    clone_uri = f"file://{inside}" if inside else ""
    base_ref = options.base_ref or (_git(source, "rev-parse", "--abbrev-ref", "HEAD") if inside else "") or "main"
    base_sha = options.base_sha or (
        _git(source, "rev-parse", "--verify", "--quiet", f"{base_ref}^{{commit}}") if inside else ""
    )
    pulls: tuple[Pull, ...] = ()
    if options.pull_number or options.pull_sha:
        pulls = (Pull(number=options.pull_number, author="you", sha=options.pull_sha),)
    return Refs(org=org, repo=name, base_ref=base_ref, base_sha=base_sha, clone_uri=clone_uri, pulls=pulls)


def _git(where: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(where), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


async def _run(spec: ProwJobSpec, config: Config, options: groups.EngineFlags, run: RunFlags) -> int:
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="prow-run-") as state:
        output = Path(run.output).resolve() if run.output else Path(tempfile.mkdtemp(prefix="prow-output-"))
        engine = LocalEngine(
            engine_settings(options, Path(state), local_clones=True), storage=Folders(output), clock=clock
        )
        await engine.open()
        job = make.new_prowjob(spec, name=RandomIds().new(), namespace=config.prowjob_namespace, now=clock.now())
        job = msgspec.structs.replace(job, status=msgspec.structs.replace(job.status, build_id=BuildIds(clock).new()))
        running = asyncio.create_task(engine.run(), name="engine")
        try:
            execution = await _watch(engine, job, clock)
        except (KeyboardInterrupt, asyncio.CancelledError):
            await engine.abort(job.name)
            raise
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            engine.close()
    decoration = spec.decoration_config
    gcs = decoration.gcs_configuration if decoration else None
    where = (
        f"{output}/gs/{gcs.bucket.removeprefix('gs://')}/{paths.job_path(spec, job.status.build_id, gcs)}"
        if gcs
        else ""
    )
    passed = execution.phase is Phase.SUCCEEDED
    print(f"\n{'passed' if passed else 'failed'}: {spec.job} {execution.message}".rstrip(), file=sys.stderr)
    if gcs and "://" not in gcs.bucket:
        print(f"logs and artifacts: {where}", file=sys.stderr)
    elif gcs:
        print(f"logs and artifacts: below {output}", file=sys.stderr)
    return 0 if passed else 1


async def _watch(engine: LocalEngine, job: ProwJob, clock: Clock) -> Execution:
    """Start the job and print what it says until it has ended."""
    await engine.start(job)
    offset = 0
    while True:
        found = {e.name: e for e in await engine.executions()}[job.name]
        while piece := await engine.read_log(job.name, offset, _PIECE):
            offset += len(piece)
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        if found.phase in _ENDED:
            return found
        await clock.sleep(_POLL)
