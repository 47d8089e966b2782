"""Every command in the documentation exists, with its flags, and does what it says: it is run here, or it says why not."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from prow.cli.main import main
from tests.support.pages import PAGES, ROOT, blocks, commands
from tests.support.processes import Component, free_port
from tests.support.prow import BOT, SECRET, github
from tests.support.sandbox import FLAGS

GUIDE = ROOT / "docs/configuration/README.md"
FIRST = ("config.yaml", "jobs/rockets.yaml", "plugins.yaml")
"""Files of the guide's first configuration, in the order of its blocks."""
DIFFERS = 1
LOOKS = re.compile(r"prow (config|jobs|schema|checkconfig)\b")
SERVES = re.compile(r"prow (up|hook|prow-controller-manager|crier|tide|deck|horologium|sinker)\b")
SIMULATES = "prow sim github"
NOT_RUN = {
    "prow explain pr": "needs a Prow that runs: tests/cli/test_explain.py asks one",
    "prow watch pr": "needs a Prow that runs, and does not end: tests/cli/test_explain.py watches one",
    "prow run unit": "makes what the repository around it makes: tests/cli/test_run.py runs jobs of a repository",
    "prow budget": "needs a Prow that runs: tests/cli/test_budget.py asks one",
    "prow ghproxy": "serves other programs: tests/cli/test_ghproxy.py starts it with these flags",
    "make": "sets up the checkout it is in, or takes minutes",
}


def first_configuration(folder: Path) -> None:
    """The files of the guide, written into a folder."""
    for name, text in zip(FIRST, blocks(GUIDE, "yaml"), strict=False):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    first_configuration(tmp_path)
    (tmp_path / "labels.yaml").write_text("default: {labels: [{name: lgtm, color: 15dd18}]}\n")
    (tmp_path / "autobump.yaml").write_text(
        "gitHubOrg: acme\ngitHubRepo: infra\ntargetVersion: latest\nincludedConfigPaths: [prow]\nprefixes: [{name: Prow, prefix: x/}]\n"
    )
    (tmp_path / "old/jobs").mkdir(parents=True)
    (tmp_path / "old/jobs/rockets.yaml").write_text((tmp_path / "jobs/rockets.yaml").read_text())
    (tmp_path / "old/config.yaml").write_text((tmp_path / "config.yaml").read_text().replace("30m", "1h"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


Said = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a line in this process: exit code, standard output, standard error."""

    def run(line: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(line)[1:])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def test_every_documented_command_is_run_or_says_why_not() -> None:
    lines = [*commands("prow"), *commands("make")]
    for line in lines:
        kinds = [bool(LOOKS.match(line)), bool(SERVES.match(line)), line.startswith(SIMULATES)]
        kinds += [line.startswith(start) for start in NOT_RUN]
        assert sum(kinds) == 1, line
    assert all(any(line.startswith(start) for line in lines) for start in NOT_RUN)


@pytest.mark.parametrize("line", commands("prow"))
def test_a_documented_command_exists_with_its_flags(line: str, said: Said) -> None:
    code, out, err = said(f"{line} --help")
    assert code == 0, err
    assert "Usage: prow" in out


@pytest.mark.parametrize("line", [line for line in commands("prow") if LOOKS.match(line)])
def test_a_documented_look_at_files_does_what_it_says(line: str, folder: Path, said: Said) -> None:
    code, out, err = said(line)
    assert code == (DIFFERS if " diff " in line else 0), out + err
    assert out
    assert not err


async def test_documented_components_start_together(tmp_path: Path) -> None:
    """All of the page about operating, on one job store: each on ports of its own, with a simulated GitHub in place of the real one."""
    lines = [
        line for line in commands("prow", [ROOT / "docs/operating.md"]) if SERVES.match(line) and " up " not in line
    ]
    assert len(lines) > 4
    await served(tmp_path, lines)


@pytest.mark.parametrize("line", [line for line in commands("prow") if line.startswith("prow up ")])
async def test_a_documented_prow_starts(line: str, tmp_path: Path) -> None:
    await served(tmp_path, [line])


async def served(folder: Path, lines: list[str]) -> None:
    """Start what the lines say until it is ready, and stop it."""
    first_configuration(folder)
    async with github(folder, files={"README.md": "x\n"}) as (sim, _):
        (folder / "hmac").write_text(SECRET)
        (folder / "token").write_text(sim.world.token(BOT))
        components, tide = [], free_port()
        for line in lines:
            name, *given = shlex.split(line)[1:]
            flags: dict[str, object] = dict(flag.removeprefix("--").partition("=")[::2] for flag in given)
            for flag, value in flags.items():
                inside = str(value).replace("/var/lib/prow", str(folder / "state")).replace(":8889", f":{tide}")
                flags[flag] = folder / inside if (folder / inside).exists() else inside
            if "github-app-id" in flags:
                app = sim.world.app(
                    "prow", permissions={"contents": "read", "pull_requests": "read", "metadata": "read"}
                )
                (folder / "app.pem").write_text(sim.world.new_private_key(app))
                sim.world.install(app, "acme")
                flags |= {"github-app-id": app.id, "github-app-private-key-path": folder / "app.pem"}
            if flags.keys() & {"github-token-path", "github-app-id"}:
                flags |= {"github-endpoint": sim.world.base, "github-graphql-endpoint": f"{sim.world.base}/graphql"}
            ports = {"up": ["port", "deck-port"], "deck": ["deck-port"], "hook": ["port"]}
            flags |= {port: free_port() for port in ports.get(name, ())}
            flags |= {"port": tide} if name == "tide" else {}
            flags |= FLAGS if name in {"up", "prow-controller-manager"} else {}
            components.append(Component(folder, name, flags))
        try:
            await asyncio.gather(*(component.start() for component in components))
            await asyncio.gather(*(component.ready() for component in components))
            assert await asyncio.gather(*(component.end() for component in components)) == [0] * len(lines)
        finally:
            await asyncio.gather(*(component.kill() for component in components))
        assert not [component.name for component in components if "Traceback" in component.log()]


def test_the_simulator_serves_a_bot() -> None:
    (line,) = (line for line in commands("prow") if line.startswith(SIMULATES))
    given = [part for part in shlex.split(line)[1:] if not part.startswith("--listen")]
    command = [sys.executable, "-m", "prow", *given, "--listen=127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = re.search(r"http://[0-9.:]+", process.stdout.readline())
        token = process.stdout.readline().split(": ")[1].strip()
        assert url is not None
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx2.get(f"{url[0]}/repos/acme/rockets", headers=headers, trust_env=False)
        process.terminate()
    assert answer.json()["full_name"] == "acme/rockets"


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
