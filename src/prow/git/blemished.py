"""Fetches from repositories with old blemishes: wrong time zones, padded file modes and the like, which many public ones carry.

git's check of what arrives can be told to let them pass, but not in a partial fetch. There the objects are fetched unchecked and before any ref
names them, looked through in a repository of their own with the blemishes allowed, and removed again when something else is wrong.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from prow.git import safety
from prow.git.errors import UnsafeObjects
from prow.git.failures import one_line
from prow.git.local import PROMISOR, Local, text
from prow.lib import open_work


async def fetch_blemished(local: Local, specs: Sequence[str]) -> None:
    """Get commits and refs. The caller holds the locks of fetches and of contents. Raises UnsafeObjects, and like `Local.fetch`."""
    before = frozenset(_packs(local.folder))
    await local.fetch(specs, checked=False, stored=False)
    new = [pack for pack in _packs(local.folder) if pack not in before]
    try:
        await _check(local, new)
    except UnsafeObjects:
        for pack in new:
            for file in _of(pack):
                file.unlink(missing_ok=True)
        raise
    await local.fetch(specs, checked=False)


async def _check(local: Local, packs: Sequence[Path]) -> None:
    git, seconds = local.tools.git, local.tools.limits.fetch_seconds
    scratch = local.folder.with_name(f".{local.folder.name}.{os.getpid()}.new")
    await open_work.in_thread(shutil.rmtree, scratch, ignore_errors=True)
    try:
        made = await git.run(["init", "--quiet", "--bare", "--template=", "--end-of-options", str(scratch)])
        local.expect(made, "init")
        await open_work.in_thread(_link, packs, scratch / "objects" / "pack")
        args = ["fsck", "--strict", "--no-dangling", "--no-progress"]
        output = await git.run(args, git_dir=scratch, settings=PROMISOR | safety.TOLERANT_FSCK, timeout=seconds)
        if output.code & 1:
            raise UnsafeObjects(f"{local.remote}: {output.told or one_line(text(output.data))}")
        local.expect(output, "fsck")
    finally:
        await open_work.in_thread(shutil.rmtree, scratch, ignore_errors=True)


def _packs(folder: Path) -> Iterable[Path]:
    return (folder / "objects" / "pack").glob("*.pack")


def _of(pack: Path) -> list[Path]:
    return list(pack.parent.glob(f"{pack.stem}.*"))


def _link(packs: Sequence[Path], target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for pack in packs:
        for file in _of(pack):
            os.link(file, target / file.name)
