"""`--state`: a later start goes on where the last one was, however it ended."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

from prow.lib.clock import SystemClock
from prow.lib.errors import UsageError
from prow.sim.accounts import Identity
from prow.sim.process import Running, Settings, run
from prow.sim.server import Sim
from prow.sim.store import KEPT, Store
from prow.sim.verbs import PullStory, RepoStory
from prow.sim.world.lines import Spot
from tests.sim.support import client
from tests.sim.test_apps import KEY, PUBLIC, Installed
from tests.support.checked import checked

RUN = {
    "root", "clock", "base", "hooks", "budgets", "calls", "content_writes", "compute_mergeable", "mergeable_delay", "search_lag", "journal",
}  # fmt: skip
"""How a world is run, not what is in it."""
PATHS = (
    "/user",
    "/orgs/acme",
    "/orgs/acme/teams",
    "/orgs/acme/members",
    "/repos/acme/rockets",
    "/repos/mia/rockets",
    "/repos/acme/rockets/pulls?state=all",
    "/repos/acme/rockets/pulls/1/files",
    "/repos/acme/rockets/pulls/1/commits",
    "/repos/acme/rockets/pulls/1/reviews",
    "/repos/acme/rockets/pulls/1/comments",
    "/repos/acme/rockets/issues?state=all",
    "/repos/acme/rockets/issues/1/comments",
    "/repos/acme/rockets/issues/1/events",
    "/repos/acme/rockets/labels",
    "/repos/acme/rockets/milestones",
    "/repos/acme/rockets/branches",
    "/repos/acme/rockets/branches/main/protection",
    "/repos/acme/rockets/hooks",
    "/repos/acme/rockets/commits/main/statuses",
    "/repos/acme/rockets/releases",
    "/repos/acme/rockets/deployments",
    "/repos/acme/rockets/comments",
)


@asynccontextmanager
async def kept(root: Path, *, orderly: bool = True) -> AsyncIterator[tuple[Sim, Store]]:
    """A simulator with a state; not `orderly`: it ends like a process that is killed."""
    with checked(Sim(root)) as sim:
        store = await Store.open(sim.world)
        try:
            yield sim, store
            if orderly:
                await store.save()
        finally:
            await sim.world.close()
            await store.close()


async def eventful(sim: Sim) -> str:
    """Much happens; gives a token of the administrator."""
    sim.world.org("acme", members=["wernher", "mia"], owners=["boss"])
    repo = await RepoStory.create(sim, "acme/rockets", files={"a.txt": "a\n"})
    sim.world.add_hook(repo.repo, url="http://127.0.0.1:9/", secret="s")
    repo.collaborator("wernher", "write")
    repo.protect(contexts=["unit"], reviews=1)
    repo.add_team("crew", ["mia"], "triage")
    pr = await repo.open_pull_request("mia", title="Fly", files={"b.txt": "b\n"})
    await pr.comment("wernher", "/lgtm")
    await pr.approve("wernher")
    await pr.label("wernher", "lgtm")
    await pr.set_status("unit", "success")
    await sim.world.review_comment(pr.issue, "wernher", body="Nice", spot=Spot("b.txt"))
    sim.world.create_milestone(repo.repo, "wernher", "v1")
    await sim.world.edit(pr.issue, "wernher", {"milestone": 1, "assignees": ["wernher"]})
    await pr.expect_mergeable()
    await pr.merge("wernher")
    land = await repo.open_pull_request("mia", title="Land", files={"c.txt": "c\n"})
    await land.expect_mergeable()
    await repo.open_issue("mia", title="Where?")
    boss = Identity("boss")
    release = await sim.world.create_release(repo.repo, boss, {"tag_name": "v1", "name": "One"})
    await sim.world.add_asset(repo.repo, "boss", release, b"x", name="x", label="", kind="text/plain")
    deployment = await sim.world.deploy(
        repo.repo, boss, {"ref": "main", "required_contexts": [], "payload": {"a": [1]}}
    )
    await sim.world.set_deployment_status(repo.repo, "boss", deployment, {"state": "success"})
    await sim.world.comment_on_commit(repo.repo, "mia", await repo.tip(), body="Nice.")
    await sim.world.hooks.settled()
    return sim.world.token("boss")


async def seen(sim: Sim, token: str) -> dict[str, object]:
    async with client(sim) as boss:
        headers = {"Authorization": f"token {token}"}
        answers = {path: await boss.get(path, headers=headers) for path in PATHS}
    assert {path: a.status_code for path, a in answers.items() if a.status_code != 200} == {}
    return {path: answer.json() for path, answer in answers.items()}


async def test_a_later_start_sees_what_the_last_one_saw(tmp_path: Path) -> None:
    async with kept(tmp_path) as (sim, store):
        token = await eventful(sim)
        before = await seen(sim, token)
        assert store.fresh
    async with kept(tmp_path) as (sim, store):
        assert not store.fresh
        assert await seen(sim, token) == before
        land = PullStory(sim, sim.world.repo("acme/rockets").issues[2])
        await land.expect_mergeable()
        fresh = await land.comment("mia", "Still here")
        assert fresh.id > max(issue.id for issue in land.issue.repo.issues.values())


async def test_what_was_saved_outlives_a_kill_and_a_push_that_was_not_is_found_in_git(tmp_path: Path) -> None:
    async with kept(tmp_path, orderly=False) as (sim, store):
        await eventful(sim)
        land = PullStory(sim, sim.world.repo("acme/rockets").issues[2])
        await store.save()
        await land.comment("mia", "lost")
        await land.push({"d.txt": "d\n"})
        pushed = land.head_sha
    async with kept(tmp_path) as (sim, _):
        land = PullStory(sim, sim.world.repo("acme/rockets").issues[2])
        assert [c.body for c in land.comments] == []
        assert land.head_sha == pushed
        await land.expect_mergeable()


async def test_what_is_changed_after_it_was_saved_is_saved_again(tmp_path: Path) -> None:
    async with kept(tmp_path) as (sim, store):
        sim.world.org("acme", members=["wernher"])
        repo = await RepoStory.create(sim, "acme/rockets", files={"a.txt": "a\n"})
        hook = sim.world.add_hook(repo.repo, url="http://127.0.0.1:9/", secret="")
        issue = await repo.open_issue("mia", title="Where?")
        said = await issue.comment("mia", "There")
        await issue.label("wernher", "lost")
        await store.save()
        await sim.world.hooks.settled()
        hook.deliveries[0].status = 202
        await sim.world.edit_comment(issue.issue, said, "mia", "Here")
        await sim.world.react(said, "wernher", "heart")
        await sim.world.delete_user("mia")
    async with kept(tmp_path) as (sim, _):
        found = sim.world.repo("acme/rockets")
        comment = found.issues[1].comments[0]
        assert (comment.body, comment.user.login, len(comment.reactions)) == ("Here", "ghost", 1)
        assert comment.reactions[0].user is sim.world.user("wernher")
        assert found.hooks[0].deliveries[0].status == 202
        assert [event.actor.login for event in found.issues[1].events] == ["wernher"]


async def test_apps_and_fine_grained_tokens_are_kept(tmp_path: Path) -> None:
    async with kept(tmp_path) as (sim, _):
        sim.faults.lose_webhooks()
        sim.world.org("acme", members=["wernher"])
        repo = await RepoStory.create(sim, "acme/rockets", files={"a.txt": "a\n"})
        app = sim.world.app("merge-bot", permissions={"issues": "write"}, events=["issues"])
        app.public_keys.append(PUBLIC)
        sim.world.set_app_hook(app, url="http://127.0.0.1:9/", secret="s3cret")
        sim.world.suspend(sim.world.install(app, "acme", repos=[repo.repo]), "wernher")
        token = sim.world.fine_token("wernher", "acme", {"issues": "read"}, repos=[repo.repo])
    async with kept(tmp_path) as (sim, _):
        app, (installation,) = sim.world.apps["merge-bot"], sim.world.installations.values()
        assert installation.app is app
        assert installation.suspended_by is sim.world.user("wernher")
        assert app.hook is not None
        assert [one.action for one in app.hook.deliveries] == ["", "created", "suspend"]
        assert sim.world.identify(token).permissions == {"issues": "read"}
        async with Installed(sim, app, KEY, installation).as_app() as as_app:
            assert (await as_app.get("/app/hook/config")).json()["url"] == "http://127.0.0.1:9/"


async def test_a_seed_that_is_refused_leaves_nothing_behind_that_a_better_one_would_go_on_from(tmp_path: Path) -> None:
    seed, settings = tmp_path / "world.yaml", Settings(root=tmp_path / "sim", keep=True, seed=tmp_path / "world.yaml")
    world = "orgs: [{{login: acme, members: [mia]}}]\nrepos: [{{name: acme/rockets, files: {{a: b}}, issues: [{{title: T, author: {}}}]}}]\n"
    seed.write_text(world.format("nobody"))
    with pytest.raises(UsageError, match="nobody is called"):
        await run(settings, print, clock=SystemClock())
    seed.write_text(world.format("mia"))
    ready: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run(settings, ready.set_result, clock=SystemClock()))
    running = await ready
    assert not running.went_on
    assert running.sim.world.repo("acme/rockets").issues[1].title == "T"
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_only_one_process_works_in_a_folder(tmp_path: Path) -> None:
    async with kept(tmp_path):
        with pytest.raises(UsageError, match="another process works there"):
            await Store.open(Sim(tmp_path).world)


async def test_a_state_that_lost_its_repositories_or_is_none_is_told(tmp_path: Path) -> None:
    async with kept(tmp_path / "a") as (sim, _):
        repo = await RepoStory.create(sim, "acme/rockets", files={"a.txt": "a\n"})
    repo.repo.path.rename(tmp_path / "moved")
    with pytest.raises(UsageError, match=r"its repository .* is gone"):
        await Store.open(Sim(tmp_path / "a").world)
    async with kept(tmp_path / "c"):
        pass
    with closing(sqlite3.connect(tmp_path / "c/state.db")) as database:
        database.execute("INSERT INTO records VALUES (4711, 'Gadget', '{}')")
        database.commit()
    with pytest.raises(UsageError, match=r"it has a Gadget, which this version does not know"):
        await Store.open(Sim(tmp_path / "c").world)
    with closing(sqlite3.connect(tmp_path / "c/state.db")) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match=r"written by a newer release .* or use another folder"):
        await Store.open(Sim(tmp_path / "c").world)
    (tmp_path / "b").mkdir()
    (tmp_path / "b/state.db").write_text("no database, but a text that is long enough to be looked at")
    with pytest.raises(UsageError):
        await Store.open(Sim(tmp_path / "b").world)


def test_everything_that_is_in_a_world_is_kept(tmp_path: Path) -> None:
    attributes = {name for name in vars(Sim(tmp_path).world) if not name.startswith("_")}
    assert attributes - RUN == set(KEPT)
