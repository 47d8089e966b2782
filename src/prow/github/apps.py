"""GitHub Apps: who we are as one, and where it is installed."""

from __future__ import annotations

from datetime import datetime

import msgspec

from prow.github.area import Area, at, repo_at, typed
from prow.model.base import Noun
from prow.model.forge import User


class App(Noun, frozen=True):
    id: int = 0
    slug: str = ""
    name: str = ""
    html_url: str = ""


class Installation(Noun, frozen=True):
    """`permissions`: name → read or write. `repository_selection`: all or selected."""

    id: int = 0
    account: User | None = None
    app_id: int = 0
    app_slug: str = ""
    permissions: dict[str, str] = {}
    events: tuple[str, ...] = ()
    repository_selection: str = ""
    suspended_at: datetime | None = None


class InstallationToken(msgspec.Struct, frozen=True):
    token: str
    expires_at: datetime


class _Installations(msgspec.Struct):
    installations: list[Installation] = []


class Apps(Area):
    async def get_app(self) -> App:
        """Ourselves; only for an App."""
        return await self._read(App, at("/app", {}))

    async def list_installations(self) -> tuple[Installation, ...]:
        """Ours; only for an App."""
        return await self._list(Installation, at("/app/installations", {}))

    async def get_repo_installation(self, org: str, repo: str) -> Installation | None:
        """Ours for a repository; None: it is not installed there."""
        place = repo_at("/installation", org, repo)
        answer = await self._ask("GET", place, ok=(404,))
        return None if answer.status == 404 else typed(answer, Installation, place)

    async def create_installation_token(self, installation: int) -> InstallationToken:
        """Every call makes a new one; the older ones stay valid until they expire."""
        place = at("/app/installations/:id/access_tokens", {"id": installation})
        return typed(await self._ask("POST", place), InstallationToken, place)

    async def list_org_installations(self, org: str) -> tuple[Installation, ...]:
        """All Apps in an organisation; for its owners."""
        pages = await self._wrapped(_Installations, at("/orgs/:orgname/installations", {"orgname": org}))
        return tuple(installation for page in pages for installation in page.installations)
