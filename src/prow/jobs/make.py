"""Making ProwJobs from configured jobs, pure (`spec/prowjobs-and-pods` §2). Names and times are given by the caller."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from prow.config.job import JobBase, Periodic, Postsubmit, Presubmit
from prow.jobs.labels import labels_and_annotations
from prow.lib import ids
from prow.model.base import go_time
from prow.model.forge import PullRequest, PushCommit, Repo
from prow.model.prowjob import (
    JobState,
    JobType,
    Label,
    ObjectMeta,
    ProwJob,
    ProwJobSpec,
    ProwJobStatus,
    ReporterConfig,
)
from prow.model.refs import Pull, Refs


def new_prowjob(
    spec: ProwJobSpec,
    *,
    name: str,
    namespace: str,
    now: datetime,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    scheduling: bool = False,
) -> ProwJob:
    """A ProwJob at its beginning. `scheduling`: the scheduler is to choose a cluster first (`scheduler.enabled`)."""
    given_labels, given_annotations = labels_and_annotations(spec, labels, annotations)
    return ProwJob(
        metadata=ObjectMeta(name=name, namespace=namespace, labels=given_labels, annotations=given_annotations),
        spec=msgspec.structs.replace(spec, reporter_config=_with_report_default(spec.reporter_config)),
        status=ProwJobStatus(start_time=go_time(now), state=JobState.SCHEDULING if scheduling else JobState.TRIGGERED),
    )


def job_name(cause: str, spec: ProwJobSpec) -> str:
    """The name of the job that `cause` (a delivery, a decision, a tick) makes: equal causes, equal names."""
    refs = spec.refs
    return ids.named(cause, spec.type.value, spec.job, spec.context, f"{refs.full_name}@{refs}" if refs else "")


def presubmit_spec(job: Presubmit, refs: Refs) -> ProwJobSpec:
    """`refs` has one pull at least."""
    return _spec(
        job,
        type=JobType.PRESUBMIT,
        context=job.context,
        report=not job.skip_report,
        rerun_command=job.rerun_command,
        jenkins_spec=job.jenkins_spec,
        refs=complete_refs(refs, job),
    )


def postsubmit_spec(job: Postsubmit, refs: Refs) -> ProwJobSpec:
    return _spec(
        job,
        type=JobType.POSTSUBMIT,
        context=job.context,
        report=not job.skip_report,
        jenkins_spec=job.jenkins_spec,
        refs=complete_refs(refs, job),
    )


def periodic_spec(job: Periodic) -> ProwJobSpec:
    return _spec(job, type=JobType.PERIODIC, report=True)


def batch_spec(job: Presubmit, refs: Refs) -> ProwJobSpec:
    """`refs` has two pulls at least."""
    return _spec(job, type=JobType.BATCH, context=job.context, refs=complete_refs(refs, job))


def presubmit_labels(job: Presubmit, *, guid: str, retest: bool = False) -> dict[str, str]:
    """The labels of a job that the trigger plugin makes."""
    extra = {Label.EVENT_GUID: guid} if guid else {}
    if retest:
        extra[Label.RETEST] = "true"
    return {**job.labels, **extra, Label.IS_OPTIONAL: "true" if job.optional else "false"}


def pull_refs(pull: PullRequest, base_sha: str) -> Refs:
    """The refs of a presubmit for this pull request on `base_sha` (§2.2)."""
    repo = pull.base.repo or Repo()
    link = repo.html_url
    return Refs(
        org=repo.org,
        repo=repo.name,
        repo_link=link,
        base_ref=pull.base.ref,
        base_sha=base_sha,
        base_link=f"{link}/commit/{base_sha}",
        pulls=(
            Pull(
                number=pull.number,
                author=pull.author,
                sha=pull.head.sha,
                head_ref=pull.head.ref,
                title=pull.title,
                link=pull.html_url,
                author_link=pull.user.html_url if pull.user else "",
                commit_link=f"{link}/pull/{pull.number}/commits/{pull.head.sha}",
            ),
        ),
    )


def push_refs(repo: Repo, *, branch: str, after: str, compare: str) -> Refs:
    """The refs of a postsubmit."""
    return Refs(
        org=repo.org, repo=repo.name, repo_link=repo.html_url, base_ref=branch, base_sha=after, base_link=compare
    )


def pushed_files(commits: tuple[PushCommit, ...]) -> tuple[str, ...]:
    """Every path that the listed commits add, remove or change, once each."""
    return tuple(dict.fromkeys(path for c in commits for path in (*c.added, *c.removed, *c.modified)))


def complete_refs(refs: Refs, job: JobBase) -> Refs:
    """What the job says about its own repository wins over the refs; a decorated job adds its cloning defaults (§2.1)."""
    changes: dict[str, object] = {}
    for field in ("path_alias", "clone_uri", "skip_submodules", "clone_depth", "skip_fetch_head"):
        value = getattr(job, field)
        if value:
            changes[field] = value
    decoration = job.decoration_config if job.decorate is not False else None
    if decoration is not None:
        if refs.blobless_fetch is None and decoration.blobless_fetch is not None:
            changes["blobless_fetch"] = decoration.blobless_fetch
        if decoration.sparse_checkout_files:
            changes["sparse_checkout_files"] = decoration.sparse_checkout_files
    return msgspec.structs.replace(refs, **changes) if changes else refs


def _spec(job: JobBase, **special: object) -> ProwJobSpec:
    tekton = msgspec.to_builtins(job.tekton_pipeline_run_spec) if job.tekton_pipeline_run_spec else None
    return ProwJobSpec(
        job=job.name,
        agent=job.agent,
        cluster=job.cluster,
        namespace=job.namespace,
        max_concurrency=job.max_concurrency,
        error_on_eviction=job.error_on_eviction,
        extra_refs=_extra_refs(job),
        decoration_config=job.decoration_config,
        pod_spec=job.spec,
        pipeline_run_spec=job.pipeline_run_spec,
        tekton_pipeline_run_spec=tekton,
        reporter_config=job.reporter_config,
        rerun_auth_config=job.rerun_auth_config,
        hidden=job.hidden,
        prowjob_defaults=job.prowjob_defaults,
        job_queue_name=job.job_queue_name,
        **special,  # type: ignore[arg-type]
    )


def _extra_refs(job: JobBase) -> tuple[Refs, ...]:
    decoration = job.decoration_config
    if decoration is None or decoration.blobless_fetch is None:
        return job.extra_refs
    return tuple(
        refs
        if refs.blobless_fetch is not None
        else msgspec.structs.replace(refs, blobless_fetch=decoration.blobless_fetch)
        for refs in job.extra_refs
    )


def _with_report_default(config: ReporterConfig | None) -> ReporterConfig | None:
    """Slack reports unless the list of states to report is there and empty."""
    if config is None or config.slack is None or config.slack.report is not None:
        return config
    report = config.slack.job_states_to_report != ()
    return msgspec.structs.replace(config, slack=msgspec.structs.replace(config.slack, report=report))
