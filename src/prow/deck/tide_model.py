"""What the pages `/tide` and `/tide-history` show."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from prow.deck.rules import Select
from prow.deck.tide_wire import TideBlocker


class Doing(StrEnum):
    """What a pool is at, for its icon."""

    MERGING = "merging"
    TESTING = "testing"
    RESTING = "resting"
    STUCK = "stuck"


class PoolPull(msgspec.Struct, frozen=True):
    number: int
    title: str
    page: str


class PoolGroup(msgspec.Struct, frozen=True):
    """`kind`: for the icon: target, batch, passing, pending, missing."""

    kind: str
    title: str
    pulls: tuple[PoolPull, ...]


class PoolView(msgspec.Struct, frozen=True, kw_only=True):
    """A pool as the page shows it. Links of blockers are safe."""

    key: str
    repo: str
    branch: str
    branch_link: str
    doing: Doing
    headline: str
    groups: tuple[PoolGroup, ...]
    blockers: tuple[TideBlocker, ...]
    error: str


class Requirement(msgspec.Struct, frozen=True):
    """A query of tide in parts of a sentence. `labels`: each a choice of names."""

    where: tuple[str, ...]
    except_repos: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    missing_labels: tuple[str, ...]
    included_branches: tuple[str, ...]
    excluded_branches: tuple[str, ...]
    author: str
    milestone: str
    review: bool
    search: str
    link: str


class HistoryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """The URL's parameters, by upstream's names; empty: everything. `state`: success or failure."""

    repo: str = ""
    branch: str = ""
    pull: int | None = None
    author: str = ""
    action: str = ""
    state: str = ""


class RecordView(msgspec.Struct, frozen=True, kw_only=True):
    """`word`: what was done, for people; `action`: as tide calls it."""

    id: str
    repo: str
    branch: str
    time: datetime
    action: str
    word: str
    base_sha: str
    base_link: str
    pulls: tuple[PoolPull, ...]
    error: str


class TideLook(msgspec.Struct, frozen=True, kw_only=True):
    """What `/tide` shows. `pools` None: tide has not told any yet. `error`: why they are no newer than `since`."""

    pools: tuple[PoolView, ...] | None
    error: str
    since: datetime | None
    connected: bool
    repo: str = ""
    select: Select = Select("repository", "repo", "", ())


class HistoryLook(msgspec.Struct, frozen=True, kw_only=True):
    """What `/tide-history` shows. `total`: how many records the filter finds."""

    records: tuple[RecordView, ...]
    total: int
    error: str
    connected: bool
    wanted: HistoryFilter
    selects: tuple[Select, ...]
