"""A loader that follows changes file by file has what a fresh load has, after every step."""

import random
import shutil
from pathlib import Path

import pytest

from prow.config.cache import Cache
from prow.config.config import Config
from prow.config.errors import ConfigError
from prow.config.load import Loader, load
from tests.support.data import DATA, needs_data

JOB = "presubmits:\n  o/r:\n  - name: {name}\n    labels: {{l: '1'}}\n    spec: {{containers: [{{image: x}}]}}\n"
PERIODIC = "periodics:\n- name: {name}\n  interval: 1h\n  spec: {{containers: [{{image: x}}]}}\n"
PRESET = "presets:\n- labels: {{l: '1'}}\n  env: [{{name: A, value: {value}}}]\n"


class Folder:
    def __init__(self, folder: Path) -> None:
        self.config, self.jobs = folder / "config.yaml", folder / "jobs"
        self.jobs.mkdir()
        self.config.write_text("{}\n")
        for name in ("a", "b", "c"):
            self.write(name, JOB.format(name=name))
        self.loader = Loader(self.config, self.jobs)
        self.same()

    def write(self, name: str, text: str) -> None:
        (self.jobs / f"{name}.yaml").write_text(text)

    def same(self) -> None:
        """Loading by steps gives what loading at once gives, be it a config or an error."""
        assert outcome(self.loader) == outcome(Loader(self.config, self.jobs))


def outcome(loader: Loader) -> object:
    try:
        config = loader.load()
    except ConfigError as error:
        return str(error)
    return everything(config)


def everything(config: Config) -> object:
    places = [list(config.presubmits), list(config.postsubmits)]
    return config, config.hash, config.warnings, places, [job.source for _, job in config.all_jobs()]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_edits_new_files_and_removed_files(folder: Folder) -> None:
    folder.write("b", JOB.format(name="other"))
    folder.same()
    folder.write("bb", JOB.format(name="between"))
    folder.same()
    (folder.jobs / "a.yaml").unlink()
    folder.same()
    folder.write("a", PERIODIC.format(name="timed"))
    folder.same()


def test_changes_are_followed_from_what_another_process_has_kept(folder: Folder, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", worth_bytes=0)
    folder.write("presets", PRESET.format(value="one") + PERIODIC.format(name="timed"))
    Loader(folder.config, folder.jobs, cache=cache).load()
    folder.loader = Loader(folder.config, folder.jobs, cache=cache)
    folder.same()
    folder.write("b", JOB.format(name="other"))
    folder.same()
    folder.write("c", JOB.format(name="a"))
    folder.same()
    folder.write("c", "")
    folder.write("presets", PRESET.format(value="two"))
    folder.same()


def test_only_the_changed_file_is_decoded_again(folder: Folder) -> None:
    before = folder.loader.load()
    folder.write("b", JOB.format(name="other"))
    after = folder.loader.load()
    kept = dict(zip("abc", before.presubmits_for("o", "r"), strict=True))
    assert after.presubmits_for("o", "r")[0] is kept["a"]
    assert after.presubmits_for("o", "r")[2] is kept["c"]
    assert before.presubmits_for("o", "r")[1].name == "b"


def test_a_clash_with_an_unchanged_file_is_found_and_can_be_mended(folder: Folder) -> None:
    folder.write("a", JOB.format(name="c"))
    folder.same()
    with pytest.raises(ConfigError, match=r"c\.yaml:3:.*twice"):
        folder.loader.load()
    folder.write("c", JOB.format(name="d"))
    folder.same()


def test_periodics_of_two_files_clash(folder: Folder) -> None:
    folder.write("p", PERIODIC.format(name="same"))
    folder.same()
    folder.write("q", PERIODIC.format(name="same"))
    folder.same()
    (folder.jobs / "p.yaml").unlink()
    folder.same()


def test_a_changed_preset_reaches_the_jobs_of_other_files(folder: Folder) -> None:
    for value in ("one", "two"):
        folder.write("presets", PRESET.format(value=value))
        folder.same()
        job = folder.loader.load().presubmits_for("o", "r")[0]
        assert job.spec is not None
        assert job.spec["containers"][0]["env"] == [{"name": "A", "value": value}]
    (folder.jobs / "presets.yaml").unlink()
    folder.same()


def test_a_changed_setting_reaches_all_jobs(folder: Folder) -> None:
    folder.config.write_text("pod_namespace: pods\n")
    folder.same()
    assert {job.namespace for _, job in folder.loader.load().all_jobs()} == {"pods"}
    (folder.config.parent / "VERSION").write_text("v1\n")
    folder.same()


def test_warnings_stay_with_their_file(folder: Folder) -> None:
    folder.write("a", "surprise: 1\n")
    folder.same()
    folder.write("b", "also: 1\n")
    folder.same()
    assert len(folder.loader.load().warnings) == 2
    folder.write("a", "")
    folder.same()
    assert len(folder.loader.load().warnings) == 1


@pytest.mark.parametrize("text", ["presubmits: broken\n", "a: [\n", "\tx", JOB.format(name="!"), "\ud7ff" * 3])
def test_bad_files_are_refused_alike_and_mended(folder: Folder, text: str) -> None:
    folder.write("b", text)
    folder.same()
    folder.write("b", JOB.format(name="mended"))
    folder.same()


@needs_data
def test_random_edits_of_a_real_config(tmp_path: Path) -> None:
    shutil.copytree(DATA / "metal3", tmp_path / "m")
    config, jobs = tmp_path / "m/config.yaml", tmp_path / "m/jobs"
    loader, chance = Loader(config, jobs), random.Random(5)
    loader.load()
    for _ in range(8):
        file = chance.choice(sorted(jobs.rglob("*.yaml")))
        lines = file.read_text().splitlines(keepends=True)
        at = chance.randrange(len(lines))
        file.write_text("".join([*lines[:at], *lines[at + 1 :]]))
        try:
            fresh = everything(load(config, jobs))
        except ConfigError as error:
            assert outcome(loader) == str(error)  # noqa: PT017 - not what is tested
            file.write_text("".join(lines))
        else:
            assert everything(loader.load()) == fresh
