"""The lazy view of one issue or pull request, shared by all handlers of one delivery.

Each part is read from GitHub at most once per delivery; handlers that ask at the same time share one request. A part that a
webhook carries is taken from it only where the payload decides (the head that a `synchronize` is about). Labels are always
read: a delivery may have waited in the inbox, and deciding on its old labels would undo what happened since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from prow.lib.clock import Clock
from prow.model.forge import (
    ChangedFile,
    CombinedStatus,
    IssueComment,
    LabelRef,
    PullKey,
    PullRequest,
    Review,
    ReviewComment,
)
from prow.plugin.label_writes import LabelWrites
from prow.plugin.ports import GitHubForPlugins

T = TypeVar("T")


class PullView:
    """`key` names the issue or pull request; `pull`: what the payload says about it, if it is about one."""

    def __init__(
        self, key: PullKey, github: GitHubForPlugins, *, pull: PullRequest | None = None, clock: Clock | None = None
    ) -> None:
        """`clock`: labels that handlers add at the same time become one call; without it each is its own."""
        self.key = key
        self.label_writes = LabelWrites(clock, joined=lambda calls: github.saved("joined", calls))
        self._github = github
        self._parts: dict[str, asyncio.Task[Any]] = {}
        self._pull = pull
        self._labels: list[str] | None = None

    async def pull(self) -> PullRequest:
        """The pull request: from the payload, else from GitHub."""
        return self._pull if self._pull is not None else await self.fresh_pull()

    async def fresh_pull(self) -> PullRequest:
        """The pull request as GitHub has it now, with `mergeable` if it is known."""
        return await self._part("pull", lambda: self._github.get_pull_request(*self.key))

    @property
    def known_fresh(self) -> PullRequest | None:
        """The pull request if GitHub was asked for it in this delivery."""
        task = self._parts.get("pull")
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        pull: PullRequest = task.result()
        return pull

    async def labels(self) -> Sequence[str]:
        """Names of its labels, with what this delivery's handlers added and removed. A pull request that was read has them."""
        if self._labels is None:
            fresh = self.known_fresh
            if fresh is not None:
                found: Sequence[LabelRef] = fresh.labels
            else:
                found = await self._part("labels", lambda: self._github.list_issue_labels(*self.key))
            if self._labels is None:
                self._labels = [label.name for label in found]
        return tuple(self._labels)

    async def has_label(self, name: str) -> bool:
        """Label names are compared without regard to case, as GitHub does."""
        return any(label.lower() == name.lower() for label in await self.labels())

    async def files(self) -> Sequence[ChangedFile]:
        return await self._part("files", lambda: self._github.list_files(*self.key))

    async def comments(self) -> Sequence[IssueComment]:
        return await self._part("comments", lambda: self._github.list_comments(*self.key))

    async def reviews(self) -> Sequence[Review]:
        return await self._part("reviews", lambda: self._github.list_reviews(*self.key))

    async def review_comments(self) -> Sequence[ReviewComment]:
        """Comments on lines of the diff."""
        return await self._part("review_comments", lambda: self._github.list_review_comments(*self.key))

    async def shared(self, name: str, read: Callable[[], Awaitable[T]]) -> T:
        """Something else that handlers of this delivery share under a name of theirs."""
        return await self._part(name, read)

    async def base_sha(self) -> str:
        """The newest commit of the base branch."""
        pull = await self.pull()
        org, repo, _ = self.key
        return await self._part("base_sha", lambda: self._github.get_ref(org, repo, f"heads/{pull.base.ref}"))

    async def statuses(self) -> CombinedStatus:
        """Statuses of the head commit."""
        pull = await self.pull()
        org, repo, _ = self.key
        return await self._part("statuses", lambda: self._github.get_combined_status(org, repo, pull.head.sha))

    def learn_added(self, labels: Sequence[str]) -> None:
        """A handler added labels."""
        if self._labels is not None:
            known = {label.lower() for label in self._labels}
            self._labels += [label for label in labels if label.lower() not in known]

    def learn_removed(self, label: str) -> None:
        if self._labels is not None:
            self._labels = [known for known in self._labels if known.lower() != label.lower()]

    async def _part(self, name: str, read: Callable[[], Awaitable[T]]) -> T:
        """Read once; a failed read is forgotten, so that a retry reads again. One handler's deadline does not stop the others' read."""
        task = self._parts.get(name)
        if task is None:
            task = asyncio.ensure_future(read())
            self._parts[name] = task
            task.add_done_callback(lambda done: self._forget(name, done))
        result: T = await asyncio.shield(task)
        return result

    def _forget(self, name: str, task: asyncio.Task[Any]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._parts.pop(name, None)
