"""Stub: see clonerefs."""

from __future__ import annotations

from prow.model.base import Noun, always
from prow.model.refs import Refs


class CommandRecord(Noun, frozen=True):
    """One command as it is shown: `duration` in nanoseconds."""

    command: str = always("")
    output: str = ""
    error: str = ""
    duration: int = 0


class CloneRecord(Noun, frozen=True):
    """What happened to one ref."""

    refs: Refs = always(Refs())
    commands: tuple[CommandRecord, ...] = ()
    failed: bool = False
    final_sha: str = ""
    duration: int = 0
