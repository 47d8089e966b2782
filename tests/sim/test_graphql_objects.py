"""What GraphQL tells of files, refs, histories, teams, and of conversations on lines."""

from __future__ import annotations

from typing import Any

from prow.sim.gitrepo import update_ref
from prow.sim.payloads import stamp
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from prow.sim.world.lines import Spot
from tests.sim.support import ask


async def of_repo(sim: Sim, fields: str, *, login: str = "prow-bot") -> Any:
    answer = await ask(sim, f'{{repository(owner: "acme", name: "widgets") {{{fields}}}}}', login=login)
    assert "errors" not in answer, answer
    return answer["data"]["repository"]


async def test_a_file_a_folder_and_a_commit_are_found_by_expression(sim: Sim, repo: RepoStory) -> None:
    await repo.push("mia", {"src/a.txt": "alpha\n", "src/pixel": "\0"})
    told = await of_repo(
        sim,
        """
        file: object(expression: "main:src/a.txt") { ... on Blob { text byteSize isBinary isTruncated oid } }
        pixel: object(expression: "main:src/pixel") { ... on Blob { text isBinary } }
        folder: object(expression: "HEAD:src") { ... on Tree { entries { name type mode object { __typename } } } }
        commit: object(expression: "main") { ... on Commit { abbreviatedOid message tree { entries { path } } } }
        nothing: object(expression: "main:gone") { oid }
        """,
    )
    assert told["file"]["text"] == "alpha\n"
    assert (told["file"]["byteSize"], told["file"]["isBinary"], told["file"]["isTruncated"]) == (6, False, False)
    assert told["pixel"] == {"text": None, "isBinary": True}
    assert told["folder"]["entries"][0] == {
        "name": "a.txt", "type": "blob", "mode": 0o100644, "object": {"__typename": "Blob"},
    }  # fmt: skip
    assert told["commit"]["abbreviatedOid"] == (await repo.tip())[:7]
    assert {entry["path"] for entry in told["commit"]["tree"]["entries"]} == {"README.md", "run.sh", "src"}
    assert told["nothing"] is None


async def test_branches_tags_and_their_history_are_listed(sim: Sim, repo: RepoStory) -> None:
    first = await repo.tip()
    await repo.push("mia", {"a": "1"}, message="One")
    await repo.push("mia", {"b": "2"}, branch="next", message="Two")
    await update_ref(repo.repo.path, "refs/tags/v1", first)
    told = await of_repo(
        sim,
        """
        refs(refPrefix: "refs/heads/", first: 10, orderBy: {field: ALPHABETICAL, direction: DESC}) {
          totalCount
          nodes { name prefix target { ... on Commit { history(first: 2) { totalCount nodes { messageHeadline } } } } }
        }
        some: refs(refPrefix: "refs/heads/", first: 10, query: "nex") { nodes { name } }
        tags: refs(refPrefix: "refs/tags/", first: 10) { nodes { name } }
        tag: ref(qualifiedName: "refs/tags/v1") { prefix target { oid } }
        ref(qualifiedName: "main") { target { ... on Commit { history(first: 5, path: "a") { nodes { message } } } } }
        """,
    )
    assert [one["name"] for one in told["refs"]["nodes"]] == ["next", "main"]
    assert told["refs"]["nodes"][1]["target"]["history"]["nodes"][0] == {"messageHeadline": "One"}
    assert told["tags"]["nodes"] == [{"name": "v1"}]
    assert told["tag"] == {"prefix": "refs/tags/", "target": {"oid": first}}
    assert told["some"]["nodes"] == [{"name": "next"}]
    assert [one["message"] for one in told["ref"]["target"]["history"]["nodes"]] == ["One"]


async def test_teams_are_seen_by_members_and_secret_ones_by_their_own(sim: Sim, repo: RepoStory) -> None:
    org = sim.world.org("acme", members=["ada"], owners=["boss"])
    parent = sim.world.add_team(org, "Core", members=["wernher"])
    sim.world.add_team(org, "Inner Core", members=["ada"], parent=parent)
    sim.world.add_team(org, "Cabal", members=["wernher"], privacy="secret")
    query = """{organization(login: "acme") {
        teams(first: 9, orderBy: {field: NAME, direction: ASC}) { nodes { slug privacy parentTeam { slug } } }
        team(slug: "core") { combinedSlug members(first: 9) { nodes { login } } } }}"""

    async def seen(login: str) -> list[str]:
        found = (await ask(sim, query, login=login))["data"]["organization"]
        return [team["slug"] for team in found["teams"]["nodes"]]

    assert await seen("boss") == ["cabal", "core", "inner-core"]
    assert await seen("wernher") == ["cabal", "core", "inner-core"]
    assert await seen("ada") == ["core", "inner-core"]
    assert await seen("stranger") == []
    told = (await ask(sim, query, login="boss"))["data"]["organization"]
    assert told["team"]["combinedSlug"] == "acme/core"
    assert {one["login"] for one in told["team"]["members"]["nodes"]} == {"wernher", "ada"}
    assert told["teams"]["nodes"][2]["parentTeam"] == {"slug": "core"}


async def test_a_conversation_on_a_line_has_its_comments(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix", files={"a": "one\n"})
    first = await sim.world.review_comment(pr.issue, "wernher", body="Why?", spot=Spot("a", 1))
    await sim.world.review_comment(pr.issue, "mia", body="So.", reply_to=first)
    told = await of_repo(
        sim,
        f"""pullRequest(number: {pr.number}) {{ databaseId reviewThreads(first: 9) {{ nodes {{
            diffSide subjectType line comments(first: 9) {{ nodes {{
                databaseId body author {{ login }} diffHunk outdated pullRequestReview {{ state }} }} }} }} }} }}""",
    )
    assert told["pullRequest"]["databaseId"] == pr.issue.id
    (thread,) = told["pullRequest"]["reviewThreads"]["nodes"]
    assert (thread["diffSide"], thread["subjectType"], thread["line"]) == ("RIGHT", "LINE", 1)
    said = thread["comments"]["nodes"]
    assert [(one["author"]["login"], one["body"]) for one in said] == [("wernher", "Why?"), ("mia", "So.")]
    assert said[0]["databaseId"] == first.id
    assert said[0]["diffHunk"].endswith("+one")
    assert said[0]["pullRequestReview"] == {"state": "COMMENTED"}


async def test_administrators_archive_a_repository_and_open_it_again(sim: Sim, repo: RepoStory) -> None:
    repo.collaborator("boss", "admin")
    number = (await of_repo(sim, "id"))["id"]
    for word, archived in (("archive", True), ("unarchive", False)):
        mutation = f'mutation {{{word}Repository(input: {{repositoryId: "{number}"}}) {{repository {{isArchived}}}}}}'
        assert "errors" in await ask(sim, mutation, login="prow-bot")
        assert "errors" not in await ask(sim, mutation, login="boss")
        assert repo.repo.archived is archived


async def test_a_field_that_is_not_there_is_told_as_github_tells_it(sim: Sim, repo: RepoStory) -> None:
    answer = await ask(sim, '{repository(owner: "acme", name: "widgets") {shoeSize}}')
    (error,) = answer["errors"]
    assert error["message"].startswith("Field 'shoeSize' doesn't exist on type 'Repository'")
    assert error["extensions"] == {"code": "undefinedField", "typeName": "Repository", "fieldName": "shoeSize"}


async def test_a_commit_leads_to_its_pull_request_as_release_tools_ask(sim: Sim, repo: RepoStory) -> None:
    repo.collaborator("boss", "admin")
    before = stamp(sim.clock.now())
    pr = await repo.open_pull_request("mia", title="Fix", files={"a": "1"})
    await pr.expect_mergeable()
    await pr.merge("boss", "squash")
    told = await of_repo(
        sim,
        f"""object(expression: "main") {{ ... on Commit {{ history(first: 5, since: "{before}") {{
            edges {{ node {{ id url associatedPullRequests(first: 5) {{ nodes {{
                number merged baseRepository {{ nameWithOwner }} }} }} }} }} }} }} }}
            later: object(expression: "main") {{ ... on Commit {{ history(first: 5, since: "2999-01-01T00:00:00Z") {{
                totalCount }} }} }}""",
    )
    node = told["object"]["history"]["edges"][0]["node"]
    assert node["url"].endswith(f"/acme/widgets/commit/{await repo.tip()}")
    assert node["associatedPullRequests"]["nodes"] == [
        {"number": pr.number, "merged": True, "baseRepository": {"nameWithOwner": "acme/widgets"}}
    ]
    assert told["later"]["history"]["totalCount"] == 0
    wrong = '{repository(owner: "acme", name: "widgets") {object(expression: "main") {... on Commit {history(first: 1, since: "soon") {totalCount}}}}}'
    assert "GitTimestamp" in (await ask(sim, wrong))["errors"][0]["message"]


async def test_the_rules_of_branches_are_listed_for_those_who_may_write(sim: Sim, repo: RepoStory) -> None:
    repo.protect(contexts=["unit"], strict=True, reviews=2)
    fields = """autoMergeAllowed branchProtectionRules(first: 5) { nodes { pattern requiresStatusChecks
        requiredStatusCheckContexts requiresStrictStatusChecks requiredApprovingReviewCount restrictsPushes
        matchingRefs(first: 3) { nodes { name } } } }"""
    told = await of_repo(sim, fields)
    assert told["autoMergeAllowed"] is False
    assert told["branchProtectionRules"]["nodes"] == [
        {
            "pattern": "main",
            "requiresStatusChecks": True,
            "requiredStatusCheckContexts": ["unit"],
            "requiresStrictStatusChecks": True,
            "requiredApprovingReviewCount": 2,
            "restrictsPushes": False,
            "matchingRefs": {"nodes": [{"name": "main"}]},
        }
    ]
    assert (await of_repo(sim, fields, login="stranger"))["branchProtectionRules"]["nodes"] == []


async def test_what_webhooks_name_by_id_is_found_by_it(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix", files={"a": "one\n"})
    said = await pr.comment("wernher", "Hm")
    review = await pr.approve("wernher", "Good")
    remark = await sim.world.review_comment(pr.issue, "wernher", body="Why?", spot=Spot("a", 1))
    ids = [f"IC_sim{said.id}", f"PRR_sim{review.id}", f"PRRC_sim{remark.id}", f"PR_sim{pr.issue.id}", "IC_sim7"]
    query = """query($ids: [ID!]!) {nodes(ids: $ids) {__typename
        ... on IssueComment {body} ... on PullRequestReview {body} ... on PullRequestReviewComment {body}}}"""
    told = await ask(sim, query, {"ids": ids})
    assert [node and (node["__typename"], node.get("body")) for node in told["data"]["nodes"]] == [
        ("IssueComment", "Hm"),
        ("PullRequestReview", "Good"),
        ("PullRequestReviewComment", "Why?"),
        ("PullRequest", None),
        None,
    ]
    assert told["errors"][0]["type"] == "NOT_FOUND"
    one = await ask(sim, "query($id: ID!) {node(id: $id) {id}}", {"id": ids[0]})
    assert one["data"]["node"] == {"id": ids[0]}


async def test_repositories_are_searched_for(sim: Sim, repo: RepoStory) -> None:
    await RepoStory.create(sim, "lunar/base", files={"a": "b"})
    query = "query($q: String!) {search(type: REPOSITORY, query: $q, first: 5) {repositoryCount nodes {... on Repository {nameWithOwner}}}}"
    told = (await ask(sim, query, {"q": "org:acme widgets"}))["data"]["search"]
    assert told == {"repositoryCount": 1, "nodes": [{"nameWithOwner": "acme/widgets"}]}
    repo.repo.private = True
    assert (await ask(sim, query, {"q": "widgets"}, login="stranger"))["data"]["search"]["repositoryCount"] == 0
