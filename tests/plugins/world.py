"""A GitHub in memory, by state, with one repository org/repo and one issue or pull request, number 5; and a job store.

Its state begins as the recorded cases word it, and its `effects` are worded as they are, so it serves them as well as
stories. `calls` names every request; `faults` makes the next requests of a name fail.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from prow.config.config import Config
from prow.config.load import load
from prow.config.load_plugins import load_plugins
from prow.config.plugins import PluginsConfig
from prow.github.errors import NotFound
from prow.github.issues import NotAssigned
from prow.github.payloads import generic_comment
from prow.hook import rules
from prow.hook.commands import CommandTable
from prow.jobs.store import AlreadyExists, Conflict
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import ProwError
from prow.lib.virtual_clock import VirtualClock
from prow.model.events import Event, EventKind, GenericComment, PullRequestEvent, ReviewEvent
from prow.model.forge import (
    Branch,
    ChangedFile,
    CombinedStatus,
    CommitStatus,
    IssueComment,
    LabelRef,
    PullKey,
    PullRequest,
    Repo,
    Review,
    ReviewComment,
    User,
)
from prow.model.prowjob import JobState, ObjectMeta, ProwJob, ProwJobStatus
from prow.owners import rules as owners_rules
from prow.owners.queries import RepoOwners
from prow.plugin.context import Context
from prow.plugin.effects import Effects, MemoryEffects
from prow.plugin.model import Plugin
from prow.plugin.ports import CountsMerged, InRepoConfig, OpenJob, ReadsOwners
from prow.plugin.view import PullView
from prow.plugins import BUILT

BOT = "the-bot"
REPO = Repo(name="repo", full_name="org/repo", owner=User(login="org"), html_url="https://github.com/org/repo")


class World:
    """`effects`: what was written, as the recordings word it; `created`: jobs; `open_jobs`: what the index knows."""

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        self.state: dict[str, Any] = {"author": "mia", "state": "open", **(state or {})}
        self.labels: list[str] = list(self.state.get("labels") or ())
        self.comments = [
            IssueComment(id=i + 1, user=User(login=c["author"]), body=c["body"])
            for i, c in enumerate(self.state.get("comments") or ())
        ]
        self.reviews: list[Review] = []
        self.line_comments: list[ReviewComment] = []
        self.statuses: dict[str, str] = {s["context"]: s["state"] for s in self.state.get("statuses") or ()}
        self.effects: list[list[str]] = []
        self.created: list[ProwJob] = []
        self.open_jobs: list[OpenJob] = []
        self.aborted: list[str] = []
        self.calls: list[str] = []
        self.savings: Counter[str] = Counter()
        self.faults: dict[str, list[ProwError]] = defaultdict(list)

    def pull(self) -> PullRequest:
        state = self.state
        return PullRequest(
            number=5,
            html_url="https://github.com/org/repo/pull/5",
            user=User(login=state["author"], type=state.get("author_type", "User")),
            title=state.get("title", ""),
            body=state.get("body"),
            state=state["state"],
            draft=state.get("draft", False),
            mergeable=state.get("mergeable"),
            labels=tuple(LabelRef(name=name) for name in self.labels),
            review_comments=len(self.line_comments),
            created_at=state.get("created_at"),
            updated_at=state.get("created_at"),
            assignees=tuple(User(login=login) for login in state.get("assignees") or ()),
            base=Branch(ref=state.get("branch", "main"), sha="base", repo=REPO),
            head=Branch(ref="head", sha=state.get("head", "head"), repo=REPO),
        )

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.faults[name]:
            raise self.faults[name].pop(0)

    def saved(self, how: str, calls: int = 1) -> None:
        self.savings[how] += calls

    async def current_user(self) -> User:
        return User(login=BOT)

    async def is_member(self, org: str, user: str) -> bool:
        self._called("is_member")
        others: Mapping[str, Sequence[str]] = self.state.get("other_org_members") or {}
        members = (self.state.get("org_members") or ()) if org == "org" else others.get(org, ())
        return user.lower() in {m.lower() for m in members}

    async def is_collaborator(self, org: str, repo: str, user: str) -> bool:
        self._called("is_collaborator")
        return user.lower() in {c.lower() for key in ("collaborators", "admins") for c in self.state.get(key) or ()}

    async def in_team_named(self, org: str, team: str, user: str) -> bool:
        self._called("in_team_named")
        return user.lower() in {m.lower() for m in (self.state.get("teams") or {}).get(team, ())}

    async def add_assignees(self, org: str, repo: str, number: int, logins: Sequence[str]) -> None:
        self._people("assign", logins)

    async def remove_assignees(self, org: str, repo: str, number: int, logins: Sequence[str]) -> None:
        self._people("unassign", logins)

    async def request_reviewers(self, org: str, repo: str, number: int, logins: Sequence[str]) -> None:
        self._people("request_review", logins)

    async def remove_reviewers(self, org: str, repo: str, number: int, logins: Sequence[str]) -> None:
        self._people("unrequest_review", logins)

    def _people(self, what: str, logins: Sequence[str]) -> None:
        """`state["unassignable"]`: whom GitHub does not take."""
        self._called(what)
        self.effects.append([what, list(logins)])  # type: ignore[list-item]
        left = tuple(login for login in logins if login in (self.state.get("unassignable") or ()))
        if left:
            raise NotAssigned(f"GitHub left out {', '.join(left)}", logins=left)

    async def get_tree_sha(self, org: str, repo: str, sha: str) -> str:
        """`state["trees"]`: commit → tree; a commit without one is its own."""
        self._called("get_tree_sha")
        trees: Mapping[str, str] = self.state.get("trees") or {}
        return trees.get(sha, sha)

    async def get_pull_request(self, org: str, repo: str, number: int) -> PullRequest:
        self._called("get_pull_request")
        return self.pull()

    async def list_files(self, org: str, repo: str, number: int) -> Sequence[ChangedFile]:
        self._called("list_files")
        names = self.state.get("files") or ()
        lines = self.state.get("additions") or [0] * len(names)
        return [ChangedFile(filename=f, additions=n) for f, n in zip(names, lines, strict=False)]

    async def list_reviews(self, org: str, repo: str, number: int) -> Sequence[Review]:
        self._called("list_reviews")
        return tuple(self.reviews)

    async def list_review_comments(self, org: str, repo: str, number: int) -> Sequence[ReviewComment]:
        self._called("list_review_comments")
        return tuple(self.line_comments)

    async def get_combined_status(self, org: str, repo: str, ref: str) -> CombinedStatus:
        self._called("get_combined_status")
        return CombinedStatus(statuses=tuple(CommitStatus(context=c, state=s) for c, s in self.statuses.items()))

    async def create_status(self, org: str, repo: str, sha: str, status: CommitStatus) -> None:
        self._called("create_status")
        self.effects.append(["create_status", status.context, status.state])
        self.statuses[status.context] = status.state

    async def get_ref(self, org: str, repo: str, ref: str) -> str:
        self._called("get_ref")
        return "base"

    async def get_file(self, org: str, repo: str, path: str, ref: str = "") -> bytes:
        self._called("get_file")
        files: Mapping[str, str] = self.state.get("repo_files") or {}
        if path not in files:
            raise NotFound(f"{path} is not there")
        return files[path].encode()

    async def list_issue_labels(self, org: str, repo: str, number: int) -> Sequence[LabelRef]:
        self._called("list_issue_labels")
        return [LabelRef(name=name) for name in self.labels]

    async def add_labels(self, org: str, repo: str, number: int, labels: Sequence[str]) -> None:
        self._called("add_labels")
        self.effects += [["add_label", label] for label in labels]
        self.labels += [label for label in labels if label not in self.labels]

    async def remove_label(self, org: str, repo: str, number: int, label: str) -> None:
        self._called("remove_label")
        self.effects.append(["remove_label", label])
        self.labels = [known for known in self.labels if known.lower() != label.lower()]

    async def who_labelled(self, org: str, repo: str, number: int, label: str) -> str | None:
        self._called("who_labelled")
        if label.lower() not in {known.lower() for known in self.labels}:
            return None
        return "olga" if self.state.get("labels_added_by_human") else BOT

    async def list_comments(self, org: str, repo: str, number: int) -> Sequence[IssueComment]:
        self._called("list_comments")
        return tuple(self.comments)

    async def create_comment(self, org: str, repo: str, number: int, body: str) -> IssueComment:
        self._called("create_comment")
        self.effects.append(["create_comment"])
        self.comments.append(IssueComment(id=len(self.comments) + 1000, user=User(login=BOT), body=body))
        return self.comments[-1]

    async def edit_comment(self, org: str, repo: str, comment_id: int, body: str) -> None:
        self._called("edit_comment")
        self.effects.append(["edit_comment", str(comment_id)])
        self.comments = [msgspec.structs.replace(c, body=body) if c.id == comment_id else c for c in self.comments]

    async def delete_comment(self, org: str, repo: str, comment_id: int) -> None:
        self._called("delete_comment")
        self.effects.append(["delete_comment", str(comment_id)])
        self.comments = [c for c in self.comments if c.id != comment_id]

    async def load(self, org: str, repo: str, branch: str, *, config: Config, plugins: PluginsConfig) -> RepoOwners:
        """OWNERS files, the same on every branch; in this world all owners count."""
        self._called("load_owners")
        layout = owners_rules.layout_for(config, plugins, org, repo)
        contents = {path: text.encode() for path, text in (self.state.get("owners_files") or {}).items()}
        return owners_rules.repo_owners(contents, layout)

    async def create(self, job: ProwJob) -> ProwJob:
        if self.faults["create"]:
            raise self.faults["create"].pop(0)
        if job.name in {made.name for made in self.created}:
            raise AlreadyExists(job.name)
        self.created.append(job)
        self.open_jobs.append(OpenJob(job.name, "1"))
        return msgspec.structs.replace(job, metadata=msgspec.structs.replace(job.metadata, resource_version="1"))

    async def patch(self, name: str, merge_patch: Mapping[str, Any], *, resource_version: str = "") -> ProwJob:
        if self.faults["patch"]:
            raise self.faults["patch"].pop(0)
        known = {job.name: job.resource_version for job in self.open_jobs}
        if known.get(name) != resource_version:
            raise Conflict(name)
        assert merge_patch["status"]["state"] == "aborted"
        self.aborted.append(name)
        return ProwJob(metadata=ObjectMeta(name=name), status=ProwJobStatus(state=JobState.ABORTED))

    def unfinished_presubmits(self, org: str, repo: str, number: int) -> Iterable[OpenJob]:
        return tuple(self.open_jobs)

    @property
    def jobs(self) -> list[str]:
        """Names of the jobs made, in order."""
        return [job.spec.job for job in self.created]

    @property
    def said(self) -> list[str]:
        """What the bot wrote, the oldest first."""
        return [c.body or "" for c in self.comments if c.author == BOT]

    def writes(self) -> list[list[str]]:
        """The effects since the last call."""
        done, self.effects = self.effects, []
        return done


class Story:
    """Deliveries to `plugins`, matched and handled as hook does it, one after another, each with an id of its own."""

    def __init__(
        self,
        world: World,
        config: Config,
        plugins: PluginsConfig,
        *,
        enabled: Sequence[Plugin] = BUILT,
        in_repo: InRepoConfig | None = None,
        owners: ReadsOwners | None = None,
        search: CountsMerged | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.world = world
        self.config = config
        self.plugins = plugins
        self.in_repo = in_repo
        self.owners = owners or world
        self.search = search
        self.clock = clock or VirtualClock()
        self._enabled = enabled
        self._table = CommandTable(enabled)
        self._effects: dict[tuple[str, str], MemoryEffects] = {}
        self._count = 0

    def guid(self) -> str:
        self._count += 1
        return f"guid-{self._count}"

    async def comment(self, user: str, body: str, *, guid: str = "", **more: Any) -> None:
        """Someone comments."""
        fields: dict[str, Any] = {
            "action": "created",
            "is_pr": True,
            "issue_state": self.world.state["state"],
            "html_url": "https://github.com/org/repo/pull/5#1",
            **more,
        }
        comment = GenericComment(
            guid=guid or self.guid(),
            repo=REPO,
            number=5,
            body=body,
            user=User(login=user),
            issue_author=User(login=self.world.state["author"]),
            **fields,
        )
        await self.deliver(comment, EventKind.ISSUE_COMMENT)

    async def review(
        self,
        user: str,
        state: str,
        body: str = "",
        *,
        action: str = "submitted",
        link: str = "",
        commit: str = "",
        account: str = "User",
        whole: bool = True,
    ) -> None:
        """Someone reviews. `whole`: with the comment that hook makes of it."""
        event = ReviewEvent(
            guid=self.guid(),
            action=action,
            repo=REPO,
            pull_request=self.world.pull(),
            review=Review(
                id=1,
                user=User(login=user, type=account),
                body=body,
                state=state.upper(),
                html_url=link,
                commit_id=commit,
            ),
        )
        await self.deliver(event, EventKind.REVIEW, comment=generic_comment(event) if whole else None)

    async def pull(self, action: str, *, guid: str = "", label: str = "", sender: str = "mia", **more: Any) -> None:
        """Something happens to the pull request."""
        event = PullRequestEvent(
            guid=guid or self.guid(),
            action=action,
            number=5,
            repo=REPO,
            sender=User(login=sender),
            pull_request=self.world.pull(),
            label=LabelRef(name=label) if label else None,
            **more,
        )
        await self.deliver(event, EventKind.PULL_REQUEST)

    async def deliver(self, event: Event, kind: EventKind, *, comment: GenericComment | None = None) -> None:
        """Handlers of one delivery share a view; effects of one delivery id are done once."""
        comment = event if isinstance(event, GenericComment) else comment
        found = self._table.match(comment.body) if comment is not None else {}
        work = rules.work_for(self._enabled, config=self.config, kind=kind, comment=comment, commands=found)
        about = None if kind is EventKind.PUSH else PullKey("org", "repo", 5)
        pull = event.pull_request if isinstance(event, PullRequestEvent) else None
        view = PullView(about, self.world, pull=pull) if about is not None else None
        for item in work:
            if item.kind is EventKind.ISSUE_COMMENT:
                continue
            effects = self._effects.setdefault((event.guid, item.plugin.name), MemoryEffects())
            ctx = self.context(item.plugin.name, event.guid, effects=effects, view=view)
            is_comment = item.kind is EventKind.GENERIC_COMMENT and comment is not None
            await item.plugin.handlers[item.kind](ctx, comment if is_comment and comment is not None else event)

    def context(self, plugin: str, guid: str, *, effects: Effects, view: PullView | None) -> Context:
        return Context(
            plugin=plugin,
            guid=guid,
            cause=guid,
            config=self.config,
            plugins=self.plugins,
            github=self.world,
            jobs=self.world,
            known_jobs=self.world,
            effects=effects,
            clock=self.clock,
            log=logs.get("test"),
            view=view,
            in_repo_config=self.in_repo,
            owners=self.owners,
            search=self.search,
            bot=BOT,
        )


def context(world: World, *, guid: str = "guid-1", plugin: str = "hold", effects: Effects | None = None) -> Context:
    """A context by itself, about the pull request, with an empty config."""
    story = Story(world, Config(), PluginsConfig())
    view = PullView(PullKey("org", "repo", 5), world)
    return story.context(plugin, guid, effects=effects or MemoryEffects(), view=view)


def loaded(folder: Path, *, jobs: str = "", plugins: str = "") -> tuple[Config, PluginsConfig]:
    """Configs from their texts: the body of config.yaml below the namespace, and plugins.yaml."""
    (folder / "config.yaml").write_text(jobs)
    (folder / "plugins.yaml").write_text(plugins)
    return load(folder / "config.yaml"), load_plugins(folder / "plugins.yaml")


def with_trigger(plugins: PluginsConfig, **options: Any) -> PluginsConfig:
    """The plugins' config with one entry for the trigger plugin."""
    entry = msgspec.convert({"repos": ["org/repo"], **options}, type(plugins.trigger_for("org", "repo")))
    return msgspec.structs.replace(plugins, triggers=(entry,))
