"""`prow schema`: JSON Schema of the files that people write, and the same as pages of the reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from prow.config import file_kinds
from prow.config.file_kinds import RULES, FileKind
from prow.config.reference import page
from prow.config.schema import schema_of
from prow.lib import flags
from prow.lib.errors import UsageError
from prow.owners import file_types

KINDS = {kind.name: kind for kind in (*file_kinds.KINDS, *file_types.KINDS)}


class SchemaFlags(flags.FlagGroup):
    output: str = flags.flag("output", "", "Write NAME.json (or NAME.md) into this folder instead of printing it.")
    format: str = flags.flag("format", "json", "json: JSON Schema, draft 2020-12; markdown: a page of the reference.")


@click.command(cls=flags.GoCommand)
@click.argument("kind", required=False, default="")
@flags.group(SchemaFlags, name="given")
def command(kind: str, given: SchemaFlags) -> None:
    """Print the JSON Schema of one KIND of file, or write that of every kind into a folder.

    Editors complete and check files with it; without KIND and --output the kinds are listed.
    """
    if given.format not in {"json", "markdown"}:
        raise UsageError(f"--format={given.format}: say json or markdown")
    if kind and kind not in KINDS:
        raise UsageError(f"there is no schema {kind}: take {', '.join(KINDS)}")
    if given.output:
        _write([KINDS[kind]] if kind else list(KINDS.values()), Path(given.output), form=given.format)
    elif kind:
        print(rendered(KINDS[kind], form=given.format), end="")
    else:
        for each in KINDS.values():
            print(f"{each.name:16}{', '.join(each.files):32}{each.title}")


def schema_for(kind: FileKind) -> dict[str, Any]:
    return schema_of(
        kind.root, RULES, title=kind.title, description=kind.description, coerce=kind.coerce, name=kind.name
    )


def rendered(kind: FileKind, *, form: str) -> str:
    schema = schema_for(kind)
    return page(schema) if form == "markdown" else json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _write(kinds: list[FileKind], folder: Path, *, form: str) -> None:
    suffix = "md" if form == "markdown" else "json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind in kinds:
            file = folder / f"{kind.name}.{suffix}"
            file.write_text(rendered(kind, form=form), encoding="utf-8")
            print(file)
    except OSError as error:
        raise UsageError(f"--output {folder}: {error.strerror or error}") from error
