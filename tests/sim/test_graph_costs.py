"""What GraphQL queries cost, and what they may ask for; the rarer fields and mutations."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import parse

from prow.sim.accounts import Identity
from prow.sim.graph.cost import Cost, cost_of
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from prow.sim.world.lines import Spot
from tests.sim.support import Events, ask, client

DOCUMENTED = """{ viewer { repositories(first: 100) { edges { node { issues(first: 50) { edges { node {
    labels(first: 60) { edges { node { id } } } } } } } } } } }"""


@pytest.mark.parametrize(
    ("query", "variables", "cost"),
    [
        ("{ viewer { login } }", {}, Cost(1, 0)),
        (DOCUMENTED, {}, Cost(51, 305_100)),
        ("query($n: Int!) { a { b(first: $n) { c(last: 10) { x } } } }", {"n": 100}, Cost(1, 1100)),
        ("query($n: Int) { a { b(first: $n) { x } } }", {}, Cost(1, 0)),
        ("{ a { ...F } } fragment F on A { b(first: 100) { ... on B { c(first: 2) { x } } } }", {}, Cost(1, 300)),
        ("mutation { addComment(input: {}) { subject { id } } }", {}, Cost(1, 0, write=True)),
    ],
)
def test_cost_is_computed_from_the_text_as_github_documents_it(
    query: str, variables: dict[str, Any], cost: Cost
) -> None:
    assert cost_of(parse(query), None, variables) == cost


async def test_points_are_taken_from_the_hour_and_told(sim: Sim, repo: RepoStory) -> None:
    query = """{ rateLimit { cost nodeCount remaining } repository(owner: "acme", name: "widgets") {
        pullRequests(first: 100) { nodes { labels(first: 100) { nodes { name } } commits(first: 50) { totalCount } } } } }"""
    told = (await ask(sim, query))["data"]["rateLimit"]
    assert told == {"cost": 2, "nodeCount": 100 + 100 * 100 + 100 * 50, "remaining": 4998}
    assert sim.world.budget(Identity("prow-bot"), "graphql").used == 2
    async with client(sim, "prow-bot") as bot:
        limits = (await bot.get("/rate_limit")).json()
        assert (limits["resources"]["graphql"]["used"], limits["rate"]["used"]) == (2, 0)


async def test_half_a_million_nodes_are_the_most(sim: Sim, repo: RepoStory) -> None:
    deep = """{ repository(owner: "acme", name: "widgets") { pullRequests(first: 100) { nodes { commits(first: 100) { nodes {
        commit { statusCheckRollup { contexts(first: 100) { nodes { __typename } } } } } } } } } }"""
    error = (await ask(sim, deep))["errors"][0]
    assert error["type"] == "MAX_NODE_LIMIT_EXCEEDED"
    assert "1,010,100 possible nodes" in error["message"]


async def test_a_renamed_repository_is_found_by_its_former_name(sim: Sim, repo: RepoStory) -> None:
    await sim.world.rename(repo.repo, "wernher", "gadgets")
    found = await ask(sim, '{ repository(owner: "acme", name: "widgets") { nameWithOwner } }')
    assert found["data"]["repository"]["nameWithOwner"] == "acme/gadgets"


async def test_people_say_that_they_have_no_time(sim: Sim) -> None:
    sim.world.user("ada").busy = True
    query = "query($user: String!) { user(login: $user) { login status { indicatesLimitedAvailability } } }"
    busy = await ask(sim, query, {"user": "ada"})
    assert busy["data"]["user"] == {"login": "ada", "status": {"indicatesLimitedAvailability": True}}
    assert (await ask(sim, query, {"user": "wernher"}))["data"]["user"]["status"] is None


async def test_collaborators_have_their_permission_beside_them(sim: Sim, repo: RepoStory) -> None:
    repo.collaborator("mia", "triage")
    query = """query($who: CollaboratorAffiliation) { repository(owner: "acme", name: "widgets") {
        collaborators(affiliation: $who, first: 10) { edges { permission node { login } } } } }"""

    async def found(who: str, login: str = "prow-bot") -> Any:
        answer = await ask(sim, query, {"who": who}, login=login)
        if "errors" in answer:
            return answer["errors"][0]["type"]
        edges = answer["data"]["repository"]["collaborators"]["edges"]
        return {edge["node"]["login"]: edge["permission"] for edge in edges}

    assert await found("DIRECT") == {"prow-bot": "WRITE", "mia": "TRIAGE"}
    assert await found("OUTSIDE") == {"mia": "TRIAGE"}
    assert await found("ALL") == {"prow-bot": "WRITE", "mia": "TRIAGE", "wernher": "READ"}
    assert await found("DIRECT", "stranger") == "FORBIDDEN"


async def test_lines_are_blamed_on_those_who_wrote_them(sim: Sim, repo: RepoStory) -> None:
    await repo.push("wernher", {"a.txt": "1\n2\n3\n"})
    await repo.push("mia", {"a.txt": "1\nzwei\n3\n"})
    query = """{ repository(owner: "acme", name: "widgets") { object(expression: "refs/heads/main") { ... on Commit {
        blame(path: "a.txt") { ranges { startingLine endingLine commit { author { user { login } } } } } } } } }"""
    ranges = (await ask(sim, query))["data"]["repository"]["object"]["blame"]["ranges"]
    told = [(r["startingLine"], r["endingLine"], r["commit"]["author"]["user"]["login"]) for r in ranges]
    assert told == [(1, 1, "wernher"), (2, 2, "mia"), (3, 3, "wernher")]


async def test_a_conversation_is_resolved_by_its_thread(sim: Sim, repo: RepoStory, events: Events) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"a": "a\n"})
    await sim.world.review_comment(pr.issue, "ada", body="Why?", spot=Spot("a"))
    query = """{ repository(owner: "acme", name: "widgets") { pullRequest(number: 1) {
        reviewThreads(first: 5) { nodes { id isResolved path } } } } }"""

    async def threads() -> Any:
        return (await ask(sim, query))["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"]

    thread = (await threads())[0]
    assert (thread["isResolved"], thread["path"]) == (False, "a")
    change = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { isResolved } } }"
    assert (await ask(sim, change, {"id": thread["id"]}, login="stranger"))["errors"][0]["type"] == "UNPROCESSABLE"
    assert "errors" not in await ask(sim, change, {"id": thread["id"]})
    assert (await threads())[0]["isResolved"] is True
    back = change.replace("resolveReviewThread", "unresolveReviewThread")
    assert "errors" not in await ask(sim, back, {"id": thread["id"]})
    assert (await threads())[0]["isResolved"] is False
    told = events.payloads("pull_request_review_thread")
    assert [one["action"] for one in told] == ["resolved", "unresolved"]
    assert told[0]["thread"]["comments"][0]["body"] == "Why?"
