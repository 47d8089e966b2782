"""What benches share: a Prow in this process against a simulated GitHub, percentiles, memory, one line of JSON."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from prow.cli import compose
from prow.deck.service import Settings as DeckSettings
from prow.engines.local.settings import Settings as EngineSettings
from prow.github.limiter import Limits
from prow.hook.settings import Settings as HookSettings
from prow.lib.clock import SystemClock
from prow.lib.service import Ports
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory

BOT = "prow-bot"
SECRET = "0123456789abcdef0123"
CONFIG = """
plank:
  job_url_prefix_config: {'*': 'https://prow.example/view/'}
  default_decoration_configs:
    '*':
      utility_images: {clonerefs: c, initupload: i, entrypoint: e, sidecar: s}
      gcs_configuration: {bucket: prow-logs, path_strategy: explicit}
"""
PLUGINS = "plugins: {acme: {plugins: [trigger, hold, size, help]}}\n"
TIDE = """
tide:
  queries:
  - orgs: [acme]
    labels: [lgtm, approved]
    missingLabels: [do-not-merge/hold, needs-ok-to-test]
"""
REVIEWED = """
plugins: {acme: {plugins: [trigger, lgtm, approve, assign, hold, wip, size, help]}}
approve: [{repos: [acme], require_self_approval: true}]
owners: {skip_collaborators: [acme]}
"""
OWNERS = "approvers: [wernher]\nreviewers: [katherine, wernher]\n"


def report(
    name: str,
    *,
    work: str,
    figures: Mapping[str, float],
    target: Mapping[str, str],
    peer: Mapping[str, float] | None = None,
) -> None:
    """The line that the runner reads."""
    rounded = {key: round(value, 2) for key, value in figures.items()}
    print(
        json.dumps({"name": name, "work": work, "figures": rounded, "target": dict(target), "peer": dict(peer or {})})
    )


def percentile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def memory_mb(pid: int | str = "self") -> float:
    """Resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def peak_mb(pid: int | str = "self") -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def comment_payload(number: int, body: str, *, size: int = 22_000) -> bytes:
    """An issue_comment as GitHub sends it, padded to the usual size with fields that nobody reads."""
    user = {"login": "mia", "id": 7, "type": "User", "html_url": "https://github.com/mia"}
    repo = {
        "id": 1,
        "name": "rockets",
        "full_name": "acme/rockets",
        "owner": {"login": "acme", "id": 2},
        "html_url": "https://github.com/acme/rockets",
    }
    issue = {
        "id": 100 + number, "number": number, "title": "A change", "user": user, "state": "open", "labels": [], "assignees": [],
        "body": "text", "html_url": f"https://github.com/acme/rockets/pull/{number}", "pull_request": {"url": "x"},
    }  # fmt: skip
    payload: dict[str, Any] = {
        "action": "created", "issue": issue, "repository": repo, "sender": user,
        "comment": {"id": 900 + number, "user": user, "body": body, "html_url": "https://github.com/acme/rockets/pull/1#c"},
    }  # fmt: skip
    missing = max(0, size - len(json.dumps(payload)) - 20)
    payload["padding"] = {
        f"url_{i}": "https://api.github.com/repos/acme/rockets/things{/other}" for i in range(missing // 78)
    }
    return json.dumps(payload).encode()


class Bench(msgspec.Struct):
    system: compose.System
    sim: Sim
    repo: RepoStory


@asynccontextmanager
async def prow(
    folder: Path,
    *,
    jobs: str = "",
    latency: float = 0.0,
    config: str = CONFIG,
    plugins: str = PLUGINS,
    files: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Bench]:
    """Everything running; the simulated GitHub answers after `latency` seconds."""
    sim = Sim(folder / "github", latency=latency)
    sim.world.org("acme", members=["wernher", "katherine", BOT])
    sim.budgets.secondary = False
    async with sim.serve():
        repo = await RepoStory.create(sim, "acme/rockets", files=files or {"run.sh": "exit 0\n"})
        repo.collaborator(BOT, "write")
        for name, text in (("config.yaml", config), ("jobs.yaml", jobs), ("plugins.yaml", plugins), ("hmac", SECRET)):
            (folder / name).write_text(text)
        (folder / "token").write_text(sim.world.token(BOT))
        (folder / "state").mkdir()
        settings = compose.Settings(
            state_dir=folder / "state",
            config=compose.ConfigSettings(
                config_path=str(folder / "config.yaml"),
                job_config_path=str(folder / "jobs.yaml") if jobs else "",
                plugin_config=str(folder / "plugins.yaml"),
            ),
            github=compose.GitHubSettings(
                endpoints=(sim.world.base,),
                graphql_endpoint=f"{sim.world.base}/graphql",
                git_base=sim.world.base,
                token_path=str(folder / "token"),
                limits=limits or Limits(),
            ),
            hook=HookSettings(grace_period=1),
            deck=DeckSettings(),
            engine=EngineSettings(state=folder / "state" / "engine"),
            hmac_secret_file=str(folder / "hmac"),
            ports=Ports(health=None, metrics=None, pprof=None),
            hook_port=0,
            deck_port=0,
            bucket_dir=str(folder / "buckets"),
        )
        async with compose.running(settings, clock=SystemClock()) as system:
            sim.world.add_hook(repo.repo, url=system.hook_url, secret=SECRET)
            await sim.world.hooks.settled()
            yield Bench(system, sim, repo)
