"""sidecar: wait for the commands, censor what they left, upload it (`spec/prowjobs-and-pods` §5.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from prow.lib.clock import Clock
from prow.podutils.jobspec import JobSpec
from prow.podutils.options import SidecarOptions
from prow.storage.ports import Storage


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """`codes`: the markers in order of the entries. `upload_error`: empty when everything was uploaded."""

    passed: bool
    aborted: bool
    failures: int
    codes: tuple[int, ...]
    upload_error: str = ""


async def run(
    options: SidecarOptions,
    spec: JobSpec,
    *,
    storage: Storage,
    clock: Clock,
    secrets: Sequence[bytes] = (),
    interrupted: asyncio.Event | None = None,
) -> Outcome:
    """Wait until every marker file exists, then censor and upload; a failed upload is told in the outcome, not raised.

    `secrets`: values to censor beside those below the options' secret_directories. Setting `interrupted` while it waits uploads
    an ABORTED result at once (unless `ignore_interrupts`) and goes on waiting for the markers.
    """
    raise NotImplementedError
