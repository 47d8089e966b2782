"""Comments on commits."""

from __future__ import annotations

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import expect
from tests.sim.support import Events, client

AT = "/repos/acme/widgets"


async def test_commits_are_commented_on(sim: Sim, repo: RepoStory, events: Events) -> None:
    tip = await repo.push("mia", {"song.txt": "one\ntwo\n"})
    async with client(sim, "mia") as mia, client(sim, "ada") as ada:
        place = f"{AT}/commits/{tip}/comments"
        first = await expect(mia.post(place, json={"body": "Nice."}), 201)
        second = await expect(ada.post(place, json={"body": "Here?", "path": "song.txt", "position": 2}), 201)
        assert (second["line"], second["position"]) == (2, 2)
        await expect(ada.post(place, json={"body": "There?", "path": "song.txt", "position": 9}), 422)
        await expect(ada.post(f"{AT}/commits/{'f' * 40}/comments", json={"body": "x"}), 422)
        assert [one["id"] for one in await expect(ada.get(f"{AT}/comments"), 200)] == [first["id"], second["id"]]
        await expect(ada.patch(f"{AT}/comments/{first['id']}", json={"body": "No."}), 403)
        await expect(ada.patch(f"{AT}/comments/{second['id']}", json={"body": "There."}), 200)
        await expect(ada.post(f"{AT}/comments/{first['id']}/reactions", json={"content": "heart"}), 201)
        assert (await expect(ada.get(f"{AT}/comments/{first['id']}"), 200))["reactions"]["heart"] == 1
        await expect(mia.delete(f"{AT}/comments/{first['id']}"), 204)
        assert len(await expect(ada.get(place), 200)) == 1
    assert [name for name, _ in events.names].count("commit_comment") == 2
