"""Where the credentials of a request come from.

A `Tokens` answers per organisation, since installation tokens of a GitHub App belong to one; a personal token is the same
for all. App authentication will be a further implementation of the same port (and import its cryptography only then).
"""

from __future__ import annotations

import hashlib
from typing import Protocol

from prow.lib.errors import UsageError


class Tokens(Protocol):
    async def token(self, org: str) -> str:
        """The token for a request about `org` (empty: about none); empty: ask anonymously."""
        ...


class _HasText(Protocol):
    @property
    def text(self) -> str: ...


class TokenFile:
    """A personal token in a secret file that is re-read when it changes (`lib.secrets.Secret`)."""

    def __init__(self, secret: _HasText) -> None:
        """Raises `UsageError` for what can be no token."""
        if not secret.text.isascii() or not secret.text.isprintable() or " " in secret.text:
            raise UsageError("--github-token-path: this is no token: it must be one word of printable characters")
        self._secret = secret

    async def token(self, org: str) -> str:  # noqa: ARG002 - the same for every organisation
        return self._secret.text


class Anonymous:
    async def token(self, org: str) -> str:  # noqa: ARG002
        return ""


def identity_of(token: str) -> str:
    """What stands for a token in caches and metrics. It cannot be turned back."""
    return hashlib.sha256(token.encode()).hexdigest()[:16] if token else "anonymous"
