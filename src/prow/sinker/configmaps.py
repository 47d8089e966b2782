"""How much of its ConfigMaps the job configuration takes (`spec/prowjobs-and-pods` §8.2): they may hold 1 MiB each.

A mount of a ConfigMap is a folder with a link `..data` to the folder of the real files; `--job-config-path` is one, or has them
as sub-folders.
"""

from __future__ import annotations

import os
from pathlib import Path

_DATA = "..data"


def sizes(path: Path) -> dict[str, int]:
    """Folder → bytes of its files, for each mount; a single file is none. Blocks; raises OSError."""
    if path.is_file():
        return {}
    if (path / _DATA).exists():
        mounts = [path]
    else:
        mounts = [entry for entry in sorted(path.iterdir()) if entry.is_dir() and (entry / _DATA).exists()]
    return {str(mount): _bytes(mount) for mount in mounts}


def _bytes(mount: Path) -> int:
    """Links lead to files that are counted where they are."""
    files = (Path(folder, name) for folder, _, names in os.walk(mount) for name in names)
    return sum(file.stat().st_size for file in files if not file.is_symlink())
