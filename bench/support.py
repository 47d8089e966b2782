"""What benches share: configs, percentiles, memory, one line of JSON. Processes under test import it: it has nothing of the simulator."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
