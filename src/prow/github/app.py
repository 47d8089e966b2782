"""What the GitHub App itself may ask: who it is, where it is installed, and for tokens of its installations."""

from __future__ import annotations

from datetime import datetime

import msgspec

from prow.github.area import Area, at, repo_at, typed


class Account(msgspec.Struct, frozen=True):
    login: str = ""


class App(msgspec.Struct, frozen=True):
    id: int = 0
    slug: str = ""
    name: str | None = None


class Installation(msgspec.Struct, frozen=True):
    """`account`: the organisation or user. `suspended_at`: somebody has switched it off there."""

    id: int
    account: Account = Account()
    app_slug: str = ""
    suspended_at: datetime | None = None


class InstallationToken(msgspec.Struct, frozen=True):
    token: str
    expires_at: datetime


class Apps(Area):
    async def get_app(self) -> App:
        return await self._read(App, at("/app", {}))

    async def list_installations(self) -> tuple[Installation, ...]:
        return await self._list(Installation, at("/app/installations", {}))

    async def get_repo_installation(self, org: str, repo: str) -> Installation:
        """Raises NotFound where the App may not see that repository."""
        return await self._read(Installation, repo_at("/installation", org, repo))

    async def create_installation_token(self, installation: int) -> InstallationToken:
        """Every call makes a new one; the older ones stay valid until they expire."""
        place = at("/app/installations/:installationId/access_tokens", {"installationId": installation})
        return typed(await self._ask("POST", place), InstallationToken, place)
