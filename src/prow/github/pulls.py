"""Pull requests: their texts and states, what they change, who reviews them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from prow.github.area import Area, given, repo_at
from prow.github.errors import Unprocessable
from prow.github.issues import NotAssigned, states_explained
from prow.model.base import Noun
from prow.model.forge import Branch, ChangedFile, PullRequest, Review, ReviewComment, User

DIFF = "application/vnd.github.diff"
PATCH = "application/vnd.github.patch"
FILES_LISTED = 3_000
"""GitHub lists no more files of a pull request than that."""


class NewPull(msgspec.Struct, frozen=True, kw_only=True):
    """`head`: a branch, `owner:branch` for one of a fork. `base`: a branch."""

    title: str
    head: str
    base: str
    body: str = ""
    maintainer_can_modify: bool = False
    draft: bool = False


class PullChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be another one; the rest stays. `state`: open or closed."""

    title: str | msgspec.UnsetType = msgspec.UNSET
    body: str | msgspec.UnsetType = msgspec.UNSET
    state: str | msgspec.UnsetType = msgspec.UNSET
    base: str | msgspec.UnsetType = msgspec.UNSET
    maintainer_can_modify: bool | msgspec.UnsetType = msgspec.UNSET


class Signature(Noun, frozen=True):
    """Who wrote a commit, as git has it."""

    name: str = ""
    email: str = ""


class CommitText(Noun, frozen=True):
    message: str = ""
    author: Signature | None = None
    committer: Signature | None = None


class CommitParent(Noun, frozen=True):
    sha: str = ""


class Commit(Noun, frozen=True):
    """`author`, `committer`: GitHub's accounts, null where it knows none by that e-mail address."""

    sha: str = ""
    html_url: str = ""
    commit: CommitText = CommitText()
    author: User | None = None
    committer: User | None = None
    parents: tuple[CommitParent, ...] = ()


class DraftComment(msgspec.Struct, frozen=True, kw_only=True):
    """A remark on a line of the diff, as part of a review."""

    path: str
    body: str
    position: int


class DraftReview(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`event`: APPROVE, REQUEST_CHANGES or COMMENT; empty: it stays pending."""

    body: str = ""
    event: str = ""
    commit_id: str = ""
    comments: tuple[DraftComment, ...] = ()


class NewReviewComment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A remark on a line of a file. `side`: LEFT is the old text, RIGHT the new one."""

    body: str
    commit_id: str
    path: str
    line: int
    side: str = "RIGHT"


class Pulls(Area):
    async def get_pull_request(self, org: str, repo: str, number: int) -> PullRequest:
        return await self._read(PullRequest, repo_at("/pulls/:pullId", org, repo, pullId=number), lags=True)

    async def list_pull_requests(
        self, org: str, repo: str, *, state: str = "open", base: str = ""
    ) -> tuple[PullRequest, ...]:
        """`base`: only those into this branch. Listed pull requests have no `mergeable` and no counts."""
        query = {"state": state, **({"base": base} if base else {})}
        return await self._list(PullRequest, repo_at("/pulls", org, repo, query=query))

    async def create_pull_request(self, org: str, repo: str, pull: NewPull) -> PullRequest:
        """Raises MaybeDone when nobody can tell whether it was made; Unprocessable when there is one already."""
        place = repo_at("/pulls", org, repo)
        head = Branch(ref=pull.head.rpartition(":")[2], label=pull.head)
        instead = PullRequest(
            title=pull.title, body=pull.body, state="open", draft=pull.draft, base=Branch(ref=pull.base), head=head
        )
        return await self._write("POST", place, PullRequest, body=pull, instead=instead, once=True, content=True)

    async def edit_pull_request(self, org: str, repo: str, number: int, change: PullChange) -> PullRequest:
        """Raises StateCannotBeChanged for one that cannot be reopened."""
        place = repo_at("/pulls/:pullId", org, repo, pullId=number)
        known = given(change, but=("base", "maintainer_can_modify"))
        instead = PullRequest(number=number, **known)
        with states_explained():
            return await self._write("PATCH", place, PullRequest, body=change, instead=instead, lags=True)

    async def close_pull_request(self, org: str, repo: str, number: int) -> None:
        await self.edit_pull_request(org, repo, number, PullChange(state="closed"))

    async def reopen_pull_request(self, org: str, repo: str, number: int) -> None:
        """Raises StateCannotBeChanged."""
        await self.edit_pull_request(org, repo, number, PullChange(state="open"))

    async def get_diff(self, org: str, repo: str, number: int) -> bytes:
        """Raises Unprocessable (406) for one that is too large for GitHub to show, AnswerTooLarge for one beyond our own bound."""
        return await self._text(org, repo, number, DIFF)

    async def get_patch(self, org: str, repo: str, number: int) -> bytes:
        """As mails that `git am` takes. Raises as `get_diff`."""
        return await self._text(org, repo, number, PATCH)

    async def _text(self, org: str, repo: str, number: int, accept: str) -> bytes:
        place = repo_at("/pulls/:pullId", org, repo, pullId=number)
        return (await self._ask("GET", place, accept=accept, lags=True)).body

    async def list_pull_commits(self, org: str, repo: str, number: int) -> tuple[Commit, ...]:
        """At most 250: GitHub lists no more."""
        return await self._list(Commit, repo_at("/pulls/:pullId/commits", org, repo, pullId=number), lags=True)

    async def update_branch(self, org: str, repo: str, number: int, *, expected_head: str = "") -> bool:
        """Merge the base branch into the pull request's. False: GitHub will not, most often since the head is another one."""
        place = repo_at("/pulls/:pullId/update-branch", org, repo, pullId=number)
        body = {"expected_head_sha": expected_head} if expected_head else {}
        answer = await self._ask("PUT", place, body=body, ok=(422,))
        return answer.status != 422

    async def list_files(self, org: str, repo: str, number: int) -> tuple[ChangedFile, ...]:
        """At most `FILES_LISTED`: who decides on that many has to say that there may be others."""
        return await self._list(ChangedFile, repo_at("/pulls/:pullId/files", org, repo, pullId=number), lags=True)

    async def list_reviews(self, org: str, repo: str, number: int) -> tuple[Review, ...]:
        return await self._list(Review, repo_at("/pulls/:pullId/reviews", org, repo, pullId=number), lags=True)

    async def list_review_comments(self, org: str, repo: str, number: int) -> tuple[ReviewComment, ...]:
        return await self._list(ReviewComment, repo_at("/pulls/:pullId/comments", org, repo, pullId=number), lags=True)

    async def create_review(self, org: str, repo: str, number: int, review: DraftReview) -> Review:
        """Raises MaybeDone when nobody can tell whether GitHub took it."""
        place = repo_at("/pulls/:pullId/reviews", org, repo, pullId=number)
        instead = Review(body=review.body, state=review.event or "PENDING", commit_id=review.commit_id or None)
        return await self._write(
            "POST", place, Review, body=review, instead=instead, once=True, content=True, lags=True
        )

    async def create_review_comment(self, org: str, repo: str, number: int, comment: NewReviewComment) -> ReviewComment:
        """Raises MaybeDone when nobody can tell whether GitHub took it."""
        place = repo_at("/pulls/:pullId/comments", org, repo, pullId=number)
        instead = ReviewComment(body=comment.body, path=comment.path)
        return await self._write(
            "POST", place, ReviewComment, body=comment, instead=instead, once=True, content=True, lags=True
        )

    async def request_reviewers(self, org: str, repo: str, number: int, logins: Sequence[str]) -> None:
        """`org/slug` means a team. Who can be asked is asked; NotAssigned names the others."""
        await self._reviewers("POST", org, repo, number, logins)

    async def remove_reviewers(self, org: str, repo: str, number: int, logins: Sequence[str]) -> None:
        await self._reviewers("DELETE", org, repo, number, logins)

    async def _reviewers(self, method: str, org: str, repo: str, number: int, logins: Sequence[str]) -> None:
        """All at once; when GitHub refuses the whole set for one of them, one by one."""
        possible = [login for login in logins if "/" not in login or login.partition("/")[0].lower() == org.lower()]
        refused = [login for login in logins if login not in possible]
        if possible and not await self._some_reviewers(method, org, repo, number, possible):
            if len(possible) == 1:
                refused += possible
            else:
                for login in possible:
                    if not await self._some_reviewers(method, org, repo, number, [login]):
                        refused.append(login)
        if refused:
            names = ", ".join(refused)
            verb = "request a review from" if method == "POST" else "withdraw the request to"
            raise NotAssigned(f"GitHub did not {verb} {names} on {org}/{repo}#{number}", logins=tuple(refused))

    async def _some_reviewers(self, method: str, org: str, repo: str, number: int, logins: Sequence[str]) -> bool:
        people = [login for login in logins if "/" not in login]
        teams = [login.partition("/")[2] for login in logins if "/" in login]
        body = {"reviewers": people, **({"team_reviewers": teams} if teams else {})}
        place = repo_at("/pulls/:pullId/requested_reviewers", org, repo, pullId=number)
        try:
            await self._ask(method, place, body=body, content=True, lags=True)
        except Unprocessable as error:
            if error.status == 422:
                return False
            raise
        return True
