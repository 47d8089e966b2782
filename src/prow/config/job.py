"""Jobs as configured: presubmits, postsubmits, periodics (`spec/config` §2.2-2.4). Field names are the YAML keys.

A job in a `Config` is effective: defaults, presets and decoration defaults are in it, its regexes compile and it is
valid. What a job decides (`runs_on_branch`, `change_matcher`) is computed on first use and kept with the job.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

from prow.lib import regex
from prow.lib.durations import Duration
from prow.model.base import Noun, always
from prow.model.decoration import DecorationConfig
from prow.model.prowjob import JenkinsSpec, ProwJobDefault, ReporterConfig, RerunAuthConfig
from prow.model.refs import Refs


class Source(NamedTuple):
    """Where a job is written down; `line` counts from 1, 0: not known."""

    file: str = ""
    line: int = 0


class TektonRunSpec(Noun, frozen=True):
    v1beta1: dict[str, Any] | None = None


class JobBase(Noun, frozen=True, dict=True):
    """What every job has. `spec`: core/v1 PodSpec as plain JSON, None for jobs of other agents."""

    name: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    max_concurrency: int = 0
    agent: str = ""
    cluster: str = ""
    namespace: str = ""
    error_on_eviction: bool = False
    spec: dict[str, Any] | None = None
    pipeline_run_spec: dict[str, Any] | None = None
    tekton_pipeline_run_spec: TektonRunSpec | None = None
    reporter_config: ReporterConfig | None = None
    rerun_auth_config: RerunAuthConfig | None = None
    hidden: bool = False
    prowjob_defaults: ProwJobDefault | None = None
    job_queue_name: str = ""
    # UtilityConfig: these describe the primary ref and how the pod utilities wrap the job.
    decorate: bool | None = None
    path_alias: str = ""
    clone_uri: str = ""
    skip_submodules: bool = False
    clone_depth: int = 0
    skip_fetch_head: bool = False
    extra_refs: tuple[Refs, ...] = ()
    decoration_config: DecorationConfig | None = None

    @property
    def source(self) -> Source:
        """Where the job is written down; empty for jobs that were not loaded from a file."""
        source: Source = self.__dict__.get("source", Source())
        return source


def set_source(job: JobBase, source: Source) -> None:
    """For loaders: `source` is no part of the job's value and is never serialised."""
    job.__dict__["source"] = source


class ChangeMatcher:
    """`run_if_changed` or `skip_if_only_changed`, compiled. No changed files: False for both."""

    __slots__ = ("_regex", "pattern", "skips")

    def __init__(self, pattern: str, *, skips: bool) -> None:
        self.pattern = pattern
        self.skips = skips
        self._regex = regex.compile(pattern)

    def matches(self, paths: Iterable[str]) -> bool:
        """Whether these changed paths make the job run."""
        return any(self._regex.matches(path) is not self.skips for path in paths)


class Brancher(JobBase, frozen=True):
    """A job of a repository, for some of its branches and some changes. Regexes: RE2, unanchored."""

    branches: tuple[str, ...] = ()
    skip_branches: tuple[str, ...] = ()
    run_if_changed: str = ""
    skip_if_only_changed: str = ""
    context: str = ""
    skip_report: bool = False
    jenkins_spec: JenkinsSpec | None = None

    @cached_property
    def _branch_regexes(self) -> tuple[regex.Regex | None, regex.Regex | None]:
        return (
            regex.compile("|".join(self.branches)) if self.branches else None,
            regex.compile("|".join(self.skip_branches)) if self.skip_branches else None,
        )

    def runs_on_branch(self, branch: str) -> bool:
        """Whether the job is for this branch."""
        runs, skips = self._branch_regexes
        if skips is not None and skips.matches(branch):
            return False
        return runs is None or runs.matches(branch)

    @property
    def runs_on_every_branch(self) -> bool:
        return not self.branches and not self.skip_branches

    def intersects(self, other: Brancher) -> bool:
        """Whether both may run on one branch; branch patterns are taken literally, as upstream does."""
        if self.runs_on_every_branch or other.runs_on_every_branch:
            return True
        if self.branches and other.branches:
            return not set(self.branches).isdisjoint(other.branches)
        if self.branches:
            return any(other.runs_on_branch(branch) for branch in self.branches)
        return not other.branches or any(self.runs_on_branch(branch) for branch in other.branches)

    @cached_property
    def change_matcher(self) -> ChangeMatcher | None:
        """What decides by changed files; None: changed files play no role."""
        if self.run_if_changed:
            return ChangeMatcher(self.run_if_changed, skips=False)
        if self.skip_if_only_changed:
            return ChangeMatcher(self.skip_if_only_changed, skips=True)
        return None


class Presubmit(Brancher, frozen=True):
    """A job that runs for pull requests."""

    always_run: bool = always(False)
    optional: bool = False
    trigger: str = ""
    rerun_command: str = ""
    run_before_merge: bool = False

    @cached_property
    def _trigger_regex(self) -> regex.Regex:
        return regex.compile(self.trigger)

    def trigger_matches(self, body: str) -> bool:
        """Whether a comment with this body asks for the job."""
        return self._trigger_regex.matches(body)

    @property
    def needs_explicit_trigger(self) -> bool:
        return not self.always_run and not self.run_if_changed and not self.skip_if_only_changed

    @property
    def triggers_conditionally(self) -> bool:
        return not self.always_run

    @property
    def context_required(self) -> bool:
        """Whether a merge waits for the context, if the job runs at all."""
        return not self.optional and not self.skip_report


class Postsubmit(Brancher, frozen=True):
    """A job that runs for pushes. `always_run` None: yes, unless changed files decide."""

    always_run: bool | None = None


class Retry(Noun, frozen=True):
    run_all: bool = False
    attempts: int = 0
    interval: str = ""


class Periodic(JobBase, frozen=True):
    """A job that runs by the clock: one of `cron` (UTC), `interval`, `minimum_interval`."""

    interval: str = ""
    minimum_interval: str = ""
    cron: str = ""
    tags: tuple[str, ...] = ()
    retry: Retry | None = None

    @cached_property
    def interval_duration(self) -> Duration:
        """Start to start; `retry.interval` takes its place when there is one, as upstream does."""
        return _duration(self.retry.interval if self.retry is not None else self.interval)

    @cached_property
    def minimum_interval_duration(self) -> Duration:
        """Completion to start."""
        return _duration(self.minimum_interval)


def _duration(text: str) -> Duration:
    from prow.lib import durations  # noqa: PLC0415 - only schedulers need it

    return durations.parse(text) if text else Duration(0)


class Preset(Noun, frozen=True, rename={"volume_mounts": "volumeMounts"}):
    """Added to every job with a pod spec that has all of `labels` (`spec/config` §2.9)."""

    labels: dict[str, str] = {}
    env: tuple[dict[str, Any], ...] = ()
    volumes: tuple[dict[str, Any], ...] = ()
    volume_mounts: tuple[dict[str, Any], ...] = ()
    tolerations: tuple[dict[str, Any], ...] = ()
