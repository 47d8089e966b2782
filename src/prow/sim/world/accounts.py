"""Accounts and what they may do: users, organisations, tokens, apps and their installations."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from prow.lib.clock import Clock
from prow.lib.ids import Ids
from prow.sim import apps
from prow.sim.accounts import ALL_SCOPES, Identity, Token
from prow.sim.apps import App, Installation
from prow.sim.errors import Refused, not_found
from prow.sim.limits import Budget, Budgets
from prow.sim.payloads import Payloads
from prow.sim.state import Membership, Org, Repo, RepoInvitation, Team, User
from prow.sim.webhooks import Webhooks

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
PERMISSIONS = ("none", "read", "triage", "write", "maintain", "admin")
_MOST_TOKENS = 2_000
_OF_APP = (("administration", "admin"), ("contents", "write"), ("issues", "triage"), ("pull_requests", "triage"))


class Accounts:
    """All state. `base`: the address people and programs use, set when it is served."""

    def __init__(self, root: Path, *, clock: Clock, ids: Ids) -> None:
        self.root = root
        self.clock = clock
        self.base = "http://sim.invalid"
        self.users: dict[str, User] = {}
        self.orgs: dict[str, Org] = {}
        self.repos: dict[str, Repo] = {}
        self.former_names: dict[str, Repo] = {}
        """Names that repositories had before."""
        self.tokens: dict[str, Token] = {}
        self.repo_invitations: list[RepoInvitation] = []
        self.apps: dict[str, App] = {}
        self.installations: dict[int, Installation] = {}
        self.hooks = Webhooks(clock=clock, ids=ids)
        self.budgets = Budgets(clock)
        self.last_id = 1000

    @property
    def json(self) -> Payloads:
        return Payloads(self.base, self.association)

    @property
    def seconds(self) -> int:
        """The time as git takes it."""
        return int(self.clock.now().timestamp())

    def new_id(self) -> int:
        """One sequence for everything, as good as GitHub's many."""
        self.last_id += 1
        return self.last_id

    # People

    def user(self, login: str, *, type: str = "") -> User:  # noqa: A002 - GitHub's word
        """The user of that login, made when it is new: a Bot when the login ends in `[bot]`."""
        check_name(login.removesuffix("[bot]"))
        found = self.users.get(login.lower())
        if found is None:
            kind = type or ("Bot" if login.endswith("[bot]") else "User")
            found = self.users[login.lower()] = User(login, self.new_id(), kind)
        return found

    def known(self, login: str) -> User:
        """The user of that login, who has to be there: a slip of the pen is no new person."""
        found = self.users.get(login.lower())
        if found is None:
            raise Refused(422, f"nobody is called {login!r}: name him among users, owners or members")
        return found

    def named(self, full_name: str) -> Repo:
        """The repository of that name, which has to be there under it."""
        found = self.repos.get(full_name.lower())
        if found is None:
            raise Refused(422, f"there is no repository {full_name!r}")
        return found

    def org(self, login: str, *, members: Sequence[str] = (), owners: Sequence[str] = (), public: bool = False) -> Org:
        """The organisation of that login, made when it is new; members and owners are added. `public`: everybody may know of them."""
        check_name(login)
        found = self.orgs.get(login.lower())
        if found is None:
            found = self.orgs[login.lower()] = Org(login, self.new_id())
        for names, role in ((members, "member"), (owners, "admin")):
            for name in names:
                found.memberships[name.lower()] = Membership(self.user(name), role, public=public)
        return found

    def owner(self, login: str) -> User | Org:
        return self.orgs.get(login.lower()) or self.user(login)

    def is_member(self, org: str, login: str | None) -> bool:
        found = self.orgs.get(org.lower())
        return found is not None and found.member(login) is not None

    def is_owner(self, org: Org, login: str | None) -> bool:
        """An owner of the organisation, whom REST calls its admin."""
        found = org.member(login)
        return found is not None and found.role == "admin"

    # Teams

    def team(self, org: Org, slug: str) -> Team:
        found = org.teams.get(slug.lower())
        if found is None:
            raise not_found()
        return found

    def children(self, org: Org, team: Team) -> list[Team]:
        return [found for found in org.teams.values() if found.parent is team]

    def team_members(self, org: Org, team: Team) -> dict[str, Membership]:
        """Active members by lower-case login; those of its child teams belong to it, too."""
        found: dict[str, Membership] = {}
        for child in self.children(org, team):
            found |= {login: Membership(m.user) for login, m in self.team_members(org, child).items()}
        return found | {login: m for login, m in team.memberships.items() if m.state == "active"}

    def is_team_member(self, org: Org, team: Team, login: str | None) -> bool:
        return (login or "").lower() in self.team_members(org, team)

    # Tokens

    def token(self, login: str, *, scopes: Sequence[str] | None = None) -> str:
        """A new classic token of this user, for everything unless `scopes` are named."""
        granted = ALL_SCOPES if scopes is None else frozenset(scopes)
        return self._keep("ghp_", Token(Identity(self.user(login).login, granted)))

    def fine_token(
        self, login: str, owner: str, permissions: Mapping[str, str], *, repos: Sequence[Repo] | None = None,
        expires: datetime | None = None, text: str = "",
    ) -> str:  # fmt: skip
        """A fine-grained token of this user for what an account has: for all of its repositories, or for these. `text`: else a new one."""
        ids = frozenset(repo.id for repo in repos) if repos is not None else None
        user, account = self.user(login), self.owner(owner)
        identity = Identity(user.login, None, None, None, dict(permissions), ids, account.login.lower(), expires)
        return self._keep("github_pat_", Token(identity, expires), text)

    def _keep(self, prefix: str, token: Token, text: str = "") -> str:
        text = text or f"{prefix}{secrets.token_hex(18)}"
        self.tokens[text] = token
        if len(self.tokens) > _MOST_TOKENS:
            self._forget_expired()
        return text

    def _forget_expired(self) -> None:
        now = self.clock.now()
        self.tokens = {t: kept for t, kept in self.tokens.items() if kept.expires is None or kept.expires > now}

    def revoke(self, token: str) -> None:
        """It is good for nothing any more."""
        self.tokens.pop(token, None)

    def identify(self, token: str) -> Identity:
        """Who calls with this token or an app's web token; refused when it is none, or none any more."""
        if apps.is_jwt(token):
            return Identity(app=apps.authenticate(token, self.apps.values(), self.clock.now().timestamp()))
        found = self.tokens.get(token)
        if found is None or (found.expires is not None and found.expires <= self.clock.now()):
            raise Refused(401, "Bad credentials")
        installation = found.identity.installation
        if installation is not None and installation.suspended_at is not None:
            raise Refused(403, "This installation has been suspended")
        return found.identity

    def budget(self, who: Identity, resource: str) -> Budget:
        """What this caller has left."""
        repos = len(self.installed_repos(who.installation)) if who.installation is not None else 0
        return self.budgets.of(who, resource, repos=repos)

    # Apps

    def app(
        self,
        slug: str,
        *,
        owner: str = "github",
        permissions: Mapping[str, str] | None = None,
        events: Sequence[str] = (),
        number: int = 0,
    ) -> App:
        """The GitHub App of that name, made when it is new; it acts as `slug[bot]`. `number`: its id, else the next one."""
        found = self.apps.get(slug)
        if found is None:
            bot = self.user(f"{slug}[bot]")
            found = App(
                number or self.new_id(),
                slug,
                self.owner(owner),
                bot,
                self.clock.now(),
                dict(permissions or {}),
                tuple(events),
            )
            self.apps[slug] = found
        return found

    def new_private_key(self, app: App) -> str:
        """A key as PEM with which the app signs; only its public half is kept."""
        private, public = apps.new_key()
        app.public_keys.append(public)
        return private

    def installation_of(self, app: App, account: str) -> Installation | None:
        wanted = account.lower()
        return next(
            (i for i in self.installations.values() if i.app is app and i.account.login.lower() == wanted), None
        )

    def installed_repos(self, installation: Installation) -> list[Repo]:
        owner = installation.account.login.lower()
        own = [repo for repo in self.repos.values() if repo.owner.lower() == owner]
        return [repo for repo in own if installation.repos is None or repo.id in installation.repos]

    def installation_token(
        self, installation: Installation, *, repos: frozenset[int] | None, permissions: Mapping[str, Any]
    ) -> tuple[str, Token]:
        """A token of an hour; `permissions`: fewer than the installation has, empty: all."""
        if installation.suspended_at is not None:
            raise Refused(403, "This installation has been suspended")
        granted = (
            apps.narrowed(installation.permissions, permissions) if permissions else dict(installation.permissions)
        )
        if granted is None:
            raise Refused(422, "The permissions requested are not granted to this installation.")
        kept = frozenset(installation.repos) if installation.repos is not None and repos is None else repos
        app = installation.app
        identity = Identity(app.bot.login, None, app, installation, granted, kept)
        token = Token(identity, self.clock.now() + timedelta(seconds=apps.TOKEN_LIFE))
        return self._keep("ghs_", token), token

    # Rights

    def permission(self, repo: Repo, login: str | None) -> str:
        """What a user may do in a repository: by himself or by one of his teams, whichever is more; a bot what its app may."""
        if login is None:
            return "none" if repo.private else "read"
        if repo.owner.lower() == login.lower():
            return "admin"
        found = ["none" if repo.private else "read"]
        found += [permission for name, permission in repo.collaborators.items() if name.lower() == login.lower()]
        found += self._permissions_of_member(repo, login)
        if login.endswith("[bot]"):
            found += self._permissions_of_app(repo, login)
        return max(found, key=PERMISSIONS.index)

    def _permissions_of_member(self, repo: Repo, login: str) -> list[str]:
        """By the organisation, and by teams."""
        org = self.orgs.get(repo.owner.lower())
        if org is None or org.member(login) is None:
            return []
        if self.is_owner(org, login):
            return ["admin"]
        return [org.default_permission, *(repo.teams[team.slug] for team in self.teams_of(repo, login))]

    def _permissions_of_app(self, repo: Repo, login: str) -> list[str]:
        app = self.apps.get(login.removesuffix("[bot]").lower())
        installed = self.installation_of(app, repo.owner) if app is not None else None
        if installed is None or repo not in self.installed_repos(installed):
            return []
        return ["read", *(level for name, level in _OF_APP if installed.grants(name, "write"))]

    def teams_of(self, repo: Repo, login: str) -> list[Team]:
        """Teams with a right in the repository that the user belongs to; what a parent team may, its children may."""
        org = self.orgs.get(repo.owner.lower())
        teams = (org.teams[slug] for slug in repo.teams if slug in org.teams) if org is not None else ()
        return [team for team in teams if org is not None and self.is_team_member(org, team, login)]

    @staticmethod
    def rank(permission: str) -> int:
        return PERMISSIONS.index(permission)

    def may(self, repo: Repo, login: str | None, needed: str) -> bool:
        return PERMISSIONS.index(self.permission(repo, login)) >= PERMISSIONS.index(needed)

    def sees(self, repo: Repo, who: Identity) -> bool:
        """Whether this caller learns that the repository exists."""
        if not repo.private:
            return True
        if who.granular and not self.covers(repo, who):
            return False
        return who.installation is not None or (self.may(repo, who.login, "read") and who.has_scope("repo"))

    def covers(self, repo: Repo, who: Identity) -> bool:
        """Whether a token with permissions is for this repository; every other token is for all."""
        if who.installation is not None and repo not in self.installed_repos(who.installation):
            return False
        return who.owner in {"", repo.owner.lower()} and (who.repos is None or repo.id in who.repos)

    def may_push(self, repo: Repo, who: Identity) -> bool:
        """By git: a person who may write with a token for that, or an installation that may write contents."""
        if who.granular and not (self.covers(repo, who) and apps.allows(who.permissions, "contents", "write")):
            return False
        if who.installation is not None:
            return True
        return self.may(repo, who.login, "write") and who.has_scope("repo", *(() if repo.private else ("public_repo",)))

    def association(self, repo: Repo, user: User) -> str:
        """What somebody is to a repository, as its events and comments tell it."""
        login = user.login.lower()
        if repo.owner.lower() == login:
            return "OWNER"
        if self.is_member(repo.owner, login):
            return "MEMBER"
        if any(name.lower() == login for name in repo.collaborators):
            return "COLLABORATOR"
        own = [issue.pull for issue in repo.issues.values() if issue.user is user and issue.pull is not None]
        if any(pull.merged for pull in own):
            return "CONTRIBUTOR"
        return "FIRST_TIME_CONTRIBUTOR" if own else "NONE"

    def is_collaborator(self, repo: Repo, login: str) -> bool:
        """Its owner, whoever is named for this repository, and members of its organisation that may read it as such."""
        known = {name.lower() for name in repo.collaborators} | {repo.owner.lower()}
        return login.lower() in known or any(p != "none" for p in self._permissions_of_member(repo, login))


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name.endswith(".git"):
        raise Refused(422, f"{name[:80]!r} cannot be a name")
