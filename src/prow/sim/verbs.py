"""Verbs for stories: what people do on GitHub, and what one expects to see. Waiting is for changes, never for time to pass.

An expectation that comes true also takes, of what was written so far, everything about its subject as expected: see `bots`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from prow.sim import gitrepo
from prow.sim.journal import Write
from prow.sim.server import Sim
from prow.sim.state import CheckRun, Comment, Issue, Protection, Repo, Review, Status

_PATIENCE = 20.0
_SHOWN = 25
"""Entries of the timeline that a failure shows."""


class Unexpected(AssertionError):
    """What should have happened did not; the text shows the state."""


class RepoStory:
    """A repository in a story."""

    def __init__(self, sim: Sim, repo: Repo) -> None:
        self.sim = sim
        self.repo = repo

    @classmethod
    async def create(
        cls,
        sim: Sim,
        full_name: str,
        *,
        files: Mapping[str, str | bytes | None] | None = None,
        clone: Path | None = None,
    ) -> RepoStory:
        return cls(sim, await sim.world.create_repo(full_name, files=files, clone=clone))

    def collaborator(self, login: str, permission: str = "write") -> None:
        self.repo.collaborators[self.sim.world.user(login).login] = permission

    def add_team(self, slug: str, members: Sequence[str], permission: str = "") -> None:
        """A team of the organisation, whose members belong to the organisation; `permission`: what it may do in this repository."""
        world = self.sim.world
        world.add_team(world.org(self.repo.owner, members=members), slug, members=members)
        if permission:
            self.repo.teams[slug] = permission

    def protect(
        self,
        branch: str = "",
        *,
        contexts: Sequence[str] | None = None,
        strict: bool = False,
        reviews: int | None = None,
        enforce_admins: bool = False,
        dismiss_stale: bool = False,
    ) -> None:
        """Set the rules of a branch, in place of those it had."""
        self.repo.protections[branch or self.repo.default_branch] = Protection(
            contexts=tuple(contexts) if contexts is not None else None,
            strict=strict,
            reviews=reviews,
            enforce_admins=enforce_admins,
            dismiss_stale=dismiss_stale,
        )

    async def tip(self, branch: str = "") -> str:
        """The newest commit of a branch, empty when it is not there."""
        name = branch or self.repo.default_branch
        return await gitrepo.resolve(self.repo.path, f"refs/heads/{name}") or ""

    async def file(self, name: str, *, branch: str = "") -> str | None:
        """What a file says on a branch."""
        data = await gitrepo.read_file(self.repo.path, f"refs/heads/{branch or self.repo.default_branch}", name)
        return data.decode() if data is not None else None

    async def expect_status(self, sha: str, context: str, state: str, *, within: float = _PATIENCE) -> Status:
        """Of a commit, such as one that was merged."""
        world = self.sim.world

        def found() -> Status | None:
            all_of_commit = world.combined(self.repo, sha)
            return next((s for s in all_of_commit if (s.context, s.state) == (context, state)), None)

        try:
            await world.wait_until(lambda: found() is not None, within=within)
        except TimeoutError:
            told = ", ".join(f"{s.context}={s.state}" for s in world.combined(self.repo, sha))
            raise Unexpected(
                f"expected status {context}={state} of {sha[:7]} within {within:g} s, but: {told}"
            ) from None
        status = found()
        assert status is not None
        world.journal.expect(lambda w: w.repo is self.repo and (w.kind, w.about, w.sha) == ("status", context, sha))
        return status

    async def push(
        self,
        login: str,
        files: Mapping[str, str | bytes | None],
        *,
        branch: str = "",
        message: str = "Change",
        start: str | None = None,
    ) -> str:
        """A commit on a branch; gives its sha."""
        return await self.sim.world.commit(
            self.repo, login, branch or self.repo.default_branch, files, message=message, start=start
        )

    async def open_pull_request(
        self,
        login: str,
        *,
        title: str,
        files: Mapping[str, str | bytes | None],
        body: str = "",
        branch: str = "",
        base: str = "",
        from_fork: bool = True,
        draft: bool = False,
    ) -> PullStory:
        """Commit `files` on a new branch (of a fork, unless told otherwise) and open a pull request for it."""
        world = self.sim.world
        head_repo = await world.fork(self.repo, login) if from_fork else self.repo
        branch = branch or await self._free_branch(head_repo)
        start = await self.tip(base)
        await _bring(head_repo, self.repo, start)
        await world.commit(head_repo, login, branch, files, message=title, quiet=True, start=start)
        head = f"{head_repo.owner}:{branch}"
        issue = await world.open_pull(self.repo, login, title=title, head=head, base=base, body=body, draft=draft)
        return PullStory(self.sim, issue)

    @staticmethod
    async def _free_branch(repo: Repo) -> str:
        taken = await gitrepo.refs(repo.path)
        names = ("change" if n == 1 else f"change-{n}" for n in range(1, len(taken) + 2))
        return next(name for name in names if f"refs/heads/{name}" not in taken)

    async def open_issue(self, login: str, *, title: str, body: str = "") -> PullStory:
        return PullStory(self.sim, await self.sim.world.open_issue(self.repo, login, title=title, body=body))


class PullStory:
    """A pull request (or an issue) in a story."""

    def __init__(self, sim: Sim, issue: Issue) -> None:
        self.sim = sim
        self.issue = issue

    def __repr__(self) -> str:
        pull = self.issue.pull
        statuses = ", ".join(f"{s.context}={s.state}" for s in self.statuses.values())
        merge = f" {self.sim.world.merge_state(self.issue)}" if pull and self.issue.state == "open" else ""
        last = "".join(f"\n  {at:%H:%M:%S} {what}" for at, what in self.timeline()[-_SHOWN:])
        head = pull.head_sha[:7] if pull else "-"
        return f"{self.issue.repo.full_name}#{self.number} ({head}, {self.issue.graph_state}{merge}) labels={sorted(self.labels)} statuses=[{statuses}]{last}"

    def timeline(self) -> list[tuple[datetime, str]]:
        """Who did what when: comments, reviews, labels and what else happened to it, and the statuses of its head."""
        issue, pull = self.issue, self.issue.pull
        found = [(c.created_at, c.id, f"{c.user.login}: {c.body[:200]!r}") for c in issue.comments]
        for event in issue.events:
            told = ("label", "assignee", "rename", "requested_reviewer", "requested_team", "milestone")
            about: dict[str, str] = next((event.details[key] for key in told if event.details.get(key)), {})
            name = next((about[key] for key in ("name", "login", "to", "title") if about.get(key)), "")
            found.append((event.created_at, event.id, f"{event.actor.login} {event.event} {name}".rstrip()))
        for review in pull.reviews if pull is not None else ():
            if review.submitted_at is not None:
                found.append(
                    (review.submitted_at, review.id, f"{review.user.login} {review.state} {review.body[:200]!r}")
                )
        for status in issue.repo.statuses.get(self.head_sha, ()):
            said = f"{status.context}={status.state} {status.description.strip()[:80]}"
            found.append((status.created_at, status.id, f"{status.creator.login} {said}".rstrip()))
        return [(at, what) for at, _, what in sorted(found, key=lambda one: one[:2])]

    @property
    def number(self) -> int:
        return self.issue.number

    @property
    def head_sha(self) -> str:
        return self.issue.pull.head_sha if self.issue.pull else ""

    @property
    def labels(self) -> set[str]:
        return {label.name for label in self.issue.labels}

    @property
    def comments(self) -> Sequence[Comment]:
        return self.issue.comments

    @property
    def statuses(self) -> dict[str, Status]:
        """Newest status of each context of the head."""
        return {s.context: s for s in self.sim.world.combined(self.issue.repo, self.head_sha)}

    def comments_by(self, login: str) -> list[Comment]:
        return [c for c in self.issue.comments if c.user.login == login]

    async def comment(self, login: str, body: str) -> Comment:
        return await self.sim.world.comment(self.issue, login, body)

    @property
    def reviews(self) -> Sequence[Review]:
        return self.issue.pull.reviews if self.issue.pull else ()

    @property
    def assignees(self) -> set[str]:
        return {user.login for user in self.issue.assignees}

    @property
    def requested_reviewers(self) -> set[str]:
        return {user.login for user in self.issue.pull.requested_reviewers} if self.issue.pull else set()

    @property
    def merged(self) -> bool:
        return self.issue.pull is not None and self.issue.pull.merged

    @property
    def merge_commit(self) -> str:
        """The commit that brought it into the base; empty while it is not merged."""
        return (self.issue.pull.merge_commit_sha or "") if self.issue.pull is not None and self.merged else ""

    def _head(self) -> tuple[Repo, str]:
        pull = self.issue.pull
        if pull is None or pull.head_repo is None:
            raise Unexpected("only a pull request with a head repository can be pushed to")
        return pull.head_repo, pull.head_ref

    async def push(self, files: Mapping[str, str | bytes | None], *, message: str = "Fix") -> str:
        """The author pushes to the head branch."""
        repo, branch = self._head()
        return await self.sim.world.commit(repo, self.issue.user.login, branch, files, message=message)

    async def force_push(self, files: Mapping[str, str | bytes | None], *, message: str = "Start again") -> str:
        """The author throws the commits of the head branch away and starts again from the newest base."""
        repo, branch = self._head()
        base = self.issue.pull.base_ref if self.issue.pull else ""
        start = await gitrepo.resolve(self.issue.repo.path, f"refs/heads/{base}")
        await _bring(repo, self.issue.repo, start or "")
        author = self.issue.user.login
        return await self.sim.world.commit(repo, author, branch, files, message=message, start=start, force=True)

    async def review(self, login: str, state: str, body: str = "") -> Review:
        """`state`: APPROVED, CHANGES_REQUESTED or COMMENTED."""
        return await self.sim.world.review(self.issue, login, state=state, body=body)

    async def approve(self, login: str, body: str = "") -> Review:
        """GitHub's own approval: a review, not a comment."""
        return await self.review(login, "APPROVED", body)

    async def dismiss(self, login: str, review: Review, message: str = "Out of date.") -> None:
        await self.sim.world.dismiss_review(self.issue, review, login, message)

    async def merge(self, login: str, method: str = "merge") -> str:
        """Somebody presses the button."""
        return await self.sim.world.merge(self.issue, login, method=method)

    async def convert_to_draft(self, login: str = "") -> None:
        await self.sim.world.set_draft(self.issue, login or self.issue.user.login, draft=True)

    async def ready_for_review(self, login: str = "") -> None:
        await self.sim.world.set_draft(self.issue, login or self.issue.user.login, draft=False)

    async def check_run(self, name: str, conclusion: str = "", *, login: str = "checks") -> CheckRun:
        """A check run of the head: finished with a conclusion, in progress without one."""
        fields = {"name": name, "status": "completed" if conclusion else "in_progress"}
        fields |= {"conclusion": conclusion} if conclusion else {}
        return await self.sim.world.create_check_run(self.issue.repo, login, self.head_sha, fields)

    async def set_status(self, context: str, state: str, description: str = "", *, login: str = "checks") -> Status:
        """A commit status of the head."""
        repo, sha = self.issue.repo, self.head_sha
        return await self.sim.world.set_status(repo, login, sha, context=context, state=state, description=description)

    async def label(self, login: str, *names: str) -> None:
        await self.sim.world.add_labels(self.issue, login, names)

    async def unlabel(self, login: str, name: str) -> None:
        await self.sim.world.remove_label(self.issue, login, name)

    async def edit(self, login: str, **changes: object) -> None:
        await self.sim.world.edit(self.issue, login, changes)

    async def close(self, login: str) -> None:
        await self.sim.world.edit(self.issue, login, {"state": "closed"})

    async def reopen(self, login: str) -> None:
        await self.sim.world.edit(self.issue, login, {"state": "open"})

    async def wait_for(self, holds: Callable[[PullStory], bool], what: str, *, within: float = _PATIENCE) -> None:
        """Wait until it is so; `Unexpected` with the state when it does not come."""
        try:
            await self.sim.world.wait_until(lambda: holds(self), within=within)
        except TimeoutError:
            raise Unexpected(f"expected {what} within {within:g} s, but: {self!r}") from None

    def _expected(self, kind: str, *about: str, ids: Collection[int] = ()) -> None:
        """What was written so far about this is as expected. `about` empty: about any of the kind. `ids`: of comments."""
        journal, issue = self.sim.world.journal, self.issue

        def fits(write: Write) -> bool:
            here = write.repo is issue.repo and self.number in {write.number, journal.number_of(issue.repo, write.sha)}
            named = write.id in ids if ids else not about or write.about in about
            return here and write.kind == kind and named

        journal.expect(fits)

    async def expect_label(self, name: str, *, within: float = _PATIENCE) -> None:
        await self.wait_for(lambda pr: name in pr.labels, f"the label {name}", within=within)
        self._expected("label", name)

    async def expect_no_label(self, name: str, *, within: float = _PATIENCE) -> None:
        await self.wait_for(lambda pr: name not in pr.labels, f"no label {name}", within=within)
        self._expected("label", name)

    async def expect_status(
        self, context: str, state: str = "", *, text: str = "", within: float = _PATIENCE
    ) -> Status:
        """Of the head: this context has this state (any, when it is empty), and `text` in its description."""

        def holds(pr: PullStory) -> bool:
            status = pr.statuses.get(context)
            return status is not None and state in {"", status.state} and text in status.description

        said = f" with {text!r}" if text else ""
        await self.wait_for(holds, f"status {context}={state or 'any'}{said}", within=within)
        self._expected("status", context)
        return self.statuses[context]

    async def expect_statuses(self, states: Mapping[str, str], *, within: float = _PATIENCE) -> None:
        """Of the head: all of these contexts have these states."""

        def holds(pr: PullStory) -> bool:
            return states.items() <= {context: status.state for context, status in pr.statuses.items()}.items()

        await self.wait_for(holds, f"statuses {dict(states)}", within=within)
        self._expected("status", *states)

    async def expect_assignees(self, *logins: str, within: float = _PATIENCE) -> None:
        """These and no others."""
        await self.wait_for(lambda pr: pr.assignees == set(logins), f"assignees {sorted(logins)}", within=within)
        self._expected("assignee")

    async def expect_requested_reviewers(self, *logins: str, within: float = _PATIENCE) -> None:
        """These and no others."""
        await self.wait_for(
            lambda pr: pr.requested_reviewers == set(logins), f"requested reviewers {sorted(logins)}", within=within
        )
        self._expected("reviewer")

    async def expect_merged(self, *, within: float = _PATIENCE) -> str:
        """Gives the commit that merged it."""
        await self.wait_for(lambda pr: pr.merged, "a merge", within=within)
        self._expected("merge")
        return self.merge_commit

    def expect_not_merged(self) -> None:
        """As it is now: wait for what should have happened first."""
        if self.merged:
            raise Unexpected(f"expected no merge, but: {self!r}")

    async def expect_mergeable(self, *, within: float = _PATIENCE) -> None:
        """GitHub has computed that it merges without a conflict."""
        await self.wait_for(lambda pr: bool(pr.issue.pull and pr.issue.pull.mergeable), "a clean merge", within=within)

    async def expect_conflict(self, *, within: float = _PATIENCE) -> None:
        await self.wait_for(
            lambda pr: pr.issue.pull is not None and pr.issue.pull.mergeable is False, "a conflict", within=within
        )

    async def expect_comment(self, text: str, *, by: str = "", within: float = _PATIENCE) -> Comment:
        """A comment that contains `text`; of several, one that was not expected before."""

        def found() -> list[Comment]:
            return [c for c in self.issue.comments if text in c.body and by in {"", c.user.login}]

        await self.wait_for(lambda _: bool(found()), f"a comment with {text!r}", within=within)
        comments = found()
        fresh = {write.id for write in self.sim.world.journal.unexpected if write.kind == "comment"}
        comment = next((c for c in comments if c.id in fresh), comments[0])
        self._expected("comment", ids=[comment.id])
        return comment

    async def expect_no_comment(self, text: str, *, by: str = "", within: float = _PATIENCE) -> None:
        """No comment contains `text` (any more)."""

        def none(pr: PullStory) -> bool:
            return not any(text in c.body and by in {"", c.user.login} for c in pr.comments)

        await self.wait_for(none, f"no comment with {text!r}", within=within)
        gone = [w.id for w in self.sim.world.journal.writes if w.kind == "comment" and text in w.about]
        if gone:
            self._expected("comment", ids=gone)


async def _bring(fork: Repo, upstream: Repo, sha: str) -> None:
    """The fork gets the commit that a person would fetch before starting a branch."""
    if sha and fork is not upstream and await gitrepo.resolve(fork.path, sha) is None:
        await gitrepo.fetch(fork.path, upstream.path, sha, "refs/sim/upstream")
