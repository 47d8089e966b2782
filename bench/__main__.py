"""`make bench`: run every bench as a process of its own, show progress, print a table, write bench/results.json.

A bench is a module of this folder with `main()`; run as `python -m bench.NAME` it prints one JSON line
`{"name", "work", "figures": {…}, "target": {…}, "peer": {…}}`. A module with `SLOW = True` runs by name only.
A bench never fails a build: what it could not measure is said in its row.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LONGEST = 900
RESULTS = HERE / "results.json"


def machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def run(name: str) -> dict[str, Any]:
    print(f"bench {name} …", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            [sys.executable, "-m", f"bench.{name}"],
            capture_output=True,
            text=True,
            check=False,
            cwd=HERE.parent,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired:
        return _failed(name, f"it took longer than {LONGEST} s")
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        return _failed(name, (done.stderr.strip().splitlines() or ["no result"])[-1])
    row: dict[str, Any] = json.loads(lines[-1])
    return row


def _failed(name: str, reason: str) -> dict[str, Any]:
    return {"name": name, "work": f"failed: {reason}", "figures": {}, "target": {}, "peer": {}}


def table(rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        figures = ", ".join(f"{k} {_number(v)}" for k, v in row["figures"].items()) or "-"
        target = ", ".join(f"{k} {v}" for k, v in row.get("target", {}).items())
        peer = ", ".join(f"{k} {_number(v)}" for k, v in row.get("peer", {}).items())
        lines.append(f"{row['name']:<14} {figures}\n{'':<14} work: {row['work']}")
        if target:
            lines.append(f"{'':<14} to reach: {target}")
        if peer:
            lines.append(f"{'':<14} the original: {peer}")
    return "\n".join(lines)


def _number(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


def main(names: list[str]) -> None:
    modules = sorted(path.stem for path in HERE.glob("[a-z]*.py") if not path.stem.startswith("support"))
    unknown = [name for name in names if name not in modules]
    if unknown:
        raise SystemExit(f"no bench named {', '.join(unknown)}; there are: {', '.join(modules)}")
    chosen = names or [m for m in modules if not getattr(importlib.import_module(f"bench.{m}"), "SLOW", False)]
    rows = []
    for name in chosen:
        rows.append(run(name) | {"machine": machine()})
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
