"""`RepoOwners`: who may review and approve what on one branch (`spec/plugins-review` §2.5). Immutable; every query is pure.

A file's owners stand under its folder (empty: the root), those of a Markdown file's front matter under its own path. A
query walks up from a path; how far it has to go is the layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from prow.owners.model import Options, OwnersFile

Role = Literal["approvers", "reviewers", "required_reviewers", "labels"]
Layers = tuple[frozenset[str], ...]
_NOTHING = OwnersFile()
_NOBODY = frozenset[str]()
_FILTERED = frozenset({"approvers", "reviewers"})


class RepoOwners(msgspec.Struct, frozen=True, kw_only=True):
    """`files`: by folder, or by path of a Markdown file. `collaborators`: only they count; None: everyone does."""

    files: Mapping[str, OwnersFile] = {}
    aliases: Mapping[str, frozenset[str]] = {}
    front_matter: bool = False
    collaborators: frozenset[str] | None = None

    def approvers(self, path: str) -> frozenset[str]:
        """Everyone who may approve a file, from its own folder up to the root."""
        return _united(self.approver_layers(path))

    def reviewers(self, path: str) -> frozenset[str]:
        return _united(self.reviewer_layers(path))

    def approver_layers(self, path: str) -> Layers:
        return self._layers(path, "approvers")

    def reviewer_layers(self, path: str) -> Layers:
        return self._layers(path, "reviewers")

    def leaf_approvers(self, path: str) -> frozenset[str]:
        """Those of the nearest folder that names any."""
        return _united(self._layers(path, "approvers", leaf=True))

    def leaf_reviewers(self, path: str) -> frozenset[str]:
        return _united(self._layers(path, "reviewers", leaf=True))

    def required_reviewers(self, path: str) -> frozenset[str]:
        """Also who is no collaborator."""
        return _united(self._layers(path, "required_reviewers"))

    def labels_for(self, path: str) -> frozenset[str]:
        return _united(self._layers(path, "labels"))

    def find_approver_owners_for_file(self, path: str) -> str:
        """The nearest folder that names approvers for this file, whatever its parents' options say; empty: root, or none."""
        return self._nearest(path, "approvers")

    def find_reviewers_owners_for_file(self, path: str) -> str:
        return self._nearest(path, "reviewers")

    def top_level_approvers(self) -> frozenset[str]:
        return self.leaf_approvers(".")

    def all_approvers(self) -> frozenset[str]:
        return self._all("approvers")

    def all_reviewers(self) -> frozenset[str]:
        return self._all("reviewers")

    def all_owners(self) -> frozenset[str]:
        return self.all_approvers() | self.all_reviewers()

    def is_no_parent_owners(self, folder: str) -> bool:
        return self._options(folder).no_parent_owners

    def is_auto_approve_unowned_subfolders(self, folder: str) -> bool:
        return self._options(folder).auto_approve_unowned_subfolders

    def _options(self, folder: str) -> Options:
        return self.files.get(folder, _NOTHING).options

    def _matching(self, place: str, path: str, role: Role) -> frozenset[str]:
        """Whom the entries of one place name for a path."""
        file = self.files.get(place)
        if file is None:
            return _NOBODY
        relative = relative_path(place, path)
        found = _NOBODY
        for entry in file.entries:
            named: frozenset[str] | None = getattr(entry.people, role)
            if named and entry.covers(relative):
                found |= named
        return self._counted(found, role)

    def _layers(self, path: str, role: Role, *, leaf: bool = False) -> Layers:
        start = path if self.front_matter and path.endswith(".md") else canonical(path)
        layers: list[frozenset[str]] = []
        seen = _NOBODY
        for place in _upwards(start):
            layers.append(self._matching(place, path, role) - seen)
            seen |= layers[-1]
            # A folder without parents' owners still falls through to them where it names nobody.
            if seen and (leaf or self._options(place).no_parent_owners):
                break
        return tuple(layers)

    def _nearest(self, path: str, role: Role) -> str:
        return next((place for place in _upwards(path) if self._matching(place, path, role)), "")

    def _all(self, role: Role) -> frozenset[str]:
        named = (getattr(entry.people, role) or _NOBODY for file in self.files.values() for entry in file.entries)
        return self._counted(_NOBODY.union(*named), role)

    def _counted(self, names: frozenset[str], role: Role) -> frozenset[str]:
        """Approvers and reviewers that are no collaborators are as if they were not named: folders above are asked."""
        if self.collaborators is None or role not in _FILTERED:
            return names
        return names & self.collaborators


def canonical(path: str) -> str:
    """The root is the empty path; folders have no slash at their end."""
    return "" if path == "." else path.removesuffix("/")


def parent(path: str) -> str:
    return path.rpartition("/")[0].rstrip("/")


def relative_path(place: str, path: str) -> str:
    """A path as the patterns of a place see it; the place itself is `.`."""
    path = canonical(path)
    if path == place:
        return "."
    return path.removeprefix(f"{place}/") if place else path


def _upwards(path: str) -> Iterator[str]:
    while path:
        yield path
        path = "" if path == "." else parent(path)
    yield ""


def _united(layers: Layers) -> frozenset[str]:
    return _NOBODY.union(*layers)
