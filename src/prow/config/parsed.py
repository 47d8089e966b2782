"""What a job file says by itself: decoded jobs, their lines, what is wrong. A value of the file's bytes and nothing else.

Therefore it can be made elsewhere, by a second process beside this one for half of a large configuration, and kept
in a `Cache` by the digest of the bytes. Only files without errors are kept.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache as once
from typing import IO, Any, NamedTuple

import msgspec

from prow.config.cache import Cache
from prow.config.config import JobConfig
from prow.config.documents import Document, Findings, Lines
from prow.config.errors import ConfigError, Kind
from prow.lib.durations import Duration

_PATIENCE = 120.0


class Helping(NamedTuple):
    """When a second process parses too. `from_bytes`: from here on it is worth its start; `share`: its part, a bit less than
    half, since it has to start; `python`: what runs it, empty: nothing does."""

    from_bytes: int = 3 * 1024 * 1024
    share: float = 0.38
    python: str = sys.executable


USUAL = Helping()


class Found(NamedTuple):
    """Something wrong or odd, in a file whose name is not known here."""

    message: str
    line: int
    column: int
    path: str
    kind: Kind = Kind.RULE
    hint: str = ""

    @classmethod
    def of(cls, error: ConfigError) -> Found:
        return cls(error.message, error.line, error.column, error.path, error.kind, error.hint)

    def named(self, file: str) -> ConfigError:
        return ConfigError(
            self.message,
            file=file,
            line=self.line,
            column=self.column,
            path=self.path,
            kind=self.kind,
            hint=self.hint,
        )


class Parsed(msgspec.Struct, frozen=True):
    """`jobs` None: not YAML."""

    jobs: JobConfig | None
    lines: Lines = {}
    errors: tuple[Found, ...] = ()
    odd: tuple[Found, ...] = ()
    """Unknown and duplicate keys."""

    def tell(self, document: Document, findings: Findings) -> JobConfig | None:
        """The jobs, and what was found, as of this document."""
        document.know(self.lines)
        findings.errors += [found.named(document.name) for found in self.errors]
        for found in self.odd:
            refused = findings.strict and found.kind is Kind.UNKNOWN
            (findings.errors if refused else findings.warnings).append(found.named(document.name))
        return self.jobs


class _Pack(msgspec.Struct, frozen=True):
    files: dict[str, msgspec.Raw]


def encode_hook(value: Any) -> Any:
    """Values that msgpack does not know."""
    if isinstance(value, Duration):
        return int(value)
    raise NotImplementedError


def decode_hook(kind: type, value: Any) -> Any:
    if kind is Duration and isinstance(value, int):
        return Duration(value)
    raise NotImplementedError


ENCODER = msgspec.msgpack.Encoder(enc_hook=encode_hook)


@once
def _decoder() -> msgspec.msgpack.Decoder[Parsed]:
    """Made on first use: most starts need none."""
    return msgspec.msgpack.Decoder(Parsed, dec_hook=decode_hook)


def parse(data: bytes) -> Parsed:
    """One job file."""
    document, findings = Document("", data), Findings()
    jobs = document.decode(JobConfig, findings, coerce=True)
    return Parsed(
        jobs, lines=document.job_lines(), errors=_anonymous(findings.errors), odd=_anonymous(findings.warnings)
    )


def _anonymous(errors: Sequence[ConfigError]) -> tuple[Found, ...]:
    return tuple(Found.of(error) for error in errors)


def parse_all(
    documents: Sequence[Document], *, cache: Cache | None = None, key: str = "", helping: Helping = USUAL
) -> list[Parsed]:
    """All of these files, in order. `key` names the set of files in the cache, whatever is in them."""
    total = sum(document.size for document in documents)
    if cache is None or total < cache.worth_bytes:
        return _parse([document.data for document in documents], helping)
    kept = _kept(cache, key)
    known: dict[str, Parsed] = {}
    for document in documents:
        raw = kept.get(document.digest)
        if raw is not None and document.digest not in known:
            known[document.digest] = _decoder().decode(raw)
    missing = [document for document in documents if document.digest not in known]
    made = _parse([document.data for document in missing], helping)
    known.update(zip((document.digest for document in missing), made, strict=True))
    if missing:
        _keep(cache, key, known)
    return [known[document.digest] for document in documents]


def _kept(cache: Cache, key: str) -> dict[str, msgspec.Raw]:
    body = cache.get("files", key)
    if body is None:
        return {}
    try:
        return msgspec.msgpack.decode(body, type=_Pack).files
    except msgspec.DecodeError:
        cache.drop("files", key)
        return {}


def _keep(cache: Cache, key: str, known: dict[str, Parsed]) -> None:
    files = {}
    for digest, parsed in known.items():
        if parsed.jobs is not None and not parsed.errors:
            try:
                files[digest] = msgspec.Raw(ENCODER.encode(parsed))
            except (TypeError, ValueError, OverflowError, RecursionError):
                continue  # a value that msgpack has no form for: that file is read again
    cache.put(msgspec.msgpack.encode(_Pack(files)), "files", key)


def _parse(texts: Sequence[bytes], helping: Helping) -> list[Parsed]:
    total = sum(len(text) for text in texts)
    if total < helping.from_bytes or not helping.python or _processors() < 2:
        return [parse(text) for text in texts]
    own, budget = len(texts), total * helping.share
    while own and budget > 0:
        own -= 1
        budget -= len(texts[own])
    helper = Helper(texts[own:], python=helping.python)
    try:
        mine = [parse(text) for text in texts[:own]]
    finally:
        theirs = helper.result()
    return mine + (theirs if theirs is not None else [parse(text) for text in texts[own:]])


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Helper:
    """A second process for some of the files. Whatever goes wrong with it: the files are parsed here.

    They meet in files that have no name: to fill and to drain pipes, this process would have to stop parsing all the time.
    """

    def __init__(self, texts: Sequence[bytes], *, python: str = sys.executable) -> None:
        self._count = len(texts)
        self._output: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the result
            with tempfile.TemporaryFile() as given:
                given.write(msgspec.msgpack.encode(texts))
                given.seek(0)
                self._process = subprocess.Popen(
                    # -P: nothing from the current folder is imported. It may be a stranger's checkout.
                    [python, "-P", "-m", "prow.config.parse_worker"],
                    stdin=given,
                    stdout=self._output,
                    stderr=subprocess.DEVNULL,
                )
        except OSError:
            return

    def result(self) -> list[Parsed] | None:
        """What it made of the files; None: nothing."""
        if self._output is None:
            return None
        with self._output as output:
            if self._process is None or not self._ended_well(self._process):
                return None
            output.seek(0)
            try:
                parsed = msgspec.msgpack.decode(output.read(), type=list[Parsed], dec_hook=decode_hook)
            except msgspec.DecodeError:
                return None
        return parsed if len(parsed) == self._count else None

    @staticmethod
    def _ended_well(process: subprocess.Popen[bytes]) -> bool:
        try:
            return process.wait(_PATIENCE) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return False
