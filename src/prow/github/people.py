"""People, by GraphQL: who we are, who is busy, who has an e-mail address."""

from __future__ import annotations

import msgspec

from prow.github.graphql import GraphQL

_VIEWER = "query { viewer { login } }"
_BUSY = "query($user: String!) { user(login: $user) { login status { indicatesLimitedAvailability } } }"
_BY_EMAIL = "query($email: String!) { search(type: USER, query: $email, first: 5) { edges { node { ... on User { login } } } } }"


class _Login(msgspec.Struct):
    login: str = ""


class _Viewer(msgspec.Struct):
    viewer: _Login


class _Status(msgspec.Struct, rename="camel"):
    indicates_limited_availability: bool = False


class _User(msgspec.Struct):
    login: str = ""
    status: _Status | None = None


class _Busy(msgspec.Struct):
    user: _User | None = None


class _Edge(msgspec.Struct):
    node: _Login = msgspec.field(default_factory=_Login)


class _Hits(msgspec.Struct):
    edges: list[_Edge] = []


class _Found(msgspec.Struct):
    search: _Hits


class People(GraphQL):
    async def viewer_login(self) -> str:
        """Whose token this is."""
        return (await self.graphql(_Viewer, _VIEWER, {})).viewer.login

    async def is_busy(self, user: str, *, org: str = "") -> bool:
        """Whether somebody told GitHub that they have little time. Raises NotFound for nobody. `org` chooses the credentials."""
        found = (await self.graphql(_Busy, _BUSY, {"user": user}, org=org)).user
        return found is not None and found.status is not None and found.status.indicates_limited_availability

    async def find_users_by_email(self, email: str, *, org: str = "") -> tuple[str, ...]:
        """At most five logins; only public addresses are found."""
        hits = (await self.graphql(_Found, _BY_EMAIL, {"email": email}, org=org)).search.edges
        return tuple(edge.node.login for edge in hits if edge.node.login)
