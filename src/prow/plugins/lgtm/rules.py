"""What `lgtm` decides, and what it says; pure (`spec/plugins-review` §6)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

from prow.lib import regex
from prow.model.decision import Decision, Reason
from prow.model.events import ReviewEvent
from prow.model.forge import IssueComment
from prow.plugin.text import own_words

LABEL = "lgtm"
ADD = r"(?mi)^/lgtm(?: no-issue)?\s*$"
REMOVE = r"(?mi)^/(remove-lgtm|lgtm cancel)\s*$"
_add = regex.compile(ADD)
_remove = regex.compile(REMOVE)

# Upstream and other programs find their comments by these texts.
TREE_HASH = "LGTM label has been added.  <details>Git tree hash: {sha}</details>"
REMOVED = "New changes are detected. LGTM label has been removed."
_tree_hash = regex.compile(r"(?m)LGTM label has been added.  <details>Git tree hash: ([0-9a-f]+)</details>")
TREE_HASH_MARK = "LGTM label has been added.  <details>Git tree hash: "


class Wanted(StrEnum):
    ADD = "add"
    REMOVE = "remove"


class Who(StrEnum):
    """What the commenter is to the pull request. `MEMBER`: collaborator or owner, whichever the repository counts."""

    AUTHOR = "author"
    MEMBER = "member"
    OUTSIDER = "outsider"


class OwnPull(Reason, frozen=True):
    def __str__(self) -> str:
        return "you cannot LGTM your own pull request."


class NotCollaborator(Reason, frozen=True):
    repo: str

    def __str__(self) -> str:
        return f"only collaborators of {self.repo} can change the label `lgtm`."


class NotOwner(Reason, frozen=True):
    def __str__(self) -> str:
        return "only approvers and reviewers in the OWNERS files of what this pull request changes can change the label `lgtm`."


def wanted_by(body: str) -> Wanted | None:
    """A comment that says both adds."""
    if _add.matches(body):
        return Wanted.ADD
    return Wanted.REMOVE if _remove.matches(body) else None


def wanted_by_review(event: ReviewEvent, *, by_bot: bool) -> Wanted | None:
    """A review's state counts where its text has no command: the text is heard as a comment."""
    user = event.review.user
    if event.action != "submitted" or by_bot or user is None or user.type == "Bot":
        return None
    if wanted_by(event.review.body or "") is not None:
        return None
    return {"APPROVED": Wanted.ADD, "CHANGES_REQUESTED": Wanted.REMOVE}.get(event.review.state.upper())


def may(wanted: Wanted, who: Who, *, by_owners: bool, repo: str) -> Decision[bool]:
    """Whether that person may. `by_owners`: OWNERS files alone say who counts."""
    if who is Who.AUTHOR:
        return Decision(False, (OwnPull(),)) if wanted is Wanted.ADD else Decision(True)
    if who is Who.MEMBER:
        return Decision(True)
    return Decision(False, (NotOwner() if by_owners else NotCollaborator(repo=repo),))


def step(wanted: Wanted, *, labelled: bool) -> Wanted | None:
    """What happens to the label; None: it is right."""
    if wanted is Wanted.ADD:
        return None if labelled else Wanted.ADD
    return Wanted.REMOVE if labelled else None


class NamesOwners(Protocol):
    def approvers(self, path: str) -> frozenset[str]: ...

    def reviewers(self, path: str) -> frozenset[str]: ...


def owns_some(owners: NamesOwners, login: str, files: Iterable[str]) -> bool:
    """Whether the person approves or reviews at least one of the files."""
    name = login.lower().removeprefix("@")
    return any(name in owners.approvers(path) or name in owners.reviewers(path) for path in files)


def kept_tree(comments: Iterable[IssueComment]) -> str:
    """The tree that was looked at, from the newest of the bot's notes; those that were edited, or only quote one, do not count."""
    newest = ""
    for comment in comments:
        found = _tree_hash.search(own_words(comment.body or ""))
        if found is not None and comment.updated_at == comment.created_at:
            newest = found.group(1) or ""
    return newest
