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
    """Tekton PipelineRunSpec of this version."""


class JobBase(Noun, frozen=True, dict=True):
    """What every job has. `spec`: core/v1 PodSpec as plain JSON, None for jobs of other agents."""

    name: str = ""
    """What the job is called: letters, digits, `-`, `_`, `.`. Unique in its repository for each branch; unique among
    all periodics."""
    labels: dict[str, str] = {}
    """Labels of the ProwJob and its pod. They also choose presets."""
    annotations: dict[str, str] = {}
    """Annotations of the ProwJob and its pod; keys are qualified names, values are free."""
    max_concurrency: int = 0
    """How many runs of the job may be under way at once; 0: any number."""
    agent: str = ""
    """Who runs the job. Unset: kubernetes, which also means this machine where there is no cluster."""
    cluster: str = ""
    """Name of the build cluster. Unset: default."""
    namespace: str = ""
    """Namespace of the pod. Unset: `pod_namespace`; others are for tekton-pipeline alone."""
    error_on_eviction: bool = False
    """Whether an evicted pod ends the job in error instead of being started again."""
    spec: dict[str, Any] | None = None
    """Pod to run, as Kubernetes' PodSpec. Required for the agent kubernetes."""
    pipeline_run_spec: dict[str, Any] | None = None
    """Old form of `tekton_pipeline_run_spec`."""
    tekton_pipeline_run_spec: TektonRunSpec | None = None
    """What to run for the agent tekton-pipeline."""
    reporter_config: ReporterConfig | None = None
    """Where this job is reported to, over the defaults of all."""
    rerun_auth_config: RerunAuthConfig | None = None
    """Who may rerun and abort the job from the dashboard."""
    hidden: bool = False
    """Whether only a dashboard for hidden jobs shows it."""
    prowjob_defaults: ProwJobDefault | None = None
    """Tenant and result store of the job, over `prowjob_default_entries`."""
    job_queue_name: str = ""
    """Queue of `plank.job_queue_capacities` whose limit the job shares."""
    # UtilityConfig: these describe the primary ref and how the pod utilities wrap the job.
    decorate: bool | None = None
    """Whether Prow clones the sources, and uploads log and artifacts. Unset: `decorate_all_jobs`."""
    path_alias: str = ""
    """Folder below `src` for the clone, such as `k8s.io/api`. Unset: `github.com/org/repo`."""
    clone_uri: str = ""
    """Where to clone from. Unset: `https://github.com/org/repo.git`."""
    skip_submodules: bool = False
    """Whether submodules are left out of the clone."""
    clone_depth: int = 0
    """How many commits are cloned; 0: the whole history."""
    skip_fetch_head: bool = False
    """Whether the fetch of the remote's HEAD is left out."""
    extra_refs: tuple[Refs, ...] = ()
    """Further repositories to clone. A periodic belongs to the first one where defaults go by repository."""
    decoration_config: DecorationConfig | None = None
    """How the job is decorated, over `plank.default_decoration_configs`."""

    @property
    def source(self) -> Source:
        """Where the job is written down; empty for jobs that were not loaded from a file."""
        source: Source = self.__dict__.get("source", Source())
        return source


def set_source(job: JobBase, source: Source) -> None:
    """For loaders: `source` is no part of the job's value and is never serialised."""
    job.__dict__["source"] = source


class ChangedPaths(tuple[str, ...]):  # noqa: SLOT001 - what was computed lives in its dict
    """The changed files of one event, for many matchers: each pattern is asked once, and mostly about one long text."""

    @cached_property
    def lines(self) -> str:
        return "\n".join(self)

    @cached_property
    def one_a_line(self) -> bool:
        """Whether no path holds a line break itself."""
        return self.lines.count("\n") == max(0, len(self) - 1)

    @cached_property
    def answers(self) -> dict[tuple[str, bool], bool]:
        return {}


class ChangeMatcher:
    """`run_if_changed` or `skip_if_only_changed`, compiled. No changed files: False for both."""

    __slots__ = ("_lines_regex", "_regex", "pattern", "skips")

    def __init__(self, pattern: str, *, skips: bool) -> None:
        self.pattern = pattern
        self.skips = skips
        self._regex = regex.compile(pattern)
        self._lines_regex: regex.Regex | None = None

    def matches(self, paths: Iterable[str]) -> bool:
        """Whether these changed paths make the job run."""
        if not isinstance(paths, ChangedPaths):
            return self._any(paths)
        key = (self.pattern, self.skips)
        answer = paths.answers.get(key)
        if answer is None:
            answer = paths.answers[key] = self._of_many(paths)
        return answer

    def _any(self, paths: Iterable[str]) -> bool:
        return any(self._regex.matches(path) is not self.skips for path in paths)

    def _of_many(self, paths: ChangedPaths) -> bool:
        """One search in all paths, a line each: what occurs in a path occurs there too, if only `^` and `$` are asked
        about edges. What is found there is looked at again by itself, since a pattern may reach over a line's end."""
        if self.skips or len(paths) < _MANY or not paths.one_a_line or not _only_line_edges(self.pattern):
            return self._any(paths)
        if self._lines_regex is None:
            self._lines_regex = regex.compile(f"(?m:{self.pattern})")
        text = paths.lines
        found = self._lines_regex.search(text)
        if found is None:
            return False
        begin = text.rfind("\n", 0, found.start()) + 1
        end = text.find("\n", begin)
        return self._regex.matches(text[begin : end if end >= 0 else None]) or self._any(paths)


_MANY = 16
_LONG = 4096


def _only_line_edges(pattern: str) -> bool:
    """No flags, and no edges of the whole text: then `(?m:…)` finds at least what the pattern finds line by line."""
    rest = pattern.replace("(?:", "")
    return len(pattern) < _LONG and not any(part in rest for part in ("(?", r"\A", r"\z", r"\Q"))


class Brancher(JobBase, frozen=True):
    """A job of a repository, for some of its branches and some changes. Regexes: RE2, unanchored."""

    branches: tuple[str, ...] = ()
    """Regular expressions (RE2, found anywhere in the name) of branches that the job is for. Empty: every branch.
    `main` also matches `maintenance`: write `^main$`."""
    skip_branches: tuple[str, ...] = ()
    """Regular expressions of branches that the job is not for, whatever `branches` says."""
    run_if_changed: str = ""
    """Run if the path of a changed file matches this regular expression."""
    skip_if_only_changed: str = ""
    """Run unless the paths of all changed files match this regular expression."""
    context: str = ""
    """Name of the status at GitHub. Unset: the job's name."""
    skip_report: bool = False
    """Whether GitHub gets no status and no comment."""
    jenkins_spec: JenkinsSpec | None = None
    """Options for the agent jenkins."""

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
    """Whether the job runs for every pull request. Excludes `run_if_changed` and `skip_if_only_changed`."""
    optional: bool = False
    """Whether a merge does not wait for the job."""
    trigger: str = ""
    """Regular expression of comments that start the job. Set it together with `rerun_command`, which it must match.
    Unset: `/test NAME`."""
    rerun_command: str = ""
    """Comment that people are told to write to run the job again. Unset: `/test NAME`."""
    run_before_merge: bool = False
    """Whether tide runs the job before it merges, although nothing else would start it."""

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
    """Whether the job runs for every push. Unset: it does, unless changed files decide; false: only by hand."""


class Retry(Noun, frozen=True):
    run_all: bool = False
    """Whether all attempts are made, also after one that passed."""
    attempts: int = 0
    """How many times a failed run is repeated; 10 at most."""
    interval: str = ""
    """Pause before the next attempt, such as 1h. Required, and takes the place of the periodic's own `interval`."""


class Periodic(JobBase, frozen=True):
    """A job that runs by the clock: one of `cron` (UTC), `interval`, `minimum_interval`."""

    interval: str = ""
    """Time from start to start, such as 6h. One of `cron`, `interval` and `minimum_interval` is required."""
    minimum_interval: str = ""
    """Time from the end of a run to the start of the next."""
    cron: str = ""
    """When to run, in cron's five fields or a word such as @daily; UTC. A run that is still under way is not doubled."""
    tags: tuple[str, ...] = ()
    """Words for people and other tools; nothing here reads them."""
    retry: Retry | None = None
    """How a failed run is repeated."""

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
    """Labels that a job must have, all of them, to get the preset. Empty: every job with a pod gets it."""
    env: tuple[dict[str, Any], ...] = ()
    """Environment variables for every container. A name that is there already is an error."""
    volumes: tuple[dict[str, Any], ...] = ()
    """Volumes for the pod. A name that is there already is an error."""
    volume_mounts: tuple[dict[str, Any], ...] = ()
    """Mounts for every container, by the names of volumes."""
    tolerations: tuple[dict[str, Any], ...] = ()
    """Tolerations for the pod."""
