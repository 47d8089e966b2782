"""Verbs for stories: what people do on GitHub, and what one expects to see. Waiting is for changes, never for time to pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from prow.sim.server import Sim
from prow.sim.state import Comment, Issue, Repo, Status

_PATIENCE = 20.0


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
        branch: str = "change",
        base: str = "",
        from_fork: bool = True,
        draft: bool = False,
    ) -> PullStory:
        """Commit `files` on a new branch (of a fork, unless told otherwise) and open a pull request for it."""
        world = self.sim.world
        head_repo = await world.fork(self.repo, login) if from_fork else self.repo
        start = f"refs/heads/{base or self.repo.default_branch}"
        await world.commit(head_repo, login, branch, files, message=title, quiet=True, start=start)
        head = f"{head_repo.owner}:{branch}"
        issue = await world.open_pull(self.repo, login, title=title, head=head, base=base, body=body, draft=draft)
        return PullStory(self.sim, issue)

    async def open_issue(self, login: str, *, title: str, body: str = "") -> PullStory:
        return PullStory(self.sim, await self.sim.world.open_issue(self.repo, login, title=title, body=body))


class PullStory:
    """A pull request (or an issue) in a story."""

    def __init__(self, sim: Sim, issue: Issue) -> None:
        self.sim = sim
        self.issue = issue
        self._seen_comments = 0

    def __repr__(self) -> str:
        pull = self.issue.pull
        statuses = ", ".join(f"{s.context}={s.state}" for s in self.statuses.values())
        last = "".join(f"\n  {c.user.login}: {c.body[:200]!r}" for c in self.issue.comments[-4:])
        head = pull.head_sha[:7] if pull else "-"
        return f"{self.issue.repo.full_name}#{self.number} ({head}) labels={sorted(self.labels)} statuses=[{statuses}]{last}"

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

    async def push(self, files: Mapping[str, str | bytes | None], *, message: str = "Fix") -> str:
        """The author pushes to the head branch."""
        pull = self.issue.pull
        if pull is None or pull.head_repo is None:
            raise Unexpected("only a pull request with a head repository can be pushed to")
        return await self.sim.world.commit(pull.head_repo, self.issue.user.login, pull.head_ref, files, message=message)

    async def edit(self, login: str, **changes: object) -> None:
        await self.sim.world.edit(self.issue, login, changes)

    async def close(self, login: str) -> None:
        await self.sim.world.edit(self.issue, login, {"state": "closed"})

    async def wait_for(self, holds: Callable[[PullStory], bool], what: str, *, within: float = _PATIENCE) -> None:
        """Wait until it is so; `Unexpected` with the state when it does not come."""
        try:
            await self.sim.world.wait_until(lambda: holds(self), within=within)
        except TimeoutError:
            raise Unexpected(f"expected {what} within {within:g} s, but: {self!r}") from None

    async def expect_label(self, name: str, *, within: float = _PATIENCE) -> None:
        await self.wait_for(lambda pr: name in pr.labels, f"the label {name}", within=within)

    async def expect_no_label(self, name: str, *, within: float = _PATIENCE) -> None:
        await self.wait_for(lambda pr: name not in pr.labels, f"no label {name}", within=within)

    async def expect_status(self, context: str, state: str, *, within: float = _PATIENCE) -> Status:
        def holds(pr: PullStory) -> bool:
            return context in pr.statuses and pr.statuses[context].state == state

        await self.wait_for(holds, f"status {context}={state}", within=within)
        return self.statuses[context]

    async def expect_comment(self, text: str, *, by: str = "", within: float = _PATIENCE) -> Comment:
        """A comment that contains `text`."""

        def found() -> Comment | None:
            return next((c for c in self.issue.comments if text in c.body and by in {"", c.user.login}), None)

        await self.wait_for(lambda _: found() is not None, f"a comment with {text!r}", within=within)
        comment = found()
        assert comment is not None
        return comment
