"""Making of a seed what it says: everything goes through the world's own rules, and what they refuse is told with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prow.sim import seed
from prow.sim.accounts import ALL_SCOPES, Identity, Token
from prow.sim.errors import Refused
from prow.sim.gitrepo import GitFailed
from prow.sim.seed import Source
from prow.sim.server import Sim
from prow.sim.state import Protection
from prow.sim.verbs import PullStory, RepoStory
from prow.sim.world.accounts import PERMISSIONS

_GIT = "octocat"
"""In whose name branches and labels are made."""
_Place = tuple[str | int, ...]


async def sow(sim: Sim, source: Source, wanted: seed.Seed, *, folder: Path) -> None:
    """`folder`: relative to which repositories to copy are. Raises `seed.Wrong`."""
    sower = _Sower(sim, source, folder)
    for i, user in enumerate(wanted.users):
        with sower.at("users", i):
            sower.user(user)
    for i, org in enumerate(wanted.orgs):
        with sower.at("orgs", i):
            sower.org(org)
    for i, repo in enumerate(wanted.repos):
        await sower.repo(repo, ("repos", i))
    await sim.world.changed()


class _Sower:
    def __init__(self, sim: Sim, source: Source, folder: Path) -> None:
        self._sim = sim
        self._world = sim.world
        self._source = source
        self._folder = folder

    @contextmanager
    def at(self, *place: str | int) -> Iterator[None]:
        """What is refused inside is refused at this place of the file."""
        try:
            yield
        except Refused as error:
            details = [one if isinstance(one, str) else one.get("message") or f"{one.get('field')} {one.get('code')}" for one in error.errors or ()]  # fmt: skip
            raise self._source.wrong(place, ", ".join(details) or error.message) from error
        except GitFailed as error:
            raise self._source.wrong(place, str(error)) from error

    def _known(self, login: str) -> None:
        """Whoever acts has to be known as a user, so that a slip of the pen is no new person."""
        if login.lower() not in self._world.users:
            raise Refused(422, f"nobody is called {login!r}: name him among users, owners or members")

    def user(self, wanted: seed.Account) -> None:
        user = self._world.user(wanted.login)
        if wanted.token:
            scopes = ALL_SCOPES if wanted.scopes is None else frozenset(wanted.scopes)
            self._world.tokens[wanted.token] = Token(Identity(user.login, scopes))

    def org(self, wanted: seed.Org) -> None:
        org = self._world.org(wanted.login, members=wanted.members, owners=wanted.owners)
        for team in wanted.teams:
            for login in team.members:
                self._known(login)
            parent = self._world.team(org, team.parent) if team.parent else None
            self._world.add_team(org, team.name, members=team.members, parent=parent, privacy=team.privacy)
        for hook in wanted.hooks:
            self._world.add_hook(org, url=hook.url, secret=hook.secret, events=hook.events)

    async def repo(self, wanted: seed.Repo, place: _Place) -> None:
        world = self._world
        with self.at(*place, "name"):
            if wanted.name.count("/") != 1:
                raise Refused(422, f"{wanted.name!r} is not of the form org/repo")
            owner = wanted.name.partition("/")[0].lower()
            if owner not in world.orgs and owner not in world.users:
                raise Refused(422, f"there is no organisation or user {owner!r}: name it above")
            clone = self._folder / wanted.clone if wanted.clone else None
            repo = await world.create_repo(wanted.name, files=wanted.files, clone=clone, branch=wanted.default_branch)
        repo.private = wanted.private
        story = RepoStory(self._sim, repo)
        for login, level in wanted.collaborators.items():
            with self.at(*place, "collaborators", login):
                self._level(level)
                self._known(login)
                story.collaborator(login, level)
        for slug, level in wanted.teams.items():
            with self.at(*place, "teams", slug):
                self._level(level)
                org = world.orgs.get(owner)
                if org is None or slug not in org.teams:
                    raise Refused(422, f"{owner} has no team {slug!r}")
                repo.teams[slug] = level
        for label in wanted.labels:
            await world.create_label(repo, _GIT, label.name, color=label.color, description=label.description)
        for i, branch in enumerate(wanted.branches):
            with self.at(*place, "branches", i):
                start = await story.tip(branch.start)
                if not start:
                    raise Refused(422, f"there is no branch {branch.start or repo.default_branch!r} to begin at")
                if branch.files:
                    author = repo.owner if owner in world.users else _GIT
                    await world.commit(
                        repo, author, branch.name, branch.files, message=branch.name, quiet=True, start=start
                    )
                else:
                    await world.move_ref(repo, Identity(_GIT), f"refs/heads/{branch.name}", start)
        for one in wanted.protection:
            contexts = tuple(one.contexts) if one.contexts is not None else None
            repo.protections[one.branch] = Protection(
                contexts=contexts,
                strict=one.strict,
                reviews=one.reviews,
                dismiss_stale=one.dismiss_stale,
                enforce_admins=one.enforce_admins,
            )
        for hook in wanted.hooks:
            world.add_hook(repo, url=hook.url, secret=hook.secret, events=hook.events)
        for i, issue in enumerate(wanted.issues):
            with self.at(*place, "issues", i):
                self._known(issue.author)
                await self._talk(await story.open_issue(issue.author, title=issue.title, body=issue.body), issue)
        for i, pull in enumerate(wanted.pulls):
            with self.at(*place, "pulls", i):
                await self._pull(story, pull)

    def _level(self, level: str) -> None:
        if level not in PERMISSIONS[1:]:
            raise Refused(422, f"{level!r} is no permission: say {', '.join(PERMISSIONS[1:])}")

    async def _pull(self, story: RepoStory, wanted: seed.Pull) -> None:
        self._known(wanted.author)
        opened = await story.open_pull_request(
            wanted.author,
            title=wanted.title,
            files=wanted.files,
            body=wanted.body,
            branch=wanted.branch,
            base=wanted.base,
            from_fork=wanted.fork and wanted.author.lower() != story.repo.owner.lower(),
            draft=wanted.draft,
        )
        for review in wanted.reviews:
            self._known(review.author)
            await opened.review(review.author, review.state, review.body)
        await self._talk(opened, wanted)

    async def _talk(self, opened: PullStory, wanted: seed.Issue | seed.Pull) -> None:
        for comment in wanted.comments:
            self._known(comment.author)
            await opened.comment(comment.author, comment.body)
        if wanted.labels:
            await opened.label(wanted.author, *wanted.labels)
        if wanted.assignees:
            for login in wanted.assignees:
                self._known(login)
            await self._world.assign(opened.issue, wanted.author, wanted.assignees)
        if wanted.closed:
            await opened.close(wanted.author)
