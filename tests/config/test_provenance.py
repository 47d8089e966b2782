"""Where values come from, checked against the real configs: what is said to stand somewhere stands there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prow.config.config import Config
from prow.config.documents import Findings, read, read_jobs
from prow.config.load import load
from prow.config.provenance import Origins, Part
from prow.config.serialize import without_jobs
from prow.config.value_paths import Step, find, parse, spell
from prow.lib.errors import UsageError
from tests.support.data import METAL3, needs_data
from tests.support.kubernetes import folder, kubernetes


def parts_of(config: Config, main: Path, jobs: Path, *, every: int = 1) -> Iterator[tuple[Part, str]]:
    """All settings and every nth job, each part with the text at its place."""
    origins = Origins(config, read(main, what="main"), read_jobs(jobs, Findings()))
    texts: dict[str, list[str]] = {}
    for path, value in _pieces(config, every):
        for part in origins.parts(path, value):
            for place in part.origin.places:
                file, line, column = place.rsplit(":", 2)
                if file not in texts:
                    texts[file] = Path(file).read_text().splitlines()
                yield part, texts[file][int(line) - 1][int(column) - 1 :]


def _pieces(config: Config, every: int) -> Iterator[tuple[tuple[str | int, ...], object]]:
    for key in without_jobs(config):
        yield find(config, (Step(key),))
    for kind in ("presubmits", "postsubmits"):
        found = [(repo, index, job) for repo, jobs in getattr(config, kind).items() for index, job in enumerate(jobs)]
        yield from (((kind, repo, index), job) for repo, index, job in found[::every])
    yield from [(("periodics", index), job) for index, job in enumerate(config.periodics)][::every]


def stands_there(part: Part, text: str) -> bool:
    """Whether a text is where it is said to be; durations, quantities and blocks may be written in several ways."""
    if not isinstance(part.value, str) or part.origin.note.startswith("as ") or text[:1] in {"|", ">", "&", "*"}:
        return True
    if part.value[:1].isdigit():
        return text.lstrip("'\"")[:1].isdigit()
    plain = text[1:].replace("''", "'").replace('\\"', '"') if text[:1] in {"'", '"'} else text
    return plain.replace("\\\\", "\\").startswith(part.value.splitlines()[0][:20] if part.value else "")


@needs_data
def test_every_value_of_metal3_stands_where_it_is_said_to() -> None:
    metal3 = METAL3 / "config.yaml", METAL3 / "jobs"
    wrong = [
        (spell(part.path), part.value, str(part.origin), text)
        for part, text in parts_of(load(*metal3), *metal3)
        if not stands_there(part, text)
    ]
    assert wrong == []


@needs_data
def test_every_value_of_kubernetes_stands_where_it_is_said_to() -> None:
    config = folder() / "config"
    wrong, presets = [], 0
    for part, text in parts_of(kubernetes(), config / "prow/config.yaml", config / "jobs", every=300):
        presets += part.origin.note.startswith("preset")
        if not stands_there(part, text):
            wrong.append((spell(part.path), part.value, str(part.origin), text))
    assert presets > 20
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", ()),
        ("tide.queries[0].labels", ("tide", "queries", 0, "labels")),
        ('presubmits["org/repo"][2]', ("presubmits", "org/repo", 2)),
        ('plank[\'a b\']["c\\"d"]', ("plank", "a b", 'c"d')),
        ("branch-protection.orgs.*", ("branch-protection", "orgs", "*")),
    ],
)
def test_paths_are_read_and_spelled(text: str, steps: tuple[str | int, ...]) -> None:
    assert tuple(step.key for step in parse(text)) == steps
    assert tuple(step.key for step in parse(spell(steps))) == steps


@pytest.mark.parametrize("text", ["[", "a[", "a[x]", "a..b", 'a["b]', ".", "a]"])
def test_what_is_no_path_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="not a path"):
        parse(text)
