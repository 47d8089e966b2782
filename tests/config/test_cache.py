"""Loads with a cache give what loads without one give, whatever is wrong with the cache."""

import os
import stat
import sys
from pathlib import Path

import pytest

from prow.config import cache as caches
from prow.config.cache import Cache
from prow.config.config import Config
from prow.config.documents import Findings, read_jobs
from prow.config.errors import ConfigError
from prow.config.load import load
from prow.config.parsed import Helper, Helping, parse, parse_all
from tests.support.data import DATA, needs_data
from tests.support.kubernetes import folder

METAL3 = (DATA / "metal3/config.yaml", DATA / "metal3/jobs")
CONFIG = "plank: {default_decoration_configs: {'*': {timeout: 1h}}}\n"
JOB = """presubmits:
  o/r:
  - name: {name}
    labels: {{l: "1"}}
    run_if_changed: ^a
    spec: {{containers: [{{image: x, resources: {{requests: {{cpu: 0.5}}}}}}]}}
periodics:
- {{name: p-{name}, interval: 1h30m, surprise: 1, spec: {{containers: [{{image: x}}]}}}}
"""


def everything(config: Config) -> tuple[object, ...]:
    return config, config.hash, config.warnings, [job.source for _, job in config.all_jobs()]


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "config.yaml").write_text(CONFIG)
    for name in ("one", "two"):
        (tmp_path / f"jobs/{name}.yaml").write_text(JOB.format(name=name))
    return tmp_path / "config.yaml", tmp_path / "jobs"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", worth_bytes=0)


def entries(cache: Cache) -> list[Path]:
    return sorted(cache.folder.iterdir())


def test_a_warm_load_is_a_cold_load(paths: tuple[Path, Path], cache: Cache) -> None:
    cold = load(*paths)
    assert everything(load(*paths, cache=cache)) == everything(cold)
    assert everything(load(*paths, cache=cache)) == everything(cold)
    assert cold.warnings
    assert len(entries(cache)) == 2


@needs_data
def test_a_warm_load_of_a_real_config_is_a_cold_load(cache: Cache) -> None:
    cold = load(*METAL3)
    load(*METAL3, cache=cache)
    assert everything(load(*METAL3, cache=cache)) == everything(cold)


@needs_data
def test_a_warm_load_of_thousands_of_jobs_is_a_cold_load(cache: Cache) -> None:
    paths = folder() / "config/prow/config.yaml", folder() / "config/jobs"
    cold = load(*paths, cache=cache)
    assert everything(load(*paths, cache=cache)) == everything(cold)
    max(entries(cache), key=lambda file: file.stat().st_size).unlink()
    assert everything(load(*paths, cache=cache)) == everything(cold)


@needs_data
def test_a_load_of_files_that_are_known_one_by_one_is_a_cold_load(cache: Cache) -> None:
    cold = load(*METAL3)
    load(*METAL3, cache=cache)
    whole = max(entries(cache), key=lambda file: file.stat().st_size)
    whole.unlink()
    assert everything(load(*METAL3, cache=cache)) == everything(cold)


def test_a_changed_file_is_seen(paths: tuple[Path, Path], cache: Cache) -> None:
    load(*paths, cache=cache)
    (paths[1] / "one.yaml").write_text(JOB.format(name="new"))
    assert everything(load(*paths, cache=cache)) == everything(load(*paths))


def test_strict_and_lenient_loads_do_not_share_a_result(paths: tuple[Path, Path], cache: Cache) -> None:
    load(*paths, cache=cache)
    with pytest.raises(ConfigError, match="surprise"):
        load(*paths, cache=cache, strict=True)


def test_errors_are_the_same_with_a_cache(paths: tuple[Path, Path], cache: Cache) -> None:
    (paths[1] / "two.yaml").write_text(JOB.format(name="one"))
    load_errors = []
    for given in (None, cache, cache):
        with pytest.raises(ConfigError) as caught:
            load(*paths, cache=given)
        load_errors.append(str(caught.value))
    assert load_errors[0] == load_errors[1] == load_errors[2]
    assert "two.yaml:3:" in load_errors[0]


@pytest.mark.parametrize("damage", [b"", b"prow", b"\x80\x04cos\nsystem\n", b"x" * 4096])
def test_a_damaged_entry_is_removed_and_made_again(paths: tuple[Path, Path], cache: Cache, damage: bytes) -> None:
    load(*paths, cache=cache)
    for file in entries(cache):
        file.write_bytes(damage)
    assert everything(load(*paths, cache=cache)) == everything(load(*paths))
    assert all(file.read_bytes() != damage for file in entries(cache))


def test_one_wrong_byte_anywhere_is_noticed(paths: tuple[Path, Path], cache: Cache) -> None:
    load(*paths, cache=cache)
    cold = everything(load(*paths))
    good = {file: file.read_bytes() for file in entries(cache)}
    for position in range(0, min(len(body) for body in good.values()), 97):
        for file, body in good.items():
            file.write_bytes(body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :])
        assert everything(load(*paths, cache=cache)) == cold


def test_a_whole_entry_of_something_else_is_dropped(cache: Cache, paths: tuple[Path, Path]) -> None:
    load(*paths, cache=cache)
    bodies = [file.read_bytes() for file in entries(cache)]
    for file, body in zip(entries(cache), reversed(bodies), strict=True):
        file.write_bytes(body)
    assert everything(load(*paths, cache=cache)) == everything(load(*paths))


def test_other_code_does_not_see_the_entry(tmp_path: Path) -> None:
    Cache(tmp_path, version="1").put(b"text", "key")
    assert Cache(tmp_path, version="2").get("key") is None
    assert bytes(Cache(tmp_path, version="1").get("key") or b"") == b"text"


def test_entries_are_for_their_owner_alone(cache: Cache) -> None:
    cache.put(b"text", "key")
    (entry,) = entries(cache)
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600
    entry.chmod(0o666)
    assert cache.get("key") is None


def test_the_folder_stays_bounded(tmp_path: Path) -> None:
    cache = Cache(tmp_path, version="1", max_bytes=10_000)
    for number in range(30):
        cache.put(b"x" * 1000, str(number))
        os.utime(max(tmp_path.iterdir(), key=lambda file: file.stat().st_mtime_ns), (number, number))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 10_000
    cache.put(b"x" * 20_000, "too large")
    assert cache.get("too large") is None


def test_a_folder_that_cannot_be_written_is_no_error(paths: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert everything(load(*paths, cache=Cache(tmp_path / "file/cache"))) == everything(load(*paths))


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HOME": "/home/mia"}, "/home/mia/.cache/prow/config"),
        ({"HOME": "/home/mia", "XDG_CACHE_HOME": "/tmp/c"}, "/tmp/c/prow/config"),
        ({"HOME": "/home/mia", "XDG_CACHE_HOME": "relative"}, "/home/mia/.cache/prow/config"),
        ({"PROW_CONFIG_CACHE_DIR": "/var/c", "HOME": "/home/mia"}, "/var/c"),
        ({"PROW_CONFIG_CACHE_DIR": "off", "HOME": "/home/mia"}, None),
        ({"HOME": "/"}, None),
        ({}, None),
    ],
)
def test_where_the_cache_is(environment: dict[str, str], folder: str | None) -> None:
    found = caches.usual(environment=environment)
    assert (str(found.folder) if found else None) == folder


def test_a_second_process_parses() -> None:
    texts = [JOB.format(name="one").encode(), b"a: [", b"surprise: 1"]
    assert Helper(texts).result() == [parse(text) for text in texts]


@needs_data
@pytest.mark.parametrize("python", [sys.executable, "/bin/false", "/does/not/exist"])
def test_a_second_process_says_the_same_of_a_file(python: str) -> None:
    documents = read_jobs(METAL3[1], Findings())
    alone = parse_all(documents, helping=Helping(python=""))
    assert parse_all(documents, helping=Helping(from_bytes=0, python=python)) == alone
