"""The files of a configuration: found, read with bounds, parsed, decoded; and what was found in them, with positions.

Positions are looked up only when something is to be said about a file, by reading its text a second time.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any, NamedTuple, TypeVar

import msgspec

from prow.config import fields as _fields  # noqa: F401 - registers the decoders
from prow.config.decode import Report, decode
from prow.config.errors import ConfigError, Kind, raise_all
from prow.config.prowignore import Ignores
from prow.lib import goyaml, logs
from prow.lib.goyaml import Path, YamlError
from prow.lib.goyaml_positions import Positions

S = TypeVar("S", bound=msgspec.Struct)

MAX_FILE = 16 * 1024 * 1024
MAX_TOTAL = 256 * 1024 * 1024
# More than that nobody reads at once; each costs memory.
MOST_ERRORS = 1_000
_GZIP = b"\x1f\x8b"


# Kind of job, repository (empty for periodics): the line of each job.
Lines = dict[str, dict[str, tuple[int, ...]]]


class Document:
    """One YAML file. `name`: as the operator knows it."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.size = len(data)
        self.lines: dict[int, int] = {}
        self.tree: Any = None
        self._data: bytes | None = data
        self._job_lines: Lines | None = None

    @property
    def data(self) -> bytes:
        if self._data is None:
            try:
                return read(self.name, what="the job config").data
            except ConfigError:
                return b""  # gone meanwhile: then nothing can be said about lines
        return self._data

    @cached_property
    def digest(self) -> str:
        """Names the content."""
        return hashlib.sha256(self.data).hexdigest()

    def forget(self) -> None:
        """Keep what is small; the text is read again should there be something to say about it."""
        _ = self.digest
        self._data, self.tree, self.lines = None, None, {}
        self.__dict__.pop("positions", None)

    def know(self, lines: Lines) -> None:
        """The lines of the jobs, from whoever has decoded this document."""
        self._job_lines = lines

    @cached_property
    def positions(self) -> Positions:
        return Positions(self.data)

    def error(
        self, path: Path, message: str, *, at_key: bool = False, kind: Kind = Kind.RULE, hint: str = ""
    ) -> ConfigError:
        """An error of this file at the value (or key) of `path`, or at the nearest part around it."""
        from prow.config.decode import spell  # noqa: PLC0415 - only when something is wrong

        line, column = self.positions.find(path, key=at_key)
        return ConfigError(message, file=self.name, line=line, column=column, path=spell(path), kind=kind, hint=hint)

    def decode(
        self,
        struct: type[S],
        findings: Findings,
        *,
        coerce: bool,
        without: Collection[str] = (),
        max_nodes: int = goyaml.MAX_NODES,
    ) -> S | None:
        """The document as a struct; None when it is no YAML. What is wrong goes to `findings`. `without`: keys that are
        passed over, whatever they hold."""
        twice: list[goyaml.Duplicate] = []
        try:
            self.tree = goyaml.load(self.data, lines=self.lines, duplicates=twice, max_nodes=max_nodes)
        except YamlError as error:
            findings.errors.append(
                ConfigError(error.message, file=self.name, line=error.line, column=error.column, kind=Kind.SYNTAX)
            )
            return None
        findings.warnings += [
            ConfigError(
                f"the key {key!r} is there twice; the last one counts",
                file=self.name,
                line=line,
                column=column,
                kind=Kind.DUPLICATE,
            )
            for key, line, column in twice
        ]
        tree = self.tree
        if without and isinstance(tree, dict):
            tree = {key: value for key, value in tree.items() if str(key).casefold() not in without}
        report = Report()
        value = decode(struct, tree, report=report, coerce=coerce)
        findings.errors += [
            self.error(found.path, found.message, at_key=found.at_key, kind=Kind.TYPE) for found in report.errors
        ]
        for found in report.unknown:
            unknown = self.error(found.path, found.message, at_key=True, kind=Kind.UNKNOWN, hint=found.hint)
            (findings.errors if findings.strict else findings.warnings).append(unknown)
        return value

    def line(self, *path: str | int) -> int:
        """The line of a mapping, cheaply; 0: not known."""
        if self._job_lines is not None:
            kind, repo, index = path if len(path) == 3 else (path[0], "", path[-1])
            lines = self._job_lines.get(str(kind), {}).get(str(repo), ())
            return lines[index] if isinstance(index, int) and index < len(lines) else 0
        node = self.tree
        for step in path:
            try:
                node = node[step]
            except (KeyError, IndexError, TypeError):
                return 0
        return self.lines.get(id(node), 0)

    def job_lines(self) -> Lines:
        """Where the jobs of the decoded document are."""
        found: Lines = {}
        tree = self.tree if isinstance(self.tree, dict) else {}
        for kind in ("presubmits", "postsubmits"):
            listed = tree.get(kind)
            found[kind] = {
                repo: tuple(self.lines.get(id(job), 0) for job in jobs)
                for repo, jobs in (listed.items() if isinstance(listed, dict) else ())
                if isinstance(jobs, list)
            }
        timed = tree.get("periodics")
        found["periodics"] = (
            {"": tuple(self.lines.get(id(job), 0) for job in timed or ())} if isinstance(timed, list) else {}
        )
        return found


class _Inherited(NamedTuple):
    document: Document
    heirs: list[str]


class Findings:
    """All that is wrong with a configuration, in the order it was found. `strict`: unknown keys are errors."""

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.errors: list[ConfigError] = []
        self.warnings: list[ConfigError] = []
        self._inherited: dict[tuple[str, Path, str], _Inherited] = {}

    def wrong(self, document: Document, path: Path, message: str) -> None:
        if len(self.errors) <= MOST_ERRORS:
            self.errors.append(document.error(path, message))

    def warn(self, document: Document, path: Path, message: str) -> None:
        if len(self.warnings) <= MOST_ERRORS:
            self.warnings.append(document.error(path, message))

    def inherited(self, document: Document, path: Path, message: str, heir: str) -> None:
        """Something wrong that `heir` has from this place. Told once, for all that have it from there."""
        key = (document.name, path, message)
        self._inherited.setdefault(key, _Inherited(document, [])).heirs.append(heir)

    def check(self) -> None:
        """Raise what was found so far."""
        for (_, path, message), (document, heirs) in self._inherited.items():
            more = f" and {len(heirs) - 1:,} more" if len(heirs) > 1 else ""
            self.wrong(document, path, f"{message} ({heirs[0]}{more})")
        self._inherited = {}
        if len(self.errors) > MOST_ERRORS:
            last = self.errors[MOST_ERRORS]
            self.errors[MOST_ERRORS:] = [
                ConfigError("there are more errors than these", file=last.file, line=last.line)
            ]
        raise_all(self.errors)

    def texts(self) -> tuple[str, ...]:
        return tuple(str(warning) for warning in self.warnings)


def read(path: str | os.PathLike[str], *, what: str, inflate: bool = True) -> Document:
    """One file. `what` names it in errors, e.g. `--config-path`."""
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - hundreds of files
            size = os.fstat(stream.fileno()).st_size
            data = stream.read(size + 1 if 0 < size <= MAX_FILE else MAX_FILE + 1)
            if len(data) == size + 1:  # it has grown meanwhile
                data += stream.read(MAX_FILE - size)
    except IsADirectoryError:
        raise ConfigError(f"{what} must be a file, this is a directory", file=str(path), kind=Kind.FILE) from None
    except OSError as error:
        raise ConfigError(f"{what} cannot be read: {error.strerror or error}", file=str(path), kind=Kind.FILE) from None
    if inflate and data.startswith(_GZIP):
        data = _inflate(data, str(path))
    if len(data) > MAX_FILE:
        raise ConfigError(f"larger than {MAX_FILE} bytes", file=str(path), kind=Kind.FILE)
    return Document(str(path), data)


def _inflate(data: bytes, name: str) -> bytes:
    inflated = b""
    while data and len(inflated) <= MAX_FILE:
        inflater = zlib.decompressobj(wbits=31)
        try:
            inflated += inflater.decompress(data, MAX_FILE + 1 - len(inflated))
        except zlib.error as error:
            raise ConfigError(f"not gzip: {error}", file=name, kind=Kind.FILE) from None
        if not inflater.eof and len(inflated) <= MAX_FILE:
            raise ConfigError("not gzip: it is cut off", file=name, kind=Kind.FILE)
        data = inflater.unused_data  # another member may follow
    return inflated


def _read_job_file(path: str) -> Document:
    return read(path, what="the job config")


def read_jobs(
    root: str | os.PathLike[str], findings: Findings, *, read_one: Callable[[str], Document] = _read_job_file
) -> list[Document]:
    """The job files: one file, or every `.yaml` and `.yml` below a directory, in lexical order (`spec/config` §2.1)."""
    top = FilePath(root)
    if not top.exists():
        raise ConfigError("--job-config-path names nothing that exists", file=str(root), kind=Kind.FILE)
    if not top.is_dir():
        return [read_one(str(root))]
    documents: list[Document] = []
    seen: dict[str, str] = {}
    total = 0
    for file in _walk(str(top)):
        name = os.path.basename(file)  # noqa: PTH119 - thousands of files
        if name in seen:
            findings.errors.append(
                ConfigError(
                    f"another job file has the name {name} too ({seen[name]}); names must be unique in the whole tree",
                    file=file,
                    kind=Kind.FILE,
                )
            )
            continue
        seen[name] = file
        try:
            documents.append(read_one(file))
        except ConfigError as error:
            findings.errors.append(error)
            continue
        total += documents[-1].size
        if total > MAX_TOTAL:
            raise ConfigError(
                f"the job files are larger than {MAX_TOTAL} bytes together", file=str(root), kind=Kind.FILE
            )
    return documents


def _walk(top: str) -> Iterator[str]:
    ignores = Ignores()
    ignores.add_file("", os.path.join(top, ".prowignore"))  # noqa: PTH118

    def below(folder: str, relative: str) -> Iterator[str]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            logs.get("config").warning("a folder cannot be read and is left out", folder=folder, problem=str(error))
            return
        for entry in entries:
            if entry.name.startswith(".."):
                continue
            path = f"{relative}/{entry.name}" if relative else entry.name
            if entry.is_dir(follow_symlinks=False):
                if ignores.ignored(path, is_dir=True):
                    continue
                ignores.add_file(path, os.path.join(entry.path, ".prowignore"))  # noqa: PTH118
                yield from below(entry.path, path)
            elif (
                entry.name.endswith((".yaml", ".yml"))
                and not entry.is_dir()
                and not ignores.ignored(path, is_dir=False)
            ):
                yield entry.path

    yield from below(top, "")


def content_hash(documents: Iterable[Document], *more: str) -> str:
    """Names the content of the files; 16 hex digits."""
    digest = hashlib.sha256()
    for document in documents:
        digest.update(f"{document.name}\0{document.digest}\0".encode())
    for text in more:
        digest.update(f"\0{text}".encode())
    return digest.hexdigest()[:16]
