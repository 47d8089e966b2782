"""A job's page: prefix and path for decorated jobs, else a template, pure (`spec/prowjobs-and-pods` §2.3)."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from prow.config.sections import Plank
from prow.lib import logs
from prow.model import paths
from prow.model.prowjob import ProwJob

_log = logs.get("jobs")


def job_url(job: ProwJob, plank: Plank) -> str:
    """The address that statuses and comments link to; empty when the config has none."""
    decoration = job.spec.decoration_config
    gcs = decoration.gcs_configuration if decoration is not None else None
    if gcs is not None:
        prefix = gcs.job_url_prefix or plank.job_url_prefix_for(*_repository(job))
        if prefix:
            bucket = paths.parse_bucket(gcs.bucket)
            provider = "" if plank.job_url_prefix_disable_append_storage_provider else bucket.provider
            parts = urlsplit(prefix)
            where = paths.join(
                parts.path, provider, f"{bucket.name}{bucket.path}", paths.job_path(job.spec, job.status.build_id, gcs)
            )
            return urlunsplit(parts._replace(path=where if where.startswith("/") else f"/{where}"))
    if not plank.job_url_template:
        return ""
    from prow.config.template_data import prowjob_data  # noqa: PLC0415 - few configs have templates
    from prow.lib.gotemplate import Template, TemplateError  # noqa: PLC0415

    try:
        return Template.parse(plank.job_url_template).render(prowjob_data(job))
    except TemplateError as error:
        _log.warning(
            "plank.job_url_template cannot be used for this job.", job=job.spec.job, name=job.name, error=str(error)
        )
        return ""


def _repository(job: ProwJob) -> tuple[str, str]:
    refs = job.spec.refs or (job.spec.extra_refs[0] if job.spec.extra_refs else None)
    return (refs.org, refs.repo) if refs is not None else ("", "")
