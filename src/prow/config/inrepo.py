"""Jobs that a repository keeps itself, in `.prow/` or `.prow.yaml` (`spec/config` §2.11).

Whoever opens a pull request writes these files: sizes and counts are bounded, and only RE2 touches their patterns.
Reading them at a commit is the caller's; here texts become jobs, defaulted and checked against the central config.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from prow.config.config import Config, set_origin
from prow.config.decode import nearest
from prow.config.defaults import Defaults
from prow.config.documents import Document, Findings
from prow.config.errors import ConfigError
from prow.config.job import Brancher, Postsubmit, Preset, Presubmit
from prow.config.parts import Placed, check_clashes, finish_jobs
from prow.config.prowignore import Ignores
from prow.model.base import Noun

DIRECTORY = ".prow"
FILE = ".prow.yaml"
IGNORE_FILE = ".prowignore"

MAX_FILES = 1_000
MAX_FILE = 1024 * 1024
MAX_TOTAL = 8 * 1024 * 1024
MAX_JOBS = 2_000
MAX_PRESETS = 1_000
# Aliases make much of little.
MAX_VALUES = 500_000


class ProwYAML(Noun, frozen=True):
    """The keys of a repository's own config."""

    presets: tuple[Preset, ...] = ()
    """Presets beside those of the central config."""
    presubmits: tuple[Presubmit, ...] = ()
    """Jobs for this repository's pull requests."""
    postsubmits: tuple[Postsubmit, ...] = ()
    """Jobs for pushes to this repository."""
    prow_ignored: Any = None
    """Anything: a place for YAML anchors and for the data of other tools."""


class InRepoJobs(Noun, frozen=True):
    """The repository's own jobs, effective and valid; `warnings`: unknown keys and the like."""

    presubmits: tuple[Presubmit, ...] = ()
    postsubmits: tuple[Postsubmit, ...] = ()
    warnings: tuple[ConfigError, ...] = ()


def is_in_repo_path(path: str) -> bool:
    """Whether a changed file may change the repository's own config."""
    return path == FILE or path.startswith(f"{DIRECTORY}/")


def wanted_paths(paths: list[str]) -> list[str]:
    """Of all paths of a commit, those that `read_in_repo` needs."""
    return [path for path in paths if is_in_repo_path(path) or path in {IGNORE_FILE, DIRECTORY}]


def read_in_repo(
    files: Mapping[str, bytes | str], config: Config, *, org: str, repo: str, strict: bool = False
) -> InRepoJobs:
    """The jobs in these files (path in the repository → content). Raises ConfigError (ConfigErrors).

    Whether the repository may have a config of its own is `config.in_repo_config.enabled_for(org, repo)`; the caller asks.
    """
    findings = Findings(strict=strict)
    parts = parse_files(files, findings)
    findings.check()
    if sum(len(part.presubmits) + len(part.postsubmits) for _, part in parts) > MAX_JOBS:
        raise ConfigError(f"a repository's own config may have {MAX_JOBS} jobs at most", file=DIRECTORY)
    presets = (*config.presets, *(preset for _, part in parts for preset in part.presets))
    defaults = Defaults(config, presets)
    name = f"{org}/{repo}"
    found: list[list[Placed]] = []
    central: tuple[tuple[str, tuple[Brancher, ...]], ...] = (
        ("presubmits", config.presubmits_for(org, repo)),
        ("postsubmits", config.postsubmits_for(org, repo)),
    )
    for kind, ours in central:
        placed = [
            Placed(job, document, (kind, index), name)
            for document, part in parts
            for index, job in enumerate(getattr(part, kind))
        ]
        done = finish_jobs(placed, config, defaults, findings)
        _check_clusters(done, config, findings, org=org, repo=repo)
        known = Document("", b"")
        check_clashes([*(Placed(job, known, (), name) for job in ours), *done], findings, since=len(ours))
        found.append(done)
    findings.check()
    return InRepoJobs(
        presubmits=tuple(each.job for each in found[0]),
        postsubmits=tuple(each.job for each in found[1]),
        warnings=tuple(findings.warnings),
    )


def parse_files(files: Mapping[str, bytes | str], findings: Findings) -> list[tuple[Document, ProwYAML]]:
    """What each of the files says by itself, in their order."""
    parts, values, presets = [], 0, 0
    for document in _documents(files):
        part = document.decode(ProwYAML, findings, coerce=True, max_nodes=MAX_VALUES)
        if part is None:
            continue
        values += _size(document.tree)
        presets += len(part.presets)
        if values > MAX_VALUES or presets > MAX_PRESETS:
            bounds = f"{MAX_VALUES:,} values and {MAX_PRESETS:,} presets at most"
            raise ConfigError(f"a repository's own config may have {bounds}", file=document.name)
        parts.append((document, part))
    return parts


def _size(tree: Any) -> int:
    """How many values there are; those of an alias as often as it stands there."""
    count, waiting = 0, [tree]
    while waiting:
        value = waiting.pop()
        count += 1
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return count


def effective_jobs(config: Config, own: InRepoJobs, *, org: str, repo: str) -> Config:
    """The config with the repository's own jobs after the central ones; for decisions about this repository alone."""
    name = f"{org}/{repo}"
    result = msgspec.structs.replace(
        config,
        presubmits={**config.presubmits, name: (*config.presubmits_for(org, repo), *own.presubmits)},
        postsubmits={**config.postsubmits, name: (*config.postsubmits_for(org, repo), *own.postsubmits)},
    )
    set_origin(result, hash=config.hash, warnings=(*config.warnings, *map(str, own.warnings)))
    return result


def _documents(files: Mapping[str, bytes | str]) -> list[Document]:
    if DIRECTORY in files:
        raise ConfigError(f"{DIRECTORY} must be a directory, it is a file", file=DIRECTORY)
    # Folder by folder: `a/b` stands before `a-b`.
    below = sorted((path for path in files if path.startswith(f"{DIRECTORY}/")), key=lambda path: path.split("/"))
    if below:
        ignores = Ignores()
        for path in sorted(path for path in files if path == IGNORE_FILE or path.endswith(f"/{IGNORE_FILE}")):
            ignores.add(path.removesuffix(IGNORE_FILE).rstrip("/"), _bytes(files[path]).decode("utf-8", "replace"))
        chosen = [
            path for path in below if path.endswith((".yaml", ".yml")) and not ignores.ignored(path, is_dir=False)
        ]
    else:
        chosen = [FILE] if FILE in files else []
    if len(chosen) > MAX_FILES:
        raise ConfigError(f"more than {MAX_FILES} files", file=DIRECTORY)
    documents = [Document(path, _bytes(files[path])) for path in chosen]
    for document in documents:
        if len(document.data) > MAX_FILE:
            raise ConfigError(f"larger than {MAX_FILE} bytes", file=document.name)
    if sum(len(document.data) for document in documents) > MAX_TOTAL:
        raise ConfigError(f"larger than {MAX_TOTAL} bytes together", file=DIRECTORY)
    return documents


def _bytes(content: bytes | str) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _check_clusters(placed: list[Placed], config: Config, findings: Findings, *, org: str, repo: str) -> None:
    allowed = config.in_repo_config.clusters_for(org, repo)
    for each in placed:
        if each.job.cluster in allowed:
            continue
        near = nearest(each.job.cluster, allowed)
        hint = f"did you mean {near!r}?" if near else f"allowed are: {', '.join(sorted(allowed)) or 'none'}"
        text = f"job {each.job.name!r}: the cluster {each.job.cluster!r} is not allowed for {org}/{repo}; {hint}"
        findings.errors.append(each.document.error((*each.path, "cluster"), text, hint=near))
