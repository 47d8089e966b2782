"""What texts name, and what a pull request and its commits close when they reach the default branch."""

from __future__ import annotations

import pytest

from prow.sim.references import Named, named_in
from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory
from tests.sim.support import Events, ask, client

HERE = Named("acme/widgets", 7)


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("Fixes #7", [HERE]),
        ("fix #7, closes: #8 and RESOLVED GH-9", [HERE, Named("acme/widgets", 8), Named("acme/widgets", 9)]),
        ("Closes globex/Gears#3", [Named("globex/gears", 3)]),
        ("close https://github.com/acme/widgets/issues/7", [HERE]),
        ("Fixes #7\n\nFixes #7", [HERE]),
        ("Fixes #7 #8", [HERE]),
        ("See #7", []),
        ("Suffix fix#7", []),
        ("fixes acme/widgets#7, acme/widgets#8", [HERE]),
        ("Prefixes #7", []),
        ("Fixes#7", []),
        ("Fixes #7th", []),
        ("`Fixes #7`\n```\nFixes #7\n```\n<!-- Fixes #7 -->", []),
    ],
)
def test_the_words_that_close(text: str, closed: list[Named]) -> None:
    assert named_in(text, "Acme/widgets", closed=True) == closed


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("See #7 and #8.", [HERE, Named("acme/widgets", 8)]),
        ("(#7)", [HERE]),
        (
            "globex/gears#3, https://github.com/globex/gears/pull/4",
            [Named("globex/gears", 3), Named("globex/gears", 4)],
        ),
        ("a#7 &#7; x/y/z#7 #7a `#7`", []),
    ],
)
def test_what_a_text_names(text: str, named: list[Named]) -> None:
    assert named_in(text, "acme/widgets") == named


async def test_the_timeline_tells_where_else_an_issue_is_named(sim: Sim, repo: RepoStory) -> None:
    leak = await repo.open_issue("mia", title="It leaks")
    secret = await RepoStory.create(sim, "acme/secret", files={"a": "b"})
    secret.repo.private = True
    secret.collaborator("prow-bot", "read")
    await secret.open_issue("wernher", title="Plan", body="acme/widgets#1")
    pr = await repo.open_pull_request("mia", title="Mend it", files={"a": "a"})
    await pr.comment("wernher", "Does it close #1?")
    await pr.comment("mia", "It does: #1")
    async with client(sim) as anybody, client(sim, "prow-bot") as bot:
        path = f"/repos/acme/widgets/issues/{leak.number}/timeline"
        for reader, sources in ((anybody, ["Mend it"]), (bot, ["Plan", "Mend it"])):
            told = (await reader.get(path)).json()
            found = [one for one in told if one["event"] == "cross-referenced"]
            assert [one["source"]["issue"]["title"] for one in found] == sources
            assert found[-1]["actor"]["login"] == "wernher"


async def test_a_merge_into_the_default_branch_closes_what_its_text_names(
    sim: Sim, repo: RepoStory, events: Events
) -> None:
    leak, other = await repo.open_issue("mia", title="It leaks"), await repo.open_issue("mia", title="It creaks")
    body = f"Fixes #{leak.number}, see #{other.number}"
    pr = await repo.open_pull_request("mia", title="Mend it", body=body, files={"a": "a"})
    query = """{ repository(owner: "acme", name: "widgets") { pullRequest(number: 3) {
        closingIssuesReferences(first: 5) { nodes { number } totalCount } } } }"""
    found = (await ask(sim, query))["data"]["repository"]["pullRequest"]["closingIssuesReferences"]
    assert found == {"nodes": [{"number": leak.number}], "totalCount": 1}
    await pr.merge("prow-bot")
    assert (leak.issue.state, leak.issue.state_reason, leak.issue.closed_by) == (
        "closed", "completed", sim.world.user("prow-bot"),
    )  # fmt: skip
    assert other.issue.state == "open"
    assert [p["issue"]["number"] for p in events.payloads("issues") if p["action"] == "closed"] == [leak.number]


async def test_a_merge_into_another_branch_closes_nothing(sim: Sim, repo: RepoStory) -> None:
    leak = await repo.open_issue("mia", title="It leaks")
    await repo.push("wernher", {"b": "b"}, branch="release")
    pr = await repo.open_pull_request("mia", title="Mend", body="Fixes #1", files={"a": "a"}, base="release")
    await pr.merge("prow-bot")
    assert leak.issue.state == "open"


async def test_a_commit_on_the_default_branch_closes_issues_and_pull_requests(sim: Sim, repo: RepoStory) -> None:
    leak = await repo.open_issue("mia", title="It leaks")
    pr = await repo.open_pull_request("mia", title="By hand", files={"a": "a"})
    await repo.push("wernher", {"b": "b"}, branch="next", message="Fixes #1")
    assert leak.issue.state == "open"
    sha = await repo.push("wernher", {"c": "c"}, message="Mend it\n\nFixes #1, closes #2")
    assert (leak.issue.state, pr.issue.state, PullStory(sim, pr.issue).merged) == ("closed", "closed", False)
    async with client(sim) as anybody:
        history = (await anybody.get("/repos/acme/widgets/issues/1/events")).json()
    assert (history[-1]["event"], history[-1]["commit_id"]) == ("closed", sha)
    assert history[-1]["commit_url"].endswith(f"/repos/acme/widgets/commits/{sha}")


async def test_in_another_repository_only_who_may_close_there_closes(sim: Sim, repo: RepoStory) -> None:
    gears = await RepoStory.create(sim, "globex/gears", files={"a": "b"})
    leak = await gears.open_issue("mia", title="It leaks")
    await repo.push("wernher", {"a": "a"}, message="Fixes globex/gears#1")
    assert leak.issue.state == "open"
    gears.collaborator("wernher", "triage")
    await repo.push("wernher", {"b": "b"}, message="Fixes globex/gears#1")
    assert leak.issue.state == "closed"
