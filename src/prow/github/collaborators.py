"""Who may do what in a repository, and who is invited to it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from prow.github.area import Place, repo_at, typed
from prow.github.errors import NotFound
from prow.github.graphql import GraphQL
from prow.model.base import Noun
from prow.model.forge import Repo, User

_DIRECT = """
query($owner: String!, $name: String!, $first: Int!, $after: String) { repository(owner: $owner, name: $name) {
  collaborators(affiliation: DIRECT, first: $first, after: $after) {
    edges { permission node { login } } pageInfo { hasNextPage endCursor }
  }
} }
"""
_PAGE = 100


class RepoInvitation(Noun, frozen=True):
    """`invitee` is null where GitHub knows only an address. `permissions`: read, triage, write, maintain, admin."""

    id: int = 0
    repository: Repo | None = None
    invitee: User | None = None
    inviter: User | None = None
    permissions: str = ""
    expired: bool = False


class _Login(msgspec.Struct):
    login: str = ""


class _Edge(msgspec.Struct):
    node: _Login
    permission: str = ""


class _Page(msgspec.Struct, rename="camel"):
    has_next_page: bool = False
    end_cursor: str | None = None


class _Collaborators(msgspec.Struct, rename="camel"):
    page_info: _Page
    edges: list[_Edge] = []


class _Repo(msgspec.Struct):
    collaborators: _Collaborators | None = None


class _Reply(msgspec.Struct):
    repository: _Repo | None = None


class Collaborators(GraphQL):
    async def list_direct_collaborators(self, org: str, repo: str) -> Mapping[str, str]:
        """Login → permission (admin, maintain, write, triage, read) of those who were added by name, not through the organisation or a team."""
        found: dict[str, str] = {}
        cursor: str | None = None
        while True:
            variables = {"owner": org, "name": repo, "first": _PAGE, "after": cursor}
            reply = await self.graphql(_Reply, _DIRECT, variables, org=org)
            if reply.repository is None or reply.repository.collaborators is None:
                raise NotFound(f"{org}/{repo} is not there, or the token may not see who collaborates on it")
            page = reply.repository.collaborators
            found |= {edge.node.login: edge.permission.lower() for edge in page.edges}
            cursor = page.page_info.end_cursor
            if not page.page_info.has_next_page or cursor is None:
                return found

    async def add_collaborator(self, org: str, repo: str, user: str, *, permission: str) -> RepoInvitation | None:
        """`permission`: pull, triage, push, maintain, admin, or a role of the organisation. Gives the invitation; None: no one was needed."""
        place = _collaborator(org, repo, user)
        answer = await self._ask("PUT", place, body={"permission": permission}, content=True, lags=True)
        return typed(answer, RepoInvitation, place) if answer.body else None

    async def update_collaborator(self, org: str, repo: str, user: str, *, permission: str) -> None:
        """Another permission for somebody who has one: GitHub's address for adding does that, too."""
        await self.add_collaborator(org, repo, user, permission=permission)

    async def remove_collaborator(self, org: str, repo: str, user: str) -> None:
        """Who is none is gone already."""
        await self._ask("DELETE", _collaborator(org, repo, user), ok=(404,), content=True)

    async def list_repo_invitations(self, org: str, repo: str) -> tuple[RepoInvitation, ...]:
        return await self._list(RepoInvitation, repo_at("/invitations", org, repo))

    async def update_repo_invitation(self, org: str, repo: str, invitation: int, *, permission: str) -> None:
        """`permission`: read, triage, write, maintain, admin."""
        place = repo_at("/invitations/:invitationId", org, repo, invitationId=invitation)
        await self._ask("PATCH", place, body={"permissions": permission})

    async def delete_repo_invitation(self, org: str, repo: str, invitation: int) -> None:
        """An invitation that is not there is gone already."""
        await self._ask("DELETE", repo_at("/invitations/:invitationId", org, repo, invitationId=invitation), ok=(404,))


def _collaborator(org: str, repo: str, user: str) -> Place:
    return repo_at("/collaborators/:collaboratorId", org, repo, collaboratorId=user)
