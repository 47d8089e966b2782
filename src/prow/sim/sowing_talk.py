"""What a seed says of a repository's life: milestones, issues, pull requests, and what is said and found there."""

from __future__ import annotations

from typing import Any

from prow.sim import seed
from prow.sim.errors import Refused
from prow.sim.seed import Source
from prow.sim.verbs import PullStory, RepoStory
from prow.sim.world.lines import Spot

Place = tuple[str | int, ...]


class Talk:
    """`place`: of the repository in the seed."""

    def __init__(self, story: RepoStory, source: Source, place: Place) -> None:
        self._story = story
        self._repo = story.repo
        self._world = story.sim.world
        self._source = source
        self._place = place

    async def sow(self, wanted: seed.Repo) -> None:
        for i, milestone in enumerate(wanted.milestones):
            with self._source.at(*self._place, "milestones", i):
                await self._milestone(milestone)
        await self._found(wanted, self._place)
        for i, issue in enumerate(wanted.issues):
            with self._source.at(*self._place, "issues", i):
                self._world.known(issue.author)
                opened = await self._story.open_issue(issue.author, title=issue.title, body=issue.body)
                await self._talk(opened, issue)
                await self._end(opened, issue)
        for i, pull in enumerate(wanted.pulls):
            await self._pull(pull, (*self._place, "pulls", i))

    async def _milestone(self, wanted: seed.Milestone) -> None:
        self._world.known(wanted.creator)
        made = self._world.create_milestone(self._repo, wanted.creator, wanted.title)
        changes: dict[str, Any] = {"description": wanted.description, "due_on": wanted.due_on}
        if wanted.closed:
            changes["state"] = "closed"
        await self._world.edit_milestone(self._repo, wanted.creator, made, changes, action="created")

    # Pull requests

    async def _pull(self, wanted: seed.Pull, place: Place) -> None:
        with self._source.at(*place):
            self._world.known(wanted.author)
            opened = await self._story.open_pull_request(
                wanted.author,
                title=wanted.title,
                files=wanted.files,
                body=wanted.body,
                branch=wanted.branch,
                base=wanted.base,
                from_fork=wanted.fork and wanted.author.lower() != self._repo.owner.lower(),
                draft=wanted.draft,
            )
        for i, review in enumerate(wanted.reviews):
            with self._source.at(*place, "reviews", i):
                await self._review(opened, review)
        await self._found(wanted, place, opened)
        with self._source.at(*place):
            await self._ask(opened, wanted)
            await self._talk(opened, wanted)
            if wanted.merged_by:
                self._world.known(wanted.merged_by)
                await opened.merge(wanted.merged_by)
            await self._end(opened, wanted)

    async def _review(self, opened: PullStory, wanted: seed.Review) -> None:
        self._world.known(wanted.author)
        issue, bare = opened.issue, bool(wanted.comments)
        review = await self._world.review(issue, wanted.author, state=wanted.state, body=wanted.body, bare=bare)
        for one in wanted.comments:
            spot = Spot(one.path, one.line)
            await self._world.review_comment(issue, wanted.author, body=one.body, spot=spot, review=review)

    async def _ask(self, opened: PullStory, wanted: seed.Pull) -> None:
        org = self._world.orgs.get(self._repo.owner.lower())
        teams = [name for name in wanted.reviewers if org is not None and name.lower() in org.teams]
        people = [name for name in wanted.reviewers if name not in teams]
        if wanted.reviewers:
            await self._world.request_reviewers(opened.issue, wanted.author, people, teams)

    # What is said

    async def _talk(self, opened: PullStory, wanted: seed.Issue | seed.Pull) -> None:
        world, issue = self._world, opened.issue
        for comment in wanted.comments:
            world.known(comment.author)
            await opened.comment(comment.author, comment.body)
        if wanted.labels:
            await opened.label(wanted.author, *wanted.labels)
        for login in wanted.assignees:
            world.known(login)
            if not world.assignable(self._repo, login, issue):
                raise Refused(
                    422, f"{login} cannot be assigned: he may not write there, is no member, and has not commented"
                )
        if wanted.assignees:
            await world.assign(issue, wanted.author, wanted.assignees)
        if wanted.milestone:
            found = next((m for m in self._repo.milestones.values() if m.title == wanted.milestone), None)
            if found is None:
                raise Refused(422, f"there is no milestone {wanted.milestone!r}: name it among milestones")
            await world.set_milestone(issue, wanted.author, found.number)

    async def _end(self, opened: PullStory, wanted: seed.Issue | seed.Pull) -> None:
        if wanted.locked:
            await self._world.set_lock(opened.issue, wanted.author, locked=True)
        if wanted.closed and opened.issue.state == "open":
            await opened.close(wanted.author)

    # What is found out about commits

    async def _found(self, wanted: seed.Repo | seed.Pull, place: Place, opened: PullStory | None = None) -> None:
        for i, status in enumerate(wanted.statuses):
            with self._source.at(*place, "statuses", i):
                self._world.known(status.author)
                await self._world.set_status(
                    self._repo,
                    status.author,
                    await self._commit(status.branch, opened),
                    context=status.context,
                    state=status.state,
                    description=status.description,
                    target_url=status.target_url,
                )
        for i, check in enumerate(wanted.checks):
            with self._source.at(*place, "checks", i):
                await self._check(check, await self._commit(check.branch, opened))
        for i, run in enumerate(wanted.workflows):
            with self._source.at(*place, "workflows", i):
                self._world.known(run.actor)
                await self._world.start_workflow(
                    self._repo,
                    run.actor,
                    await self._commit(run.branch, opened),
                    name=run.name,
                    event=run.event or ("push" if opened is None else "pull_request"),
                    branch=opened.issue.pull.head_ref if opened and opened.issue.pull else run.branch,
                    status=run.status,
                    conclusion=run.conclusion,
                )

    async def _commit(self, branch: str, opened: PullStory | None) -> str:
        if opened is not None and branch:
            raise Refused(422, "in a pull request it is about the head: name no branch")
        sha = opened.head_sha if opened is not None else await self._story.tip(branch)
        if not sha:
            raise Refused(422, f"there is no branch {branch or self._repo.default_branch!r}")
        return sha

    async def _check(self, wanted: seed.Check, sha: str) -> None:
        world, app = self._world, self._world.apps.get(wanted.app)
        if app is None:
            raise Refused(422, f"there is no app {wanted.app!r}: name it among apps")
        if not any(one.app is app and one.grants("checks", "write") for one in world.installed_at(self._repo)):
            raise Refused(422, f"{wanted.app} may not make checks: install it here, with the permission checks: write")
        fields = {"name": wanted.name, "details_url": wanted.details_url}
        fields |= {key: value for key, value in (("status", wanted.status), ("conclusion", wanted.conclusion)) if value}
        output = {"title": wanted.title or wanted.name, "summary": wanted.summary}
        said = {"output": output} if wanted.title or wanted.summary else {}
        await world.create_check_run(self._repo, app.bot.login, sha, fields | said, app=app)
