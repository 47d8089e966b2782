"""What docs/simulator.md shows does what it says."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import msgspec
import pytest

from prow.lib import goyaml
from prow.sim import seed
from prow.sim.plan import plan_from
from prow.sim.server import Sim
from prow.sim.sowing import sow
from tests.support.checked import checked
from tests.support.foreign import run
from tests.support.pages import ROOT, blocks
from tests.support.processes import free_port

PAGE = ROOT / "docs/simulator.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="install curl")
async def test_the_example_opens_a_pull_request(tmp_path: Path) -> None:
    (example,) = blocks(PAGE, "sh")
    assert len(example.splitlines()) <= 12
    script = example.replace("9080", str(free_port())) + "kill $!; wait $!\n"
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    out = await run("sh", "-c", script, cwd=tmp_path, env={"PATH": path})
    pull = json.loads(out[out.index("{") :].splitlines()[0])
    assert (pull["title"], pull["user"]["login"], pull["state"]) == ("Mend the valve", "mia", "open")
    assert (tmp_path / "github/state.db").exists()


def test_the_plan_of_faults_is_one() -> None:
    _, plan = blocks(PAGE, "yaml")
    assert len(plan_from(goyaml.load(plan)).rules) == 3


async def test_the_app_is_one(tmp_path: Path) -> None:
    text, _ = blocks(PAGE, "yaml")
    with checked(Sim(tmp_path / "sim")) as sim:
        sim.faults.lose_webhooks()
        source = seed.Source("world.yaml", text)
        await sow(sim, source, source.seed(), folder=tmp_path)
        (app,) = sim.world.apps.values()
        assert (app.id, app.hook and app.hook.url) == (4711, "http://127.0.0.1:8888/hook")
        assert "PRIVATE KEY" in (tmp_path / "merge-bot.pem").read_text()
        await sim.world.close()


def test_every_field_of_the_seed_is_documented() -> None:
    page = PAGE.read_text()
    kinds: list[type[msgspec.Struct]] = [
        seed.Seed,
        seed.Account,
        seed.Org,
        seed.Team,
        seed.Repo,
        seed.Branch,
        seed.Label,
    ]
    kinds += [seed.Protection, seed.Issue, seed.Pull, seed.Review, seed.LineComment, seed.Hook, seed.Milestone]
    kinds += [seed.App, seed.Installation, seed.Status, seed.Check, seed.Workflow]
    fields = {field for kind in kinds for field in kind.__struct_fields__}
    assert [field for field in sorted(fields) if f"`{field}`" not in page] == []


def test_every_control_is_documented() -> None:
    page = PAGE.read_text()
    assert [
        name
        for name in ("tokens", "keys", "faults", "deliveries", "settle", "calls", "seed")
        if f"/_sim/{name}" not in page
    ] == []
