"""Many people push to one branch at the same moment: one after the other wins, and what is told of it is told in that order."""

from __future__ import annotations

import asyncio

from prow.sim import gitrepo
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.support import Events, client

BRANCH = "refs/heads/shared"


def assert_in_order(events: Events, start: str, end: str) -> None:
    """Each push begins where the one before ended."""
    told = [push for push in events.payloads("push") if push["ref"] == BRANCH]
    assert [push["before"] for push in told] == [start, *(push["after"] for push in told[:-1])]
    assert told[-1]["after"] == end


async def test_pushes_of_many_people_to_one_branch_are_told_in_their_order(sim: Sim) -> None:
    repo = await RepoStory.create(sim, "acme/rockets", files={"f": "1\n"})
    events = Events(sim, repo.repo)
    pull = await repo.open_pull_request("u0", title="Shared", files={"g": "0\n"}, from_fork=False, branch="shared")
    start = pull.head_sha
    sides = [await repo.push(f"u{n}", {f"f{n}": "x\n"}, branch=f"side-{n}", start=start) for n in range(3)]

    async def by_rest(sha: str) -> int:
        async with client(sim, "u0") as person:
            body = {"sha": sha, "force": True}
            return (await person.patch("/repos/acme/rockets/git/refs/heads/shared", json=body)).status_code

    repo.collaborator("u0", "write")
    commits = [repo.push(f"u{n}", {f"v{n}": f"{k}\n"}, branch="shared") for n in range(3) for k in range(2)]
    codes = await asyncio.gather(*commits, *(by_rest(sha) for sha in sides))
    assert codes[len(commits) :] == [200] * 3
    tip = await repo.tip("shared")
    assert_in_order(events, start, tip)
    assert pull.head_sha == tip == await gitrepo.resolve(repo.repo.path, f"refs/pull/{pull.number}/head")


async def test_commits_that_a_force_push_threw_away_still_have_their_turn(sim: Sim) -> None:
    """In a fork, whose branch has moved on before the base repository hears of it."""
    repo = await RepoStory.create(sim, "acme/rockets", files={"f": "1\n"})
    events = Events(sim, repo.repo)
    pull = await repo.open_pull_request("mia", title="Fix", files={"f": "0\n"})
    start = pull.head_sha
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    head_repo = pull.issue.pull.head_repo if pull.issue.pull else None
    assert head_repo is not None

    async def tip() -> str | None:
        return await gitrepo.resolve(head_repo.path, "refs/heads/change")

    pushes = []
    async with sim.clock.timeout(20), sim.world.lock(repo.repo), client(sim, "mia") as person:
        for number in range(1, 4):
            before = await tip()
            pushes.append(asyncio.create_task(pull.force_push({"f": f"{number}\n"})))
            while await tip() == before:
                await sim.clock.sleep(0)  # nothing is told of it while the test holds the lock
        answer = await person.get(f"/repos/acme/rockets/pulls/{pull.number}/files")
        assert answer.status_code == 200
    await asyncio.gather(*pushes)
    told = [(p["before"], p["after"]) for p in events.payloads("pull_request") if p["action"] == "synchronize"]
    assert [before for before, _ in told] == [start, *(after for _, after in told[:-1])]
    assert len(told) == 3
    assert pull.head_sha == told[-1][1] == await tip()
    await pull.expect_mergeable()
    assert failed == []


async def test_of_many_who_push_over_http_one_wins_and_the_others_are_told(sim: Sim) -> None:
    async with sim.serve() as url:
        repo = await RepoStory.create(sim, "acme/rockets", files={"f": "1\n"})
        events = Events(sim, repo.repo)
        base = await repo.tip()
        sides = [await repo.push(f"u{n}", {f"f{n}": "x\n"}, branch=f"side-{n}", start=base) for n in range(4)]
        repo.collaborator("u0", "write")
        remote = url.replace("//", f"//x:{sim.world.token('u0')}@") + "/acme/rockets"

        async def push(sha: str) -> str:
            code, _, error = await gitrepo.git_code("push", "--quiet", remote, f"{sha}:{BRANCH}", cwd=repo.repo.path)
            return error.decode() if code else ""

        answers = await asyncio.gather(*(push(sha) for sha in sides))
        won = [sha for sha, answer in zip(sides, answers, strict=True) if not answer]
        assert won == [await repo.tip("shared")]
        assert all("rejected" in answer for answer in answers if answer)
        assert [push["after"] for push in events.payloads("push") if push["ref"] == BRANCH] == won
