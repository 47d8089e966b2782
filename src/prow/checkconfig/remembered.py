"""A report that was made of the same files by the same checks is not made again.

Only what depends on files alone is kept: no report that asked GitHub or storage, none about a checkout, none of a
configuration that does not load.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache as once
from pathlib import Path

import msgspec

from prow.checkconfig.reading import Paths
from prow.checkconfig.service import Report
from prow.config.cache import WORTH_BYTES, Cache
from prow.config.documents import Document, Findings, read, read_jobs
from prow.config.errors import ConfigError

Key = tuple[str, ...]
_DECODER = msgspec.msgpack.Decoder(Report)


def key_of(
    paths: Paths, checks: Iterable[str], *choices: Iterable[str], strict: bool, worth_bytes: int = WORTH_BYTES
) -> Key | None:
    """Names the report; None when it is not worth keeping (its files are smaller than `worth_bytes`), or cannot be kept."""
    if not paths.config or paths.own_repo or paths.supplemental.paths or paths.supplemental_plugins.paths:
        return None
    findings = Findings()
    documents: list[Document] = []
    try:
        documents.append(read(paths.config, what="--config-path"))
        if paths.plugins:
            documents.append(read(paths.plugins, what="--plugin-config", inflate=False))
        documents += [read(file, what="a file") for file in (paths.labels, *paths.autobumpers) if file]
        if (beside := Path(paths.config).parent / "VERSION").is_file():
            documents.append(read(beside, what="VERSION"))
        if paths.jobs:
            documents += read_jobs(paths.jobs, findings)
    except ConfigError:
        return None
    if findings.errors or sum(document.size for document in documents) < worth_bytes:
        return None
    given = [
        sorted(checks),
        *(sorted(choice) for choice in choices),
        strict,
        bool(paths.plugins),
        bool(paths.jobs),
        bool(paths.labels),
        len(paths.autobumpers),
    ]
    return ("report", _code(), repr(given), *(f"{document.name}\0{document.digest}" for document in documents))


def recall(cache: Cache | None, key: Key | None) -> Report | None:
    body = cache.get(*key) if cache is not None and key is not None else None
    if cache is None or key is None or body is None:
        return None
    try:
        return _DECODER.decode(body)
    except msgspec.DecodeError:
        cache.drop(*key)
        return None


def keep(cache: Cache | None, key: Key | None, report: Report) -> None:
    if cache is not None and key is not None:
        cache.put(msgspec.msgpack.encode(report), *key)


@once
def _code() -> str:
    """Names the code of the checks; that of the configuration is in every key of a cache."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(f"{file.name}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
