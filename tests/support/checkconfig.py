"""Runs checks on files as people write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prow.checkconfig.model import Finding, Known
from prow.checkconfig.reading import Loaded, Paths, read_all
from prow.checkconfig.report import as_text
from prow.checkconfig.service import Report, run
from prow.checkconfig.table import choose


def written(folder: Path, files: Mapping[str, str]) -> Paths:
    """The files in the folder; `config.yaml`, `plugins.yaml`, `labels.yaml` and `jobs/` have their usual meaning."""
    for name, text in {"config.yaml": "", **files}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Paths(
        config=str(folder / "config.yaml"),
        jobs=str(folder / "jobs") if (folder / "jobs").exists() else "",
        plugins=str(folder / "plugins.yaml") if (folder / "plugins.yaml").exists() else "",
        labels=str(folder / "labels.yaml") if (folder / "labels.yaml").exists() else "",
    )


def checked(
    paths: Paths,
    names: Sequence[str] = (),
    *,
    strict: bool = False,
    strict_own: bool = False,
    excluded: Sequence[str] = (),
    **facts: Any,
) -> Report:
    """What these checks (none: the default set) find. `facts`: what else `Known` has."""
    loaded: Loaded = read_all(paths, strict_own=strict_own, progress=quiet)
    known = None
    if loaded.config is not None:
        known = Known(
            config=loaded.config,
            plugins=loaded.plugins,
            unknown_keys=tuple(loaded.unknown_keys),
            unknown_in_jobs=tuple(loaded.unknown_in_jobs),
            labels=loaded.labels,
            **facts,
        )
    return run(loaded, known, paths, choose(names, excluded), excluded=excluded, strict=strict, progress=quiet)


def lines(report: Report, folder: Path) -> list[str]:
    """The findings as text, without the folder."""
    return [line.replace(f"{folder}/", "") for line in as_text(report)]


def quiet(_what: str) -> None:
    """No progress."""


def pointed(finding: Finding) -> str:
    """What stands at the finding's place, to the end of the line."""
    text = Path(finding.file).read_text().split("\n")[finding.line - 1]
    return text[finding.column - 1 :]
