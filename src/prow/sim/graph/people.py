"""People: whether they have time, who they are by search, who works on a repository."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim.graph.pages import Page, by_position, refused
from prow.sim.graph.reading import Reading
from prow.sim.payloads import Json
from prow.sim.state import Repo, User

Info = GraphQLResolveInfo[Reading]


def _status(user: User, _: Info) -> Json | None:
    """Whoever said nothing of himself has none."""
    return {"indicatesLimitedAvailability": True} if user.busy else None


def _collaborators(repo: Repo, info: Info, *, affiliation: str | None = None, **page: Any) -> Json:
    """For those who may push. `DIRECT`: who is named for this repository, `OUTSIDE`: of them, who is not of its organisation."""
    world = info.context.world
    if not world.may(repo, info.context.login, "write"):
        raise refused("FORBIDDEN", "You do not have permission to view repository collaborators.")
    org = world.orgs.get(repo.owner.lower())
    names = list(repo.collaborators)
    if affiliation == "OUTSIDE":
        names = [name for name in names if org is None or org.member(name) is None]
    elif affiliation != "DIRECT" and org is not None:
        known = {name.lower() for name in names}
        members = [m.user.login for m in org.memberships.values() if m.user.login.lower() not in known]
        names += [name for name in members if world.is_collaborator(repo, name)]
    found = by_position("collaborators", [world.user(name) for name in names], Page(**page))
    if isinstance(found["edges"], list):
        for edge in found["edges"]:
            edge["permission"] = world.permission(repo, edge["node"].login).upper()
    return found


FIELDS = {"User": {"status": _status}, "Repository": {"collaborators": _collaborators}}
