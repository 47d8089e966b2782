"""A report is remembered as long as nothing that it depends on changes."""

from pathlib import Path

import msgspec
import pytest

from prow.checkconfig import remembered
from prow.checkconfig.model import Finding, Level
from prow.checkconfig.reading import Paths
from prow.checkconfig.remembered import Key
from prow.checkconfig.service import Report
from prow.config.cache import Cache

REPORT = Report(
    findings=(Finding(name="validate-urls", message="odd", level=Level.NOTE, file="config.yaml", line=3, column=1),),
    jobs=7,
    strict=True,
)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    (tmp_path / "jobs").mkdir()
    for name in ("config.yaml", "plugins.yaml", "jobs/a.yaml"):
        (tmp_path / name).write_text("{}\n")
    return Paths(
        config=str(tmp_path / "config.yaml"), jobs=str(tmp_path / "jobs"), plugins=str(tmp_path / "plugins.yaml")
    )


def key(paths: Paths, *, checks: tuple[str, ...] = ("validate-urls",), strict: bool = False) -> Key | None:
    return remembered.key_of(paths, checks, (), strict=strict, worth_bytes=0)


def test_a_report_comes_back_as_it_was(paths: Paths, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    assert remembered.recall(cache, key(paths)) is None
    remembered.keep(cache, key(paths), REPORT)
    assert remembered.recall(cache, key(paths)) == REPORT


@pytest.mark.parametrize("name", ["config.yaml", "plugins.yaml", "jobs/a.yaml", "jobs/new.yaml", "VERSION"])
def test_every_file_counts(paths: Paths, tmp_path: Path, name: str) -> None:
    before = key(paths)
    (tmp_path / name).write_text("# changed\n")
    assert key(paths) != before


def test_checks_and_strictness_count(paths: Paths) -> None:
    assert len({key(paths), key(paths, checks=("other",)), key(paths, strict=True)}) == 3
    assert key(paths, checks=("a", "b")) == key(paths, checks=("b", "a"))


def test_a_report_about_a_checkout_is_not_kept(paths: Paths) -> None:
    assert key(msgspec.structs.replace(paths, own_repo="o/r")) is None


def test_files_that_cannot_be_read_have_no_report_to_remember(paths: Paths) -> None:
    assert key(msgspec.structs.replace(paths, config=paths.config + ".gone")) is None


def test_something_else_under_the_key_is_dropped(paths: Paths, tmp_path: Path) -> None:
    cache, name = Cache(tmp_path / "cache"), key(paths)
    assert name is not None
    cache.put(b"\x93", *name)
    assert remembered.recall(cache, name) is None
    assert cache.get(*name) is None


def test_small_files_are_not_worth_an_entry(paths: Paths) -> None:
    assert remembered.key_of(paths, (), strict=False) is None


def test_without_a_cache_nothing_is_remembered(paths: Paths) -> None:
    remembered.keep(None, key(paths), REPORT)
    assert remembered.recall(None, key(paths)) is None
