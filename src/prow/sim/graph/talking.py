"""What GraphQL says and does on issues and pull requests beside opening and closing them: assignees, reactions, locks, comments, dismissals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim.graph.mutations import Wanted, may, resolver
from prow.sim.graph.nodes import find, find_all, find_review, find_said
from prow.sim.graph.pages import refused
from prow.sim.graph.reading import Reading, Said
from prow.sim.graph.talk import REACTIONS, grouped
from prow.sim.payloads import Json, node
from prow.sim.state import Issue, Reaction, User

Info = GraphQLResolveInfo[Reading]
Change = Callable[[Reading, Wanted], Awaitable[Json]]


def _assign(*, remove: bool) -> Change:
    async def change(reading: Reading, wanted: Wanted) -> Json:
        issue = find(reading, wanted["assignableId"], Issue)
        may(reading, issue.repo, "triage")
        names = [user.login for user in find_all(reading, wanted["assigneeIds"], User)]
        await reading.world.assign(issue, reading.login, names, remove=remove)
        return {"assignable": issue}

    return change


def _lock(*, locked: bool) -> Change:
    async def change(reading: Reading, wanted: Wanted) -> Json:
        issue = find(reading, wanted["lockableId"], Issue)
        may(reading, issue.repo, "write")
        reason = wanted.get("lockReason")
        words = _LOCK_REASONS[reason] if reason else None
        await reading.world.set_lock(issue, reading.login, locked=locked, reason=words)
        record = "lockedRecord" if locked else "unlockedRecord"
        return {"actor": reading.world.user(reading.login), record: issue}

    return change


_LOCK_REASONS = {"OFF_TOPIC": "off-topic", "RESOLVED": "resolved", "SPAM": "spam", "TOO_HEATED": "too heated"}


def _subject(reading: Reading, wanted: str) -> Issue | Said:
    return find_said(reading, wanted) if wanted.startswith("IC_") else find(reading, wanted, Issue)


async def _add_reaction(reading: Reading, wanted: Wanted) -> Json:
    subject = _subject(reading, wanted["subjectId"])
    issue, what = (subject.issue, subject.comment) if isinstance(subject, Said) else (subject, subject)
    may(reading, issue.repo, "read")
    made, _ = await reading.world.react(what, reading.login, REACTIONS[wanted["content"]])
    return {"reaction": made, "subject": subject, "reactionGroups": grouped(what.reactions)}


async def _remove_reaction(reading: Reading, wanted: Wanted) -> Json:
    """One's own."""
    subject = _subject(reading, wanted["subjectId"])
    issue, what = (subject.issue, subject.comment) if isinstance(subject, Said) else (subject, subject)
    may(reading, issue.repo, "read")
    me, word = reading.world.user(reading.login), REACTIONS[wanted["content"]]
    found = next((one for one in what.reactions if one.user is me and one.content == word), None)
    if found is None:
        raise refused("UNPROCESSABLE", "Could not find reaction")
    what.reactions.remove(found)
    await reading.world.changed()
    return {"reaction": found, "subject": subject, "reactionGroups": grouped(what.reactions)}


def _own(reading: Reading, said: Said) -> None:
    mine = said.comment.user.login.lower() == reading.login.lower()
    may(reading, said.issue.repo, "read" if mine else "write")


async def _edit_comment(reading: Reading, wanted: Wanted) -> Json:
    said = find_said(reading, wanted["id"])
    _own(reading, said)
    await reading.world.edit_comment(said.issue, said.comment, reading.login, wanted["body"])
    return {"issueComment": said}


async def _delete_comment(reading: Reading, wanted: Wanted) -> Json:
    said = find_said(reading, wanted["id"])
    _own(reading, said)
    await reading.world.delete_comment(said.issue, said.comment, reading.login)
    return {}


async def _dismiss(reading: Reading, wanted: Wanted) -> Json:
    found = find_review(reading, wanted["pullRequestReviewId"])
    may(reading, found.issue.repo, "write")
    if not reading.world.may_dismiss(found.issue, reading.login):
        raise refused("FORBIDDEN", "You are not allowed to dismiss reviews on this branch.")
    await reading.world.dismiss_review(found.issue, found.review, reading.login, wanted["message"])
    return {"pullRequestReview": found}


_MUTATIONS: dict[str, Change] = {
    "addAssigneesToAssignable": _assign(remove=False),
    "addReaction": _add_reaction,
    "deleteIssueComment": _delete_comment,
    "dismissPullRequestReview": _dismiss,
    "lockLockable": _lock(locked=True),
    "removeAssigneesFromAssignable": _assign(remove=True),
    "removeReaction": _remove_reaction,
    "unlockLockable": _lock(locked=False),
    "updateIssueComment": _edit_comment,
}
_LOCKED: dict[str, Callable[..., Any]] = {
    "activeLockReason": lambda issue, _: issue.lock_reason.upper().replace("-", "_").replace(" ", "_") if issue.lock_reason else None,
}  # fmt: skip


def _content(reaction: Reaction, _: Info) -> str:
    return next(word for word, content in REACTIONS.items() if content == reaction.content)


FIELDS: dict[str, dict[str, Callable[..., Any]]] = {
    "Mutation": {name: resolver(name, change) for name, change in _MUTATIONS.items()},
    "Issue": _LOCKED,
    "PullRequest": _LOCKED,
    "Reaction": {"id": lambda one, _: node("REA", one.id), "content": _content},
}
