"""Where things are: the root of the API, and the same below `/api/v3` as at GitHub Enterprise Server."""

from __future__ import annotations

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import bearer, expect
from tests.sim.support import client


async def test_the_root_tells_where_things_are_and_what_a_token_is_good_for(sim: Sim, repo: RepoStory) -> None:
    async with bearer(sim, sim.world.token("prow-bot", scopes=["repo"])) as bot:
        answer = await bot.get("/")
        assert answer.headers["x-oauth-scopes"] == "repo"
        place = answer.json()["repository_url"].format(owner="acme", repo="widgets")
        assert (await bot.get(place)).json()["full_name"] == "acme/widgets"
        zen = await bot.get("/zen")
        assert (zen.headers["content-type"], bool(zen.text)) == ("text/plain; charset=utf-8", True)
        await expect(bot.get("/meta"), 200)


async def test_whoever_asks_below_api_v3_is_told_of_addresses_there(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x"})
    base = sim.world.base
    async with client(sim, "prow-bot") as bot:
        pull = await expect(bot.get(f"/api/v3/repos/acme/widgets/pulls/{pr.number}"), 200)
        assert pull["url"] == f"{base}/api/v3/repos/acme/widgets/pulls/{pr.number}"
        assert pull["html_url"] == f"{base}/acme/widgets/pull/{pr.number}"
        assert pull["user"]["url"] == f"{base}/api/v3/users/mia"
        assert pull["_links"]["html"]["href"] == pull["html_url"]
        assert (await expect(bot.get(pull["base"]["repo"]["labels_url"].partition("{")[0]), 200)) == []
        await repo.push("wernher", {"a": "a"}, branch="next")
        first = await bot.get("/api/v3/repos/acme/widgets/branches?per_page=1")
        assert f"{base}/api/v3/repos/acme/widgets/branches?per_page=1&page=2" in first.headers["link"]
        plain = await expect(bot.get(f"/repos/acme/widgets/pulls/{pr.number}"), 200)
        assert plain["url"] == f"{base}/repos/acme/widgets/pulls/{pr.number}"
        await sim.world.rename(repo.repo, "wernher", "gears")
        moved = await bot.get("/api/v3/repos/acme/widgets/issues")
        assert moved.headers["location"] == f"{base}/api/v3/repositories/{repo.repo.id}/issues"
        await expect(bot.get(moved.headers["location"]), 200)


async def test_workflows_are_listed_with_their_runs(sim: Sim, repo: RepoStory) -> None:
    for name in ("CI", "Lint", "CI"):
        await sim.world.start_workflow(repo.repo, "mia", await repo.tip(), name=name)
    at = "/repos/acme/widgets/actions/workflows"
    async with client(sim, "prow-bot") as bot:
        listed = await expect(bot.get(at), 200)
        assert [(one["name"], one["path"]) for one in listed["workflows"]] == [
            ("CI", ".github/workflows/ci.yml"),
            ("Lint", ".github/workflows/lint.yml"),
        ]
        assert (await expect(bot.get(f"{at}/{listed['workflows'][1]['id']}"), 200))["name"] == "Lint"
        runs = await expect(bot.get(f"{at}/ci.yml/runs"), 200)
        assert [one["run_number"] for one in runs["workflow_runs"]] == [2, 1]
        await expect(bot.get(f"{at}/none.yml"), 404)


async def test_repositories_are_searched_by_name_and_qualifiers(sim: Sim, repo: RepoStory) -> None:
    secret = await RepoStory.create(sim, "acme/secret-widgets", files={"a": "b"})
    secret.repo.private = True
    other = await RepoStory.create(sim, "globex/gears", files={"a": "b"})
    other.repo.settings |= {"description": "Turns widgets", "topics": ["wheels"]}
    await sim.world.fork(repo.repo, "mia")

    async def found(query: str, login: str = "") -> list[str]:
        async with client(sim, login) as caller:
            answer = await expect(caller.get("/search/repositories", params={"q": query}), 200)
        assert answer["total_count"] == len(answer["items"])
        return [one["full_name"] for one in answer["items"]]

    assert await found("widgets") == ["acme/widgets", "globex/gears"]
    assert await found("widgets", "wernher") == ["acme/widgets", "acme/secret-widgets", "globex/gears"]
    assert await found("is:private org:acme", "wernher") == ["acme/secret-widgets"]
    assert await found("user:globex repo:acme/widgets") == ["acme/widgets", "globex/gears"]
    assert await found("topic:wheels") == ["globex/gears"]
    assert await found("widgets fork:only") == ["mia/widgets"]
    assert await found("nothing") == []
