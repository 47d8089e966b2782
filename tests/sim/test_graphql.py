"""GraphQL over the simulated GitHub: what tide reads, with GitHub's errors, pages and costs."""

from __future__ import annotations

from typing import Any

import pytest

from prow.sim.accounts import Identity
from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory
from tests.sim.support import ask, client

ONE = """query($number: Int!) { repository(owner: "acme", name: "widgets") { pullRequest(number: $number) {
  number state title body isDraft merged mergedAt mergeable mergeStateStatus canBeRebased reviewDecision
  url id createdAt updatedAt baseRefName baseRefOid headRefName headRefOid
  author { login __typename } baseRef { name prefix target { oid } }
  repository { name nameWithOwner owner { login } }
  labels(first: 100) { nodes { name } } assignees(first: 10) { nodes { login } } milestone { title }
  reviews(last: 10) { nodes { author { login } state submittedAt } }
  commits(last: 1) { nodes { commit { oid
    status { state contexts { context description state targetUrl } }
    statusCheckRollup { state contexts(last: 100) { pageInfo { hasNextPage } nodes { __typename
      ... on CheckRun { name conclusion status detailsUrl } ... on StatusContext { context state description } } } }
  } } }
} } }"""


async def one(sim: Sim, pr: PullStory) -> Any:
    return (await ask(sim, ONE, {"number": pr.number}))["data"]["repository"]["pullRequest"]


async def test_a_pull_request_is_read_in_one_query(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"}, body="Why")
    await pr.expect_mergeable()
    await pr.label("wernher", "lgtm", "Approved")
    await pr.set_status("unit", "success", "Good.")
    await pr.check_run("lint", "failure")
    await pr.approve("wernher")
    milestone = sim.world.create_milestone(repo.repo, "wernher", "v1")
    await sim.world.set_milestone(pr.issue, "wernher", milestone.number)
    await sim.world.assign(pr.issue, "wernher", ["wernher"])
    found = await one(sim, pr)
    tip = await repo.tip()
    commit = found["commits"]["nodes"][0]["commit"]
    assert found["author"] == {"login": "mia", "__typename": "User"}
    assert found["baseRef"] == {"name": "main", "prefix": "refs/heads/", "target": {"oid": tip}}
    assert (found["baseRefOid"], found["headRefOid"], found["headRefName"]) == (tip, pr.head_sha, "change")
    assert (found["state"], found["mergeable"], found["canBeRebased"]) == ("OPEN", "MERGEABLE", True)
    assert (found["mergeStateStatus"], found["reviewDecision"]) == ("UNSTABLE", None)
    assert found["labels"]["nodes"] == [{"name": "lgtm"}, {"name": "Approved"}]
    assert (found["milestone"], found["assignees"]["nodes"]) == ({"title": "v1"}, [{"login": "wernher"}])
    assert [(r["author"]["login"], r["state"]) for r in found["reviews"]["nodes"]] == [("wernher", "APPROVED")]
    assert commit["oid"] == pr.head_sha
    assert commit["status"]["contexts"] == [
        {"context": "unit", "description": "Good.", "state": "SUCCESS", "targetUrl": None}
    ]
    assert commit["statusCheckRollup"]["state"] == "FAILURE"
    assert commit["statusCheckRollup"]["contexts"]["nodes"] == [
        {"__typename": "CheckRun", "name": "lint", "conclusion": "FAILURE", "status": "COMPLETED", "detailsUrl": None},
        {"__typename": "StatusContext", "context": "unit", "state": "SUCCESS", "description": "Good."},
    ]
    assert found["url"].endswith(f"/acme/widgets/pull/{pr.number}")


async def test_a_merged_one_stays_as_it_was(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    before = await repo.tip()
    await pr.merge("prow-bot", "squash")
    found = await one(sim, pr)
    assert (found["state"], found["merged"], found["mergeable"], found["mergeStateStatus"]) == (
        "MERGED",
        True,
        "UNKNOWN",
        "UNKNOWN",
    )
    assert (found["baseRefOid"], found["baseRef"]["target"]["oid"]) == (before, pr.merge_commit)
    assert [n["commit"]["oid"] for n in found["commits"]["nodes"]] == [pr.head_sha]
    assert found["mergedAt"] is not None


async def test_open_pull_requests_are_listed_page_by_page_while_some_vanish(sim: Sim, repo: RepoStory) -> None:
    prs = [
        await repo.open_pull_request("mia", title=f"Number {n}", files={f"{n}.txt": "x\n"}, from_fork=False)
        for n in range(5)
    ]
    query = """query($after: String) { repository(owner: "acme", name: "widgets") {
      pullRequests(states: OPEN, first: 2, after: $after, baseRefName: "main") {
        totalCount pageInfo { hasNextPage endCursor } nodes { number } } } }"""
    numbers, after = [], None
    while True:
        page = (await ask(sim, query, {"after": after}))["data"]["repository"]["pullRequests"]
        numbers += [node["number"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        await prs[0].close("mia")
    assert numbers == [1, 2, 3, 4, 5]
    newest = """{ repository(owner: "acme", name: "widgets") { pullRequests(
      states: [OPEN, CLOSED], first: 2, orderBy: {field: CREATED_AT, direction: DESC}) { nodes { number } } } }"""
    found = (await ask(sim, newest))["data"]["repository"]["pullRequests"]["nodes"]
    assert [node["number"] for node in found] == [5, 4]


async def test_lists_are_read_from_their_end_and_with_cursors_of_their_own(sim: Sim, repo: RepoStory) -> None:
    for number in range(4):
        issue = await repo.open_issue("mia", title=f"Number {number}")
        await issue.comment("mia", f"Word {number}")
        await issue.label("wernher", f"label-{number}")
    query = """query($after: String) { repository(owner: "acme", name: "widgets") {
        issues(last: 2) { nodes { number } pageInfo { hasNextPage hasPreviousPage } }
        labels(first: 10, after: $after) { nodes { name } pageInfo { endCursor } } } }"""
    found = (await ask(sim, query))["data"]["repository"]
    assert [node["number"] for node in found["issues"]["nodes"]] == [3, 4]
    assert found["issues"]["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True}
    of_labels = found["labels"]["pageInfo"]["endCursor"]
    back = """query($before: String) { repository(owner: "acme", name: "widgets") {
        issues(last: 2, before: $before) { nodes { number } pageInfo { startCursor hasPreviousPage } } } }"""
    seen: list[int] = []
    before, more = None, True
    while more:
        page = (await ask(sim, back, {"before": before}))["data"]["repository"]["issues"]
        seen = [node["number"] for node in page["nodes"]] + seen
        before, more = page["pageInfo"]["startCursor"], page["pageInfo"]["hasPreviousPage"]
    assert seen == [1, 2, 3, 4]
    said = (
        '{ repository(owner: "acme", name: "widgets") { issue(number: 1) { comments(last: 1) { nodes { body } } } } }'
    )
    assert (await ask(sim, said))["data"]["repository"]["issue"]["comments"]["nodes"] == [{"body": "Word 0"}]
    searched = """{ search(type: ISSUE, query: "repo:acme/widgets sort:created-asc", last: 1) { nodes { ... on Issue { number } } } }"""
    assert (await ask(sim, searched))["data"]["search"]["nodes"] == [{"number": 4}]
    foreign = """query($after: String) { repository(owner: "acme", name: "widgets") {
        issues(first: 2, after: $after) { nodes { number } } } }"""
    assert (await ask(sim, foreign, {"after": of_labels}))["errors"][0]["type"] == "INVALID_CURSOR_ARGUMENTS"


async def test_repositories_and_who_i_am(sim: Sim, repo: RepoStory) -> None:
    await sim.world.create_repo("acme/old", files={"a": "a"})
    sim.world.repo("acme/old").archived = True
    await sim.world.create_repo("acme/secret", files={"a": "a"})
    sim.world.repo("acme/secret").private = True
    sim.world.org("acme").default_permission = "none"
    found = await ask(
        sim,
        """{ viewer { login } rateLimit { cost remaining limit resetAt }
        organization(login: "acme") { repositories(first: 10, isArchived: false) { nodes { name } } }
        repository(owner: "acme", name: "widgets") { isArchived defaultBranchRef { name target { oid } }
          mergeCommitAllowed squashMergeAllowed rebaseMergeAllowed } }""",
    )
    data = found["data"]
    assert data["viewer"] == {"login": "prow-bot"}
    assert (data["rateLimit"]["cost"], data["rateLimit"]["limit"], data["rateLimit"]["remaining"]) == (1, 5000, 4999)
    assert data["organization"]["repositories"]["nodes"] == [{"name": "widgets"}]
    assert data["repository"]["defaultBranchRef"] == {"name": "main", "target": {"oid": await repo.tip()}}
    assert data["repository"]["squashMergeAllowed"] is True


async def test_bots_have_no_suffix_in_graphql(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("dependabot[bot]", title="Bump", files={"a": "b"}, from_fork=False)
    assert (await one(sim, pr))["author"] == {"login": "dependabot", "__typename": "Bot"}


async def test_errors_are_githubs(sim: Sim, repo: RepoStory) -> None:
    missing = await ask(sim, '{ repository(owner: "acme", name: "nothing") { name } }')
    assert missing["data"] == {"repository": None}
    error = missing["errors"][0]
    assert (error["type"], error["path"]) == ("NOT_FOUND", ["repository"])
    assert error["message"] == "Could not resolve to a Repository with the name 'acme/nothing'."
    number = await ask(sim, ONE, {"number": 77})
    assert (number["data"], number["errors"][0]["type"]) == ({"repository": {"pullRequest": None}}, "NOT_FOUND")
    unknown = await ask(sim, "{ viewer { shoeSize } }")
    assert "data" not in unknown
    assert "shoeSize" in unknown["errors"][0]["message"]
    assert "data" not in await ask(sim, "{ viewer {")
    unbounded = await ask(sim, '{ repository(owner: "acme", name: "widgets") { pullRequests { nodes { number } } } }')
    assert unbounded["errors"][0]["type"] == "MISSING_PAGINATION_BOUNDARIES"
    counted = await ask(sim, '{ repository(owner: "acme", name: "widgets") { pullRequests { totalCount } } }')
    assert counted == {"data": {"repository": {"pullRequests": {"totalCount": 0}}}}
    many = await ask(sim, '{ search(type: ISSUE, query: "is:pr", first: 101) { issueCount } }')
    assert many["errors"][0]["type"] == "EXCESSIVE_PAGINATION"
    bad = await ask(sim, '{ search(type: ISSUE, query: "is:pr", first: 1, after: "?") { issueCount } }')
    assert bad["errors"][0]["type"] == "INVALID_CURSOR_ARGUMENTS"
    async with client(sim) as nobody, client(sim, "prow-bot") as bot:
        assert (await nobody.post("/graphql", json={"query": "{ viewer { login } }"})).status_code == 401
        assert (await bot.post("/graphql", json={"q": 1})).status_code == 400
        assert (await bot.post("/api/graphql", json={"query": "{ viewer { login } }"})).status_code == 200


async def test_what_does_not_look_like_githubs_is_a_fault_of_the_simulator(sim: Sim, repo: RepoStory) -> None:
    """Types, nulls and words are checked by the library; what a time, a commit and an address look like, by us."""
    pr = await repo.open_pull_request("mia", title="Fix it", files={"a": "b"})
    (await pr.set_status("unit", "success")).target_url = "somewhere"
    with pytest.raises(ValueError, match="'somewhere' is no URI"):
        await one(sim, pr)


async def test_queries_are_counted_limited_and_fail_like_other_calls(sim: Sim, repo: RepoStory) -> None:
    await ask(sim, "{ viewer { login } }")
    assert sim.world.calls["POST", "/graphql"] == 1
    assert sim.world.content_writes == 0
    sim.faults.next_graphql(502)
    async with client(sim, "prow-bot") as bot:
        assert (await bot.post("/graphql", json={"query": "{ viewer { login } }"})).status_code == 502
        sim.world.budget(Identity("prow-bot"), "graphql").limit = 1
        limited = await bot.post("/graphql", json={"query": "{ viewer { login } }"})
        assert limited.json()["errors"][0]["type"] == "RATE_LIMITED"
        assert limited.headers["x-ratelimit-resource"] == "graphql"
        assert (await bot.get("/user")).status_code == 200


async def test_search_finds_what_may_be_merged(sim: Sim, repo: RepoStory) -> None:
    good = await repo.open_pull_request("mia", title="Good", files={"a": "a"})
    held = await repo.open_pull_request("mia", title="Held", files={"b": "b"})
    await repo.open_issue("mia", title="Help")
    for pr in (good, held):
        await pr.label("wernher", "LGTM", "approved")
    await held.label("wernher", "do-not-merge/hold")
    query = """query($q: String!, $after: String) { search(type: ISSUE, first: 37, after: $after, query: $q) {
      issueCount pageInfo { hasNextPage endCursor } nodes { ... on PullRequest { number } ... on Issue { title } } } }"""
    wanted = (
        'is:pr state:open archived:false label:"lgtm" label:"approved" -label:"do-not-merge/hold" '
        'repo:"acme/widgets" updated:2007-01-01T00:00:00Z..2099-01-01T00:00:00Z'
    )
    found = (await ask(sim, query, {"q": wanted}))["data"]["search"]
    assert (found["issueCount"], found["nodes"], found["pageInfo"]["hasNextPage"]) == (1, [{"number": 1}], False)
    issues = (await ask(sim, query, {"q": 'is:issue is:open org:"acme"'}))["data"]["search"]
    assert issues["nodes"] == [{"title": "Help"}]
    sim.world.repo("acme/widgets").private = True
    assert (await ask(sim, query, {"q": "is:pr"}, login="stranger"))["data"]["search"]["issueCount"] == 0


async def test_the_index_may_lag(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Good", files={"a": "a"})
    sim.world.search_lag = 3600
    await pr.label("wernher", "lgtm")
    late = await repo.open_pull_request("mia", title="Late", files={"b": "b"})
    query = (
        "query($q: String!) { search(type: ISSUE, first: 5, query: $q) { nodes { ... on PullRequest { number } } } }"
    )
    assert (await ask(sim, query, {"q": "is:pr label:lgtm"}))["data"]["search"]["nodes"] == []
    assert (await ask(sim, query, {"q": "is:pr"}))["data"]["search"]["nodes"] == [{"number": pr.number}]
    sim.world.search_lag = 0
    assert (await ask(sim, query, {"q": "is:pr label:lgtm"}))["data"]["search"]["nodes"] == [{"number": pr.number}]
    assert len((await ask(sim, query, {"q": "is:pr"}))["data"]["search"]["nodes"]) == late.number
