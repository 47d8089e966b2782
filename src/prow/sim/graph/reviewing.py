"""Mutations of reviews: begun with comments on lines or without, added to, answered, submitted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from prow.sim.errors import Refused
from prow.sim.graph.mutations import Wanted, may, resolver
from prow.sim.graph.nodes import find_issue, find_review
from prow.sim.graph.pages import refused
from prow.sim.graph.reading import Reading, Remark, Reviewed
from prow.sim.graph.threads import find_thread, thread
from prow.sim.payloads import Json
from prow.sim.world.lines import Spot

Change = Callable[[Reading, Wanted], Awaitable[Json]]
_STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def _spot(wanted: Wanted) -> Spot:
    return Spot(
        wanted["path"],
        line=wanted.get("line"),
        side=wanted.get("side") or "RIGHT",
        position=wanted.get("position"),
        start_line=wanted.get("startLine"),
        file=wanted.get("subjectType") == "FILE",
    )


async def _review(reading: Reading, wanted: Wanted) -> Json:
    """Without an event it is pending until it is submitted; with a comment that has no place nothing is begun."""
    issue, world = find_issue(reading, wanted["pullRequestId"], pull=True), reading.world
    may(reading, issue.repo, "read")
    said = [(one["body"], _spot(one)) for one in (*(wanted.get("comments") or ()), *(wanted.get("threads") or ()))]
    for _, spot in said:
        await world.place_of(issue, spot)
    state = _STATES[wanted["event"]] if wanted.get("event") else "PENDING"
    text, commit = wanted.get("body") or "", wanted.get("commitOID") or ""
    review = await world.review(issue, reading.login, state=state, body=text, bare=bool(said), commit=commit)
    for words, spot in said:
        await world.review_comment(issue, reading.login, body=words, spot=spot, review=review)
    return {"pullRequestReview": Reviewed(issue, review)}


async def _pending(reading: Reading, wanted: Wanted, *, begin: bool) -> Reviewed:
    """The caller's review that is named, or the one of his that is pending; `begin`: or a new one."""
    if wanted.get("pullRequestReviewId"):
        return find_review(reading, wanted["pullRequestReviewId"])
    issue = find_issue(reading, wanted.get("pullRequestId") or "", pull=True)
    may(reading, issue.repo, "read")
    found = reading.world.pending_review(issue, reading.login)
    if found is None and begin:
        found = await reading.world.review(issue, reading.login, state="PENDING")
    if found is None:
        raise refused("NOT_FOUND", "There is no pending review of yours")
    return Reviewed(issue, found)


async def _thread(reading: Reading, wanted: Wanted) -> Json:
    """What has no place in the patch makes no thread, and no error."""
    reviewed, spot = await _pending(reading, wanted, begin=True), _spot(wanted)
    if reviewed.review.user.login.lower() != reading.login.lower():
        raise refused("FORBIDDEN", "You can only add to your own review")
    try:
        await reading.world.place_of(reviewed.issue, spot)
    except Refused:
        return {"thread": None}
    made = await reading.world.review_comment(
        reviewed.issue, reading.login, body=wanted["body"], spot=spot, review=reviewed.review
    )
    return {"thread": thread(reviewed.issue, made)}


async def _reply(reading: Reading, wanted: Wanted) -> Json:
    issue, first = find_thread(reading, wanted["pullRequestReviewThreadId"])
    may(reading, issue.repo, "read")
    review = find_review(reading, wanted["pullRequestReviewId"]).review if wanted.get("pullRequestReviewId") else None
    made = await reading.world.review_comment(
        issue, reading.login, body=wanted["body"], reply_to=first, review=review
    )  # fmt: skip
    return {"comment": Remark(issue, made)}


async def _submit(reading: Reading, wanted: Wanted) -> Json:
    reviewed = await _pending(reading, wanted, begin=False)
    state, text = _STATES[wanted["event"]], wanted.get("body") or ""
    await reading.world.submit_review(reviewed.issue, reviewed.review, reading.login, state, text)
    return {"pullRequestReview": reviewed}


_MUTATIONS: dict[str, Change] = {
    "addPullRequestReview": _review,
    "addPullRequestReviewThread": _thread,
    "addPullRequestReviewThreadReply": _reply,
    "submitPullRequestReview": _submit,
}
FIELDS: dict[str, dict[str, Any]] = {"Mutation": {name: resolver(name, change) for name, change in _MUTATIONS.items()}}
