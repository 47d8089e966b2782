"""Making of a seed what it says: everything goes through the world's own rules, and what they refuse is told with its place in the file.

Accounts, apps and repositories are here, what is said and done in repositories is in `sowing_talk`.
"""

from __future__ import annotations

from pathlib import Path

from prow.sim import apps, seed
from prow.sim.accounts import ALL_SCOPES, Identity, Token
from prow.sim.errors import Refused
from prow.sim.seed import Source
from prow.sim.server import Sim
from prow.sim.sowing_talk import Place, Talk
from prow.sim.state import Membership, Org, Protection, Repo
from prow.sim.verbs import RepoStory
from prow.sim.world.accounts import PERMISSIONS
from prow.sim.world.repos import check_topics

_GIT = "octocat"
"""In whose name branches and labels are made."""
_FROM_OUTSIDE = "a seed from outside reads and writes no files of this machine"


async def sow(sim: Sim, source: Source, wanted: seed.Seed, *, folder: Path | None) -> None:
    """`folder`: relative to which keys and repositories to copy are; None: no file is touched. Raises `seed.Wrong`."""
    sower = _Sower(sim, source, folder)
    for i, user in enumerate(wanted.users):
        with sower.at("users", i):
            sower.user(user)
    for i, org in enumerate(wanted.orgs):
        with sower.at("orgs", i):
            sower.org(org)
    for i, app in enumerate(wanted.apps):
        sower.app(app, ("apps", i))
    stories = [await sower.repo(repo, ("repos", i)) for i, repo in enumerate(wanted.repos)]
    for i, user in enumerate(wanted.users):
        if user.permissions is not None:
            sower.fine_token(user, user.permissions, ("users", i))
    for i, app in enumerate(wanted.apps):
        for j, installation in enumerate(app.installations):
            with sower.at("apps", i, "installations", j):
                sower.install(app, installation)
    for i, (story, repo) in enumerate(zip(stories, wanted.repos, strict=True)):
        await Talk(story, source, ("repos", i)).sow(repo)
        story.repo.archived = repo.archived
    await sim.world.changed()


class _Sower:
    def __init__(self, sim: Sim, source: Source, folder: Path | None) -> None:
        self._sim = sim
        self._world = sim.world
        self._folder = folder
        self.at = source.at

    def _known(self, login: str) -> None:
        self._world.known(login)

    def _file(self, name: str) -> Path:
        if self._folder is None:
            raise Refused(422, _FROM_OUTSIDE)
        return self._folder / name

    # Accounts

    def user(self, wanted: seed.Account) -> None:
        user = self._world.user(wanted.login)
        if wanted.permissions is not None and wanted.scopes is not None:
            raise Refused(422, "a token has scopes, or permissions when it is a fine-grained one: not both")
        if wanted.permissions is None and (wanted.owner or wanted.repos is not None):
            raise Refused(422, "owner and repos are of a fine-grained token: give its permissions, too")
        if wanted.token and wanted.permissions is None:
            scopes = ALL_SCOPES if wanted.scopes is None else frozenset(wanted.scopes)
            self._world.tokens[wanted.token] = Token(Identity(user.login, scopes))

    def fine_token(self, wanted: seed.Account, permissions: dict[str, str], place: Place) -> None:
        with self.at(*place, "permissions"):
            apps.check_permissions(permissions)
        with self.at(*place, "repos"):
            repos = [self._world.named(name) for name in wanted.repos] if wanted.repos is not None else None
        owner = wanted.owner or wanted.login
        with self.at(*place, "owner"):
            if owner.lower() not in {**self._world.users, **self._world.orgs}:
                raise Refused(422, f"there is no organisation or user {owner!r}")
        self._world.fine_token(wanted.login, owner, permissions, repos=repos, text=wanted.token)

    def org(self, wanted: seed.Org) -> None:
        org = self._world.org(wanted.login, members=wanted.members, owners=wanted.owners)
        org.default_permission = wanted.default_permission
        for team in wanted.teams:
            for login in (*team.members, *team.maintainers):
                self._known(login)
            parent = self._world.team(org, team.parent) if team.parent else None
            made = self._world.add_team(org, team.name, members=team.members, parent=parent, privacy=team.privacy)
            for login in team.maintainers:
                made.memberships[login.lower()] = Membership(self._world.user(login), "maintainer")
        for hook in wanted.hooks:
            _check_address(hook)
            apps.check_event_names(hook.events)
            self._world.add_hook(org, url=hook.url, secret=hook.secret, events=hook.events)

    # Apps

    def app(self, wanted: seed.App, place: Place) -> None:
        world = self._world
        with self.at(*place, "slug"):
            if wanted.slug in world.apps:
                raise Refused(422, f"there is an app {wanted.slug!r} already")
        with self.at(*place, "permissions"):
            apps.check_permissions(wanted.permissions)
        with self.at(*place, "events"):
            apps.check_events(wanted.permissions, wanted.events)
        with self.at(*place, "id"):
            if any(app.id == wanted.id for app in world.apps.values()):
                raise Refused(422, f"another app has the id {wanted.id}")
        with self.at(*place):
            made = world.app(
                wanted.slug,
                owner=wanted.owner,
                permissions=wanted.permissions,
                events=wanted.events,
                number=wanted.id,
            )
            if wanted.hook is not None:
                _check_address(wanted.hook)
                world.set_app_hook(made, url=wanted.hook.url, secret=wanted.hook.secret)
        if wanted.key:
            with self.at(*place, "key"):
                made.public_keys.append(self._public_key(self._file(wanted.key)))

    def _public_key(self, path: Path) -> str:
        """Of the key in this file; a new private key is put there when there is none."""
        try:
            if path.exists():
                return apps.public_of(path.read_bytes())
            private, public = apps.new_key()
            path.touch(mode=0o600)
            path.write_text(private, encoding="ascii")
        except OSError as error:
            raise Refused(422, f"{path}: {error.strerror}") from error
        return public

    def install(self, wanted: seed.App, where: seed.Installation) -> None:
        world = self._world
        if where.account.lower() not in {**world.users, **world.orgs}:
            raise Refused(422, f"there is no organisation or user {where.account!r}")
        app = world.apps[wanted.slug]
        if world.installation_of(app, where.account) is not None:
            raise Refused(422, f"{wanted.slug} is installed on {where.account} already")
        if where.id in world.installations:
            raise Refused(422, f"another installation has the id {where.id}")
        repos = [world.named(name) for name in where.repos] if where.repos is not None else None
        for repo in repos or ():
            if repo.owner.lower() != where.account.lower():
                raise Refused(422, f"{repo.full_name} is not of {where.account}")
        made = world.install(app, where.account, repos=repos, number=where.id)
        if where.suspended:
            account = made.account
            owners = [m.user.login for m in account.memberships.values() if m.role == "admin"] if isinstance(account, Org) else [account.login]  # fmt: skip
            world.suspend(made, owners[0] if owners else "ghost")

    # Repositories

    async def repo(self, wanted: seed.Repo, place: Place) -> RepoStory:
        world = self._world
        with self.at(*place, "clone" if wanted.clone and self._folder is None else "name"):
            if wanted.name.count("/") != 1:
                raise Refused(422, f"{wanted.name!r} is not of the form org/repo")
            owner = wanted.name.partition("/")[0].lower()
            if owner not in world.orgs and owner not in world.users:
                raise Refused(422, f"there is no organisation or user {owner!r}: name it above")
            clone = self._file(wanted.clone) if wanted.clone else None
            repo = await world.create_repo(wanted.name, files=wanted.files, clone=clone, branch=wanted.default_branch)
        self._settings(repo, wanted, place)
        story = RepoStory(self._sim, repo)
        for login, level in wanted.collaborators.items():
            with self.at(*place, "collaborators", login):
                self._level(level)
                self._known(login)
                story.collaborator(login, level)
        for slug, level in wanted.teams.items():
            with self.at(*place, "teams", slug):
                self._level(level)
                repo.teams[self._team(repo, slug)] = level
        for i, label in enumerate(wanted.labels):
            with self.at(*place, "labels", i):
                await world.create_label(repo, _GIT, label.name, color=label.color, description=label.description)
        for i, branch in enumerate(wanted.branches):
            with self.at(*place, "branches", i):
                await self._branch(story, branch)
        for i, one in enumerate(wanted.protection):
            with self.at(*place, "protection", i):
                repo.protections[one.branch] = self._protection(repo, one)
        for i, hook in enumerate(wanted.hooks):
            with self.at(*place, "hooks", i, "url"):
                _check_address(hook)
            with self.at(*place, "hooks", i, "events"):
                apps.check_event_names(hook.events)
                world.add_hook(repo, url=hook.url, secret=hook.secret, events=hook.events)
        return story

    def _settings(self, repo: Repo, wanted: seed.Repo, place: Place) -> None:
        repo.private, repo.delete_branch_on_merge = wanted.private, wanted.delete_branch_on_merge
        if wanted.allow_auto_merge:
            repo.settings["allow_auto_merge"] = True
        merges = (wanted.allow_merge_commit, wanted.allow_squash_merge, wanted.allow_rebase_merge)
        with self.at(*place, "name"):
            if not any(merges):
                raise Refused(422, "one way to merge has to be allowed")
        repo.allow_merge_commit, repo.allow_squash_merge, repo.allow_rebase_merge = merges
        if wanted.description:
            repo.settings["description"] = wanted.description
        if wanted.topics:
            with self.at(*place, "topics"):
                repo.settings["topics"] = [topic.lower() for topic in wanted.topics]
                check_topics(repo.settings["topics"])

    @staticmethod
    def _level(level: str) -> None:
        if level not in PERMISSIONS[1:]:
            raise Refused(422, f"{level!r} is no permission: say {', '.join(PERMISSIONS[1:])}")

    def _team(self, repo: Repo, slug: str) -> str:
        org = self._world.orgs.get(repo.owner.lower())
        if org is None or slug.lower() not in org.teams:
            raise Refused(422, f"{repo.owner} has no team {slug!r}")
        return slug.lower()

    async def _branch(self, story: RepoStory, branch: seed.Branch) -> None:
        repo, start = story.repo, await story.tip(branch.start)
        if not start:
            raise Refused(422, f"there is no branch {branch.start or repo.default_branch!r} to begin at")
        if branch.files:
            author = repo.owner if repo.owner.lower() in self._world.users else _GIT
            await self._world.commit(
                repo, author, branch.name, branch.files, message=branch.name, quiet=True, start=start
            )
        else:
            await self._world.move_ref(repo, Identity(_GIT), f"refs/heads/{branch.name}", start)

    def _app_id(self, slug: str) -> int:
        if slug not in self._world.apps:
            raise Refused(422, f"there is no app {slug!r}: name it among apps")
        return self._world.apps[slug].id

    def _protection(self, repo: Repo, one: seed.Protection) -> Protection:
        for login in one.pushers or ():
            self._known(login)
        for slug in one.push_apps:
            self._app_id(slug)
        teams = frozenset(self._team(repo, slug) for slug in one.push_teams)
        restricted = one.pushers is not None or bool(one.push_teams or one.push_apps)
        return Protection(
            contexts=tuple(dict.fromkeys((*one.contexts, *one.apps))) if one.contexts is not None else tuple(one.apps) or None,
            apps={context: self._app_id(slug) for context, slug in one.apps.items()},
            strict=one.strict,
            reviews=one.reviews,
            dismiss_stale=one.dismiss_stale,
            code_owners=one.code_owners,
            last_push=one.last_push,
            conversations=one.conversations,
            linear=one.linear,
            signatures=one.signatures,
            force_pushes=one.force_pushes,
            deletions=one.deletions,
            locked=one.locked,
            enforce_admins=one.enforce_admins,
            pushers=frozenset(login.lower() for login in one.pushers or ()) if restricted else None,
            push_teams=teams,
            push_apps=frozenset(one.push_apps),
        )  # fmt: skip


def _check_address(hook: seed.Hook) -> None:
    if not hook.url.startswith(("http://", "https://")):
        raise Refused(422, f"{hook.url!r} is no address for a hook: it begins with http:// or https://")
