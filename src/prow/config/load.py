"""From files to an effective, valid `Config` (`spec/config` §0.2). Synchronous; for the event loop there is `agent`.

Everything wrong is collected and raised together, each with file, line and column: first what the files say by
themselves, then what they mean together. Unknown keys are warnings on the result, or errors with `strict`.

A `Loader` loads the same paths again and again and reads only what has changed. With a `Cache`, a process that starts takes
over what another one has made of the same texts; the result is the same with and without it.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path as FilePath
from typing import NamedTuple

from msgspec.structs import replace

from prow.config import stored
from prow.config.cache import Cache
from prow.config.config import Config, JobConfig, set_origin
from prow.config.defaults import Defaults
from prow.config.documents import Document, Findings, content_hash, read, read_jobs
from prow.config.errors import ConfigError
from prow.config.finish import finish
from prow.config.parsed import parse_all
from prow.config.parts import (
    Part,
    Place,
    check_between,
    check_presets,
    make_part,
    together,
)
from prow.config.pitfalls import config_pitfalls
from prow.config.supplemental import Supplements, add_to_config, decode_addition, read_folders
from prow.config.validate_config import config_problems
from prow.lib.clock import Clock, SystemClock

StrPath = str | os.PathLike[str]
_MAX_VERSION = 4096
_LARGE = 3 * 1024 * 1024
_Stamp = tuple[int, int, int, int]
NO_SUPPLEMENTS = Supplements()
CLOCK = SystemClock()


def load(
    config_path: StrPath,
    job_config_path: StrPath = "",
    *,
    supplemental: Supplements = NO_SUPPLEMENTS,
    strict: bool = False,
    cache: Cache | None = None,
    clock: Clock = CLOCK,
) -> Config:
    """The configuration of these paths. Raises ConfigError (ConfigErrors when there are several)."""
    loader = Loader(config_path, job_config_path, supplemental=supplemental, strict=strict, cache=cache, clock=clock)
    return loader.load()


class Loader:
    """Loads the configuration of some paths. It keeps what it needs to follow changes quickly; not for several threads."""

    def __init__(
        self,
        config_path: StrPath,
        job_config_path: StrPath = "",
        *,
        supplemental: Supplements = NO_SUPPLEMENTS,
        strict: bool = False,
        cache: Cache | None = None,
        clock: Clock = CLOCK,
    ) -> None:
        self._main, self._jobs = os.fspath(config_path), os.fspath(job_config_path)
        self._supplemental = supplemental
        self._strict = strict
        self._cache = cache
        self._clock = clock
        self._read: dict[str, tuple[_Stamp, Document]] = {}
        # What the last load has made: the finished settings, what they were made of, the parts by name.
        self._settings: Config | None = None
        self._made_of: tuple[str, ...] = ("", "")
        self._parts: dict[str, Part] = {}
        self._whole = True

    def load(self, *, distrust: bool = False) -> Config:
        """Read what has changed. `distrust`: read all files, whatever their times say. Raises ConfigError."""
        if distrust:
            self._read = {}
        findings = Findings(strict=self._strict)
        main = self._document(self._main, what="--config-path")
        shards = read_folders(
            self._supplemental, findings, what="--supplemental-prow-config-dir", read_one=self._document
        )
        documents = read_jobs(self._jobs, findings, read_one=self._document) if self._jobs else []
        version = _version(FilePath(self._main).parent / "VERSION")
        size = main.size + sum(document.size for document in (*shards, *documents))
        with without_collector():
            config = self._assemble(main, shards, documents, findings, version, size)
            if size >= _LARGE and self._whole:
                # What was made now stays: the collector need not look through a million values again and again.
                gc.freeze()
        names = {main.name, *(document.name for document in (*shards, *documents))}
        self._read = {name: known for name, known in self._read.items() if name in names}
        for document in (main, *shards, *documents):
            document.forget()
        return config

    @property
    def warnings(self) -> tuple[ConfigError, ...]:
        """What the last load found odd, with places."""
        return tuple(warning for part in self._parts.values() for warning in part.warnings)

    def _document(self, path: str, *, what: str = "the job config") -> Document:
        """The file, read again only when it may have changed."""
        try:
            status = os.stat(path)  # noqa: PTH116 - hundreds of files
        except OSError:
            return read(path, what=what)
        stamp = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)
        known = self._read.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        document = read(path, what=what)
        self._read[path] = (stamp, document)
        return document

    def _assemble(
        self,
        main: Document,
        shards: Sequence[Document],
        jobs: Sequence[Document],
        findings: Findings,
        version: str,
        size: int,
    ) -> Config:
        documents = [*shards, *jobs]
        name = content_hash([main, *documents], version)
        # With the number of supplemental files: one that becomes a job file is another configuration.
        made_of = (main.digest, version, *(f"{shard.name}\0{shard.digest}" for shard in shards))
        cache = self._cache
        if cache is not None and (size < cache.worth_bytes or findings.errors):
            cache = None
        choices = (str(self._strict), str(bool(self._jobs)), str(len(shards)))
        # Whole digests: the short name could be forged.
        key = ("whole", *choices, version, *(f"{each.name}\0{each.digest}" for each in (main, *documents)))
        made = self._restored(cache, key, [main, *documents]) if self._settings is None else None
        made = made or self._changed(main, documents, findings, made_of)
        self._whole = made is None or self._settings is None
        if made is None:
            config = _decode_main(main, findings)
            now = self._clock.now()
            additions = _decode_shards(shards, findings, now)
            parsed = parse_all(jobs, cache=cache, key=os.path.abspath(self._jobs))  # noqa: PTH100
            decoded = [(each, known.tell(each, findings)) for each, known in zip(jobs, parsed, strict=True)]
            terms = Terms(now, version=version, presets=bool(self._jobs))
            made = _combined(config, main, decoded, findings, terms, additions=additions)
            findings.check()
            if cache is not None and (body := stored.dump(*made)) is not None:
                cache.put(body, *key)
        self._settings, parts = made
        self._made_of = made_of
        self._parts = {part.document.name: part for part in parts}
        return _named(together(self._settings, parts), parts, name)

    @staticmethod
    def _restored(cache: Cache | None, key: tuple[str, ...], documents: Sequence[Document]) -> _Made | None:
        """What another process has made of the same texts."""
        body = cache.get(*key) if cache is not None else None
        if cache is None or body is None:
            return None
        for document in documents:
            document.forget()
        try:
            return stored.restore(body, documents)
        except ValueError:
            cache.drop(*key)
            return None

    def _changed(
        self, main: Document, documents: Sequence[Document], findings: Findings, made_of: tuple[str, ...]
    ) -> _Made | None:
        """The last load with the changed files read again; None when the change reaches other files. Raises ConfigError."""
        if self._settings is None or self._made_of != made_of:
            return None
        changed = [each for each in documents if self._known(each) is None]
        fresh = Findings(strict=self._strict)
        parsed = parse_all(changed)
        decoded = {
            each.name: known.tell(each, fresh) or JobConfig() for each, known in zip(changed, parsed, strict=True)
        }
        before = tuple(preset for part in self._parts.values() for preset in part.presets)
        after = list(self._parts[main.name].presets)
        for each in documents:
            after += decoded[each.name].presets if each.name in decoded else self._parts[each.name].presets
        if before != tuple(after):
            return None
        findings.errors += fresh.errors
        findings.warnings += fresh.warnings
        findings.check()
        defaults = Defaults(self._settings, before, main)
        parts = [self._parts[main.name]]
        touched: set[Place] = set()
        for each in documents:
            known = self._known(each)
            if known is None:
                known = make_part(each, decoded[each.name], self._settings, defaults, findings)
                touched.update(known.jobs)
            parts.append(known)
        names = {part.document.name for part in parts}
        for name, part in self._parts.items():
            if name not in names or name in decoded:
                touched.update(part.jobs)
        findings.check()
        check_between(parts, findings, only=touched)
        findings.check()
        return self._settings, _with_warnings(parts, findings)

    def _known(self, document: Document) -> Part | None:
        """The part of an unchanged file."""
        part = self._parts.get(document.name)
        return part if part is not None and part.document.digest == document.digest else None


_Made = tuple[Config, list[Part]]
_Additions = Sequence[tuple[Document, Config]]


class Terms(NamedTuple):
    """What a config depends on besides its texts. `presets`: whether pairs of labels are looked at."""

    now: datetime
    version: str = ""
    presets: bool = True


def assemble(
    main: Document, documents: Sequence[Document], findings: Findings, *, check_presets: bool = True
) -> Config:
    """A config of texts that are read already. Raises ConfigError."""
    config = _decode_main(main, findings)
    decoded = [(document, document.decode(JobConfig, findings, coerce=True)) for document in documents]
    settings, parts = _combined(config, main, decoded, findings, Terms(CLOCK.now(), presets=check_presets))
    findings.check()
    return _named(together(settings, parts), parts, content_hash([main, *documents]))


def _decode_main(main: Document, findings: Findings) -> Config:
    return main.decode(Config, findings, coerce=False) or Config()


def _decode_shards(shards: Sequence[Document], findings: Findings, now: datetime) -> _Additions:
    """What the supplemental files say, each checked by itself."""
    additions = []
    for shard in shards:
        addition = decode_addition(shard, Config, findings)
        if addition is None:
            continue
        for path, wrong in config_problems(addition, now):
            findings.wrong(shard, path, wrong)
        additions.append((shard, addition))
    return additions


def _combined(
    config: Config,
    main: Document,
    decoded: Sequence[tuple[Document, JobConfig | None]],
    findings: Findings,
    terms: Terms,
    *,
    additions: _Additions = (),
) -> _Made:
    """Settings without jobs, and the effective jobs file by file."""
    findings.check()
    if terms.version:
        config = replace(config, config_version_sha=terms.version)
    for path, wrong in config_problems(config, terms.now):
        findings.wrong(main, path, wrong)
    for path, odd in config_pitfalls(config):
        findings.warn(main, path, odd)
    for shard, addition in additions:
        config = add_to_config(config, shard, addition, findings)
    findings.check()
    config = finish(config)
    # A supplemental file has no jobs; it stands here with what is odd about it.
    files: list[tuple[Document, JobConfig]] = [(main, config), *((shard, JobConfig()) for shard, _ in additions)]
    files += [(document, jobs) for document, jobs in decoded if jobs is not None]
    if terms.presets:
        check_presets([(document, jobs.presets) for document, jobs in files], findings)
    settings = replace(config, presets=(), presubmits={}, postsubmits={}, periodics=())
    defaults = Defaults(settings, tuple(preset for _, jobs in files for preset in jobs.presets), main)
    parts = [make_part(document, jobs, settings, defaults, findings) for document, jobs in files]
    check_between(parts, findings)
    return settings, _with_warnings(parts, findings)


def _with_warnings(parts: Sequence[Part], findings: Findings) -> list[Part]:
    """Each warning with the file it is about: it stays as long as the file does."""
    by_file: dict[str, list[ConfigError]] = {}
    for warning in findings.warnings:
        by_file.setdefault(warning.file, []).append(warning)
    return [
        part._replace(warnings=tuple(by_file[part.document.name])) if part.document.name in by_file else part
        for part in parts
    ]


def _named(config: Config, parts: Sequence[Part], name: str) -> Config:
    set_origin(config, hash=name, warnings=tuple(str(warning) for part in parts for warning in part.warnings))
    return config


def _version(file: FilePath) -> str:
    """What the config updater wrote beside the config, untrimmed as upstream keeps it."""
    try:
        with file.open("rb") as stream:
            return stream.read(_MAX_VERSION).decode("utf-8", "replace")
    except OSError:
        return ""


@contextmanager
def without_collector() -> Iterator[None]:
    """A load makes many values and no garbage: Python's cycle collector would only slow it down."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
