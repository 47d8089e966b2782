"""The pages about configuration: the first configuration in them works, and every command in them does what it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from prow.cli.main import COMMANDS, NOT_PLANNED, NOT_YET
from prow.cli.schema import KINDS, schema_for
from prow.lib import goyaml
from tests.support.json_schema import problems

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/configuration/README.md"
UPSTREAM = ROOT / "docs/coming-from-upstream.md"
FILES = ("config.yaml", "jobs/rockets.yaml", "plugins.yaml")
DIFFERS = 1


def examples() -> dict[str, str]:
    """The files of the first configuration, by name."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    return dict(zip(FILES, blocks, strict=False))


def commands() -> list[str]:
    """Lines in code blocks that look at a configuration."""
    found = []
    for page in (GUIDE, UPSTREAM):
        for block in re.findall(r"^```\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
            found += [line for line in block.splitlines() if re.match(r"prow (config|jobs|schema|checkconfig)\b", line)]
    return list(dict.fromkeys(found))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in examples().items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    old = tmp_path / "old"
    old.mkdir()
    shutil.copytree(tmp_path / "jobs", old / "jobs")
    (old / "config.yaml").write_text(examples()["config.yaml"].replace("30m", "1h"))
    return tmp_path


@pytest.mark.parametrize("line", commands())
def test_a_documented_command_does_what_it_says(line: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prow", *shlex.split(line)[1:]],
        capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, "PROW_DEBUG": "1"},
    )  # fmt: skip
    assert done.returncode == (DIFFERS if " diff " in line else 0), done.stderr
    assert done.stdout
    assert not done.stderr


def test_a_broken_configuration_is_told_as_the_page_says(folder: Path) -> None:
    config = folder / "config.yaml"
    broken = (
        config.read_text().replace("timeout: 30m", "timeout: half an hour").replace("missingLabels", "missinglabel")
    )
    config.write_text(broken)
    told = re.search(r"^```text\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-m", "prow", "checkconfig", "--config-path=config.yaml", "--job-config-path=jobs"],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 1
    assert told is not None
    assert told[1] in done.stdout + done.stderr


@pytest.mark.parametrize(("name", "kind"), list(zip(FILES, ("config", "jobs", "plugins"), strict=True)))
def test_the_first_configuration_is_what_the_schemas_describe(name: str, kind: str) -> None:
    assert list(problems(goyaml.load(examples()[name]), schema_for(KINDS[kind]))) == []


def test_the_pages_name_what_is_missing_and_nothing_that_is_here() -> None:
    text = UPSTREAM.read_text()
    later, never = (re.search(rf"\| commands that {what} \|(.*)\|", text) for what in ("come later", "are not planned"))
    assert later is not None
    assert never is not None
    assert set(re.findall(r"`([^`]+)`", never[1])) == set(NOT_PLANNED)
    assert set(NOT_YET) == set(re.findall(r"`([^`]+)`", later[1])) - set(COMMANDS)


def test_every_kind_of_file_has_its_page() -> None:
    for name in KINDS:
        assert f"({name}.md)" in GUIDE.read_text()
