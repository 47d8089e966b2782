"""Apps and where they are installed: what changes about that, and what the app is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prow.sim.apps import App, Installation
from prow.sim.payloads import Json
from prow.sim.state import Hook, Repo, User
from prow.sim.world.base import ZEN, Base


class Installations(Base):
    def set_app_hook(self, app: App, *, url: str, secret: str) -> Hook:
        """Where an app is told of its events, in place of where it was told before; pinged at once."""
        hook = app.hook = Hook(self.new_id(), url, secret, app.events, target=("integration", app.id))
        payload: Json = {"zen": ZEN, "hook_id": hook.id, "hook": self.json.app_hook(app, hook)}
        self.hooks.send(hook, "ping", payload)
        return hook

    def install(
        self, app: App, account: str, *, repos: Sequence[Repo] | None = None, login: str = "", number: int = 0
    ) -> Installation:
        """Put an app on a user or an organisation, for all repositories or for these; permissions are the app's.

        `login`: who does it, an owner unless told. `number`: its id, else the next one.
        """
        now, where = self.clock.now(), self.owner(account)
        selected = {repo.id for repo in repos} if repos is not None else None
        made = Installation(number or self.new_id(), app, where, dict(app.permissions), now, now, selected)
        self.installations[made.id] = made
        self._installation_event(made, "created", login)
        return made

    def suspend(self, installation: Installation, login: str) -> None:
        """Its tokens rest, and it hears of nothing."""
        if installation.suspended_at is None:
            installation.suspended_at = installation.updated_at = self.clock.now()
            installation.suspended_by = self.user(login)
            self._installation_event(installation, "suspend", login)

    def unsuspend(self, installation: Installation, login: str = "") -> None:
        if installation.suspended_at is not None:
            installation.suspended_at = installation.suspended_by = None
            installation.updated_at = self.clock.now()
            self._installation_event(installation, "unsuspend", login)

    def uninstall(self, installation: Installation, login: str = "") -> None:
        """Its tokens end with it."""
        self._installation_event(installation, "deleted", login)
        self.installations.pop(installation.id, None)
        self.tokens = {t: kept for t, kept in self.tokens.items() if kept.identity.installation is not installation}

    def accept_permissions(self, installation: Installation, login: str = "") -> None:
        """What the app wants by now: until somebody accepts it, an installation keeps the permissions that it had."""
        installation.permissions, installation.updated_at = dict(installation.app.permissions), self.clock.now()
        self._installation_event(installation, "new_permissions_accepted", login)

    def give_repos(self, installation: Installation, repos: Iterable[Repo], login: str = "") -> None:
        """These, too. An installation for all repositories has them already."""
        if installation.repos is not None:
            new = [repo for repo in repos if repo.id not in installation.repos]
            installation.repos |= {repo.id for repo in new}
            self._repositories_event(installation, login, added=new)

    def take_repos(self, installation: Installation, repos: Iterable[Repo], login: str = "") -> None:
        """These no more. Tokens that were made for them do not see them from then on."""
        if installation.repos is not None:
            gone = [repo for repo in repos if repo.id in installation.repos]
            installation.repos -= {repo.id for repo in gone}
            self._repositories_event(installation, login, removed=gone)

    def tell_of_new_repo(self, repo: Repo, login: str) -> None:
        """Whoever is installed for all repositories is told of a new one."""
        for installation in self.installed_at(repo):
            if installation.repos is None:
                self._repositories_event(installation, login, added=[repo])

    # Events

    def _sender(self, installation: Installation, login: str) -> User:
        """Who did it; an owner of the account, if nobody else."""
        account = installation.account
        if login or isinstance(account, User):
            return self.user(login or account.login)
        members = sorted(account.memberships.values(), key=lambda one: one.role != "admin")
        return members[0].user if members else self.user("ghost")

    def _installation_event(self, installation: Installation, action: str, login: str) -> None:
        payload: Json = {"action": action, "installation": self._told(installation)}
        payload["repositories"] = [self.json.installed_repo(repo) for repo in self.installed_repos(installation)]
        self._tell_app(installation, "installation", payload, login)

    def _repositories_event(
        self, installation: Installation, login: str, *, added: Sequence[Repo] = (), removed: Sequence[Repo] = ()
    ) -> None:
        if not added and not removed:
            return
        installation.updated_at = self.clock.now()
        payload: Json = {
            "action": "added" if added else "removed",
            "installation": self._told(installation),
            "repository_selection": "all" if installation.repos is None else "selected",
            "repositories_added": [self.json.installed_repo(repo) for repo in added],
            "repositories_removed": [self.json.installed_repo(repo) for repo in removed],
            "requester": None,
        }
        self._tell_app(installation, "installation_repositories", payload, login)

    def _told(self, installation: Installation) -> Json:
        """As events tell it."""
        found = self.json.installation(installation)
        return {name: value for name, value in found.items() if name != "client_id"}

    def _tell_app(self, installation: Installation, event: str, payload: Json, login: str) -> None:
        """An app hears of its installations whether it asked for it or not."""
        hook = installation.app.hook
        if hook is None or not hook.active:
            return
        self.hooks.send(hook, event, payload | {"sender": self.json.user(self._sender(installation, login))})
