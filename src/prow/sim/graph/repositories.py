"""Repositories and their owners: what gh and other clients ask beyond what merging needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from prow.sim import gitrepo
from prow.sim.graph import nodes
from prow.sim.graph.pages import Page, by_key, by_position, refused
from prow.sim.graph.reading import Reading
from prow.sim.payloads import Json, stamp
from prow.sim.state import Label, Org, Repo, User

Info = GraphQLResolveInfo[Reading]


def _owner(_: object, info: Info, *, login: str) -> User | Org:
    world = info.context.world
    found = world.orgs.get(login.lower()) or world.users.get(login.lower())
    if found is None:
        raise refused("NOT_FOUND", f"Could not resolve to a User or Organization with the login of '{login}'.")
    return found


def _user(_: object, info: Info, *, login: str) -> User:
    found = info.context.world.users.get(login.lower())
    if found is None:
        raise refused("NOT_FOUND", f"Could not resolve to a User with the login of '{login}'.")
    return found


def _nodes(_: object, info: Info, *, ids: list[str]) -> list[object]:
    """What has no such id is an error, and nothing in its place."""

    def found(one: str) -> object:
        try:
            return nodes.find_node(info.context, one)
        except GraphQLError as error:
            return error

    return [found(one) for one in ids]


def _repositories(
    owner: User | Org, info: Info, *, isArchived: bool | None = None, isFork: bool | None = None,  # noqa: N803
    privacy: str | None = None, visibility: str | None = None, orderBy: dict[str, str] | None = None,  # noqa: N803
    affiliations: object = None, ownerAffiliations: object = None, **page: Any,  # noqa: ARG001, N803
) -> Json:  # fmt: skip
    reading, kind = info.context, privacy or visibility
    found = [
        repo
        for repo in reading.world.repos.values()
        if repo.owner.lower() == owner.login.lower()
        and reading.sees(repo)
        and isArchived in {None, repo.archived}
        and isFork in {None, repo.parent is not None}
        and kind in {None, "PRIVATE" if repo.private else "PUBLIC"}
    ]
    by_name = orderBy is not None and orderBy["field"] == "NAME"
    down = orderBy is not None and orderBy["direction"] == "DESC"
    return by_key("repositories", found, Page(**page), lambda r: [r.name.lower() if by_name else r.id], down=down)


def _labels(
    repo: Repo, _: Info, *, query: str | None = None, orderBy: dict[str, str] | None = None, **page: Any  # noqa: N803
) -> Json:  # fmt: skip
    found: list[Label] = [one for one in repo.labels.values() if not query or query.lower() in one.name.lower()]
    by_name = orderBy is not None and orderBy["field"] == "NAME"
    down = orderBy is not None and orderBy["direction"] == "DESC"
    return by_key("labels", found, Page(**page), lambda one: [one.name.lower() if by_name else one.id], down=down)


def _assignable(repo: Repo, info: Info, *, query: str | None = None, **page: Any) -> Json:
    world = info.context.world
    found = [user for user in world.users.values() if world.assignable(repo, user.login)]
    return by_position("assignableUsers", [u for u in found if not query or query in u.login], Page(**page))


def _permission(repo: Repo, info: Info) -> str | None:
    level = info.context.world.permission(repo, info.context.login)
    return None if level == "none" else level.upper()


async def _empty(repo: Repo, _: Info) -> bool:
    return not await gitrepo.refs(repo.path)


FIELDS: dict[str, dict[str, Callable[..., Any]]] = {
    "Query": {
        "repositoryOwner": _owner,
        "user": _user,
        "node": lambda _, info, *, id: nodes.find_node(info.context, id),  # noqa: A006 - GitHub's word
        "nodes": _nodes,
    },
    "User": {"name": lambda user, _: user.login, "repositories": _repositories},
    "Organization": {"name": lambda org, _: org.login, "repositories": _repositories},
    "Repository": {
        "description": lambda repo, _: repo.settings.get("description") or None,
        "isEmpty": _empty,
        "visibility": lambda repo, _: "PRIVATE" if repo.private else "PUBLIC",
        "createdAt": lambda repo, _: stamp(repo.created_at),
        "updatedAt": lambda repo, _: stamp(repo.created_at),
        "pushedAt": lambda repo, _: stamp(repo.pushed_at or repo.created_at),
        "hasIssuesEnabled": lambda repo, _: repo.settings.get("has_issues") is not False,
        "hasWikiEnabled": lambda repo, _: bool(repo.settings.get("has_wiki")),
        "deleteBranchOnMerge": lambda repo, _: repo.delete_branch_on_merge,
        "viewerPermission": _permission,
        "viewerCanAdminister": lambda repo, info: _permission(repo, info) == "ADMIN",
        "autoMergeAllowed": lambda repo, _: repo.settings.get("allow_auto_merge") is True,
        "viewerDefaultMergeMethod": lambda *_: "MERGE",
        "labels": _labels,
        "milestones": lambda repo, _, **page: by_position("milestones", list(repo.milestones.values()), Page(**page)),
        "assignableUsers": _assignable,
    },
    "CheckRun": {"checkSuite": lambda *_: {"workflowRun": None}},
}
