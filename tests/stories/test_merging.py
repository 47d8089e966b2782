"""A pull request that is ready merges within a second; a hostile GitHub gets no wrong merge, and people get a clear status.

Labels are set by people here: how `lgtm` and `approve` set them is told elsewhere.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.requests import Request

from prow.bus.endpoint import Endpoint
from prow.github.call import Cost
from prow.github.webhook import Verifier
from prow.jobs.sqlite_store import SQLiteJobStore
from prow.lib import http
from prow.lib.clock import SystemClock
from prow.lib.secrets import Secrets
from prow.sim import gitrepo
from prow.sim.plan import Match
from prow.sim.verbs import PullStory
from prow.tide.service import Settings as TideSettings
from prow.tide.service import Tide
from tests.support.prow import CONFIG, OWNERS, TIDE, World, job, prow

FILES = {"run.sh": "#!/bin/sh\nexit 0\n", "notes.txt": "one\ntwo\nthree\n", "OWNERS": OWNERS}
UNIT = "presubmits:\n  acme/rockets:\n" + job("unit", "sh run.sh")


@asynccontextmanager
async def world(
    folder: Path, *, jobs: str = "", tide: TideSettings | None = None, config: str = ""
) -> AsyncIterator[World]:
    may = ["label size/*", "status tide"]  # what tide says meanwhile is a matter of those who ask
    async with prow(folder, jobs=jobs, files=FILES, config=CONFIG + (config or TIDE), tide=tide, may=may) as made:
        await made.system.tide.ready()
        yield made


async def ready(w: World, branch: str = "change", *, files: dict[str, str] | None = None) -> PullStory:
    """A pull request that lacks nothing but the labels."""
    pr = await w.repo.open_pull_request(
        "katherine", title=f"Change {branch}", files=dict(files or {f"{branch}.txt": "x\n"}), branch=branch
    )
    await pr.expect_mergeable()
    return pr


async def tide_says(pr: PullStory, text: str, *, state: str = "") -> None:
    await pr.expect_status("tide", state, text=text)


async def merges_in(w: World) -> list[str]:
    """Subjects of the merge commits of main, newest first."""
    out = await gitrepo.git("log", "--merges", "--format=%s", "main", cwd=w.repo.repo.path)
    return out.decode().splitlines()


async def test_a_pull_request_merges_when_the_last_condition_is_met(tmp_path: Path) -> None:
    async with world(tmp_path, jobs=UNIT) as w:
        pr = await ready(w)
        await tide_says(pr, "Needs approved, lgtm labels", state="pending")
        await pr.expect_status("unit", "success")
        await pr.label("wernher", "lgtm")
        await tide_says(pr, "Needs approved label", state="pending")
        await pr.label("wernher", "approved")
        sha = await pr.expect_merged(within=5)
        parents = (await gitrepo.git("rev-list", "--parents", "-n1", sha, cwd=w.repo.repo.path)).decode().split()
        assert parents[2] == pr.head_sha
        await tide_says(pr, "In merge pool", state="success")


async def test_a_pull_request_is_tested_again_on_the_new_base_before_it_merges(tmp_path: Path) -> None:
    async with world(tmp_path, jobs=UNIT) as w:
        first, second = await ready(w, "first"), await ready(w, "second")
        for pr in (first, second):
            await pr.expect_status("unit", "success")
        await first.label("wernher", "lgtm", "approved")
        await first.expect_merged()
        await second.label("wernher", "lgtm", "approved")
        await second.expect_merged()
        await w.quiet()
        await second.expect_status("unit", "success")
        rows = [row for row in w.system.index.by_pull("acme", "rockets", second.number) if row.job == "unit"]
        assert {row.base_sha for row in rows} >= {first.merge_commit}
        assert len(rows) == 2


async def test_one_that_conflicts_after_a_merge_is_told_so(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        first = await ready(w, "first", files={"notes.txt": "one\n2\nthree\n"})
        second = await ready(w, "second", files={"notes.txt": "one\nzwei\nthree\n"})
        await second.label("wernher", "lgtm", "approved", "do-not-merge/hold")
        await first.label("wernher", "lgtm", "approved")
        await first.expect_merged()
        await second.unlabel("wernher", "do-not-merge/hold")
        await tide_says(second, "conflict", state="error")
        await w.quiet()
        second.expect_not_merged()


async def test_a_refusal_is_told_and_does_not_starve_the_next(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        refused, other = await ready(w, "refused"), await ready(w, "other")
        w.sim.faults.next(
            "PUT", f"/pulls/{refused.number}/merge", 405, "Protected by a rule nobody told you of", times=9
        )
        await refused.label("wernher", "lgtm", "approved")
        await tide_says(refused, "Protected by a rule nobody told you of")
        await other.label("wernher", "lgtm", "approved")
        await other.expect_merged()
        await w.quiet()
        refused.expect_not_merged()
        w.sim.faults.clear()
        await refused.comment("katherine", "please?")
        await refused.label("wernher", "kind/bug")
        await refused.expect_merged()


@pytest.mark.parametrize("status", [409, 422])
async def test_a_merge_that_github_does_not_take_is_not_forced(tmp_path: Path, status: int) -> None:
    async with world(tmp_path) as w:
        pr = await ready(w)
        w.sim.faults.next_merge(status, after=False)
        await pr.label("wernher", "lgtm", "approved")
        await pr.wait_for(lambda _: not w.sim.faults.pending, "an attempt to merge")
        await w.quiet()
        if status == 409:
            await pr.expect_merged()
        else:
            pr.expect_not_merged()
            await tide_says(pr, "Validation Failed")


async def test_a_base_that_moved_meanwhile_is_tried_again_at_once(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        pr = await ready(w)
        w.sim.faults.next_merge_finds_base_modified(times=2)
        await pr.label("wernher", "lgtm", "approved")
        await pr.expect_merged()


async def test_a_merge_whose_answer_is_lost_is_found_done(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        pr = await ready(w)
        w.sim.faults.next_merge(502, after=True)
        await pr.label("wernher", "lgtm", "approved")
        await pr.expect_merged()
        await w.quiet()
        assert len(await merges_in(w)) == 1


async def test_a_merge_that_was_not_done_by_a_broken_github_is_done_later(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        pr = await ready(w)
        w.sim.faults.next_merge(502, after=False)
        await pr.label("wernher", "lgtm", "approved")
        await pr.expect_merged()
        assert len(await merges_in(w)) == 1


async def test_mergeability_that_is_unknown_for_a_while_delays_the_merge(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        pr = await ready(w)
        pull = pr.issue.pull
        assert pull is not None
        w.sim.world.compute_mergeable = False
        pull.mergeable = None
        reads: list[str] = []

        def until_the_second_read(request: Request) -> None:
            if request.url.path == "/graphql":
                reads.append(request.url.path)
                if len(reads) == 2:
                    pull.mergeable = True

        w.sim.fault = until_the_second_read
        await pr.label("wernher", "lgtm", "approved")
        await pr.expect_merged()
        assert len(reads) >= 2


async def test_a_force_push_between_the_decision_and_the_merge_wins(tmp_path: Path) -> None:
    """The merge is pinned to the head that was judged: GitHub answers 409, and the new head has to be tested first."""
    async with world(tmp_path, jobs=UNIT) as w:
        pr = await ready(w)
        await pr.expect_status("unit", "success")
        judged = pr.head_sha
        pushed: list[str] = []

        async def push_first(request: Request) -> None:
            if request.method == "PUT" and request.url.path.endswith("/merge") and not pushed:
                pushed.append(await pr.force_push({"change.txt": "something else\n"}))

        w.sim.fault = push_first
        await pr.label("wernher", "lgtm", "approved")
        await pr.expect_merged()
        assert pushed == [pr.head_sha]
        assert pr.head_sha != judged
        rows = [row for row in w.system.index.by_pull("acme", "rockets", pr.number) if row.pulls[0].sha == pr.head_sha]
        assert [row.state.value for row in rows] == ["success"], "the new head was tested before it was merged"
        await pr.expect_status("unit", "success")


async def test_a_hold_that_comes_while_tide_looks_away_is_not_overlooked(tmp_path: Path) -> None:
    """Its webhook is lost; the fresh look before the merge finds it."""
    async with world(tmp_path) as w:
        pr = await ready(w)
        await w.quiet()

        lost = w.sim.faults.lose_webhooks(Match(action="labeled", body="do-not-merge/hold"))
        await pr.label("wernher", "do-not-merge/hold")
        w.sim.faults.remove(lost)
        await pr.set_status("anything", "success")
        await pr.label("wernher", "lgtm", "approved")
        await w.quiet()
        pr.expect_not_merged()
        await tide_says(pr, "do-not-merge/hold")


async def test_what_a_lost_webhook_told_is_found_by_the_next_list(tmp_path: Path) -> None:
    async with world(tmp_path, tide=TideSettings(resync=1.0)) as w:
        pr = await ready(w)
        w.sim.faults.lose_webhooks()
        await pr.label("wernher", "lgtm", "approved")
        await pr.expect_merged()


async def test_a_status_that_github_did_not_take_is_written_later_although_nothing_happens(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        pr = await ready(w)
        await tide_says(pr, "Needs approved, lgtm labels")
        w.sim.faults.next("POST", f"/statuses/{pr.head_sha}", 422)
        await pr.label("wernher", "lgtm")
        await tide_says(pr, "Needs approved label.")


async def test_two_tides_merge_nothing_twice(tmp_path: Path) -> None:
    """As when two processes run by mistake: both share the job store, and both hear of everything."""
    async with world(tmp_path, jobs=UNIT) as w:
        clock, system = SystemClock(), w.system
        store = await SQLiteJobStore.open(tmp_path / "state" / "jobs.db", clock=clock)
        github = system.github.bound(caller="other-tide", cost=Cost.MERGE)
        other = Tide(
            TideSettings(),
            config=lambda: system.agent.config,
            github=github,
            background=github,
            jobs=store,
            index=system.index,
            clock=clock,
        )
        secret = Secrets(clock).load(tmp_path / "hmac")
        async with http.serve(Endpoint(other, Verifier(secret), clock=clock).app) as port:
            w.sim.world.add_hook(w.repo.repo, url=f"http://127.0.0.1:{port}/hook", secret="0123456789abcdef0123")
            running = asyncio.create_task(other.run())
            await other.ready()
            pulls = [await ready(w, f"change-{number}") for number in range(3)]
            for pr in pulls:
                await pr.expect_status("unit", "success")
            for pr in pulls:
                await pr.label("wernher", "lgtm", "approved")
            for pr in pulls:
                await pr.expect_merged()
            await w.quiet()
            await other.idle()
            for pr in pulls:
                await pr.expect_status("unit", "success")
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await store.close()
        assert len(await merges_in(w)) == 3
        runs = Counter((row.pulls[0].number, row.base_sha) for row in system.index.by_job("unit"))
        assert max(runs.values()) == 1, runs
