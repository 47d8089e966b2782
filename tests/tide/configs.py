"""Configs of recorded cases: inline ones, and those of real instances, loaded once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prow.config.config import Config
from prow.config.load import load
from tests.support.data import METAL3, golden
from tests.support.kubernetes import kubernetes


@cache
def _inline(text: str) -> Config:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(text)
        return load(path)


@cache
def _metal3() -> Config:
    return load(METAL3 / "config.yaml", METAL3 / "jobs")


def config_of(given: dict[str, Any]) -> Config:
    """The config of a recorded case."""
    match given.get("instance"):
        case "metal3":
            return _metal3()
        case "kubernetes":
            return kubernetes()
        case _:
            return _inline(given["config"])


def cases(name: str, *, with_kubernetes: bool = True) -> Iterator[tuple[str, dict[str, Any], dict[str, Any] | None]]:
    """Name, input, output (None: refused) of every recorded case that has one answer."""
    for line in golden(name):
        if "nondeterministic" in line or (not with_kubernetes and line["in"].get("instance") == "kubernetes"):
            continue
        yield line["case"], line["in"], None if line.get("error") else line["out"]
