"""Calls that GitHub has and this simulator has not: they are refused as such, so that nobody takes it for GitHub's own "Not Found"."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from prow.sim.errors import Refused, not_found
from prow.sim.router import Router

_FILE = Path(__file__).with_name("calls.txt")
_PARAMETER = re.compile(r"\{([^}]*)\}")
_WITH_SLASHES = frozenset({"path", "ref", "branch", "basehead", "tag", "dir"})


def told() -> list[tuple[str, str]]:
    """Every call that GitHub describes, as method and template."""
    rows = (line.split() for line in _FILE.read_text(encoding="ascii").splitlines())
    return [(method, template) for template, *methods in rows for method in methods]


@cache
def _router() -> Router[str]:
    plainest_first = sorted(told(), key=lambda call: -len(_PARAMETER.sub("", call[1])))
    return Router({(method, _PARAMETER.sub(_parameter, template)): template for method, template in plainest_first})


def _parameter(match: re.Match[str]) -> str:
    name = match[1].replace("-", "_")
    return f"{{{name}:path}}" if name in _WITH_SLASHES else f"{{{name}}}"


def refusal(method: str, path: str) -> tuple[str, Refused]:
    """For a call that has no handler: the template that it is counted by, empty when GitHub has none either, and what is answered."""
    found = _router().find(method, path)
    if found is None:
        return "", not_found()
    return found.handler, Refused(501, f"Not simulated: {method} {found.handler} (docs/simulator.md says what is)")
