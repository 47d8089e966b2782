"""Releases of a repository and the files that belong to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prow.sim.state.issues import Reaction
    from prow.sim.state.people import User


@dataclass(eq=False)
class Asset:
    """`blob`: git's name of its content, which the repository keeps."""

    id: int
    name: str
    label: str
    content_type: str
    size: int
    blob: str
    digest: str
    uploader: User
    created_at: datetime
    updated_at: datetime
    downloads: int = 0


@dataclass(eq=False)
class Release:
    """`target`: the branch or commit that its tag is made of. `latest`: it may be shown as the newest."""

    id: int
    tag: str
    target: str
    name: str
    body: str
    author: User
    created_at: datetime
    draft: bool = False
    prerelease: bool = False
    latest: bool = True
    published_at: datetime | None = None
    assets: list[Asset] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
