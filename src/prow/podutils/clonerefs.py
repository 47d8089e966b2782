"""clonerefs: fetch every ref and merge its pulls, all refs at once (`spec/prowjobs-and-pods` §5.1)."""

from __future__ import annotations

from prow.lib.clock import Clock
from prow.podutils.clone_rules import CloneRecord
from prow.podutils.options import CloneOptions


async def run(options: CloneOptions, *, clock: Clock) -> tuple[CloneRecord, ...]:
    """Clone, write the records to `options.log`, return them: the set-up first, then one per ref.

    A failed clone raises nothing: ask `any(record.failed for record in records)`. Raises `UsageError` for options that make
    no sense. Cancelling kills the git processes.
    """
    raise NotImplementedError
