"""What a git that failed or was killed leaves half written: packs, and marks that keep packs from being put together.

Two locks guard the packs of a mirror: that of fetches and that of file contents. Who holds both knows that nobody is writing any.
"""

from __future__ import annotations

from pathlib import Path

from prow.git.locks import contents_lock, fetch_lock, held_if_free


def clear_after_fetch(folder: Path) -> None:
    """Remove what is left. The caller holds the lock of fetches."""
    _clear_if_free(folder, contents_lock(folder))


def clear_after_contents(folder: Path) -> None:
    """Remove what is left. The caller holds the lock of file contents."""
    _clear_if_free(folder, fetch_lock(folder))


def is_left(name: str) -> bool:
    """Whether a file among packs is such a thing, when nobody is writing."""
    return name.startswith(("tmp_", ".tmp-")) or name.endswith(".keep")


def _clear_if_free(folder: Path, other: Path) -> None:
    with held_if_free(other) as free:
        if free:
            for path in (folder / "objects" / "pack").glob("*"):
                if is_left(path.name):
                    path.unlink(missing_ok=True)
