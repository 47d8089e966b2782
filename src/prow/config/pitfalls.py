"""What loads, and does not mean what it seems to mean (`spec/config` §10): notes to whoever wrote it, never refused. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from prow.config.config import Config
from prow.config.job import JobBase, Periodic
from prow.config.validate_job import Finding
from prow.lib import durations
from prow.lib.durations import Duration, DurationError
from prow.lib.gotemplate import Template, TemplateError
from prow.lib.goyaml import Path

# No name of an org, a repository or a cluster has these.
_OF_PATTERNS = frozenset("^$*+()|[]\\{}?")
_LOWER_FIELD = re.compile(r"{{[^}]*?[\s({|]?(?<![\w)\]])\.([a-z]\w*)")
_PLAIN = Config()


def config_pitfalls(config: Config) -> Iterator[Finding]:
    """Of config.yaml as it was written."""
    if config.default_job_timeout != _PLAIN.default_job_timeout:
        yield (
            ("default_job_timeout",),
            "nothing reads default_job_timeout; set `timeout` in plank's default decoration (unset: 2h)",
        )
    entries: dict[Path, Iterable[tuple[str, str]]] = {
        ("plank", "default_decoration_config_entries"): (
            (each.repo, each.cluster) for each in config.plank.default_decoration_config_entries
        ),
        ("deck", "default_rerun_auth_configs"): (
            (each.repo, each.cluster) for each in config.deck.default_rerun_auth_configs
        ),
        ("prowjob_default_entries",): ((each.repo, each.cluster) for each in config.prowjob_default_entries),
    }
    for path, pairs in entries.items():
        for index, (repo, cluster) in enumerate(pairs):
            for key, name in (("repo", repo), ("cluster", cluster)):
                if name != "*" and not _OF_PATTERNS.isdisjoint(name):
                    yield (
                        (*path, index, key),
                        f"{key} {name!r} is compared as plain text; there are no patterns here, only `*` alone",
                    )
    templates: dict[Path, str] = {("plank", "job_url_template"): config.plank.job_url_template}
    templates |= _templates(("plank",), config.plank.report_template, config.plank.report_templates)
    for index, operator in enumerate(config.jenkins_operators):
        of_operator: Path = ("jenkins_operators", index)
        templates[*of_operator, "job_url_template"] = operator.job_url_template
        templates |= _templates(of_operator, operator.report_template, operator.report_templates)
    for path, text in templates.items():
        if (found := _LOWER_FIELD.search(text)) is not None:
            yield (
                path,
                f"a ProwJob has no field .{found[1]}: fields have Go's names, such as .Spec.Job and .Status.BuildID",
            )


def _templates(path: Path, template: str, templates: Mapping[str, str]) -> dict[Path, str]:
    return {(*path, "report_template"): template} | {
        (*path, "report_templates", key): text for key, text in templates.items()
    }


def job_pitfalls(job: JobBase) -> Iterator[Finding]:
    """Of a job as it was written."""
    if isinstance(job, Periodic):
        yield from _periodic_pitfalls(job)
    if job.decoration_config is not None:
        for name in ("timeout", "grace_period"):
            if (text := getattr(job.decoration_config, name)) and 0 < durations.parse(text) < durations.SECOND:
                path = ("decoration_config", name)
                yield path, f"{name} is {text}: a number without unit counts nanoseconds; write e.g. 15m"
    slack = job.reporter_config.slack if job.reporter_config is not None else None
    if slack is not None and slack.report_template:
        try:
            Template.parse(slack.report_template)
        except TemplateError as error:
            yield (
                ("reporter_config", "slack", "report_template"),
                f"nothing is told to Slack, this is no Go template: {error}",
            )


def _periodic_pitfalls(job: Periodic) -> Iterator[Finding]:
    if job.cron.startswith(("TZ=", "CRON_TZ=")):
        yield ("cron",), "the job never runs: schedules are in UTC and take no time zone; leave it away"
    if job.retry is not None and job.interval and _parsed(job.retry.interval) not in {None, _parsed(job.interval)}:
        path = ("retry", "interval")
        yield (
            path,
            f"it takes the place of the job's own interval: the job runs every {job.retry.interval}, not {job.interval}",
        )


def _parsed(text: str) -> Duration | None:
    try:
        return durations.parse(text)
    except DurationError:
        return None
