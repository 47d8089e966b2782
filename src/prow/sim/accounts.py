"""Who calls: tokens, and what they are good for."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import Request

from prow.sim.apps import App, Installation

ALL_SCOPES = frozenset(
    {
        "repo",
        "workflow",
        "admin:org",
        "admin:repo_hook",
        "admin:org_hook",
        "user",
        "delete_repo",
    }
)
"""What a classic token has that was given everything Prow's documentation asks for."""
_CONTAINED = {
    "repo": {"repo:status", "repo_deployment", "public_repo", "repo:invite", "security_events"},
    "admin:org": {"write:org", "read:org"},
    "write:org": {"read:org"},
    "admin:repo_hook": {"write:repo_hook", "read:repo_hook"},
    "write:repo_hook": {"read:repo_hook"},
    "user": {"read:user", "user:email", "user:follow"},
}


def with_contained(scopes: frozenset[str]) -> frozenset[str]:
    """A scope contains smaller ones."""
    found = set(scopes)
    for name in scopes:
        found |= _CONTAINED.get(name, set())
    return frozenset(found | {inner for name in found for inner in _CONTAINED.get(name, ())})


@dataclass(frozen=True)
class Identity:
    """Who calls, and with which rights. Without `login`: nobody, or an app by its web token.

    `scopes`: of a classic token. `permissions`, `repos`: of an installation's or a fine-grained token; `repos` None: all of the account.
    `owner`: whose resources a fine-grained token is for, in lower case; empty: it is none. `expires`: of a person's token.
    """

    login: str | None = None
    scopes: frozenset[str] | None = None
    app: App | None = None
    installation: Installation | None = None
    permissions: dict[str, str] = field(default_factory=dict)
    repos: frozenset[int] | None = None
    owner: str = ""
    expires: datetime | None = None

    @property
    def granular(self) -> bool:
        """Whether permissions bind it, in place of scopes."""
        return self.installation is not None or bool(self.owner)

    @property
    def key(self) -> str:
        """Whose limits it spends: users have theirs, each installation has its own."""
        if self.installation is not None:
            return f"installation/{self.installation.id}"
        return f"app/{self.app.id}" if self.app is not None else (self.login or "").lower()

    def has_scope(self, *accepted: str) -> bool:
        """One of these is enough; what is no classic token has none and needs none."""
        return self.scopes is None or not accepted or bool(with_contained(self.scopes) & set(accepted))


NOBODY = Identity()


@dataclass
class Token:
    """`expires`: by the simulator's clock; None: never."""

    identity: Identity
    expires: datetime | None = None


def token_of(request: Request) -> str | None:
    """The token of a request: `token X`, `Bearer X`, or the password of basic authentication (git)."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "token" | "bearer":
            return rest.strip()
        case "basic":
            try:
                user, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
            except ValueError:
                return ""
            return password if password not in {"", "x-oauth-basic"} else user
        case _:
            return None
