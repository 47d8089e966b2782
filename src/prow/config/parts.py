"""A configuration by its files: what each file adds to it, effective, and how the parts become one.

A part depends on its file, on the settings and on the presets. As long as those are the same, the part of an unchanged
file is used again; only what lies between files (the same name twice) is looked at again, where something has changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace

from prow.config.config import Config, JobConfig
from prow.config.defaults import Defaults, PresetConflict
from prow.config.documents import Document, Findings
from prow.config.errors import ConfigError
from prow.config.job import Brancher, JobBase, Periodic, Preset, Source, set_source
from prow.config.pitfalls import job_pitfalls
from prow.config.validate_job import clashes, job_problems
from prow.lib.goyaml import Path
from prow.lib.regex import RegexError

J = TypeVar("J", bound=JobBase)

# Kind of job and the repository; periodics have none.
Place = tuple[str, str]
KINDS = ("presubmits", "postsubmits", "periodics")


class Placed(NamedTuple):
    """A job and where it is written down."""

    job: Any
    document: Document
    path: Path
    repo: str


class Part(NamedTuple):
    """What one file adds. `warnings`: those about this file."""

    document: Document
    presets: tuple[Preset, ...]
    jobs: dict[Place, tuple[JobBase, ...]]
    warnings: tuple[ConfigError, ...] = ()


def make_part(document: Document, jobs: JobConfig, config: Config, defaults: Defaults, findings: Findings) -> Part:
    """The jobs of one file, effective; what is wrong goes to `findings`."""
    done: dict[Place, tuple[JobBase, ...]] = {}
    for kind, repo, listed in _listed(jobs):
        path: Path = (kind, repo) if repo else (kind,)
        placed = [Placed(job, document, (*path, index), repo) for index, job in enumerate(listed)]
        done[kind, repo] = tuple(each.job for each in finish_jobs(placed, config, defaults, findings))
    return Part(document, jobs.presets, done)


def _listed(jobs: JobConfig) -> Iterator[tuple[str, str, Sequence[JobBase]]]:
    for repo, presubmits in jobs.presubmits.items():
        yield "presubmits", repo, presubmits
    for repo, postsubmits in jobs.postsubmits.items():
        yield "postsubmits", repo, postsubmits
    if jobs.periodics:
        yield "periodics", "", jobs.periodics


def finish_jobs(placed: Sequence[Placed], config: Config, defaults: Defaults, findings: Findings) -> list[Placed]:
    """Defaults and presets applied, the source noted, every job checked by itself."""
    finished = []
    for each in placed:
        try:
            job: JobBase = defaults.apply(each.job, each.repo)
        except PresetConflict as error:
            findings.wrong(each.document, each.path, f"job {each.job.name!r}: {error}")
            continue
        for path, odd in job_pitfalls(each.job):
            findings.warn(each.document, (*each.path, *path), f"job {each.job.name!r}: {odd}")
        set_source(job, Source(each.document.name, each.document.line(*each.path)))
        for path, wrong in job_problems(job, config):
            origin = defaults.decoration_origin(each.job, each.repo, path)
            if origin is not None and defaults.main is not None:
                findings.inherited(defaults.main, origin, wrong, f"job {job.name!r}")
            else:
                findings.wrong(each.document, (*each.path, *path), f"job {job.name!r}: {wrong}")
        finished.append(each._replace(job=job))
    return finished


def together(config: Config, parts: Sequence[Part]) -> Config:
    """The settings with the jobs of all parts, in the order of the files."""
    jobs: dict[str, dict[str, list[JobBase]]] = {kind: {} for kind in KINDS}
    for part in parts:
        for (kind, repo), listed in part.jobs.items():
            jobs[kind].setdefault(repo, []).extend(listed)
    fields: dict[str, Any] = {kind: {repo: tuple(listed) for repo, listed in jobs[kind].items()} for kind in KINDS[:2]}
    return replace(
        config,
        presets=tuple(preset for part in parts for preset in part.presets),
        periodics=tuple(jobs["periodics"].get("", ())),
        **fields,
    )


def check_between(parts: Sequence[Part], findings: Findings, *, only: Collection[Place] | None = None) -> None:
    """Jobs of different files, or places of one, that exclude each other. `only`: look at these places alone."""
    by_place: dict[Place, list[Placed]] = {}
    for part in parts:
        for place, listed in part.jobs.items():
            if only is None or place in only:
                by_place.setdefault(place, []).extend(_placed(part.document, place, listed))
    for kind in KINDS:
        for place, placed in by_place.items():
            if place[0] != kind:
                continue
            if kind == "periodics":
                check_periodics(placed, findings)
            else:
                check_clashes(placed, findings)


def _placed(document: Document, place: Place, jobs: Iterable[JobBase]) -> Iterator[Placed]:
    kind, repo = place
    path: Path = (kind, repo) if repo else (kind,)
    return (Placed(job, document, (*path, index), repo) for index, job in enumerate(jobs))


def check_clashes(placed: Sequence[Placed], findings: Findings, *, since: int = 0) -> None:
    """Jobs of one repo that exclude each other; only those from index `since` on are blamed."""
    jobs: list[Brancher] = [each.job for each in placed]
    try:
        for index, wrong in clashes(jobs):
            if index >= since:
                findings.wrong(placed[index].document, placed[index].path, f"job {jobs[index].name!r}: {wrong}")
    except RegexError:
        return  # a branch pattern is no RE2: told where it stands


def check_periodics(placed: Sequence[Placed], findings: Findings) -> None:
    """Names of periodics are unique."""
    seen: dict[str, Periodic] = {}
    for each in placed:
        job: Periodic = each.job
        first = seen.setdefault(job.name, job)
        if first is not job:
            wrong = f"job {job.name!r}: another periodic has this name ({first.source.file}:{first.source.line})"
            findings.wrong(each.document, each.path, wrong)


def check_presets(parts: Iterable[tuple[Document, Sequence[Preset]]], findings: Findings) -> None:
    """Every pair of label and value selects one preset."""
    seen: dict[tuple[str, str], tuple[Document, int]] = {}
    for document, presets in parts:
        for index, preset in enumerate(presets):
            for key, value in preset.labels.items():
                other, place = seen.setdefault((key, value), (document, index))
                if (other, place) != (document, index):
                    line, _ = other.positions.find(("presets", place))
                    wrong = f"the preset at {other.name}:{line} has the label {key}: {value} too"
                    findings.wrong(document, ("presets", index), wrong)
