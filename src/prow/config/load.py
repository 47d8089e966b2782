"""From files to an effective, valid `Config` (`spec/config` §0.2). Synchronous; for the event loop there is `agent`.

Everything wrong is collected and raised together, each with file, line and column: first what the files say by
themselves, then what they mean together. Unknown keys are warnings on the result, or errors with `strict`.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace

from prow.config.config import Config, JobConfig, set_origin
from prow.config.defaults import Defaults, PresetConflict
from prow.config.documents import Document, Findings, content_hash, read, read_jobs
from prow.config.finish import finish
from prow.config.job import Brancher, JobBase, Periodic, Postsubmit, Preset, Presubmit, Source, set_source
from prow.config.validate_config import config_problems
from prow.config.validate_job import clashes, job_problems
from prow.lib.goyaml import Path
from prow.lib.regex import RegexError

J = TypeVar("J", bound=JobBase)

StrPath = str | os.PathLike[str]
_MAX_VERSION = 4096


class Placed(NamedTuple):
    """A job and where it is written down."""

    job: Any
    document: Document
    path: Path
    repo: str


def load(config_path: StrPath, job_config_path: StrPath = "", *, strict: bool = False) -> Config:
    """The configuration of these paths. Raises ConfigError (ConfigErrors when there are several)."""
    findings = Findings(strict=strict)
    main = read(config_path, what="--config-path")
    documents = read_jobs(job_config_path, findings) if os.fspath(job_config_path) else []
    version = _version(FilePath(config_path).parent / "VERSION")
    with _without_collector():
        return assemble(main, documents, findings, version=version, check_presets=bool(os.fspath(job_config_path)))


def assemble(
    main: Document, documents: Sequence[Document], findings: Findings, *, version: str = "", check_presets: bool = True
) -> Config:
    """A config of texts that are read already. Raises ConfigError."""
    config = main.decode(Config, findings, coerce=False) or Config()
    parts: list[tuple[Document, JobConfig]] = [(main, config)]
    for document in documents:
        jobs = document.decode(JobConfig, findings, coerce=True)
        if jobs is not None:
            parts.append((document, jobs))
    findings.check()
    if version:
        config = replace(config, config_version_sha=version)
    for path, wrong in config_problems(config):
        findings.wrong(main, path, wrong)
    findings.check()
    config = finish(config)
    if check_presets:
        _check_presets(parts, findings)
    config = effective(config, parts, findings)
    findings.check()
    set_origin(config, hash=content_hash([main, *documents], version), warnings=findings.texts())
    return config


def effective(config: Config, parts: Sequence[tuple[Document, JobConfig]], findings: Findings) -> Config:
    """The config with the jobs of all parts, defaulted and valid; what is wrong goes to `findings`."""
    presets: tuple[Preset, ...] = tuple(preset for _, jobs in parts for preset in jobs.presets)
    defaults = Defaults(config, presets)
    presubmits: dict[str, list[Placed]] = {}
    postsubmits: dict[str, list[Placed]] = {}
    periodics: list[Placed] = []
    for document, jobs in parts:
        for repo, listed in jobs.presubmits.items():
            presubmits.setdefault(repo, []).extend(_placed(document, ("presubmits", repo), listed, repo))
        for repo, pushed in jobs.postsubmits.items():
            postsubmits.setdefault(repo, []).extend(_placed(document, ("postsubmits", repo), pushed, repo))
        periodics += _placed(document, ("periodics",), jobs.periodics, "")
    done: list[dict[str, tuple[Any, ...]]] = []
    for by_repo in (presubmits, postsubmits):
        finished = {repo: finish_jobs(placed, config, defaults, findings) for repo, placed in by_repo.items()}
        for placed in finished.values():
            check_clashes(placed, findings)
        done.append({repo: tuple(each.job for each in placed) for repo, placed in finished.items()})
    timed = finish_jobs(periodics, config, defaults, findings)
    _check_periodics(timed, findings)
    before: tuple[dict[str, tuple[Presubmit, ...]], dict[str, tuple[Postsubmit, ...]]] = (done[0], done[1])
    return replace(
        config, presets=presets, presubmits=before[0], postsubmits=before[1], periodics=tuple(e.job for e in timed)
    )


def _placed(document: Document, path: Path, jobs: Sequence[JobBase], repo: str) -> Iterator[Placed]:
    return (Placed(job, document, (*path, index), repo) for index, job in enumerate(jobs))


def finish_jobs(placed: Sequence[Placed], config: Config, defaults: Defaults, findings: Findings) -> list[Placed]:
    """Defaults and presets applied, the source noted, every job checked by itself."""
    finished = []
    for each in placed:
        try:
            job: JobBase = defaults.apply(each.job, each.repo)
        except PresetConflict as error:
            findings.wrong(each.document, each.path, f"job {each.job.name!r}: {error}")
            continue
        set_source(job, Source(each.document.name, each.document.line(*each.path)))
        for path, wrong in job_problems(job, config):
            findings.wrong(each.document, (*each.path, *path), f"job {job.name!r}: {wrong}")
        finished.append(each._replace(job=job))
    return finished


def check_clashes(placed: Sequence[Placed], findings: Findings, *, since: int = 0) -> None:
    """Jobs of one repo that exclude each other; only those from index `since` on are blamed."""
    jobs: list[Brancher] = [each.job for each in placed]
    try:
        for index, wrong in clashes(jobs):
            if index >= since:
                findings.wrong(placed[index].document, placed[index].path, f"job {jobs[index].name!r}: {wrong}")
    except RegexError:
        return  # a branch pattern is no RE2: told where it stands


def _check_periodics(placed: Sequence[Placed], findings: Findings) -> None:
    seen: set[str] = set()
    for each in placed:
        job: Periodic = each.job
        if job.name in seen:
            findings.wrong(each.document, each.path, f"the periodic {job.name!r} is there twice")
        seen.add(job.name)


def _check_presets(parts: Sequence[tuple[Document, JobConfig]], findings: Findings) -> None:
    seen: set[tuple[str, str]] = set()
    for document, jobs in parts:
        for index, preset in enumerate(jobs.presets):
            for pair in preset.labels.items():
                if pair in seen:
                    findings.wrong(
                        document, ("presets", index), f"another preset has the label {pair[0]}: {pair[1]} too"
                    )
                seen.add(pair)


def _version(file: FilePath) -> str:
    """What the config updater wrote beside the config, untrimmed as upstream keeps it."""
    try:
        with file.open("rb") as stream:
            return stream.read(_MAX_VERSION).decode("utf-8", "replace")
    except OSError:
        return ""


@contextmanager
def _without_collector() -> Iterator[None]:
    """A load makes many values and no garbage: Python's cycle collector would only slow it down."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
