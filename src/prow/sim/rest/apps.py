"""What apps ask: who am I, where am I installed, a token for there."""

from __future__ import annotations

from typing import Any

from prow.sim.apps import App, Installation
from prow.sim.errors import Refused, not_found
from prow.sim.payloads import stamp
from prow.sim.rest.call import INTEGRATION, REPO, Answer, Area, Call, Table, app_of, number, person
from prow.sim.state import Org, Repo, User

_NO_REPO = "There is at least one repository that does not exist or is not accessible to the parent installation."

_OF_USER = "/user/installations/{installation}"


class Apps(Area):
    def table(self) -> Table:
        return {
            ("GET", "/app"): self.get_app,
            ("GET", "/app/installations"): self.list_installations,
            ("GET", "/app/installations/{installation}"): self.get_installation,
            ("DELETE", "/app/installations/{installation}"): self.uninstall,
            ("PUT", "/app/installations/{installation}/suspended"): self.suspend,
            ("DELETE", "/app/installations/{installation}/suspended"): self.unsuspend,
            ("POST", "/app/installations/{installation}/access_tokens"): self.create_token,
            ("GET", "/apps/{slug}"): self.get_app_by_slug,
            ("GET", f"{REPO}/installation"): self.of_repo,
            ("GET", "/orgs/{org}/installation"): self.of_account,
            ("GET", "/users/{login}/installation"): self.of_account,
            ("GET", "/orgs/{org}/installations"): self.of_org,
            ("GET", "/installation/repositories"): self.list_repos,
            ("DELETE", "/installation/token"): self.revoke_token,
            ("GET", "/user/installations"): self.list_administered,
            ("GET", f"{_OF_USER}/repositories"): self.list_repos_for_user,
            ("PUT", f"{_OF_USER}/repositories/{{repository}}"): self.give_repo,
            ("DELETE", f"{_OF_USER}/repositories/{{repository}}"): self.take_repo,
        }

    def _app(self, call: Call) -> App:
        return app_of(call)

    def _installation(self, call: Call) -> Installation:
        found = self.world.installations.get(number(call, "installation"))
        if found is None or found.app is not self._app(call):
            raise not_found()
        return found

    async def get_app(self, call: Call) -> Answer:
        app = self._app(call)
        count = sum(i.app is app for i in self.world.installations.values())
        return Answer(self.world.json.app(app) | {"installations_count": count})

    async def get_app_by_slug(self, call: Call) -> Answer:
        app = self.world.apps.get(call.path["slug"])
        if app is None:
            raise not_found()
        return Answer(self.world.json.app(app))

    async def list_installations(self, call: Call) -> Answer:
        app = self._app(call)
        found = [i for i in self.world.installations.values() if i.app is app]
        return Answer(items=[self.world.json.installation(i) for i in found])

    async def get_installation(self, call: Call) -> Answer:
        return Answer(self.world.json.installation(self._installation(call)))

    async def uninstall(self, call: Call) -> Answer:
        self.world.uninstall(self._installation(call))
        return Answer(status=204)

    async def suspend(self, call: Call) -> Answer:
        installation = self._installation(call)
        owner = installation.app.owner
        self.world.suspend(installation, (owner if isinstance(owner, User) else installation.app.bot).login)
        return Answer(status=204)

    async def unsuspend(self, call: Call) -> Answer:
        self.world.unsuspend(self._installation(call))
        return Answer(status=204)

    async def create_token(self, call: Call) -> Answer:
        installation = self._installation(call)
        wanted: dict[str, Any] = call.body if isinstance(call.body, dict) else {}
        repos = self._wanted_repos(installation, wanted)
        ids = frozenset(repo.id for repo in repos) if repos is not None else None
        text, token = self.world.installation_token(
            installation, repos=ids, permissions=wanted.get("permissions") or {}
        )
        assert token.expires is not None
        found: dict[str, Any] = {
            "token": text,
            "expires_at": stamp(token.expires),
            "permissions": {"metadata": "read"} | token.identity.permissions,
            "repository_selection": "selected" if token.identity.repos is not None else "all",
        }
        if repos is not None:
            found["repositories"] = [self.repo_json(repo) for repo in repos]
        return Answer(found, 201)

    def _wanted_repos(self, installation: Installation, wanted: dict[str, Any]) -> list[Repo] | None:
        """The repositories a token is narrowed to; None: it is not."""
        names, ids = wanted.get("repositories"), wanted.get("repository_ids")
        if not names and not ids:
            return None
        known = self.world.installed_repos(installation)
        by_name = {repo.name.lower(): repo for repo in known}
        by_id = {repo.id: repo for repo in known}
        found = [by_name.get(str(name).lower()) for name in names or ()] + [by_id.get(int(n)) for n in ids or ()]
        if None in found:
            raise Refused(422, _NO_REPO)
        return [repo for repo in found if repo is not None]

    async def of_repo(self, call: Call) -> Answer:
        app, repo = self._app(call), self.world.repo(f"{call.path['owner']}/{call.path['repo']}")
        installation = self.world.installation_of(app, repo.owner)
        if installation is None or repo not in self.world.installed_repos(installation):
            raise not_found()
        return Answer(self.world.json.installation(installation))

    async def of_account(self, call: Call) -> Answer:
        app = self._app(call)
        installation = self.world.installation_of(app, call.path.get("org") or call.path["login"])
        if installation is None:
            raise not_found()
        return Answer(self.world.json.installation(installation))

    async def of_org(self, call: Call) -> Answer:
        org = self.org(call, "admin")
        found = [self.world.json.installation(i) for i in self.world.installations.values() if i.account is org]
        return Answer(items=found, wrap=lambda page: {"total_count": len(found), "installations": list(page)})

    async def list_repos(self, call: Call) -> Answer:
        installation = call.who.installation
        if installation is None:
            raise Refused(403, INTEGRATION)
        found = [r for r in self.world.installed_repos(installation) if self.world.sees(r, call.who)]
        about = {
            "total_count": len(found),
            "repository_selection": "all" if installation.repos is None else "selected",
        }
        items = [self.repo_json(repo, call.login) for repo in found]
        return Answer(items=items, wrap=lambda page: about | {"repositories": list(page)})

    async def revoke_token(self, call: Call) -> Answer:
        """The token it was called with."""
        if call.who.installation is None:
            raise Refused(403, INTEGRATION)
        for text in [t for t, kept in self.world.tokens.items() if kept.identity is call.who]:
            self.world.revoke(text)
        return Answer(status=204)

    # Who administrates an account decides what its installations have

    def _administers(self, installation: Installation, login: str) -> bool:
        account = installation.account
        own = isinstance(account, User) and account.login.lower() == login.lower()
        return own or (isinstance(account, Org) and self.world.is_owner(account, login))

    def _administered(self, call: Call) -> Installation:
        found = self.world.installations.get(number(call, "installation"))
        if found is None or not self._administers(found, person(call)):
            raise not_found()
        return found

    async def list_administered(self, call: Call) -> Answer:
        name = person(call)
        found = [one for one in self.world.installations.values() if self._administers(one, name)]
        items = [self.world.json.installation(one) for one in found]
        return Answer(items=items, wrap=lambda page: {"total_count": len(items), "installations": list(page)})

    async def list_repos_for_user(self, call: Call) -> Answer:
        installation = self._administered(call)
        items = [self.repo_json(repo, call.login) for repo in self.world.installed_repos(installation)]
        chosen = "all" if installation.repos is None else "selected"
        about = {"total_count": len(items), "repository_selection": chosen}
        return Answer(items=items, wrap=lambda page: about | {"repositories": list(page)})

    def _repo_of(self, call: Call) -> tuple[Installation, Repo]:
        """Only where the repositories were chosen one by one."""
        installation, repo = self._administered(call), self.world.repo_by_id(number(call, "repository"))
        if repo.owner.lower() != installation.account.login.lower():
            raise not_found()
        if installation.repos is None:
            raise Refused(422, "This installation has access to all repositories.")
        return installation, repo

    async def give_repo(self, call: Call) -> Answer:
        installation, repo = self._repo_of(call)
        self.world.give_repos(installation, [repo], person(call))
        return Answer(status=204)

    async def take_repo(self, call: Call) -> Answer:
        installation, repo = self._repo_of(call)
        self.world.take_repos(installation, [repo], person(call))
        return Answer(status=204)
