"""Finding things across repositories: what concerns somebody, commits, labels, people by number."""

from __future__ import annotations

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import expect
from tests.sim.support import client


async def test_people_see_what_concerns_them_everywhere(sim: Sim, repo: RepoStory) -> None:
    other = await RepoStory.create(sim, "lunar/base", files={"a": "b"})
    one = await repo.open_issue("ada", title="One", body="Ask @wernher")
    await one.edit("prow-bot", assignees=["wernher"])
    two = await other.open_issue("wernher", title="Two")
    await two.close("wernher")
    await other.open_issue("ada", title="Three")
    async with client(sim, "wernher") as wernher, client(sim) as nobody:

        async def titles(path: str) -> list[str]:
            return [issue["title"] for issue in await expect(wernher.get(path), 200)]

        assert await titles("/issues") == ["One"]
        assert await titles("/issues?filter=created&state=all") == ["Two"]
        assert await titles("/issues?filter=mentioned") == ["One"]
        assert await titles("/issues?filter=all") == ["Three", "One"]
        assert await titles("/user/issues?filter=all") == ["One"]
        assert await titles("/orgs/acme/issues") == ["One"]
        (told,) = await expect(wernher.get("/issues"), 200)
        assert told["repository"]["full_name"] == "acme/widgets"
        await expect(wernher.get("/issues?state=lost"), 422)
        await expect(nobody.get("/issues"), 401)


async def test_commits_are_found_by_words_and_places(sim: Sim, repo: RepoStory) -> None:
    tip = await repo.push("mia", {"a": "1"}, message="Mend the valve")
    await repo.push("ada", {"b": "2"}, message="Paint it", branch="other")
    async with client(sim, "ada") as ada:

        async def found(query: str) -> list[str]:
            told = await expect(ada.get("/search/commits", params={"q": query}), 200)
            assert told["total_count"] == len(told["items"])
            return [one["commit"]["message"] for one in told["items"]]

        assert await found("mend repo:acme/widgets") == ["Mend the valve"]
        assert await found(f"hash:{tip}") == ["Mend the valve"]
        assert await found("valve author:mia org:acme") == ["Mend the valve"]
        assert await found("valve author:ada") == []
        assert await found("paint") == []
        assert await found("valve repo:acme/other") == []


async def test_code_is_found_by_words_and_places(sim: Sim, repo: RepoStory) -> None:
    files = {"src/main.go": "package main\nfunc Lift() {}\n", "docs/lift.md": "How to lift\n", "other": "nothing\n"}
    await repo.push("mia", files)
    await repo.push("mia", {"branch.go": "Lift"}, branch="other")
    async with client(sim, "ada") as ada, client(sim) as nobody:

        async def found(query: str) -> list[str]:
            told = await expect(ada.get("/search/code", params={"q": query}), 200)
            return sorted(one["path"] for one in told["items"])

        assert await found("lift repo:acme/widgets") == ["docs/lift.md", "src/main.go"]
        assert await found("lift extension:go") == ["src/main.go"]
        assert await found("lift path:docs org:acme") == ["docs/lift.md"]
        assert await found("lift filename:main.go") == ["src/main.go"]
        assert await found("func lift") == ["src/main.go"]
        assert await found("lift org:lunar") == []
        await expect(ada.get("/search/code?q=repo:acme/widgets"), 422)
        await expect(nobody.get("/search/code?q=lift"), 401)
    repo.repo.private = True
    async with client(sim, "stranger") as stranger:
        assert (await expect(stranger.get("/search/code?q=lift"), 200))["total_count"] == 0


async def test_labels_and_people_are_found(sim: Sim, repo: RepoStory) -> None:
    await sim.world.create_label(repo.repo, "mia", "bug", description="It is broken")
    await sim.world.create_label(repo.repo, "mia", "kind/feature")
    ada = sim.world.user("ada")
    async with client(sim, "ada") as caller:
        told = await expect(caller.get(f"/search/labels?repository_id={repo.repo.id}&q=broken"), 200)
        assert [label["name"] for label in told["items"]] == ["bug"]
        await expect(caller.get("/search/labels?repository_id=1&q=broken"), 404)
        assert (await expect(caller.get(f"/user/{ada.id}"), 200))["login"] == "ada"
        await expect(caller.get("/user/1"), 404)
        later = await expect(caller.get(f"/users?since={ada.id - 1}"), 200)
        assert later[0]["login"] == "ada"


async def test_a_folder_has_a_readme_of_its_own(sim: Sim, repo: RepoStory) -> None:
    await repo.push("mia", {"docs/Readme.txt": "Read\n"})
    async with client(sim, "ada") as ada:
        told = await expect(ada.get("/repos/acme/widgets/readme/docs"), 200)
        assert (told["path"], told["size"]) == ("docs/Readme.txt", 5)
        await expect(ada.get("/repos/acme/widgets/readme/src"), 404)


async def test_which_apps_are_asked_for_suites_is_told_back(sim: Sim, repo: RepoStory) -> None:
    repo.collaborator("boss", "admin")
    wanted = {"auto_trigger_checks": [{"app_id": 7, "setting": False}]}
    async with client(sim, "boss") as boss:
        told = await expect(boss.patch("/repos/acme/widgets/check-suites/preferences", json=wanted), 200)
        assert told["preferences"] == wanted
