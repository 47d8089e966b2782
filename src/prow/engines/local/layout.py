"""From a ProwJob to the commands of one run: options, environment, binds. Everything that is decided before the first file exists.

A job in a sandbox sees the paths of a pod; without one it sees the folders of this machine, and environment and working
directory say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from prow.engines.local import rules, volumes
from prow.engines.local.folder import JobFolder
from prow.engines.local.model import Bind, Container, View, Workload
from prow.engines.local.process import Command
from prow.engines.local.sandbox import HOME, Sandbox
from prow.engines.local.settings import Settings
from prow.jobs.engine import Rejected
from prow.model.prowjob import ProwJob
from prow.podutils import jobspec, plan
from prow.podutils.environment import ARTIFACTS_DIR, CODE_DIR, environment
from prow.podutils.options import EntrypointOptions

_SECOND = 1_000_000_000


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a run before it starts. `plan` is None for an undecorated job."""

    spec: jobspec.JobSpec
    workload: Workload
    plan: plan.Plan | None
    options: tuple[EntrypointOptions, ...]


def prepare(job: ProwJob, folder: JobFolder, *, sandbox: Sandbox, settings: Settings) -> Prepared:
    """Read the job. Raises `Rejected` when it can never run here. Reads the folders of Secrets and ConfigMaps."""
    if job.spec.pod_spec is None:
        raise Rejected("spec: there is no pod spec to run")
    wanted = rules.workload(job.spec.pod_spec, uses_images=sandbox.uses_images)
    rules.refuse_untrusted(job, wanted, settings)
    volumes.check(wanted, settings)
    if not sandbox.isolated:
        for container in wanted.containers:
            for mount in container.mounts:
                raise Rejected(f"{mount.where}: without a sandbox nothing can be mounted at {mount.path}")
    decorated = None
    if job.spec.decoration_config is not None:
        _refuse_output(job)
        volumes.fetching_secrets(job, settings)
        if not job.spec.decoration_config.skip_cloning:
            rules.refuse_clones(job, str(folder.code), settings)
        try:
            decorated = plan.plan(job.spec, host_layout(folder))
        except ValueError as error:
            raise Rejected(str(error)) from error
    options = decorated.entrypoints if decorated is not None else _undecorated(wanted, folder, settings)
    return Prepared(spec=jobspec.of(job, job.status.build_id), workload=wanted, plan=decorated, options=options)


def _refuse_output(job: ProwJob) -> None:
    """The upload runs outside the sandbox, so a pull request must not choose a folder of this machine for it."""
    decoration = job.spec.decoration_config
    gcs = decoration.gcs_configuration if decoration is not None else None
    if gcs is not None and gcs.local_output_dir and rules.is_in_repo(job):
        raise Rejected(
            "decoration_config.gcs_configuration.local_output_dir: not for a job of the tested repository itself"
        )


def host_layout(folder: JobFolder) -> plan.Layout:
    """Where the utilities find the run's folders on this machine. The storage given to them has its credentials already."""
    return plan.Layout(
        logs=str(folder.logs),
        code=str(folder.code),
        secrets=str(utility_secrets(folder)),
        gcs_credentials_file="",
        s3_credentials_file="",
    )


def utility_secrets(folder: JobFolder) -> Path:
    return folder.tools / "secrets"


def commands(
    job: ProwJob,
    prepared: Prepared,
    folder: JobFolder,
    *,
    sandbox: Sandbox,
    settings: Settings,
    entrypoint: Path,
    made: Mapping[str, Path],
    mine: Mapping[str, str],
) -> tuple[Command, ...]:
    """The command of every container; writes its environment file. `made`: the volumes; `mine`: this process' environment."""
    ours = _environment(job, prepared, folder, isolated=sandbox.isolated)
    base = sandbox.inner(mine, home=folder.home, tmp=folder.tmp)
    note = _note(prepared.workload, sandbox)
    found = []
    for container, options in zip(prepared.workload.containers, prepared.options, strict=True):
        name = options.container_name
        env = volumes.variables(container, base, settings) | ours
        env_file = folder.tools / f"{name}.env"
        env_file.touch(mode=0o600)
        env_file.write_bytes(b"".join(f"{k}={v}\0".encode("utf-8", "surrogateescape") for k, v in env.items()))
        view = View(
            name=sandbox_name(job, name),
            hostname=job.name[:63],
            image=container.image,
            pull=container.pull,
            binds=(*_binds(prepared, folder), *volumes.binds(container, prepared.workload, made)),
            entrypoint=entrypoint,
            env_file=env_file,
            workdir=_workdir(job, prepared, container, folder, sandbox=sandbox),
            args=tuple(rules.expand(arg, env) for arg in container.args),
        )
        found.append(
            Command(
                name=name,
                options=msgspec.structs.replace(options, args=sandbox.command(view)),
                sandbox_name=view.name,
                relayed=sandbox.relayed,
                notes=note,
            )
        )
    return tuple(found)


def bare_commands(job: ProwJob, prepared: Prepared) -> tuple[Command, ...]:
    """The same commands, to find them again after a restart."""
    return tuple(
        Command(name=o.container_name, options=o, sandbox_name=sandbox_name(job, o.container_name))
        for o in prepared.options
    )


def sandbox_name(job: ProwJob, container: str) -> str:
    """Unique on this machine, also between containers of one job."""
    return f"prow-{job.name}-{container}"[:200]


def _environment(job: ProwJob, prepared: Prepared, folder: JobFolder, *, isolated: bool) -> dict[str, str]:
    artifacts = gopath = None
    if prepared.plan is not None:
        artifacts = ARTIFACTS_DIR if isolated else str(folder.artifacts)
        gopath = CODE_DIR if isolated else str(folder.code)
    return environment(prepared.spec, agent=job.spec.agent, artifacts=artifacts, gopath=gopath)


def _binds(prepared: Prepared, folder: JobFolder) -> tuple[Bind, ...]:
    own = (Bind(source=folder.home, path=HOME), Bind(source=folder.tmp, path="/tmp"))  # noqa: S108 - the job's own
    if prepared.plan is None:
        return own
    return (*own, Bind(source=folder.artifacts, path=ARTIFACTS_DIR), Bind(source=folder.code, path=CODE_DIR))


def _workdir(job: ProwJob, prepared: Prepared, container: Container, folder: JobFolder, *, sandbox: Sandbox) -> str:
    if prepared.plan is not None and prepared.plan.workdir is not None:
        return (plan.plan(job.spec, plan.POD).workdir or "") if sandbox.isolated else prepared.plan.workdir
    if container.workdir or sandbox.uses_images:
        return container.workdir
    return HOME if sandbox.isolated else str(folder.home)


def _undecorated(wanted: Workload, folder: JobFolder, settings: Settings) -> tuple[EntrypointOptions, ...]:
    names = ["test"] if len(wanted.containers) == 1 else [container.name for container in wanted.containers]
    return tuple(
        EntrypointOptions(
            timeout=int(settings.undecorated_timeout * _SECOND),
            args=container.args,
            container_name=name,
            process_log=str(folder.logs / f"{name}-log.txt"),
            marker_file=str(folder.logs / f"{name}-marker.txt"),
        )
        for name, container in zip(names, wanted.containers, strict=True)
    )


def _note(wanted: Workload, sandbox: Sandbox) -> tuple[str, ...]:
    if not wanted.ignored:
        return ()
    return (
        f"This job runs on this machine ({sandbox.name}); of its pod spec these make no difference here: {', '.join(wanted.ignored)}.",
    )
