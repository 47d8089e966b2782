"""Protected branches when git pushes: a hook decides inside git, where the new commits can be looked at, what was decided here before."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prow.sim.gitrepo import NOTHING

_HOOK = f"""#!/bin/sh
# $1: the ref, $2: its commit until now, $3: the commit that is pushed
while IFS='|' read -r ref plain merges force; do
    [ "$ref" = "$1" ] || continue
    why=$plain
    if [ "$2" != {NOTHING} ] && [ "$3" != {NOTHING} ]; then
        if ! git merge-base --is-ancestor "$2" "$3"; then
            why=$force
        elif [ -n "$(git rev-list --merges -n1 "$2..$3")" ]; then
            why=$merges
        fi
    fi
    [ -n "$why" ] || continue
    echo "error: GH006: Protected branch update failed for $1." >&2
    echo "error: $why" >&2
    exit 1
done < "$(dirname "$0")/rules"
"""


@dataclass(frozen=True)
class Command:
    """One ref that a push wants to move."""

    before: str
    after: str
    ref: str


@dataclass(frozen=True)
class PushRule:
    """Why a push is refused: an ordinary one, one with merge commits, one by force; empty where it is not."""

    plain: str
    merges: str
    force: str


def commands(body: bytes) -> list[Command]:
    """What the body of a push begins with: lines with their lengths, up to an empty one."""
    found, place = [], 0
    while place + 4 <= len(body):
        try:
            length = int(body[place : place + 4], 16)
        except ValueError:
            break
        if length < 4:
            break
        words = body[place + 4 : place + length].split(b"\0")[0].decode("utf-8", "replace").strip().split(" ", 2)
        if len(words) == 3:
            found.append(Command(words[0], words[1], words[2]))
        place += length
    return found


@contextmanager
def hooks(rules: Mapping[str, PushRule]) -> Iterator[tuple[str, ...]]:
    """Settings with which git keeps these rules while the block runs."""
    if not rules:
        yield ("core.hooksPath=/dev/null",)
        return
    with tempfile.TemporaryDirectory(prefix="sim-hooks-") as name:
        folder = Path(name)
        lines = [f"{ref}|{rule.plain}|{rule.merges}|{rule.force}\n" for ref, rule in rules.items()]
        (folder / "rules").write_text("".join(lines), encoding="utf-8")
        (folder / "update").write_text(_HOOK, encoding="utf-8")
        (folder / "update").chmod(0o700)
        yield (f"core.hooksPath={folder}",)
