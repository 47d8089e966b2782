"""GitHub Apps and their installations."""

from __future__ import annotations

from prow.sim.apps import App, Installation
from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.pulls import Pulls
from prow.sim.state import Hook, Org, Repo


class Apps(Pulls):
    def app(self, app: App, *, webhook: bool = False) -> Json:
        found: Json = {
            "id": app.id,
            "slug": app.slug,
            "client_id": app.client_id,
            "node_id": node("A", app.id),
            "owner": self.owner(app.owner),
            "name": app.slug,
            "description": "",
            "external_url": self.base,
            "html_url": f"{self.base}/apps/{app.slug}",
            "created_at": stamp(app.created_at),
            "updated_at": stamp(app.created_at),
            "permissions": {"metadata": "read"} | app.permissions,
            "events": list(app.events),
        }
        if webhook:
            found.pop("client_id")
        return found

    def installation(self, installation: Installation) -> Json:
        account, api = installation.account, f"{self.base}/app/installations/{installation.id}"
        org = isinstance(account, Org)
        page = f"organizations/{account.login}/settings" if org else "settings"
        suspended_by, suspended_at = installation.suspended_by, installation.suspended_at
        return {
            "id": installation.id,
            "client_id": installation.app.client_id,
            "account": self.owner(account),
            "repository_selection": "all" if installation.repos is None else "selected",
            "access_tokens_url": f"{api}/access_tokens",
            "repositories_url": f"{self.base}/installation/repositories",
            "html_url": f"{self.base}/{page}/installations/{installation.id}",
            "app_id": installation.app.id,
            "app_slug": installation.app.slug,
            "target_id": account.id,
            "target_type": "Organization" if org else "User",
            "permissions": {"metadata": "read"} | installation.permissions,
            "events": list(installation.app.events),
            "created_at": stamp(installation.created_at),
            "updated_at": stamp(installation.updated_at),
            "single_file_name": None,
            "has_multiple_single_files": False,
            "single_file_paths": [],
            "suspended_by": self.user(suspended_by) if suspended_by is not None else None,
            "suspended_at": stamp(suspended_at) if suspended_at is not None else None,
        }

    def app_hook(self, app: App, hook: Hook) -> Json:
        """As its ping tells it."""
        found = self.hook("app", hook)
        return {name: value for name, value in found.items() if name != "last_response"} | {
            "type": "App",
            "app_id": app.id,
        }

    def short_installation(self, installation: Installation) -> Json:
        """As every event for an app names it."""
        return {"id": installation.id, "node_id": node("INST", installation.id)}

    def installed_repo(self, repo: Repo) -> Json:
        """A repository as events of installations name it."""
        about = {"id": repo.id, "node_id": node("R", repo.id), "name": repo.name}
        return about | {"full_name": repo.full_name, "private": repo.private}
