"""Which OWNERS have to approve the changed files, and which of them lack an approver (`spec/plugins-review` §5.3). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from prow.plugin.ports import Owners

MOST_LISTED = 3000
"""GitHub lists no more files of a pull request."""

_NOBODY = frozenset[str]()


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """`needed`: folders (or Markdown files) whose OWNERS have to approve, sorted; the root is the empty text.

    `approvers`, `leaf`: who may approve something there, all of them and the nearest alone. `files`: for each needed folder the
    different groups of people of which one must have approved each file there. Logins are in lower case.
    """

    any_files: bool
    needed: tuple[str, ...] = ()
    approvers: Mapping[str, frozenset[str]] = {}
    leaf: Mapping[str, frozenset[str]] = {}
    files: Mapping[str, frozenset[frozenset[str]]] = {}

    def uncovered(self, logins: Collection[str]) -> frozenset[str]:
        """Needed folders in which some file has no approver among these people."""
        return frozenset(
            folder for folder, groups in self.files.items() if any(group.isdisjoint(logins) for group in groups)
        )

    def approved_by(self, logins: Collection[str]) -> bool:
        """A pull request that changes nothing is never approved."""
        return self.any_files and not self.uncovered(logins)


def cover(files: Sequence[str], owners: Owners) -> Coverage:
    """Of which OWNERS the changed files need an approval.

    What GitHub does not list could be anywhere, so then the root has to approve.
    """
    nearest = {file: owners.find_approver_owners_for_file(file) for file in files}
    needed = {folder for file, folder in nearest.items() if not _exempt(file, folder, owners)}
    if len(files) >= MOST_LISTED:
        needed.add("")
    needed = _without_covered(needed, owners)
    approvers: dict[str, frozenset[str]] = {}
    leaf: dict[str, frozenset[str]] = {}
    groups: dict[str, set[frozenset[str]]] = {folder: set() for folder in needed}
    for file, folder in nearest.items():
        # Exempt files, too: where their folder is needed for others, they need an approver as well.
        if folder in needed:
            people = owners.approvers(file)
            approvers[folder] = approvers.get(folder, _NOBODY) | people
            leaf[folder] = leaf.get(folder, _NOBODY) | owners.leaf_approvers(file)
            groups[folder].add(people)
    if "" in needed and "" not in approvers:
        approvers[""] = leaf[""] = owners.top_level_approvers()
        groups[""].add(approvers[""])
    return Coverage(
        any_files=bool(files),
        needed=tuple(sorted(needed)),
        approvers=approvers,
        leaf=leaf,
        files={folder: frozenset(found) for folder, found in groups.items()},
    )


def _exempt(file: str, folder: str, owners: Owners) -> bool:
    """Whether it lies in a subfolder without OWNERS of a folder that lets such subfolders go."""
    if not owners.is_auto_approve_unowned_subfolders(folder):
        return False
    above = _parent(_parent(file))
    return not folder or above == folder or above.startswith(f"{folder}/")


def _without_covered(folders: Iterable[str], owners: Owners) -> set[str]:
    """Without those below another one, unless a folder in between has OWNERS that want no parents."""
    all_folders = set(folders)
    kept = set(all_folders)
    for folder in all_folders:
        place = folder
        while place and not owners.is_no_parent_owners(place):
            place = _parent(place)
            if place in all_folders:
                kept.discard(folder)
                break
    return kept


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
