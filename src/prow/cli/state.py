"""The state folder: where a Prow without a cluster keeps what it must not lose."""

from __future__ import annotations

import os
from pathlib import Path

from prow.lib import logs
from prow.lib.errors import UsageError

SYSTEM = Path("/var/lib/prow")
_log = logs.get("cli")


def state_dir(given: str) -> Path:
    """The folder, made with mode 0700; which one it is is said when it was not given."""
    if given:
        chosen = Path(given)
    else:
        chosen = SYSTEM if _usable(SYSTEM) else _users()
        _log.info("State is kept here; --state-dir names another folder.", state_dir=str(chosen))
    try:
        chosen.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"--state-dir {chosen}: cannot be made: {error.strerror}; give a folder that you may write"
        ) from error
    if not os.access(chosen, os.W_OK | os.X_OK):
        raise UsageError(f"--state-dir {chosen}: cannot be written; give a folder that you may write")
    return chosen.resolve()


def _usable(folder: Path) -> bool:
    return os.access(folder if folder.exists() else folder.parent, os.W_OK | os.X_OK)


def _users() -> Path:
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "prow"
