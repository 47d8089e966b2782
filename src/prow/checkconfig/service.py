"""One run: what was read and fetched goes through the chosen checks; what they find gets its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from prow.checkconfig import mistyped, warnings_jobs
from prow.checkconfig.model import Check, Finding, Known, Level
from prow.checkconfig.places import Places, told
from prow.checkconfig.reading import Loaded, Paths, Progress, names
from prow.checkconfig.table import (
    MISSING_BUCKET,
    UNKNOWN_CLUSTER,
    UNKNOWN_FIELDS,
    UNKNOWN_FIELDS_ALL,
    UNKNOWN_LABEL,
    UNKNOWN_REPO,
)

_NOTED = {
    UNKNOWN_LABEL: mistyped.unknown_labels,
    UNKNOWN_CLUSTER: mistyped.unknown_clusters,
    UNKNOWN_REPO: mistyped.unknown_repos,
    MISSING_BUCKET: warnings_jobs.missing_bucket,
}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`findings` in the order of files and lines; `jobs`: how many were looked at."""

    findings: tuple[Finding, ...]
    jobs: int = 0
    strict: bool = False

    def count(self, level: Level) -> int:
        return sum(finding.level is level for finding in self.findings)

    @property
    def failed(self) -> bool:
        """Whether this configuration must not be used."""
        return bool(self.count(Level.ERROR) or (self.strict and self.count(Level.WARNING)))


def run(
    loaded: Loaded,
    known: Known | None,
    paths: Paths,
    checks: Sequence[Check],
    *,
    excluded: Iterable[str] = (),
    strict: bool,
    progress: Progress,
) -> Report:
    """`known` None: the config does not load, and nothing but that is said."""
    off = set(excluded)
    findings = [found for found in loaded.findings if found.level is not Level.NOTE or found.name not in off]
    jobs = 0
    if known is not None:
        jobs = sum(1 for _ in known.config.all_jobs())
        places = Places(
            known.config,
            [paths.config, *names(paths.supplemental)],
            [paths.plugins, *names(paths.supplemental_plugins)],
        )
        for check in checks:
            if check.plugins and known.plugins is None:
                continue
            progress(f"checking {check.name}")
            findings += [places.finding(check.name, problem) for problem in check.find(known)]
        findings += _notes(known, places, {check.name for check in checks}, off)
    findings.sort(key=lambda found: (found.file, found.line, found.column, found.name))
    return Report(findings=tuple(findings), jobs=jobs, strict=strict)


def _notes(known: Known, places: Places, on: set[str], excluded: set[str]) -> list[Finding]:
    """Unknown keys that no chosen check tells, and names that seem mistyped: worth knowing, but nothing that upstream would fail
    for."""
    notes: list[Finding] = []
    for name, find in _NOTED.items():
        if name not in excluded:
            notes += [places.finding(name, problem, Level.NOTE) for problem in find(known)]
    if not on & {UNKNOWN_FIELDS, UNKNOWN_FIELDS_ALL} and UNKNOWN_FIELDS not in excluded:
        notes += [told(UNKNOWN_FIELDS, found, Level.NOTE) for found in known.unknown_keys]
    if UNKNOWN_FIELDS_ALL not in on | excluded:
        notes += [told(UNKNOWN_FIELDS_ALL, found, Level.NOTE) for found in known.unknown_in_jobs]
    return notes
