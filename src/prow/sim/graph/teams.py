"""An organisation's teams, as far as the reader may know of them."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim.graph.pages import Page, by_key, by_position
from prow.sim.graph.reading import Reading
from prow.sim.payloads import Json
from prow.sim.state import Org, Team

Info = GraphQLResolveInfo[Reading]


def _seen(org: Org, info: Info) -> list[Team]:
    """Its members see its teams, of secret ones their own; owners and its apps see all."""
    reading = info.context
    world, who = reading.world, reading.who
    every = world.is_owner(org, reading.login) or (who.installation is not None and who.installation.account is org)
    if not every and org.member(reading.login) is None:
        return []
    return [
        team
        for team in org.teams.values()
        if every or team.privacy != "secret" or world.is_team_member(org, team, reading.login)
    ]


def _team(org: Org, info: Info, *, slug: str) -> Team | None:
    return next((team for team in _seen(org, info) if team.slug == slug.lower()), None)


def _teams(
    org: Org, info: Info, *, orderBy: dict[str, str] | None = None, privacy: str | None = None,  # noqa: N803
    query: str | None = None, rootTeamsOnly: bool = False, userLogins: list[str] | None = None, **page: Any,  # noqa: N803
) -> Json:  # fmt: skip
    world = info.context.world
    found = [
        team
        for team in _seen(org, info)
        if privacy in {None, _privacy(team, info)}
        and (not query or query.lower() in team.name.lower())
        and not (rootTeamsOnly and team.parent is not None)
        and (userLogins is None or any(world.is_team_member(org, team, login) for login in userLogins))
    ]
    down = orderBy is not None and orderBy["direction"] == "DESC"
    return by_key("teams", found, Page(**page), lambda team: [team.name.lower(), team.id], down=down)


def _org(team: Team, info: Info) -> Org:
    return next(org for org in info.context.world.orgs.values() if team in org.teams.values())


def _members(team: Team, info: Info, *, query: str | None = None, **page: Any) -> Json:
    found = [one.user for one in info.context.world.team_members(_org(team, info), team).values()]
    return by_position("members", [user for user in found if not query or query in user.login], Page(**page))


def _privacy(team: Team, _: Info) -> str:
    return "SECRET" if team.privacy == "secret" else "VISIBLE"


FIELDS: dict[str, dict[str, Any]] = {
    "Organization": {"team": _team, "teams": _teams},
    "Team": {
        "combinedSlug": lambda team, info: f"{_org(team, info).login}/{team.slug}",
        "databaseId": lambda team, _: team.id,
        "description": lambda team, _: team.description or None,
        "members": _members,
        "organization": _org,
        "parentTeam": lambda team, _: team.parent,
        "privacy": _privacy,
    },
}
