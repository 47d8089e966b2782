"""The tokens of a GitHub App: one for each organisation that it is installed in.

GitHub is asked where the App is installed when an organisation comes up that is not known, at most once a minute for each. A token is
made on first use and again a minute before it expires; whoever needs it meanwhile waits for the same request. Both
questions go through a client of their own, which asks as the App itself.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import timedelta

import msgspec

import prow
from prow.github.app_key import AppKey, AppTokens
from prow.github.apps import Apps, Installation
from prow.github.call import Cost
from prow.github.errors import BadCredentials, BadName, NotFound, Refused
from prow.github.rules import Options
from prow.github.tokens import Credential
from prow.github.transport import Transport
from prow.lib import logs
from prow.lib.clock import Clock

_log = logs.get("github")
_RENEW_BEFORE = timedelta(minutes=1)
_LIST_AGAIN_AFTER = 60.0
_FOR_APP = re.compile(r"/app(?:/|\?|$)|/repos/[^/]+/[^/]+/installation(?:\?|$)", re.ASCII)


class NotInstalled(Refused):
    """The App has no installation in this organisation, or a suspended one. The text says who can do what."""


class _Known:
    """An installation and its newest token."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.credential = Credential()
        self.before = ""
        self.lock = asyncio.Lock()


class Installations:
    """`web`: what stands before the paths of web pages. `censor` gets every token that is made, `forget` those that are over. Close it with `aclose`."""

    app = True

    def __init__(
        self,
        app_id: str,
        key: AppKey,
        *,
        clock: Clock,
        component: str,
        endpoints: Sequence[str] = ("https://api.github.com",),
        options: Options | None = None,
        web: str = "https://github.com",
        censor: Callable[[bytes], None] = lambda _: None,
        forget: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self._own = AppTokens(app_id, key, clock=clock)
        self._transport = Transport(
            clock=clock,
            tokens=self._own,
            component=component,
            version=prow.__version__,
            endpoints=endpoints,
            options=options,
        )
        self._asks = Apps(self._transport, caller="app", cost=Cost.INTERACTIVE)
        self._clock = clock
        self._app_id = app_id
        self._web = web
        self._censor = censor
        self._forget = forget
        self._known: dict[str, _Known] = {}
        self._slug = ""
        self._listed: dict[str, float] = {}
        self._unknown = False
        self._listing = asyncio.Lock()

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def token(self, org: str) -> str:
        return (await self.credential(org)).token

    async def credential(self, org: str, path: str = "") -> Credential:
        """Raises NotInstalled, and the client's errors when GitHub cannot be asked."""
        if _FOR_APP.match(path):
            own = await self._own.credential(org, path)
            named = self._slug and path.partition("?")[0] != "/app"
            return msgspec.structs.replace(own, budget=self._slug, token_hash=self._slug) if named else own
        if not org:
            raise BadName(f"{path or 'this call'}: a GitHub App asks for an organisation, and this names none")
        known = await self._installation(org)
        if not self._good(known.credential):
            async with known.lock:
                if not self._good(known.credential):
                    await self._make(org, known)
        return known.credential

    async def renew(self, used: Credential, org: str) -> bool:
        known = self._known.get(org.lower())
        if known is None or not org:
            return await self._own.renew(used, org)
        if known.credential.token == used.token:
            known.credential = msgspec.structs.replace(used, expires=None)
        return True

    def _good(self, credential: Credential) -> bool:
        expires = credential.expires
        return expires is not None and self._clock.now() < expires - _RENEW_BEFORE

    async def _installation(self, org: str) -> _Known:
        known = self._known.get(org.lower())
        if known is None or known.installation.suspended_at is not None:
            await self._list(org.lower())
            known = self._known.get(org.lower())
        if known is None:
            raise NotInstalled(
                f"the GitHub App {self._slug or self._app_id} is not installed in {org}: an owner of {org} can install it at "
                f"{self._page('installations/new')}"
            )
        if known.installation.suspended_at is not None:
            raise self._suspended(org, known.installation)
        return known

    async def _list(self, org: str) -> None:
        async with self._listing:
            known = self._known.get(org)
            if known is not None and known.installation.suspended_at is None:
                return
            now = self._clock.monotonic()
            if now - self._listed.get(org, -_LIST_AGAIN_AFTER) < _LIST_AGAIN_AFTER:
                return
            found = await self._installations()
            self._slug = next((each.app_slug for each in found if each.app_slug), self._slug)
            if not self._slug:
                self._slug = (await self._asks.get_app()).slug
            fresh: dict[str, _Known] = {}
            for each in found:
                name = each.account.login.lower() if each.account is not None else ""
                before = self._known.get(name)
                if before is not None and before.installation.id == each.id:
                    before.installation = each
                fresh[name] = before if before is not None and before.installation.id == each.id else _Known(each)
            self._known = fresh
            self._listed[org] = now

    async def _installations(self) -> tuple[Installation, ...]:
        try:
            found = await self._asks.list_installations()
        except NotFound:
            raise Refused(f"GitHub knows no App with the id {self._app_id}: see --github-app-id") from None
        except BadCredentials as error:
            raise self._key_unknown(error) from None
        self._unknown = False
        return found

    def _key_unknown(self, error: BadCredentials) -> BadCredentials:
        """Say so once, until the key is known again."""
        if not self._unknown:
            self._unknown = True
            _log.error(
                "GitHub does not know the App's key (any more). Put another one into its file: it is read at once, and what waits goes on.",
                app=self._app_id,
            )
        return BadCredentials(f"{error}: does the key of --github-app-private-key-path belong to the App?")

    async def _make(self, org: str, known: _Known) -> None:
        installation = known.installation
        try:
            made = await self._asks.create_installation_token(installation.id)
        except BadCredentials as error:
            raise self._key_unknown(error) from None
        except NotFound:
            self._known.pop(org.lower(), None)
            self._listed.pop(org.lower(), None)
            raise NotInstalled(
                f"the GitHub App {self._slug} is not installed in {org} any more: an owner of {org} can install it at "
                f"{self._page('installations/new')}"
            ) from None
        except Refused as error:
            if "suspended" in str(error).lower():
                known.installation = msgspec.structs.replace(installation, suspended_at=self._clock.now())
                raise self._suspended(org, known.installation) from None
            raise
        self._unknown = False
        self._censor(made.token.encode())
        if known.before:
            self._forget(known.before.encode())
        known.before = known.credential.token
        identity = f"app {self._app_id} installation {installation.id}"
        account = installation.account.login if installation.account is not None else org
        budget = f"{self._slug} - {account}"
        known.credential = Credential(made.token, identity, budget, made.expires_at, token_hash=budget)

    def _suspended(self, org: str, installation: Installation) -> NotInstalled:
        since = installation.suspended_at
        when = f" since {since:%Y-%m-%d %H:%M} UTC" if since is not None else ""
        return NotInstalled(
            f"the installation of the GitHub App {self._slug} in {org} is suspended{when}: an owner of {org} can end that at "
            f"{self._web}/organizations/{org}/settings/installations/{installation.id}"
        )

    def _page(self, tail: str) -> str:
        return f"{self._web}/apps/{self._slug or 'NAME'}/{tail}"
