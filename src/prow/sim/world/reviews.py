"""Reviews: opinions on a pull request, and who is asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prow.sim.errors import Refused, not_found
from prow.sim.payloads import Json
from prow.sim.state import Issue, Repo, Review, Team, User
from prow.sim.world.issues import check_text
from prow.sim.world.lines import Lines
from prow.sim.world.views import pull_of

_OPINIONS = {"APPROVED": "approve", "CHANGES_REQUESTED": "request changes on"}


class Reviews(Lines):
    async def review(
        self, issue: Issue, login: str, *, state: str, body: str = "", bare: bool = False, commit: str = ""
    ) -> Review:
        """`state`: APPROVED, CHANGES_REQUESTED, COMMENTED, or PENDING for one that nobody else sees yet. `bare`: its words are in
        comments on lines. `commit`: what was looked at, the head unless told.
        """
        pull, user = pull_of(issue), self.user(login)
        if not self.may_speak(issue, login):
            raise Refused(403, "Unable to create review because pull request is locked.")
        if state == "PENDING" and self.pending_review(issue, login) is not None:
            raise Refused(422, "Unprocessable Entity", ["User can only have one pending review per pull request"])
        self._check_opinion(issue, user, state, body, bare=bare)
        review = Review(self.new_id(), user, body, state, commit or pull.head_sha, self.clock.now())
        pull.reviews.append(review)
        if state != "PENDING":
            await self._submitted(issue, review)
        return review

    @staticmethod
    def _check_opinion(issue: Issue, user: User, state: str, body: str, *, bare: bool) -> None:
        if state in _OPINIONS and user is issue.user:
            raise Refused(422, "Unprocessable Entity", [f"Can not {_OPINIONS[state]} your own pull request"])
        if state not in {"APPROVED", "PENDING"} and not body.strip() and not bare:
            raise Refused(422, "Unprocessable Entity", ["Body cannot be blank"])
        check_text("PullRequestReview", body)

    async def _submitted(self, issue: Issue, review: Review) -> None:
        """A request for this review is answered by it."""
        pull = pull_of(issue)
        if review.user in pull.requested_reviewers:
            pull.requested_reviewers.remove(review.user)
        issue.updated_at = self.clock.now()
        await self._review_event(issue, review, review.user, "submitted")

    def pending_review(self, issue: Issue, login: str) -> Review | None:
        """The review that this user has begun."""
        own = (r for r in pull_of(issue).reviews if r.state == "PENDING" and r.user.login.lower() == login.lower())
        return next(own, None)

    async def submit_review(self, issue: Issue, review: Review, login: str, state: str, body: str) -> None:
        if review.state != "PENDING" or review.user.login.lower() != login.lower():
            raise Refused(422, "Unprocessable Entity", ["Can not submit a review that is not pending"])
        own = [c for c in pull_of(issue).review_comments if c.review_id == review.id]
        self._check_opinion(issue, review.user, state, body or review.body, bare=bool(own))
        review.state, review.body, review.submitted_at = state, body or review.body, self.clock.now()
        await self._submitted(issue, review)
        for comment in own:
            await self.line_event(issue, comment, comment.user, "created")

    async def edit_review(self, issue: Issue, review: Review, login: str, body: str) -> None:
        before, review.body = review.body, body
        if review.state != "PENDING":
            sender = self.user(login)
            payload = await self._review_payload(issue, review, sender, "edited")
            await self.emit(issue.repo, "pull_request_review", sender, payload | {"changes": {"body": {"from": before}}})  # fmt: skip

    async def delete_review(self, issue: Issue, review: Review) -> None:
        """Only one that was not submitted, with its comments."""
        if review.state != "PENDING":
            raise Refused(422, "Unprocessable Entity", ["Can not delete a non-pending pull request review"])
        pull = pull_of(issue)
        pull.reviews.remove(review)
        pull.review_comments = [c for c in pull.review_comments if c.review_id != review.id]
        await self.changed()

    def find_review(self, issue: Issue, review_id: int) -> Review:
        found = next((r for r in pull_of(issue).reviews if r.id == review_id), None)
        if found is None:
            raise not_found()
        return found

    def visible_reviews(self, issue: Issue, login: str | None) -> list[Review]:
        me = (login or "").lower()
        return [r for r in pull_of(issue).reviews if r.state != "PENDING" or r.user.login.lower() == me]

    async def dismiss_review(self, issue: Issue, review: Review, login: str, message: str) -> None:
        """An approval or a request for changes counts no more."""
        if not message.strip():
            raise Refused(422, "Unprocessable Entity", ["Message cannot be blank"])
        if review.state not in _OPINIONS:
            word = review.state.lower()
            raise Refused(422, "Unprocessable Entity", [f"Can not dismiss a {word} pull request review"])
        actor, before, review.state = self.user(login), review.state, "DISMISSED"
        about = {"review_id": review.id, "state": before.lower(), "dismissal_message": message}
        self.record(issue, actor, "review_dismissed", dismissed_review=about)
        issue.updated_at = self.clock.now()
        await self._review_event(issue, review, actor, "dismissed")

    async def dismiss_stale_reviews(self, issue: Issue, sender: User) -> None:
        """A branch may want approvals to fall when the head moves."""
        protection = self.protection(issue)
        if protection is not None and protection.dismiss_stale:
            for review in pull_of(issue).reviews:
                if review.state == "APPROVED":
                    await self.dismiss_review(issue, review, sender.login, "The head has moved.")

    async def _review_event(self, issue: Issue, review: Review, sender: User, action: str) -> None:
        payload = await self._review_payload(issue, review, sender, action)
        await self.emit(issue.repo, "pull_request_review", sender, payload)

    async def _review_payload(self, issue: Issue, review: Review, sender: User, action: str) -> Json:
        how = f"{action} {review.state}"
        self.journal.note(issue.repo, sender.login, "review", review.body, how, number=issue.number, of=review.id)
        return {
            "action": action,
            "review": self.json.review(issue, review, webhook=True),
            "pull_request": await self.pull_json(issue, full=False, webhook=True),
        }

    # Who is asked

    def _askable(self, issue: Issue, login: str) -> User:
        user = self.users.get(login.lower())
        if user is not None and user is issue.user:
            raise Refused(422, "Review cannot be requested from pull request author.")
        known = user is not None and (
            self.is_collaborator(issue.repo, login) or self.is_member(issue.repo.owner, login)
        )
        if user is None or not known:
            raise _not_collaborator(issue.repo)
        return user

    def _askable_team(self, issue: Issue, slug: str) -> Team:
        """One that may read the repository."""
        org = self.orgs.get(issue.repo.owner.lower())
        team = org.teams.get(slug.lower()) if org is not None else None
        if (
            org is None
            or team is None
            or (issue.repo.private and self.team_permission(org, team, issue.repo) == "none")
        ):
            raise _not_collaborator(issue.repo)
        return team

    async def request_reviewers(
        self, issue: Issue, login: str, people: Sequence[str], teams: Sequence[str] = ()
    ) -> None:
        """All of them, or none when one cannot be asked."""
        pull, actor = pull_of(issue), self.user(login)
        users = [self._askable(issue, name) for name in people]
        asked = [self._askable_team(issue, slug) for slug in teams]
        for user in users:
            if user not in pull.requested_reviewers:
                pull.requested_reviewers.append(user)
                await self._asked(issue, actor, "review_requested", requested_reviewer=self.json.user(user))
        for team in asked:
            if team not in pull.requested_teams:
                pull.requested_teams.append(team)
                await self._asked(
                    issue,
                    actor,
                    "review_requested",
                    requested_team=self.json.team(team, issue.repo.owner, webhook=True),
                )

    async def request_owners(self, issue: Issue) -> None:
        """Owners of what is changed are asked in the author's name, those that may write; not for a draft."""
        pull, repo = pull_of(issue), issue.repo
        if pull.draft:
            return
        names = {name for group in await self.owners_of_files(issue) for name in group}
        org, start = self.orgs.get(repo.owner.lower()), f"{repo.owner.lower()}/"
        people = sorted(n for n in names if "/" not in n and n in self.users and self.may(repo, n, "write"))
        slugs = sorted(name.removeprefix(start) for name in names if name.startswith(start))
        teams = [
            s
            for s in slugs
            if org is not None
            and s in org.teams
            and self.rank(self.team_permission(org, org.teams[s], repo)) >= self.rank("write")
        ]
        await self.request_reviewers(
            issue, issue.user.login, [n for n in people if n != issue.user.login.lower()], teams
        )

    async def remove_reviewers(
        self, issue: Issue, login: str, people: Sequence[str], teams: Sequence[str] = ()
    ) -> None:
        """Who is not asked is passed over."""
        pull, actor = pull_of(issue), self.user(login)
        wanted = {name.lower() for name in people}
        for user in [u for u in pull.requested_reviewers if u.login.lower() in wanted]:
            pull.requested_reviewers.remove(user)
            await self._asked(issue, actor, "review_request_removed", requested_reviewer=self.json.user(user))
        for team in [t for t in pull.requested_teams if t.slug in {slug.lower() for slug in teams}]:
            pull.requested_teams.remove(team)
            await self._asked(
                issue,
                actor,
                "review_request_removed",
                requested_team=self.json.team(team, issue.repo.owner, webhook=True),
            )

    async def _asked(self, issue: Issue, actor: User, action: str, **whom: Any) -> None:
        self.record(issue, actor, action, review_requester=self.json.user(actor), **whom)
        await self.touched(issue, actor, action, **whom)


def _not_collaborator(repo: Repo) -> Refused:
    return Refused(
        422,
        "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a "
        f"collaborator of the {repo.full_name} repository.",
    )
