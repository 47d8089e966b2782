"""Every command in the documentation is one that exists, with flags that exist; what can be run in a test is run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(program: str) -> list[str]:
    """Lines in code blocks that begin with the program."""
    blocks = [
        block for page in PAGES for block in re.findall(r"^```\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    ]
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return sorted({line for line in lines if line.startswith(f"{program} ")})


@pytest.mark.parametrize("line", commands("prow"))
def test_a_documented_command_exists_with_its_flags(line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prow", *shlex.split(line)[1:], "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Usage: prow" in done.stdout


@pytest.mark.parametrize("line", commands("make"))
def test_a_documented_target_exists(line: str) -> None:
    target = shlex.split(line)[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line


def test_every_page_that_is_linked_is_there() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_the_architecture_names_files_that_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    for name in re.findall(r"`((?:[a-z_]+/)+[a-z_]*(?:\.py|\.c)?)`", text):
        places = (ROOT / "src/prow" / name, ROOT / name)
        assert any(place.exists() for place in places), name


def test_the_simulator_serves_a_bot() -> None:
    command = [
        sys.executable,
        "-m",
        "prow",
        "sim",
        "github",
        "--listen=127.0.0.1:0",
        "--repo=acme/rockets",
        "--user=me",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = re.search(r"http://[0-9.:]+", process.stdout.readline())
        token = process.stdout.readline().split(": ")[1].strip()
        assert url is not None
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx2.get(f"{url[0]}/repos/acme/rockets", headers=headers, trust_env=False)
        process.terminate()
    assert answer.json()["full_name"] == "acme/rockets"
