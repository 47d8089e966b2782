"""The private key of a GitHub App, and what it signs: `AppKey(secret).sign(...)` makes a JSON Web Token (RS256).

The cryptography is imported when a key is first used: only whoever is an App pays for it. The key follows its file.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from prow.github.tokens import Credential
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_log = logs.get("github")
_FLAG = "--github-app-private-key-path"
_BACKDATED = timedelta(seconds=60)
"""For a clock of ours that is ahead of GitHub's; GitHub advises it."""
_VALID = timedelta(minutes=9)
_RENEW_BEFORE = timedelta(minutes=1)


class _Secret(Protocol):
    @property
    def value(self) -> bytes: ...

    async def reread(self) -> None: ...


class AppKey:
    """`secret`: the PEM file. Raises `UsageError` for what is no RSA key."""

    def __init__(self, secret: _Secret) -> None:
        self._secret = secret
        self._pem = secret.value
        self._key = _parsed(self._pem)

    async def reread(self) -> None:
        """Look at the file now."""
        await self._secret.reread()

    @property
    def pem(self) -> bytes:
        return self._secret.value

    def sign(self, app_id: str, *, now: datetime) -> tuple[str, datetime]:
        """A token for the App itself, and when it expires. A file that became unreadable as a key leaves the last good one."""
        import jwt  # noqa: PLC0415 - with all its cryptography

        if self._secret.value != self._pem:
            self._pem = self._secret.value
            try:
                self._key = _parsed(self._pem)
            except UsageError as error:
                _log.warning(
                    "The changed key of the GitHub App cannot be used; the one before stays.", error=str(error)
                )
        expires = now + _VALID
        claims = {
            "iat": int((now - _BACKDATED).timestamp()),
            "exp": int(expires.timestamp()),
            "iss": app_id,
        }
        return jwt.encode(claims, self._key, algorithm="RS256"), expires


class AppTokens:
    """The credentials of the App itself, for the few calls that are not about an installation."""

    app = True

    def __init__(self, app_id: str, key: AppKey, *, clock: Clock) -> None:
        self._app_id = app_id
        self._key = key
        self._clock = clock
        self._pem = key.pem
        self._signed = Credential()

    async def token(self, org: str) -> str:
        return (await self.credential(org)).token

    async def credential(self, org: str, path: str = "") -> Credential:  # noqa: ARG002 - the App's own in any case
        now = self._clock.now()
        expires = self._signed.expires
        if expires is None or now >= expires - _RENEW_BEFORE or self._key.pem != self._pem:
            self._pem = self._key.pem
            token, expires = self._key.sign(self._app_id, now=now)
            self._signed = Credential(token, f"app {self._app_id}", self._app_id, expires, token_hash=self._app_id)
        return self._signed

    async def renew(self, used: Credential, org: str) -> bool:
        before = self._key.pem
        await self._key.reread()
        return self._key.pem != before or (await self.credential(org)).token != used.token


def _parsed(pem: bytes) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise UsageError(f"{_FLAG}: this is no RSA private key in PEM form, as GitHub gives it for an App")
    return key
