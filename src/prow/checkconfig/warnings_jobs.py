"""Jobs that load, but will not do what people expect. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prow.checkconfig.model import Known, Problem, in_config, in_job
from prow.config.decode import nearest
from prow.config.job import JobBase, Presubmit
from prow.config.validate_job import decoration_problems
from prow.lib import regex

_LONGEST = 63
_DEFAULT_CLUSTER = "default"
_KUBERNETES, _JENKINS = "kubernetes", "jenkins"


def non_decorated_jobs(known: Known) -> Iterator[Problem]:
    for job in _jobs(known, agent=_KUBERNETES):
        if not job.decorate:
            yield Problem(
                f"the job {job.name} is not decorated: its log and artifacts are not uploaded; say decorate: true",
                in_job(job, "decorate"),
            )


def long_job_names(known: Known) -> Iterator[Problem]:
    for job in _jobs(known, agent=_KUBERNETES):
        if len(job.name) > _LONGEST:
            yield Problem(
                f"the name {job.name} has {len(job.name)} characters; a label of the pod holds {_LONGEST}",
                in_job(job, "name"),
            )


def duplicate_job_refs(known: Known) -> Iterator[Problem]:
    for repo, jobs in known.config.presubmits.items():
        for job in jobs:
            if not job.extra_refs:
                continue
            names = Counter([repo, *(f"{ref.org}/{ref.repo}" for ref in job.extra_refs)])
            for name, count in names.items():
                if count > 1:
                    last = max(i for i, ref in enumerate(job.extra_refs) if f"{ref.org}/{ref.repo}" == name)
                    yield Problem(
                        f"the job {job.name} clones {name} {count} times, once for the repository itself"
                        if name == repo
                        else f"the job {job.name} clones {name} {count} times",
                        in_job(job, "extra_refs", last),
                    )


def periodic_clone_config(known: Known) -> Iterator[Problem]:
    for job in known.config.periodics:
        for name in ("clone_depth", "clone_uri", "path_alias"):
            if getattr(job, name):
                yield Problem(
                    f"the periodic {job.name} sets {name}, which has no effect: it has no repository of its own; "
                    "set it in extra_refs",
                    in_job(job, name),
                )


def required_annotations(known: Known) -> Iterator[Problem]:
    """With `--required-job-annotations`."""
    if not known.required_annotations:
        return
    for job in _jobs(known):
        missing = [name for name in known.required_annotations if name not in job.annotations]
        if missing:
            yield Problem(f"the job {job.name} lacks the annotations {', '.join(missing)}", in_job(job, "annotations"))


def valid_decoration(known: Known) -> Iterator[Problem]:
    """A load has looked at it already; jobs of other loads may not have been."""
    for job in _jobs(known, agent=_KUBERNETES):
        if job.decorate and job.decoration_config is not None:
            for _, wrong in decoration_problems(job.decoration_config):
                yield Problem(f"the job {job.name}: {wrong}", in_job(job, "decoration_config"))


def missing_bucket(known: Known) -> Iterator[Problem]:
    """Decoration without a place for logs loads. Jobs of one configuration share it, and are told together."""
    without: dict[int, list[JobBase]] = {}
    for job in _jobs(known, agent=_KUBERNETES):
        decoration = job.decoration_config
        storage = decoration.gcs_configuration if decoration is not None else None
        if job.decorate and storage is not None and not storage.bucket and not storage.local_output_dir:
            without.setdefault(id(decoration), []).append(job)
    for jobs in without.values():
        more = f" (and those of {len(jobs) - 1} more jobs)" if len(jobs) > 1 else ""
        text = f"the log and artifacts of the job {jobs[0].name}{more} have no place: set gcs_configuration.bucket"
        yield Problem(text, in_job(jobs[0]))


def cluster_field(known: Known) -> Iterator[Problem]:
    """A cluster that cannot be reached just now is no mistake of the config."""
    if known.clusters_unread:
        yield Problem(known.clusters_unread, in_config("plank", "build_cluster_status_file"))
    for job in _jobs(known):
        if job.agent == _JENKINS and job.cluster not in {"", _DEFAULT_CLUSTER}:
            yield Problem(
                f"the job {job.name} runs at Jenkins, where the cluster {job.cluster} has no meaning",
                in_job(job, "cluster"),
            )
        elif known.clusters is not None and job.cluster not in known.clusters:
            near = nearest(job.cluster, known.clusters)
            yield Problem(
                f"the job {job.name} wants the cluster {job.cluster}, which the status file does not know"
                + (f"; did you mean {near!r}?" if near else ""),
                in_job(job, "cluster"),
                hint=near,
            )


def rerun_commands(known: Known) -> Iterator[Problem]:
    """Always asked: Gerrit's rule about comments that start jobs holds for everybody's rerun commands."""
    rule = known.config.gerrit.allowed_presubmit_trigger_re
    if not rule:
        return
    allowed = regex.compile(rule)
    for job in _jobs(known):
        if isinstance(job, Presubmit) and not allowed.matches(job.rerun_command):
            yield Problem(rerun_problem(job, rule), in_job(job, "rerun_command"))


def rerun_problem(job: Presubmit, rule: str) -> str:
    return f"the job {job.name} is rerun by {job.rerun_command!r}, which gerrit.allowed_presubmit_trigger_re ({rule}) forbids"


def _jobs(known: Known, *, agent: str = "") -> Iterator[JobBase]:
    return (job for _, job in known.config.all_jobs() if not agent or job.agent == agent)
