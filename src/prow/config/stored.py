"""A whole loaded configuration as bytes, for a `Cache`: what a process that starts next reads in place of the files.

The parts are kept file by file, so that the process can follow changes from there. What many jobs share (decoration,
ProwJob defaults) is written once, and shared again after reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec.structs import force_setattr, replace

from prow.config.config import Config
from prow.config.documents import Document
from prow.config.job import JobBase, Periodic, Postsubmit, Preset, Presubmit, Source, set_source
from prow.config.parsed import ENCODER, Found, decode_hook
from prow.config.parts import Part, Place
from prow.model.decoration import DecorationConfig
from prow.model.prowjob import ProwJobDefault


class _Shared(msgspec.Struct, frozen=True, array_like=True):
    decoration_config: DecorationConfig | None
    prowjob_defaults: ProwJobDefault | None


class _Part(msgspec.Struct, frozen=True, array_like=True):
    """`places`: kind, repository, number of jobs; the jobs follow each other in their order, by kind."""

    places: tuple[tuple[str, str, int], ...]
    presubmits: tuple[Presubmit, ...]
    postsubmits: tuple[Postsubmit, ...]
    periodics: tuple[Periodic, ...]
    lines: tuple[int, ...]
    shared: tuple[int, ...]
    presets: tuple[Preset, ...]
    warnings: tuple[Found, ...]


class _Stored(msgspec.Struct, frozen=True):
    settings: Config
    shared: tuple[_Shared, ...]
    parts: tuple[_Part, ...]


@cache
def _decoder() -> msgspec.msgpack.Decoder[_Stored]:
    """Made on first use: most starts need none."""
    return msgspec.msgpack.Decoder(_Stored, dec_hook=decode_hook)


def dump(settings: Config, parts: Sequence[Part]) -> bytes | None:
    """`settings`: the config without jobs. None when a value has no form in msgpack."""
    table: dict[tuple[int, int], int] = {}
    shared: list[_Shared] = []
    stored = []
    for part in parts:
        jobs: dict[str, list[Any]] = {"presubmits": [], "postsubmits": [], "periodics": []}
        lines: list[int] = []
        indexes: list[int] = []
        for (kind, _), listed in part.jobs.items():
            for job in listed:
                key = (id(job.decoration_config), id(job.prowjob_defaults))
                if key not in table:
                    table[key] = len(shared)
                    shared.append(_Shared(job.decoration_config, job.prowjob_defaults))
                indexes.append(table[key])
                lines.append(job.source.line)
                jobs[kind].append(replace(job, decoration_config=None, prowjob_defaults=None))
        stored.append(
            _Part(
                places=tuple((kind, repo, len(listed)) for (kind, repo), listed in part.jobs.items()),
                lines=tuple(lines),
                shared=tuple(indexes),
                presets=part.presets,
                warnings=tuple(Found.of(warning) for warning in part.warnings),
                **{kind: tuple(listed) for kind, listed in jobs.items()},
            )
        )
    try:
        return ENCODER.encode(_Stored(settings, tuple(shared), tuple(stored)))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def restore(body: bytes | memoryview, documents: Sequence[Document]) -> tuple[Config, list[Part]]:
    """The settings and parts again, for the same documents. Raises ValueError when the bytes are something else."""
    try:
        stored = _decoder().decode(body)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    if len(stored.parts) != len(documents):
        raise ValueError("a different number of files")
    shared = stored.shared
    return stored.settings, [
        _restored(part, document, shared) for part, document in zip(stored.parts, documents, strict=True)
    ]


def _restored(part: _Part, document: Document, shared: Sequence[_Shared]) -> Part:
    sources: dict[str, Sequence[JobBase]] = {
        "presubmits": part.presubmits,
        "postsubmits": part.postsubmits,
        "periodics": part.periodics,
    }
    begin = dict.fromkeys(sources, 0)
    jobs: dict[Place, tuple[JobBase, ...]] = {}
    index = 0
    for kind, repo, count in part.places:
        listed = tuple(sources[kind][begin[kind] : begin[kind] + count])
        begin[kind] += count
        for job in listed:
            common = shared[part.shared[index]]
            force_setattr(job, "decoration_config", common.decoration_config)
            force_setattr(job, "prowjob_defaults", common.prowjob_defaults)
            set_source(job, Source(document.name, part.lines[index]))
            index += 1
        jobs[kind, repo] = listed
    warnings = tuple(found.named(document.name) for found in part.warnings)
    return Part(document, part.presets, jobs, warnings)
