"""OWNERS and OWNERS_ALIASES as types, for their schemas: the keys that `parse` reads, with what they mean."""

from __future__ import annotations

from prow.config.file_kinds import FileKind
from prow.model.base import Noun


class OwnersOptions(Noun, frozen=True):
    no_parent_owners: bool = False
    """Whether approvers and reviewers of the folders above have no say below here."""
    auto_approve_unowned_subfolders: bool = False
    """Whether folders below that have no OWNERS need no approval of their own."""


class OwnersLists(Noun, frozen=True):
    approvers: tuple[str, ...] = ()
    """Logins or aliases of those who may `/approve` changes here."""
    reviewers: tuple[str, ...] = ()
    """Logins or aliases of those who are asked to review changes here, and whose `/lgtm` counts."""
    required_reviewers: tuple[str, ...] = ()
    """Logins or aliases that are always asked to review."""
    labels: tuple[str, ...] = ()
    """Labels that pull requests get when they touch this folder."""


class OwnersFile(OwnersLists, frozen=True):
    """Lists for the whole folder, or `filters` for some of its files; the lists go first."""

    options: OwnersOptions = OwnersOptions()
    """How this file and those around it work together."""
    filters: dict[str, OwnersLists] = {}
    """Regular expression (RE2) of paths below this folder → their people and labels; `.*` means all."""


class AliasesFile(Noun, frozen=True):
    aliases: dict[str, tuple[str, ...]] = {}
    """Name → logins; the name may stand for them in every OWNERS file of the repository. Aliases do not nest."""


KINDS = (
    FileKind(
        name="owners",
        root=OwnersFile,
        title="OWNERS",
        description="Who reviews and approves changes of a folder.",
        files=("OWNERS",),
        coerce=False,
    ),
    FileKind(
        name="owners-aliases",
        root=AliasesFile,
        title="OWNERS_ALIASES",
        description="Names for groups of people, at the root of a repository.",
        files=("OWNERS_ALIASES",),
        coerce=False,
    ),
)
