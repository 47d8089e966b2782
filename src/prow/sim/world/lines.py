"""Comments on lines of pull requests: where they may stand, what becomes of them when the head moves, conversations that end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prow.sim import gitdiff
from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.gitdiff import Place
from prow.sim.payloads import Json, node
from prow.sim.state import Issue, Repo, Review, ReviewComment, User
from prow.sim.world.issues import Issues, check_body
from prow.sim.world.views import pull_of

_LINES_ABOVE = 4
_WHAT = "PullRequestReviewComment"
_THREAD = "pull_request_review_thread"
_NO_HUNK = {"resource": _WHAT, "code": "missing_field", "field": f"{_THREAD}.diff_hunk"}


@dataclass(frozen=True)
class Spot:
    """Where somebody wants to comment: a `line` of a side or a `position` below the first hunk's header; neither: the first line there
    is. `file`: on the file as a whole. `start_line`: the first of several lines."""

    path: str
    line: int | None = None
    side: str = "RIGHT"
    position: int | None = None
    start_line: int | None = None
    file: bool = False


class Lines(Issues):
    async def _patch(self, issue: Issue, path: str) -> str | None:
        """What the pull request changes in this file; None: nothing."""
        if all(file["filename"] != path for file in await self.files(issue)):
            return None
        told = pull_of(issue).files
        return gitdiff.patches(issue.repo.path, *told[0]).get(path, "") if told is not None else None

    async def place_of(self, issue: Issue, spot: Spot) -> tuple[str, Place | None]:
        """The file's patch and the line of it that is meant; what is not part of it is refused."""
        if not spot.path:
            raise unprocessable(_WHAT, "path", "missing_field")
        patch = await self._patch(issue, spot.path)
        if patch is None:
            raise unprocessable(_WHAT, "path", "invalid")
        if spot.file:
            return patch, None
        for place in gitdiff.places(patch):
            meant = place.position == spot.position if spot.line is None else place.stands_at(spot.side, spot.line)
            if meant or (spot.line is None and spot.position is None):
                _check_start(patch, place, spot)
                return patch, place
        raise _refused("position" if spot.line is None else "line", "must be part of the diff", _NO_HUNK)

    async def review_comment(
        self, issue: Issue, login: str, *, body: str, spot: Spot | None = None, review: Review | None = None,
        reply_to: ReviewComment | None = None,
    ) -> ReviewComment:  # fmt: skip
        """On a line of a file that the pull request changes, or in answer to another. Outside of a review it is one of its own."""
        check_body(_WHAT, body)
        if not self.may_speak(issue, login):
            raise Refused(403, "Unable to create comment because issue is locked.")
        pull, user, now = pull_of(issue), self.user(login), self.clock.now()
        comment = ReviewComment(self.new_id(), user, body, "", None, pull.head_sha, now, now)
        if reply_to is not None:
            _take_place(comment, reply_to)
        else:
            spot = spot or Spot("")
            _put(comment, spot, *await self.place_of(issue, spot))
        if review is None:
            review = Review(self.new_id(), user, "", "COMMENTED", pull.head_sha, now)
            pull.reviews.append(review)
        comment.review_id = review.id
        pull.review_comments.append(comment)
        if review.state == "PENDING":
            await self.changed()
            return comment
        issue.updated_at = now
        await self.line_event(issue, comment, comment.user, "created")
        return comment

    async def follow_lines(self, issue: Issue) -> None:
        """Comments made on an earlier head go with their lines, or are outdated where those are there no more."""
        pull = pull_of(issue)
        for comment in pull.review_comments:
            if comment.position is None or comment.commit_id == pull.head_sha:
                continue
            patch = await self._patch(issue, comment.path) or ""
            place = _found_again(patch, comment)
            if place is None:
                comment.position = comment.line = comment.start_line = None
                continue
            before, comment.line = comment.line, place.old if comment.side == "LEFT" else place.new
            if comment.start_line is not None and before is not None and comment.line is not None:
                comment.start_line += comment.line - before
            comment.position, comment.commit_id = place.position, pull.head_sha

    def visible_comments(self, issue: Issue, login: str | None) -> list[ReviewComment]:
        """Those of a review that is not submitted are its author's alone."""
        pull = pull_of(issue)
        me = (login or "").lower()
        hidden = {r.id for r in pull.reviews if r.state == "PENDING" and r.user.login.lower() != me}
        return [c for c in pull.review_comments if c.review_id not in hidden]

    async def resolve_thread(self, issue: Issue, comment: ReviewComment, login: str, *, resolved: bool) -> None:
        """A conversation is over, or begins again. Its author and whoever may write can say so."""
        user, pull = self.user(login), pull_of(issue)
        if user is not issue.user and not self.may(issue.repo, login, "write"):
            raise Refused(403, "Must have write access to resolve a conversation.")
        first = comment.in_reply_to or comment.id
        if (first in pull.resolved) is resolved:
            return
        (pull.resolved.add if resolved else pull.resolved.discard)(first)
        own = [one for one in pull.review_comments if first in {one.id, one.in_reply_to}]
        thread: Json = {
            "node_id": node("PRRT", first),
            "comments": [self.json.review_comment(issue, one) for one in own],
        }
        payload = {
            "action": "resolved" if resolved else "unresolved",
            "thread": thread,
            "pull_request": await self.pull_json(issue, full=False, webhook=True),
        }
        await self.emit(issue.repo, "pull_request_review_thread", user, payload)

    async def edit_review_comment(self, issue: Issue, comment: ReviewComment, login: str, body: str) -> None:
        check_body("PullRequestReviewComment", body)
        before, comment.body, comment.updated_at = comment.body, body, self.clock.now()
        await self.line_event(issue, comment, self.user(login), "edited", changes={"body": {"from": before}})

    async def delete_review_comment(self, issue: Issue, comment: ReviewComment, login: str) -> None:
        pull_of(issue).review_comments.remove(comment)
        await self.line_event(issue, comment, self.user(login), "deleted")

    def find_review_comment(self, repo: Repo, comment_id: int) -> tuple[Issue, ReviewComment]:
        for issue in repo.issues.values():
            for comment in issue.pull.review_comments if issue.pull is not None else ():
                if comment.id == comment_id:
                    return issue, comment
        raise not_found()

    async def line_event(self, issue: Issue, comment: ReviewComment, sender: User, action: str, **extra: Any) -> None:
        self.journal.note(issue.repo, sender.login, "comment", comment.body, action, number=issue.number, of=comment.id)
        payload = {
            "action": action,
            "comment": self.json.review_comment(issue, comment),
            "pull_request": await self.pull_json(issue, full=False, webhook=True),
            **extra,
        }
        await self.emit(issue.repo, "pull_request_review_comment", sender, payload)


def _refused(field: str, what: str, *more: Json) -> Refused:
    """In the words that GitHub has for a thread."""
    name = f"{_THREAD}.{field}"
    first = {"resource": _WHAT, "code": "custom", "field": name, "message": f"{name} {what}"}
    return Refused(422, "Validation Failed", [first, *more])


def _check_start(patch: str, place: Place, spot: Spot) -> None:
    if spot.start_line is None or spot.line is None:
        return
    if spot.start_line >= spot.line:
        raise _refused("start_line", "must precede the end line.")
    inside = (one for one in gitdiff.places(patch) if one.hunk == place.hunk)
    if not any(one.stands_at(spot.side, spot.start_line) for one in inside):
        raise _refused("start_line", "must be part of the same hunk as the line.")


def _put(comment: ReviewComment, spot: Spot, patch: str, place: Place | None) -> None:
    """`place` None: it is about the file."""
    comment.path, comment.side, comment.original_commit = spot.path, spot.side, comment.commit_id
    if place is None:
        comment.subject = "file"
        return
    if comment.side == "RIGHT" and place.new is None:
        comment.side = "LEFT"  # a position names a line that went
    comment.line = comment.original_line = place.old if comment.side == "LEFT" else place.new
    comment.position = comment.original_position = place.position
    comment.start_line = comment.original_start_line = spot.start_line
    comment.diff_hunk = gitdiff.hunk_until(patch, place)


def _take_place(comment: ReviewComment, first: ReviewComment) -> None:
    """An answer stands where the conversation began."""
    comment.in_reply_to = first.in_reply_to or first.id
    for name in (
        "path", "side", "subject", "line", "position", "start_line", "diff_hunk", "commit_id", "original_line",
        "original_position", "original_start_line", "original_commit",
    ):  # fmt: skip
        setattr(comment, name, getattr(first, name))


def _found_again(patch: str, comment: ReviewComment) -> Place | None:
    """The line in another patch, below the same few lines."""
    told = comment.diff_hunk.split("\n")[1:][-_LINES_ABOVE:]
    if not told:
        return None
    rows = patch.split("\n")
    for place in gitdiff.places(patch):
        start = place.position + 1 - len(told)
        if start > place.hunk and rows[start : place.position + 1] == told:
            return place
    return None
