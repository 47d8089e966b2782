"""`prow run JOB`: one job of the config on this machine, as CI would run it, with its log on the terminal."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import click
import msgspec

from prow.cli import checkout, groups
from prow.cli.given import engine_settings
from prow.config.config import Config
from prow.config.errors import ConfigError
from prow.config.job import Brancher, JobBase, Periodic, Postsubmit, Presubmit
from prow.config.load import load
from prow.engines.local.engine import LocalEngine
from prow.jobs import make
from prow.jobs.build_id import BuildIds
from prow.jobs.engine import Execution, Phase
from prow.lib import flags, logs, service
from prow.lib.clock import Clock, SystemClock
from prow.lib.errors import UsageError
from prow.lib.ids import RandomIds
from prow.model import paths
from prow.model.prowjob import KUBERNETES_AGENT, ProwJob, ProwJobSpec
from prow.model.refs import Pull, Refs
from prow.storage.folders import Folders
from prow.storage.locations import locate

_PIECE = 1 << 16
_POLL = 0.1
_INTERRUPTED = 130
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
    groups.refuse_unsupported(config_flags)
    source = _source(run_flags)
    checkout.check_name(run_flags.repo)
    try:
        config = load(config_flags.config_path, config_flags.job_config_path, supplemental=config_flags.supplemental)
        if source.top is not None:
            config = checkout.with_own_jobs(config, run_flags.repo or source.origin, source.top, source.base_sha)
    except ConfigError as error:
        raise UsageError(str(error)) from error
    spec = _spec(config, job, source, run_flags)
    clock = SystemClock()
    code: list[int] = []

    async def work() -> None:
        code.append(await _run(spec, config, engine_flags, run_flags, clock))

    service.run(work(), clock=clock)
    return code[0] if code else _INTERRUPTED


class _Source(msgspec.Struct, frozen=True, kw_only=True):
    """What is tested. `top`: the checkout on this disk; None: the repository is fetched from where the job says.
    `origin`: the `org/repo` that the checkout was cloned from, where it tells."""

    top: Path | None
    base_ref: str
    base_sha: str
    origin: str = ""


def _source(options: RunFlags) -> _Source:
    here = Path(options.source or ".").resolve()
    top = checkout.git(here, "rev-parse", "--show-toplevel")
    if not top:
        if options.source:
            raise UsageError(f"--source {options.source} is no git repository")
        return _Source(top=None, base_ref=options.base_ref or "main", base_sha=options.base_sha)
    base_ref = options.base_ref or checkout.git(here, "rev-parse", "--abbrev-ref", "HEAD") or "main"
    wanted = options.base_sha or base_ref
    base_sha = checkout.git(here, "rev-parse", "--verify", "--quiet", f"{wanted}^{{commit}}")
    if not base_sha:
        raise UsageError(f"{top}: there is no commit {wanted}; name a branch of it by --base-ref")
    return _Source(top=Path(top), base_ref=base_ref, base_sha=base_sha, origin=checkout.origin(here))


def _find(config: Config, name: str, repo: str, source: _Source) -> tuple[str, JobBase]:
    """The job and its repository. Several repositories, and several branches of one, may have jobs of one name."""
    branch = source.base_ref
    found = [(where, job) for where, job in config.all_jobs() if job.name == name and repo in {"", where}]
    if not found:
        raise UsageError(f"there is no job named {name}" + (f" for {repo}" if repo else "") + " in this config")
    repos = sorted({where for where, _ in found})
    if len(repos) > 1 and source.origin in repos:
        found = [each for each in found if each[0] == source.origin]
    elif len(repos) > 1:
        raise UsageError(f"several repositories have a job named {name}: choose one by --repo ({', '.join(repos[:6])})")
    fits = [each for each in found if not isinstance(each[1], Brancher) or each[1].runs_on_branch(branch)]
    if not fits:
        raise UsageError(f"{name} does not run on branch {branch}; name another by --base-ref")
    return fits[0]


def _spec(config: Config, name: str, source: _Source, options: RunFlags) -> ProwJobSpec:
    repo, job = _find(config, name, options.repo, source)
    if job.agent != KUBERNETES_AGENT or job.spec is None:
        raise UsageError(f'{name} has agent "{job.agent}": only jobs with a pod spec run on this machine')
    if isinstance(job, Periodic):
        return make.periodic_spec(job)
    refs = _refs(repo, source, options)
    if isinstance(job, Presubmit):
        return make.presubmit_spec(job, refs)
    if isinstance(job, Postsubmit):
        return make.postsubmit_spec(job, refs)
    raise UsageError(f"{name} is no job that can be run by name")


def _refs(repo: str, source: _Source, options: RunFlags) -> Refs:
    org, _, name = repo.partition("/")
    where = f"{repo} at {source.base_ref} {source.base_sha[:8]}".rstrip()
    if source.top is None:
        print(f"Testing {where}, fetched from where the job says: this folder is no git repository", file=sys.stderr)
    else:
        dirty = "; what is not committed is left out" if checkout.git(source.top, "status", "--porcelain") else ""
        print(f"Testing {source.top} as {where}{dirty}", file=sys.stderr)
    pulls: tuple[Pull, ...] = ()
    if options.pull_number or options.pull_sha:
        pulls = (Pull(number=options.pull_number, author="you", sha=options.pull_sha),)
    return Refs(
        org=org,
        repo=name,
        base_ref=source.base_ref,
        base_sha=source.base_sha,
        clone_uri=f"file://{source.top}" if source.top is not None else "",
        pulls=pulls,
    )


async def _run(spec: ProwJobSpec, config: Config, options: groups.EngineFlags, run: RunFlags, clock: Clock) -> int:
    output = Path(run.output).resolve() if run.output else Path(tempfile.mkdtemp(prefix="prow-output-"))
    with tempfile.TemporaryDirectory(prefix="prow-run-") as state:
        engine = LocalEngine(
            engine_settings(options, Path(state), local_clones=True), storage=Folders(output), clock=clock
        )
        await engine.open()
        job = make.new_prowjob(spec, name=RandomIds().new(), namespace=config.prowjob_namespace, now=clock.now())
        job = msgspec.structs.replace(job, status=msgspec.structs.replace(job.status, build_id=BuildIds(clock).new()))
        running = asyncio.create_task(engine.run(), name="engine")
        try:
            try:
                execution = await _watch(engine, job, clock)
            except asyncio.CancelledError:
                await engine.abort(job.name)
                await _watch(engine, job, clock, silent=True)
                raise
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            engine.close()
    passed = execution.phase is Phase.SUCCEEDED
    folder = _results(spec, job.status.build_id, output)
    log = folder / paths.BUILD_LOG if folder is not None else None
    if execution.phase is Phase.FAILED and log is not None and not (log.parent / paths.SIDECAR_LOG).exists():
        sys.stdout.write(log.read_text("utf-8", "replace") if log.exists() else "")  # it could not be cloned
        sys.stdout.flush()
    print(f"\n{'passed' if passed else 'failed'}: {spec.job} {execution.message}".rstrip(), file=sys.stderr)
    if folder is not None:
        print(f"logs and artifacts: {folder}", file=sys.stderr)
    return 0 if passed else 1


def _results(spec: ProwJobSpec, build_id: str, output: Path) -> Path | None:
    """Where the run's files are; an undecorated job leaves none."""
    gcs = spec.decoration_config.gcs_configuration if spec.decoration_config is not None else None
    if gcs is None:
        return None
    bucket = locate(gcs.bucket, folder=True)
    return output / bucket.scheme / bucket.bucket / bucket.key / paths.job_path(spec, build_id, gcs)


async def _watch(engine: LocalEngine, job: ProwJob, clock: Clock, *, silent: bool = False) -> Execution:
    """Start the job, if it is not started yet, and print what it says until it has ended."""
    await engine.start(job)
    offset = 0
    while True:
        found = {e.name: e for e in await engine.executions()}[job.name]
        while not silent and (piece := await engine.read_log(job.name, offset, _PIECE)):
            offset += len(piece)
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        if found.phase in _ENDED:
            return found
        await clock.sleep(_POLL)
