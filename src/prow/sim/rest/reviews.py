"""Reviews and comments on lines."""

from __future__ import annotations

from typing import Any

from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.rest.call import PULL, REPO, Answer, Area, Call, Table, body, login, number
from prow.sim.rest.issues import since
from prow.sim.state import Issue, Review
from prow.sim.world.lines import Spot

_EVENTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED", "PENDING": "PENDING"}
_REVIEW = f"{PULL}/reviews/{{review}}"
_COMMENT = f"{REPO}/pulls/comments/{{comment}}"
_LINE = "PullRequestReviewComment"


class Reviews(Area):
    def table(self) -> Table:
        return {
            ("GET", f"{PULL}/reviews"): self.list_reviews,
            ("POST", f"{PULL}/reviews"): self.create_review,
            ("GET", _REVIEW): self.get_review,
            ("PUT", _REVIEW): self.edit_review,
            ("DELETE", _REVIEW): self.delete_review,
            ("POST", f"{_REVIEW}/events"): self.submit_review,
            ("GET", f"{_REVIEW}/comments"): self.list_comments_of_review,
            ("PUT", f"{_REVIEW}/dismissals"): self.dismiss_review,
            ("GET", f"{PULL}/comments"): self.list_comments,
            ("POST", f"{PULL}/comments"): self.create_comment,
            ("POST", f"{PULL}/comments/{{comment}}/replies"): self.reply,
            ("GET", f"{REPO}/pulls/comments"): self.list_all_comments,
            ("GET", _COMMENT): self.get_comment,
            ("PATCH", _COMMENT): self.edit_comment,
            ("DELETE", _COMMENT): self.delete_comment,
        }

    async def list_reviews(self, call: Call) -> Answer:
        issue = self.pull(call)
        found = self.world.visible_reviews(issue, call.login)
        return Answer(items=found, each=lambda review: self.world.json.review(issue, review))

    def _state(self, wanted: dict[str, Any], default: str) -> str:
        state = _EVENTS.get(str(wanted.get("event") or default))
        if state is None:
            raise Refused(422, "Unprocessable Entity", ["Variable $event was provided an invalid value"])
        return state

    async def create_review(self, call: Call) -> Answer:
        """Without an event it is begun, and pending until it is submitted."""
        issue, wanted = self.pull(call), body(call)
        state, text, comments = (
            self._state(wanted, "PENDING"),
            str(wanted.get("body") or ""),
            wanted.get("comments") or [],
        )
        commit, said = (
            str(wanted.get("commit_id") or ""),
            [(str(one.get("body") or ""), _spot(one)) for one in comments],
        )
        for _, spot in said:
            try:
                await self.world.place_of(issue, spot)
            except Refused as refused:
                raise Refused(422, "Unprocessable Entity", [_in_words(refused)]) from refused
        review = await self.world.review(issue, login(call), state=state, body=text, bare=bool(comments), commit=commit)
        for words, spot in said:
            await self.world.review_comment(issue, login(call), body=words, spot=spot, review=review)
        return Answer(self.world.json.review(issue, review))

    def _review(self, call: Call, needed: str = "read") -> tuple[Issue, Review]:
        """One that is pending is there for its author alone."""
        issue = self.pull(call, needed)
        found = self.world.find_review(issue, number(call, "review"))
        if found not in self.world.visible_reviews(issue, call.login):
            raise not_found()
        return issue, found

    def _own(self, call: Call) -> tuple[Issue, Review]:
        issue, review = self._review(call)
        if review.user.login.lower() != login(call).lower():
            raise Refused(403, "Must be the author of the review.")
        return issue, review

    async def get_review(self, call: Call) -> Answer:
        return Answer(self.world.json.review(*self._review(call)))

    async def edit_review(self, call: Call) -> Answer:
        issue, review = self._own(call)
        await self.world.edit_review(issue, review, login(call), str(body(call).get("body") or ""))
        return Answer(self.world.json.review(issue, review))

    async def delete_review(self, call: Call) -> Answer:
        issue, review = self._own(call)
        found = self.world.json.review(issue, review)
        await self.world.delete_review(issue, review)
        return Answer(found)

    async def submit_review(self, call: Call) -> Answer:
        issue, review = self._own(call)
        wanted = body(call)
        state = self._state(wanted, "")
        await self.world.submit_review(issue, review, login(call), state, str(wanted.get("body") or ""))
        return Answer(self.world.json.review(issue, review))

    async def dismiss_review(self, call: Call) -> Answer:
        """On a protected branch it may be left to a few."""
        issue, review = self._review(call, "write")
        if not self.world.may_dismiss(issue, login(call)):
            raise Refused(403, "You are not allowed to dismiss reviews on this branch.")
        await self.world.dismiss_review(issue, review, login(call), str(body(call).get("message") or ""))
        return Answer(self.world.json.review(issue, review))

    # Comments on lines

    async def list_comments_of_review(self, call: Call) -> Answer:
        issue, review = self._review(call)
        await self.world.follow_lines(issue)
        found = [c for c in (issue.pull.review_comments if issue.pull else ()) if c.review_id == review.id]
        kept = ("line", "original_line", "side", "start_line", "original_start_line", "start_side", "subject_type")
        items = [
            {k: v for k, v in self.world.json.review_comment(issue, c).items() if k not in kept or v is not None}
            for c in found
        ]
        return Answer(items=items)

    async def list_comments(self, call: Call) -> Answer:
        issue = self.pull(call)
        await self.world.follow_lines(issue)
        found = [c for c in self.world.visible_comments(issue, call.login) if c.updated_at >= since(call)]
        return Answer(items=found, each=lambda comment: self.world.json.review_comment(issue, comment))

    async def list_all_comments(self, call: Call) -> Answer:
        """Of all pull requests of the repository."""
        repo = self.repo(call)
        pulls = [issue for issue in repo.issues.values() if issue.pull is not None]
        for issue in pulls:
            await self.world.follow_lines(issue)
        found = [
            (i, c) for i in pulls for c in self.world.visible_comments(i, call.login) if c.updated_at >= since(call)
        ]
        found.sort(key=lambda pair: pair[1].id, reverse=call.query.get("direction") == "desc")
        return Answer(items=[self.world.json.review_comment(issue, comment) for issue, comment in found])

    async def create_comment(self, call: Call) -> Answer:
        issue, wanted = self.pull(call), body(call)
        answered = wanted.get("in_reply_to")
        parent = self.world.find_review_comment(issue.repo, int(answered))[1] if answered else None
        spot = _spot(wanted)
        if parent is None:
            await self._check_commit(issue, str(wanted.get("commit_id") or ""))
            if spot.line is None and spot.position is None and not spot.file:
                raise unprocessable(_LINE, "line", "missing_field")
        text = str(wanted.get("body") or "")
        comment = await self.world.review_comment(issue, login(call), body=text, spot=spot, reply_to=parent)
        return Answer(self.world.json.review_comment(issue, comment), 201)

    async def _check_commit(self, issue: Issue, sha: str) -> None:
        """Whoever comments says which commit he has read; it has to be there still."""
        if not sha:
            raise unprocessable(_LINE, "commit_id", "missing_field")
        if sha not in {commit for commit, _ in (await self.world.compared(issue)).commits}:
            about = {"resource": _LINE, "code": "custom", "field": "commit_id"}
            text = "commit_id is not part of the pull request"
            raise Refused(422, "Validation Failed", [about | {"message": text}])

    async def reply(self, call: Call) -> Answer:
        issue = self.pull(call)
        found, parent = self.world.find_review_comment(issue.repo, number(call, "comment"))
        if found is not issue:
            raise not_found()
        text = str(body(call).get("body") or "")
        comment = await self.world.review_comment(issue, login(call), body=text, reply_to=parent)
        return Answer(self.world.json.review_comment(issue, comment), 201)

    async def get_comment(self, call: Call) -> Answer:
        issue, comment = self.world.find_review_comment(self.repo(call), number(call, "comment"))
        await self.world.follow_lines(issue)
        return Answer(self.world.json.review_comment(issue, comment), modified=comment.updated_at)

    async def edit_comment(self, call: Call) -> Answer:
        issue, comment = self.world.find_review_comment(self.repo(call), number(call, "comment"))
        self.may_edit(call, issue, comment.user.login, "write")
        await self.world.edit_review_comment(issue, comment, login(call), str(body(call).get("body") or ""))
        return Answer(self.world.json.review_comment(issue, comment))

    async def delete_comment(self, call: Call) -> Answer:
        issue, comment = self.world.find_review_comment(self.repo(call), number(call, "comment"))
        self.may_edit(call, issue, comment.user.login, "write")
        await self.world.delete_review_comment(issue, comment, login(call))
        return Answer(status=204)


def _spot(wanted: dict[str, Any]) -> Spot:
    """Where a body says that its comment belongs."""
    return Spot(
        str(wanted.get("path") or ""),
        line=wanted.get("line"),
        side=str(wanted.get("side") or "RIGHT"),
        position=wanted.get("position"),
        start_line=wanted.get("start_line"),
        file=wanted.get("subject_type") == "file",
    )


def _in_words(refused: Refused) -> str:
    """A whole review is refused in one sentence."""
    texts = {"missing_field": "can't be blank", "invalid": "is invalid"}
    found = []
    for one in refused.errors or ():
        name = str(one["field"]).rpartition(".")[2].replace("_", " ")
        message = str(one.get("message", "")).partition(" ")[2] or texts.get(one["code"], "is invalid")
        found.append(f"Pull request review thread {name} {message}")
    return " and ".join(found)
