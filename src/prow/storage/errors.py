"""Errors of backends, by what the caller does next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from prow.lib.errors import Denied, Permanent, Retry
from prow.storage.ports import BadPath, ObjectExists, ObjectNotFound


class StorageBroken(Retry):
    """The backend failed in a way that may pass."""


class StorageDenied(Denied):
    """The backend refused these credentials, or the disk these rights."""


class TooLarge(Permanent):
    """The object is too large to be read at once; read ranges of it."""


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Raise our errors for those of obstore."""
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectNotFound(f"{path}: there is no such object") from error
    except (AlreadyExistsError, PreconditionError) as error:
        raise ObjectExists(f"{path}: there is an object already") from error
    except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
        raise StorageDenied(f"{path}: access is denied; check the storage credentials ({_line(error)})") from error
    except InvalidPathError as error:
        raise BadPath(f"{path}: {_line(error)}") from error
    except NotSupportedError as error:
        raise Permanent(f"{path}: {_line(error)}") from error
    except (BaseError, OSError, ValueError) as error:
        raise StorageBroken(f"{path}: {_line(error)}") from error


def _line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]
