"""clonerefs: fetch every ref and merge its pulls, all refs at once (`spec/prowjobs-and-pods` §5.1).

The commands come from `clone_rules`, `git_runner` runs them. A clone that fails is a record, not an exception: initupload
reads the records and ends the job. Upstream's silent loss of a repository whose token cannot be had is a failed record here.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import ProwError, UsageError
from prow.lib.open_work import in_thread
from prow.lib.secrets import Secrets
from prow.model.refs import Refs
from prow.podutils import clone_rules as rules
from prow.podutils.clone_rules import CloneRecord, CommandRecord, Step
from prow.podutils.git_runner import Runner
from prow.podutils.options import CloneOptions, validate_clone
from prow.podutils.plan import clone_path

if TYPE_CHECKING:
    from prow.github.installations import Installations

_log = logs.get("clonerefs")

_APP_USER = "x-access-token"
_SMALL_FILE = 64 << 10


class SetupFailed(ProwError):
    """Nothing can be cloned: a key or token cannot be had."""


async def run(
    options: CloneOptions,
    *,
    clock: Clock,
    allow_local: bool = False,
    environ: Mapping[str, str] | None = None,
) -> tuple[CloneRecord, ...]:
    """Clone, write the records to `options.log`, return them: the set-up first, then one per ref as they are done.

    A failed clone raises nothing: ask `any(record.failed for record in records)`. Raises `UsageError` for options that make
    no sense. `allow_local`: repositories of this machine (`file://`, paths) may be cloned; never for jobs whose config comes
    from a pull request. Cancelling kills the git processes.
    """
    validate_clone(options)
    for warning in rules.check_paths(options):
        _log.warning(warning)
    home = await in_thread(tempfile.mkdtemp, prefix="clonerefs-")
    try:
        runner = Runner(clock, environ=os.environ if environ is None else environ, home=home, allow_local=allow_local)
        records = await _all(options, runner, clock=clock, home=home, allow_local=allow_local)
    finally:
        await in_thread(shutil.rmtree, home, ignore_errors=True)
    await in_thread(_write, Path(options.log), rules.encode_records(records))
    return records


def _write(log: Path, data: bytes) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(data)
    log.chmod(0o755)


async def _all(
    options: CloneOptions,
    runner: Runner,
    *,
    clock: Clock,
    home: str,
    allow_local: bool,
) -> tuple[CloneRecord, ...]:
    setup: list[CommandRecord] = []
    began = clock.monotonic()
    async with _agent(options, runner, setup, clock, home) as error, AsyncExitStack() as stack:
        if error:
            _log.error("The set-up for cloning failed.", error=error)
            return (CloneRecord(commands=(*setup, CommandRecord(error=error)), failed=True),)
        try:
            token = await in_thread(_token, options)
            app = await in_thread(_app, options, clock)
            if app is not None:
                stack.push_async_callback(app.aclose)
        except SetupFailed as failure:
            _log.error("The set-up for cloning failed.", error=str(failure))
            return (CloneRecord(commands=(*setup, CommandRecord(error=str(failure))), failed=True),)
        done = [CloneRecord(commands=tuple(setup), duration=_nanoseconds(clock.monotonic() - began))]
        gate = asyncio.Semaphore(options.max_parallel_workers or len(options.refs))

        async def one(refs: Refs) -> None:
            async with gate:
                try:
                    rules.check_refs(refs, options.src_root, allow_local=allow_local)
                    uri = rules.clone_uri(refs)
                    if rules.takes_token(uri):
                        if token:
                            runner.authorize(uri, token, "x-oauth-basic")
                        elif app is not None:
                            runner.authorize(uri, _APP_USER, await app.token(refs.org))
                    done.append(await _clone(options, refs, runner, clock))
                except (ProwError, OSError) as failure:
                    done.append(CloneRecord(refs=refs, commands=(CommandRecord(error=str(failure)),), failed=True))

        async with asyncio.TaskGroup() as group:
            for refs in options.refs:
                group.create_task(one(refs), name=f"clone-{refs.full_name}")
    return tuple(done)


async def _clone(options: CloneOptions, refs: Refs, runner: Runner, clock: Clock) -> CloneRecord:
    began = clock.monotonic()
    folder = clone_path(options.src_root, refs)
    await in_thread(os.makedirs, folder, exist_ok=True)
    commands = [CommandRecord(command=Step(argv=("mkdir", "-p", folder), cwd="/").text)]

    async def succeed(steps: tuple[Step, ...]) -> bool:
        for step in steps:
            commands.append(record := await _recorded(step, runner, clock))
            if record.error:
                return False
        return True

    good = await succeed(rules.base_steps(options, refs))
    if good:
        shown = await runner.run(rules.timestamp_step(options, refs))
        text = shown.output.strip()
        timestamp = int(text) if not shown.error and text.isdigit() else int(clock.now().timestamp())
        good = await succeed(rules.pull_steps(options, refs, timestamp))
    if not good:
        _log.error("A clone failed.", org=refs.org, repo=refs.repo, error=commands[-1].error)
        return CloneRecord(refs=refs, commands=tuple(commands), failed=True)
    final = await runner.run(rules.final_sha_step(options, refs))
    return CloneRecord(
        refs=refs,
        commands=tuple(commands),
        final_sha="" if final.error else final.output.strip().decode("ascii", "replace"),
        duration=_nanoseconds(clock.monotonic() - began),
    )


async def _recorded(step: Step, runner: Runner, clock: Clock, *, stdin: bytes | None = None) -> CommandRecord:
    began = clock.monotonic()
    result = await runner.run(step, stdin=stdin)
    if step.retried:
        for delay in rules.FETCH_RETRIES:
            if not result.error:
                break
            await clock.sleep(delay)
            result = await runner.run(step)
    return CommandRecord(
        command=runner.censored(step.text.encode()).decode("utf-8", "replace"),
        output=result.output.decode("utf-8", "replace"),
        error=result.error,
        duration=_nanoseconds(clock.monotonic() - began),
    )


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)


def _app(options: CloneOptions, clock: Clock) -> Installations | None:
    """The GitHub App to clone as. Raises SetupFailed for a key that is none."""
    if not options.github_app_id:
        return None
    from prow.github.app_key import AppKey  # noqa: PLC0415 - most clone as somebody else, or as nobody
    from prow.github.installations import Installations  # noqa: PLC0415

    try:
        key = AppKey(Secrets(clock).load(options.github_app_private_key_file))
        endpoints = options.github_api_endpoints
        return Installations(options.github_app_id, key, clock=clock, component="clonerefs", endpoints=endpoints)
    except UsageError as error:
        raise SetupFailed(f"the GitHub App's key cannot be used: {error}") from None


def _token(options: CloneOptions) -> str:
    if not options.oauth_token_file:
        return ""
    try:
        with open(options.oauth_token_file, "rb") as file:  # noqa: PTH123
            token = file.read(_SMALL_FILE).strip()
    except OSError as error:
        raise SetupFailed(f"{options.oauth_token_file}: cannot read the token: {error.strerror}") from error
    logs.censor(token)
    return token.decode("utf-8", "replace")


@asynccontextmanager
async def _agent(
    options: CloneOptions, runner: Runner, setup: list[CommandRecord], clock: Clock, home: str
) -> AsyncIterator[str]:
    """SSH keys, known hosts and cookies for the block; gives an error's text when they cannot be had."""
    agent = 0
    try:
        error = ""
        if options.key_files:
            agent, error = await _start_agent(options, runner, setup, clock, home)
        if not error and options.host_fingerprints:
            error = await in_thread(_known_hosts, options, runner, home)
        if not error and options.cookie_path and any(not refs.skip_submodules for refs in options.refs):
            step = Step(argv=("git", "config", "--global", "http.cookiefile", options.cookie_path), cwd=home)
            setup.append(record := await _recorded(step, runner, clock))
            error = record.error
        yield error
    finally:
        if agent:
            with suppress(ProcessLookupError):
                os.kill(agent, signal.SIGTERM)


async def _start_agent(
    options: CloneOptions, runner: Runner, setup: list[CommandRecord], clock: Clock, home: str
) -> tuple[int, str]:
    setup.append(record := await _recorded(Step(argv=("ssh-agent",), cwd=home), runner, clock))
    fields = record.output.split(";")
    if record.error or len(fields) < 3:
        return 0, record.error or "ssh-agent did not say where it listens"
    variables = dict(field.strip().partition("=")[::2] for field in (fields[0], fields[2]))
    pid = variables.get("SSH_AGENT_PID", "")
    if not pid.isdigit():
        return 0, "ssh-agent did not say its process id"
    runner.export(variables)
    for key in await in_thread(_files_below, options.key_files):
        setup.append(record := await _recorded(Step(argv=("ssh-add", key), cwd=home), runner, clock))
        if record.error:
            return int(pid), f"{key}: {record.error}"
    return int(pid), ""


def _files_below(paths: tuple[str, ...]) -> list[str]:
    """Files, and those below folders; names that begin with `..` are how Kubernetes keeps older versions of a secret."""
    found: list[str] = []
    for path in paths:
        if not os.path.isdir(path):  # noqa: PTH112
            found.append(path)
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith(".."))
            found += [os.path.join(folder, name) for name in sorted(names) if not name.startswith("..")]  # noqa: PTH118
    return found


def _known_hosts(options: CloneOptions, runner: Runner, home: str) -> str:
    ssh = shutil.which("ssh")
    if ssh is None:
        return "ssh is not installed here"
    file = Path(home, "known_hosts")
    file.write_text("\n".join(options.host_fingerprints), encoding="utf-8")
    runner.export({"GIT_SSH_COMMAND": f"{ssh} -o UserKnownHostsFile={file}"})
    return ""
