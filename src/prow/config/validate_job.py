"""The rules a job must keep (`spec/config` §2.8), each found as (path inside the job, what is wrong). Pure.

Every rule is asked, so several things can be said about one job at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from prow.config.config import Config
from prow.config.defaults import trigger_pattern
from prow.config.job import Brancher, JobBase, Periodic, Postsubmit, Presubmit
from prow.config.syntax import label_value_problem, media_type_problem, qualified_name_problem, url_problem
from prow.lib import cron, durations, regex
from prow.lib.durations import DurationError
from prow.lib.goyaml import Path
from prow.model.decoration import DecorationConfig
from prow.model.prowjob import JENKINS_AGENT, KUBERNETES_AGENT, Label, RerunAuthConfig

Finding = tuple[Path, str]

TEKTON_AGENT = "tekton-pipeline"
_NAME = re.compile(r"[A-Za-z0-9\-._]+", re.ASCII)
_JENKINS_NAME = re.compile(r"[A-Za-z0-9\-._]([A-Za-z0-9\-._/]*[A-Za-z0-9\-_])?", re.ASCII)
_EXTRA_REF = re.compile(r"PROW_EXTRA_GIT_REF_([0-9]+)", re.ASCII)
_RESERVED_ENV = ("CI", "JOB_NAME", "JOB_SPEC", "JOB_TYPE", "PROW_JOB_ID", "BUILD_ID", "BUILD_NUMBER")
_RESERVED_REPO_ENV = (
    "REPO_OWNER",
    "REPO_NAME",
    "SRC_BASE",
    "SRC_HOST",
    "PULL_BASE_REF",
    "PULL_BASE_SHA",
    "PULL_REFS",
)
_RESERVED_PULL_ENV = ("PULL_NUMBER", "PULL_PULL_SHA", "PULL_HEAD_REF", "PULL_TITLE")
_UTILITY_CONTAINERS = frozenset({"clonerefs", "initupload", "place-entrypoint", "sidecar"})
_UTILITY_VOLUMES = ("logs", "code", "tools", "gcs-credentials", "s3-credentials")
_UTILITY_MOUNTS = frozenset({"/logs", "/home/prow/go", "/tools"})
_RESERVED_LABELS = frozenset({Label.TYPE, Label.CREATED_BY_PROW, Label.ID})
_GERRIT_REPORT_LABEL = "prow.k8s.io/gerrit-report-label"
_STRATEGIES = ("legacy", "single", "explicit")


def job_problems(job: JobBase, config: Config) -> Iterator[Finding]:
    """What is wrong with one effective job, by itself."""
    yield from _base_problems(job, config)
    if isinstance(job, Brancher):
        yield from _regex_problems(job)
        yield from _brancher_problems(job)
    if isinstance(job, Presubmit):
        yield from _presubmit_problems(job)
    if isinstance(job, Periodic):
        yield from _periodic_problems(job)


def _base_problems(job: JobBase, config: Config) -> Iterator[Finding]:
    if not job.name:
        yield ("name",), "a job needs a name"
    elif job.agent == JENKINS_AGENT and not _JENKINS_NAME.fullmatch(job.name):
        yield (
            ("name",),
            f"the name {job.name!r} may have only letters, digits, `-`, `.`, `_` and `/`, and not begin with `/` or end with `/` or `.`",
        )
    elif job.agent != JENKINS_AGENT and not _NAME.fullmatch(job.name):
        yield ("name",), f"the name {job.name!r} may have only letters, digits, `-`, `.` and `_`"
    if job.max_concurrency < 0:
        yield ("max_concurrency",), f"max_concurrency {job.max_concurrency} must not be negative"
    yield from _agent_problems(job, config)
    if job.spec is not None:
        yield from _spec_problems(job, job.spec)
    for key, value in job.labels.items():
        if key in _RESERVED_LABELS:
            yield ("labels", key), f"the label {key} is Prow's own"
        wrong = qualified_name_problem(key) or label_value_problem(value)
        if wrong:
            yield ("labels", key), f"label: {wrong}"
    for key in job.annotations:
        if wrong := qualified_name_problem(key):
            yield ("annotations", key), f"annotation: {wrong}"
    if job.job_queue_name and job.job_queue_name not in config.plank.job_queue_capacities:
        yield ("job_queue_name",), f"the queue {job.job_queue_name!r} is not in plank.job_queue_capacities"
    if job.spec is None or not job.spec.get("containers"):
        return  # nothing more is asked of jobs without a pod
    if job.rerun_auth_config is not None and (wrong := rerun_auth_problem(job.rerun_auth_config)):
        yield ("rerun_auth_config",), wrong
    yield from _clone_problems(job)
    # Also of a job that is not decorated: upstream asks for a whole config then, since no defaults are merged into it.
    if job.decoration_config is not None:
        yield from _decorated_problems(job, job.spec)


def _agent_problems(job: JobBase, config: Config) -> Iterator[Finding]:
    agent = job.agent
    pipeline = job.pipeline_run_spec is not None or job.tekton_pipeline_run_spec is not None
    if agent not in {KUBERNETES_AGENT, JENKINS_AGENT, TEKTON_AGENT}:
        return
    if job.spec is not None and agent != KUBERNETES_AGENT:
        yield ("spec",), f"a spec needs the agent kubernetes, this job has {agent!r}"
    if agent == KUBERNETES_AGENT and job.spec is None:
        yield (), "a job of the agent kubernetes needs a spec"
    if pipeline and agent != TEKTON_AGENT:
        yield ("pipeline_run_spec",), f"a pipeline_run_spec needs the agent {TEKTON_AGENT}, this job has {agent!r}"
    if agent == TEKTON_AGENT and not pipeline:
        yield (), f"a job of the agent {TEKTON_AGENT} needs a pipeline_run_spec"
    if job.decoration_config is not None and agent != KUBERNETES_AGENT:
        yield (
            ("decorate",),
            f"only jobs of the agent kubernetes can be decorated, this job has {agent!r}; set decorate: false",
        )
    if job.error_on_eviction and agent != KUBERNETES_AGENT:
        yield ("error_on_eviction",), f"error_on_eviction needs the agent kubernetes, this job has {agent!r}"
    if job.namespace != config.pod_namespace and agent != TEKTON_AGENT:
        yield ("namespace",), f"only jobs of the agent {TEKTON_AGENT} may choose a namespace"
    if agent == TEKTON_AGENT and pipeline:
        yield from _tekton_problems(job)


def _tekton_problems(job: JobBase) -> Iterator[Finding]:
    v1beta1 = job.tekton_pipeline_run_spec.v1beta1 if job.tekton_pipeline_run_spec is not None else None
    run = v1beta1 or job.pipeline_run_spec or {}
    pipeline = run.get("pipelineSpec")
    tasks = pipeline.get("tasks") if isinstance(pipeline, dict) else None
    indexes = set()
    for task in tasks if isinstance(tasks, list) else ():
        reference = task.get("taskRef") if isinstance(task, dict) else None
        name = str(reference.get("name", "")) if isinstance(reference, dict) else ""
        if isinstance(job, Periodic) and name == "PROW_IMPLICIT_GIT_REF":
            yield (), "a periodic has no PROW_IMPLICIT_GIT_REF"
        if (found := _EXTRA_REF.search(name)) is not None:
            if found[1] != "0" and found[1].startswith("0"):
                yield (), f"the index in {name!r} must not begin with 0"
            indexes.add(int(found[1][:9]))
    if indexes != set(range(len(job.extra_refs))):
        yield ("extra_refs",), "every extra ref needs its PROW_EXTRA_GIT_REF_<n> in the pipeline, and no other"


def _spec_problems(job: JobBase, spec: dict[str, Any]) -> Iterator[Finding]:
    for index, container in enumerate(spec.get("initContainers") or ()):
        if container.get("restartPolicy") != "Always":
            yield (
                ("spec", "initContainers", index),
                "init containers are not allowed, except with restartPolicy: Always",
            )
    containers = spec.get("containers") or []
    if not containers:
        yield ("spec",), "a pod spec needs at least one container"
    if len(containers) > 1:
        yield from _several_containers(job, containers)
    for index, container in enumerate(containers):
        yield from _env_problems(job, index, container)
    yield from _volume_problems(job, spec)


def _several_containers(job: JobBase, containers: Sequence[dict[str, Any]]) -> Iterator[Finding]:
    if job.decoration_config is None:
        yield ("spec", "containers"), "several containers need decorate: true"
        return
    seen = set()
    for index, container in enumerate(containers):
        name, path = container.get("name"), ("spec", "containers", index)
        if not name:
            yield path, "each of several containers needs a name"
        elif name in seen:
            yield path, f"another container is named {name!r} too"
        if name in _UTILITY_CONTAINERS:
            yield path, f"the container name {name!r} is one of Prow's own"
        seen.add(name)


def _env_problems(job: JobBase, index: int, container: dict[str, Any]) -> Iterator[Finding]:
    reserved = set(_RESERVED_ENV)
    if isinstance(job, Brancher):
        reserved.update(_RESERVED_REPO_ENV)
    if isinstance(job, Presubmit):
        reserved.update(_RESERVED_PULL_ENV)
    seen = set()
    for position, variable in enumerate(container.get("env") or ()):
        name, path = variable.get("name"), ("spec", "containers", index, "env", position)
        if name in seen:
            yield path, f"the variable {name!r} is there twice"
        if name in reserved:
            yield path, f"the variable {name!r} is set by Prow"
        seen.add(name)


def _volume_problems(job: JobBase, spec: dict[str, Any]) -> Iterator[Finding]:
    reserved = set(_UTILITY_VOLUMES)
    decoration = job.decoration_config
    if decoration is not None:
        reserved.update(decoration.ssh_key_secrets)
        if decoration.oauth_token_secret is not None:
            reserved.add(decoration.oauth_token_secret.name)
    seen = set()
    path: Path
    for index, volume in enumerate(spec.get("volumes") or ()):
        name, path = volume.get("name"), ("spec", "volumes", index)
        if name in seen:
            yield path, f"the volume {name!r} is there twice"
        if name in reserved:
            yield path, f"the volume name {name!r} is one of Prow's own"
        seen.add(name)
    for index, container in enumerate(spec.get("containers") or ()):
        for position, mount in enumerate(container.get("volumeMounts") or ()):
            name, path = mount.get("name"), ("spec", "containers", index, "volumeMounts", position)
            if name in _UTILITY_VOLUMES[:3]:
                yield path, f"the volume {name!r} is Prow's own"
            elif name not in seen and name not in reserved:
                yield path, f"no volume is named {name!r}"
            if mount.get("mountPath") in _UTILITY_MOUNTS:
                yield path, f"Prow mounts something at {mount['mountPath']} itself"


def _clone_problems(job: JobBase) -> Iterator[Finding]:
    """Asked only when the job itself says where to clone from, as upstream does."""
    if not job.clone_uri:
        return
    oauth = job.decoration_config is not None and job.decoration_config.oauth_token_secret is not None
    uris: list[tuple[Path, str]] = [(("clone_uri",), job.clone_uri)]
    uris += [(("extra_refs", index, "clone_uri"), ref.clone_uri) for index, ref in enumerate(job.extra_refs)]
    for path, uri in uris:
        address = uri.partition("@")[2] if "@" in uri else uri
        if wrong := url_problem(address):
            yield path, f"clone_uri {uri!r} is no URL: {wrong}"
        elif oauth and not address.lower().startswith(("http:", "https:")):
            yield (
                path,
                f"clone_uri {uri!r} must begin with https:// or http://, without a user, where an OAuth token is used",
            )


def _decorated_problems(job: JobBase, spec: dict[str, Any]) -> Iterator[Finding]:
    for path, wrong in decoration_problems(job.decoration_config):
        yield ("decoration_config", *path), wrong
    for index, container in enumerate(spec.get("containers") or ()):
        command = [*(container.get("command") or ()), *(container.get("args") or ())]
        if not command or not command[0]:
            yield ("spec", "containers", index), "a container of a decorated job needs a command or args"


def decoration_problems(config: DecorationConfig | None) -> Iterator[Finding]:
    """What keeps a merged decoration config from being used (`spec/config` §2.5)."""
    if config is None:
        return
    images = config.utility_images
    if images is None:
        yield ("utility_images",), "decoration needs utility_images"
    else:
        missing = [name for name in images.__struct_fields__ if not getattr(images, name)]
        if missing:
            yield ("utility_images",), f"decoration needs utility_images for {', '.join(missing)}"
    if config.oauth_token_secret is not None and config.ssh_key_secrets:
        yield ("ssh_key_secrets",), "oauth_token_secret and ssh_key_secrets exclude each other"
    storage = config.gcs_configuration
    if storage is None:
        yield ("gcs_configuration",), "decoration needs gcs_configuration"
        return
    if wrong := url_problem(storage.bucket if "://" in storage.bucket else f"gs://{storage.bucket}"):
        yield ("gcs_configuration", "bucket"), f"the bucket {storage.bucket!r} is no address: {wrong}"
    for extension, media in (storage.media_types or {}).items():
        if wrong := media_type_problem(media):
            yield ("gcs_configuration", "mediaTypes", extension), wrong
    path: Path = ("gcs_configuration", "path_strategy")
    if not storage.path_strategy:
        yield path, f"decoration needs a path_strategy: {', '.join(_STRATEGIES)}"
    elif storage.path_strategy not in _STRATEGIES:
        yield path, f"path_strategy {storage.path_strategy!r} must be one of {', '.join(_STRATEGIES)}"
    elif storage.path_strategy != "explicit" and not (storage.default_org and storage.default_repo):
        yield path, f"path_strategy {storage.path_strategy} needs default_org and default_repo"


def rerun_auth_problem(config: RerunAuthConfig) -> str | None:
    lists = (config.github_team_ids, config.github_team_slugs, config.github_users, config.github_orgs)
    return "allow_anyone excludes lists of users, teams and orgs" if config.allow_anyone and any(lists) else None


def _regex_problems(job: Brancher) -> Iterator[Finding]:
    for name in ("branches", "skip_branches"):
        patterns = getattr(job, name)
        joined = "|".join(patterns)
        if joined and (wrong := regex.check(joined)):
            # They are one pattern, so each by itself may be fine.
            single = next((index for index, pattern in enumerate(patterns) if regex.check(pattern)), None)
            path: Path = (name,) if single is None else (name, single)
            yield path, f"{name}: not a regular expression (RE2): {wrong}"
    # Of both, upstream compiles the first alone; having both is refused below.
    name = "run_if_changed" if job.run_if_changed else "skip_if_only_changed"
    if getattr(job, name) and (wrong := regex.check(getattr(job, name))):
        yield (name,), f"{name}: not a regular expression (RE2): {wrong}"


def _brancher_problems(job: Brancher) -> Iterator[Finding]:
    if job.run_if_changed and job.skip_if_only_changed:
        yield ("skip_if_only_changed",), "run_if_changed and skip_if_only_changed exclude each other"
    always = job.always_run if isinstance(job, (Presubmit, Postsubmit)) else None
    for name in ("run_if_changed", "skip_if_only_changed"):
        if always and getattr(job, name):
            yield (name,), f"always_run and {name} exclude each other"
    if not job.skip_report and not job.context and job.name:
        yield (), "a job that reports needs a context"
    if job.skip_report and job.labels.get(_GERRIT_REPORT_LABEL):
        yield ("labels", _GERRIT_REPORT_LABEL), "a job with skip_report cannot report to Gerrit"


def _presubmit_problems(job: Presubmit) -> Iterator[Finding]:
    if bool(job.trigger) != bool(job.rerun_command):
        yield ("trigger",) if job.trigger else ("rerun_command",), "trigger and rerun_command need each other"
        return
    if _has_default_trigger(job):
        return
    try:
        matches = regex.compile(job.trigger).matches(job.rerun_command)
    except regex.RegexError as error:
        if job.trigger == trigger_pattern(job.name):
            return  # said of the name
        yield ("trigger",), f"trigger: not a regular expression (RE2): {error}"
        return
    if not matches:
        yield ("rerun_command",), f"the rerun_command {job.rerun_command!r} does not match the trigger {job.trigger!r}"


def _has_default_trigger(job: Presubmit) -> bool:
    """Trigger and command made of a plain name fit each other; thousands of jobs have them."""
    name = job.name
    return (
        len(name) < 256
        and job.rerun_command == f"/test {name}"
        and job.trigger == trigger_pattern(name)
        and _NAME.fullmatch(name) is not None
    )


def _periodic_problems(job: Periodic) -> Iterator[Finding]:
    given = [name for name in ("cron", "interval", "minimum_interval") if getattr(job, name)]
    if not given:
        yield (), "a periodic needs cron, interval or minimum_interval"
    if len(given) > 1:
        yield (given[1],), f"{' and '.join(given)} exclude each other"
    if job.cron and (wrong := cron.problem(job.cron)):
        yield ("cron",), f"the cron expression {job.cron!r} cannot be used: {wrong}"
    texts: list[tuple[Path, str]] = [((name,), getattr(job, name)) for name in given if name != "cron"]
    if job.retry is not None and not job.retry.interval:
        yield ("retry",), "retry needs an interval, such as 1h; it takes the place of the job's own"
    elif job.retry is not None:
        texts.append((("retry", "interval"), job.retry.interval))
    for path, text in texts:
        try:
            durations.parse(text)
        except DurationError as error:
            yield path, str(error)


def clashes(jobs: Sequence[Brancher]) -> Iterator[tuple[int, str]]:
    """Jobs of one repo that cannot both be there: (index of the later one, what is wrong)."""
    by_name: dict[str, _Meeting] = {}
    by_context: dict[str, _Meeting] = {}
    for index, job in enumerate(jobs):
        same_name = by_name.setdefault(job.name, _Meeting(jobs))
        if (other := same_name.first(job, named_otherwise=False)) is not None:
            yield index, f"the job {job.name!r} is there twice for the same branches ({_place(jobs[other])})"
        same_context = by_context.setdefault(job.context, _Meeting(jobs))
        if (other := same_context.first(job, named_otherwise=True)) is not None:
            yield index, f"the job {jobs[other].name!r} reports to the context {job.context!r} too"
        same_name.add(index)
        same_context.add(index)


class _Meeting:
    """Jobs of one name or context, found by their branches, so that thousands on as many branches cost no square of it.
    `first`: of the earlier ones, the first that may run on a branch of this job."""

    def __init__(self, jobs: Sequence[Brancher]) -> None:
        self._jobs = jobs
        self._all: list[int] = []
        self._everywhere: list[int] = []
        self._but_for: list[int] = []
        self._on: dict[str, list[int]] = {}

    def add(self, index: int) -> None:
        job = self._jobs[index]
        _note(self._all, index, self._jobs)
        if job.runs_on_every_branch:
            _note(self._everywhere, index, self._jobs)
        elif not job.branches:
            # Two of these meet always, so without errors there is one.
            _note(self._but_for, index, self._jobs)
        for branch in job.branches:
            _note(self._on.setdefault(branch, []), index, self._jobs)

    def first(self, job: Brancher, *, named_otherwise: bool) -> int | None:
        found: Iterable[int]
        if job.runs_on_every_branch:
            found = self._all
        elif job.branches:
            met = [index for index in self._but_for if any(map(self._jobs[index].runs_on_branch, job.branches))]
            found = [*self._everywhere, *met, *(index for branch in job.branches for index in self._on.get(branch, ()))]
        else:
            found = [*self._everywhere, *self._but_for]
            found += (index for branch, there in self._on.items() if job.runs_on_branch(branch) for index in there)
        return min(
            (index for index in found if not named_otherwise or self._jobs[index].name != job.name), default=None
        )


def _note(there: list[int], index: int, jobs: Sequence[Brancher]) -> None:
    """The first of each of two names are all that is asked for."""
    names = {jobs[other].name for other in there}
    if not there or (len(names) == 1 and jobs[index].name not in names):
        there.append(index)


def _place(job: JobBase) -> str:
    file, line = job.source
    return f"{file}:{line}" if file else "in the central config"
