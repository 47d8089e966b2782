"""What a handler may read and do: one `Context` per delivery and plugin.

Everything that writes is an effect with a key, done once however often the delivery is handled (`plugin.effects`). Keys are
derived from what is done, so a handler that decides the same again meets its own effects.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from prow.config.config import Config
from prow.config.plugins import PluginsConfig
from prow.github.errors import NotFound
from prow.github.issues import NotAssigned
from prow.lib import ids
from prow.lib.clock import Clock
from prow.lib.logs import Logger
from prow.model.forge import CommitStatus
from prow.plugin import text
from prow.plugin.effects import Effects
from prow.plugin.ports import (
    CountsMerged,
    GitHubForPlugins,
    InRepoConfig,
    KnowsJobs,
    MakesJobs,
    Owners,
    ReadsFiles,
    ReadsOwners,
)
from prow.plugin.view import PullView

WritesPeople = Callable[[str, str, int, Sequence[str]], Awaitable[object]]


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """`view` is None for deliveries that are about no issue or pull request. `commands`: names of the commands that matched.

    `cause`: what happened, the same however often and under whatever `guid` it is told; names of jobs and marks are made of it.
    `bot`: our own login, empty while it is not known. `search` and `owners` are None where nobody gave them.
    """

    plugin: str
    guid: str
    cause: str
    config: Config
    plugins: PluginsConfig
    github: GitHubForPlugins
    jobs: MakesJobs
    known_jobs: KnowsJobs
    effects: Effects
    clock: Clock
    log: Logger
    view: PullView | None = None
    commands: tuple[str, ...] = ()
    in_repo_config: InRepoConfig | None = None
    search: CountsMerged | None = None
    owners: ReadsOwners | None = None
    files: ReadsFiles | None = None
    bot: str = ""

    @property
    def pull(self) -> PullView:
        """The view; only handlers of events about an issue or pull request may ask for it."""
        if self.view is None:
            raise LookupError("this delivery is about no issue or pull request")
        return self.view

    def is_bot(self, login: str) -> bool:
        return bool(self.bot) and login == self.bot

    async def load_owners(self, branch: str) -> Owners:
        """The OWNERS files of a branch, read once for all handlers of this delivery."""
        if self.owners is None:
            raise LookupError("this process was started without a reader of OWNERS files")
        owners, (org, repo, _) = self.owners, self.pull.key
        return await self.pull.shared(
            f"owners:{branch}", lambda: owners.load(org, repo, branch, config=self.config, plugins=self.plugins)
        )

    async def file_at(self, sha: str, path: str) -> bytes | None:
        """A file of the repository at a commit; None: it has none. From the mirror where there is one, else from the API."""
        org, repo, _ = self.pull.key
        if self.files is not None:
            return await self.files.read(org, repo, sha, path)
        try:
            return await self.github.get_file(org, repo, path, sha)
        except NotFound:
            return None

    def unchanged(self) -> None:
        """Count a write that is left out since GitHub has it like that already (`prow budget` tells)."""
        self.github.saved("unchanged")

    async def add_labels(self, *labels: str) -> None:
        """Add those that are missing, in one call with what other handlers of this delivery add now."""
        missing = [label for label in labels if not await self.pull.has_label(label)]
        if not missing:
            self.unchanged()
            return
        org, repo, number = self.pull.key

        async def act() -> str:
            await self.pull.label_writes.add(
                missing, lambda together: self.github.add_labels(org, repo, number, together)
            )
            return ""

        await self.effects.once(f"add-labels:{','.join(missing)}", act=act)
        self.pull.learn_added(missing)

    async def remove_label(self, label: str) -> None:
        """Remove it if it is there."""
        if not await self.pull.has_label(label):
            self.unchanged()
            return
        org, repo, number = self.pull.key

        async def act() -> str:
            await self.github.remove_label(org, repo, number, label)
            return ""

        await self.effects.once(f"remove-label:{label}", act=act)
        self.pull.learn_removed(label)

    async def had_label(self, label: str) -> bool:
        """Whether it was there before this delivery: an earlier attempt to handle it may have set or removed it.

        For handlers that have more to do after the label: what is left of it is not forgotten when they are tried again.
        """
        if await self.pull.has_label(label):
            return not await self.effects.begun(f"add-labels:{label}")
        return await self.effects.begun(f"remove-label:{label}")

    async def comment(self, body: str, *, key: str) -> None:
        """Write a comment. `key` names its purpose within this delivery.

        It carries a hidden marker: before a repeat whose first try may have come through, GitHub is asked for it.
        """
        org, repo, number = self.pull.key
        mark = text.marker(ids.named(self.cause, self.plugin, key))

        async def act() -> str:
            comment = await self.github.create_comment(org, repo, number, f"{body}\n{mark}")
            return str(comment.id)

        async def find() -> str | None:
            comments = await self.github.list_comments(org, repo, number)
            own = (c for c in comments if self.is_bot(c.author))  # anybody can write a mark
            return next((str(c.id) for c in own if mark in text.own_words(c.body or "")), None)

        await self.effects.once(f"comment:{key}", act=act, find=find)

    async def commented(self, key: str) -> bool:
        """Whether a comment of this purpose was written, or begun, when this was told before."""
        return await self.effects.begun(f"comment:{key}")

    async def edit_comment(self, comment_id: int, body: str) -> None:
        """Give one of our own comments another text; to say the same again changes nothing."""
        org, repo, _ = self.pull.key

        async def act() -> str:
            await self.github.edit_comment(org, repo, comment_id, body)
            return ""

        digest = hashlib.sha256(body.encode()).hexdigest()[:16]
        await self.effects.once(f"edit-comment:{comment_id}:{digest}", act=act)

    async def reply(self, message: str, *, login: str, quoted: str, link: str, key: str) -> None:
        """Answer a comment."""
        await self.comment(text.reply(login, message, quoted=quoted, link=link), key=key)

    async def prune_comments(self, markers: Sequence[str]) -> None:
        """Delete the bot's own comments that say one of these texts, and do not just quote it."""
        for comment in await self.pull.comments():
            if self.is_bot(comment.author):
                said = text.own_words(comment.body or "")
                if any(marker in said for marker in markers):
                    await self.delete_comment(comment.id)

    async def assign(self, *logins: str) -> tuple[str, ...]:
        """Assign these people; those whom GitHub did not take."""
        return await self._people("assign", self.github.add_assignees, logins)

    async def unassign(self, *logins: str) -> tuple[str, ...]:
        """Those who are still assigned."""
        return await self._people("unassign", self.github.remove_assignees, logins)

    async def request_review(self, *logins: str) -> tuple[str, ...]:
        """Ask for reviews (`org/slug`: of a team); those who cannot be asked."""
        return await self._people("request-review", self.github.request_reviewers, logins)

    async def withdraw_review_request(self, *logins: str) -> tuple[str, ...]:
        return await self._people("withdraw-review", self.github.remove_reviewers, logins)

    async def _people(self, what: str, write: WritesPeople, logins: Sequence[str]) -> tuple[str, ...]:
        org, repo, number = self.pull.key

        async def act() -> str:
            try:
                await write(org, repo, number, logins)
            except NotAssigned as error:
                # Places, not names: an answer that is kept has to be short.
                left_out = {login.lower() for login in error.logins}
                return " ".join(str(place) for place, login in enumerate(logins) if login.lower() in left_out)
            return ""

        answer = await self.effects.once(f"{what}:{','.join(logins)}", act=act)
        return tuple(logins[int(place)] for place in answer.split())

    async def set_status(self, sha: str, status: CommitStatus) -> None:
        """Write a commit status in the delivery's repository."""
        org, repo, _ = self.pull.key

        async def act() -> str:
            await self.github.create_status(org, repo, sha, status)
            return ""

        async def find() -> str | None:
            combined = await self.github.get_combined_status(org, repo, sha)
            return "" if any(_same(known, status) for known in combined.statuses) else None

        await self.effects.once(f"status:{sha}:{status.context}:{status.state}", act=act, find=find)

    async def delete_comment(self, comment_id: int) -> None:
        """Delete one of our own comments."""
        org, repo, _ = self.pull.key

        async def act() -> str:
            await self.github.delete_comment(org, repo, comment_id)
            return ""

        await self.effects.once(f"delete-comment:{comment_id}", act=act)


def _same(known: CommitStatus, wanted: CommitStatus) -> bool:
    one, other = ((s.context, s.state, s.description or "", s.target_url or "") for s in (known, wanted))
    return one == other
