"""Where the credentials of a request come from.

A `Tokens` answers per organisation, since installation tokens of a GitHub App belong to one (`installations`); a personal
token is the same for all. Whoever only needs a token (git) asks for `token`; the client asks for the whole `Credential`.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from prow.lib import logs
from prow.lib.errors import UsageError

_log = logs.get("github")
NOBODY = "anonymous"


class Credential(msgspec.Struct, frozen=True):
    """What a request is made with.

    `identity`: stands for it in caches and limits; the tokens of one installation share it. `budget`, `expires`: what a
    ghproxy in between is told, so that it books renewed tokens together. `token_hash`: stands for it in metrics, as in those of
    ghproxies, ours and the original.
    """

    token: str = ""
    identity: str = NOBODY
    budget: str = ""
    expires: datetime | None = None
    token_hash: str = NOBODY


class Tokens(Protocol):
    async def token(self, org: str) -> str:
        """The token for a request about `org` (empty: about none); empty: ask anonymously."""
        ...

    async def credential(self, org: str, path: str = "") -> Credential:
        """The same with what else is known of it. `path`: some of GitHub's API is for the App itself, not for its installations."""
        ...

    async def renew(self, used: Credential, org: str) -> bool:
        """GitHub does not know `used` (401): get another one. False: there is none, so asking again is no use."""
        ...

    @property
    def app(self) -> bool:
        """Whether we are a GitHub App."""
        ...


class _Secret(Protocol):
    """`lib.secrets.Secret`, or what can be read like one."""

    path: Path

    @property
    def text(self) -> str: ...

    async def reread(self) -> None: ...


class TokenFile:
    """A personal token in a secret file that is re-read when it changes (`lib.secrets.Secret`). What can be no token leaves the last one."""

    app = False

    def __init__(self, secret: _Secret) -> None:
        """Raises `UsageError` for what can be no token."""
        if not _can_be_token(secret.text):
            raise UsageError("--github-token-path: this is no token: it must be one word of printable characters")
        self._secret = secret
        self._seen = secret.text
        self._newest = of_token(secret.text)
        self._unknown = ""

    async def token(self, org: str) -> str:  # noqa: ARG002 - the same for every organisation
        return self._now().token

    async def credential(self, org: str, path: str = "") -> Credential:  # noqa: ARG002
        return self._now()

    def _now(self) -> Credential:
        text = self._secret.text
        if text != self._seen:
            self._seen = text
            if _can_be_token(text):
                self._newest = of_token(text)
            else:
                _log.error(
                    "What is in the token's file now is no token: it must be one word of printable characters. The last one stays in force.",
                    path=str(self._secret.path),
                )
        return self._newest

    async def renew(self, used: Credential, org: str) -> bool:  # noqa: ARG002
        if self._now().token == used.token:
            await self._secret.reread()
        if self._now().token != used.token:
            return True
        if self._unknown != used.identity:
            self._unknown = used.identity
            _log.error(
                "GitHub does not know our token (any more). Put a new one into its file: it is read at once, and what waits goes on.",
                path=str(self._secret.path),
            )
        return False


def _can_be_token(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


class FixedToken:
    """A token that never changes; empty: anonymous."""

    app = False

    def __init__(self, token: str = "") -> None:
        self._credential = of_token(token)

    async def token(self, org: str) -> str:  # noqa: ARG002
        return self._credential.token

    async def credential(self, org: str, path: str = "") -> Credential:  # noqa: ARG002
        return self._credential

    async def renew(self, used: Credential, org: str) -> bool:  # noqa: ARG002
        return False


def of_token(token: str) -> Credential:
    """The credential that a personal token makes."""
    hashed = hashlib.sha256(f"Bearer {token}".encode()).hexdigest() if token else NOBODY
    return Credential(token, identity_of(token), token_hash=hashed)


def identity_of(token: str) -> str:
    """What stands for a token in caches and metrics. It cannot be turned back."""
    return hashlib.sha256(token.encode()).hexdigest()[:16] if token else NOBODY
