"""Reads the secrets that must not leave a job: every file below the secret folders (`spec/prowjobs-and-pods` §5.4).

Docker's credential files give their passwords, INI files their values, beside the whole content. One that cannot be read or
understood is reported; the others still count (upstream gives up altogether). Blocking.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from prow.model.base import Noun
from prow.podutils.censor import forms

_LARGEST = 4 << 20


class _Login(Noun, frozen=True):
    password: str = ""
    auth: str = ""


class _DockerConfig(Noun, frozen=True):
    auths: dict[str, _Login] = {}


def load(
    folders: Sequence[str], *, ini_names: Sequence[str] = (), minimum: int = 0
) -> tuple[frozenset[bytes], tuple[str, ...]]:
    """What to censor, and what could not be read."""
    values: set[bytes] = set()
    errors: list[str] = []
    for folder in folders:
        for path in _files(folder, errors):
            try:
                with path.open("rb") as file:
                    raw = file.read(_LARGEST)
                for secret in (raw, *_inner(path.name, raw, ini_names)):
                    values |= forms(secret, minimum=minimum)
            except (OSError, ValueError, configparser.Error) as error:
                errors.append(f"{path}: {error}")
    return frozenset(values), tuple(errors)


def _files(folder: str, errors: list[str]) -> Iterator[Path]:
    """Regular files below; names that begin with `..` are how Kubernetes keeps the versions of a secret."""

    def failed(error: OSError) -> None:
        errors.append(f"{folder}: {error.strerror}")

    for top, folders, names in os.walk(folder, onerror=failed):
        folders[:] = [name for name in folders if not name.startswith("..")]
        for name in names:
            path = Path(top, name)
            if not name.startswith("..") and path.is_file():
                yield path


def _inner(name: str, raw: bytes, ini_names: Sequence[str]) -> Iterator[bytes]:
    if name == ".dockercfg":
        yield from _logins(msgspec.json.decode(raw, type=dict[str, _Login]))
    elif name == ".dockerconfigjson":
        yield from _logins(msgspec.json.decode(raw, type=_DockerConfig).auths)
    elif name in ini_names:
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True, default_section="\x00")
        text = raw.decode("utf-8", "replace")
        parser.read_string(text if text.lstrip().startswith("[") else f"[\x01]\n{text}")
        for section in parser.sections():
            for _, value in parser.items(section):
                yield (value or "").encode()


def _logins(logins: dict[str, _Login]) -> Iterator[bytes]:
    for login in logins.values():
        yield login.auth.encode()
        yield login.password.encode()
