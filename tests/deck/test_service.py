"""The dashboard over real HTTP, beside a whole Prow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from prow.jobs.sqlite_store import SQLiteJobStore
from prow.lib.clock import SystemClock
from prow.lib.http_client import http_client
from prow.sim.verbs import PullStory
from tests.support.prow import World, job, prow

JOBS = "presubmits:\n  acme/rockets:\n" + job(
    "unit", "echo '<b>bold</b>'; mkdir -p $ARTIFACTS; echo '<script>alert(1)</script>' > $ARTIFACTS/page.html; exit 1"
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    may = ["label", "status", "comment"]  # what GitHub sees is a matter of others
    async with prow(tmp_path, jobs=JOBS, files={"run.sh": "exit 0\n"}, may=may) as world:
        yield world


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    async with http_client(world.system.deck_url) as client:
        yield client


async def failed(world: World) -> PullStory:
    pr = await world.repo.open_pull_request("wernher", title="Fail", files={"run.sh": "exit 1\n"})
    await pr.expect_status("unit", "failure")
    return pr


async def test_the_list_and_the_job_page_are_whole_without_scripts(world: World, client: httpx2.AsyncClient) -> None:
    pr = await failed(world)
    front = await client.get("/?state=failure")
    assert front.status_code == 200
    assert "unit" in front.text
    assert 'class="state failure"' in front.text
    page = await client.get(pr.statuses["unit"].target_url.removeprefix("https://prow.example"))
    assert page.status_code == 200
    assert "&lt;b&gt;bold&lt;/b&gt;" in page.text
    assert "Job failed." in page.text
    assert "page.html" in page.text
    assert (await client.get("/?state=success")).text.count("<tr id=") == 0


async def test_pages_forbid_foreign_scripts_and_frames(world: World, client: httpx2.AsyncClient) -> None:
    await failed(world)
    headers = (await client.get("/")).headers
    assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    name = next(iter(world.system.index.rows())).name
    artifact = await client.get(f"/artifact/{name}/page.html")
    assert artifact.text == "<script>alert(1)</script>\n"
    assert artifact.headers["content-security-policy"].startswith("sandbox;")
    assert artifact.headers["x-content-type-options"] == "nosniff"
    for path in (
        f"/artifact/{name}/../finished.json",
        f"/artifact/{name}/%2e%2e/finished.json",
        f"/artifact/{name}//etc/passwd",
    ):
        assert (await client.get(path)).status_code == 404


async def test_other_host_names_are_refused(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/", headers={"Host": "evil.example"})).status_code == 421
    assert (await client.get("/", headers={"Host": "localhost:8080"})).status_code == 200


async def test_buttons_need_our_origin_and_our_token(world: World, client: httpx2.AsyncClient) -> None:
    await failed(world)
    name = next(iter(world.system.index.rows())).name
    page = (await client.get(f"/job/{name}")).text
    token = page.split('name="token" value="')[1].split('"')[0]
    good = {"Origin": world.system.deck_url}
    path = f"/rerun?prowjob={name}"
    assert (await client.post(path, data={"token": token})).status_code == 403
    assert (
        await client.post(path, data={"token": token}, headers={"Origin": "http://evil.example"})
    ).status_code == 403
    assert (await client.post(path, data={"token": "0" * 64}, headers=good)).status_code == 403
    assert (await client.get(path)).status_code == 405
    async with http_client(world.system.deck_url) as other:
        assert (await other.post(path, data={"token": token}, headers=good)).status_code == 403
    before = len(list(world.system.index.by_job("unit")))
    answer = await client.post(path, data={"token": token}, headers=good)
    assert answer.status_code == 303
    async with world.system.index.subscribe() as changes:
        while len(list(world.system.index.by_job("unit"))) == before:
            await anext(changes)


async def test_raw_logs_and_objects_are_text(world: World, client: httpx2.AsyncClient) -> None:
    await failed(world)
    row = next(iter(world.system.index.rows()))
    log = await client.get(f"/log?job=unit&id={row.build_id}")
    assert "<b>bold</b>" in log.text
    assert log.headers["content-type"].startswith("text/plain")
    assert (await client.get(f"/log?job=other&id={row.build_id}")).status_code == 404
    assert "kind: ProwJob" in (await client.get(f"/prowjob?prowjob={row.name}")).text
    for missing in ("/prowjob?prowjob=none", "/job/none", "/view/gs/b/none/1", "/nothing", "/static/none.css"):
        assert (await client.get(missing)).status_code == 404


async def test_changes_come_by_themselves(world: World, client: httpx2.AsyncClient) -> None:
    async with client.stream("GET", "/events?job=unit") as events:
        lines = events.aiter_lines()
        assert await anext(lines) == ": here"
        await world.repo.open_pull_request("wernher", title="Fail", files={"run.sh": "exit 1\n"})
        states = []
        async for line in lines:
            if line.startswith("data: "):
                states += [s for s in ("triggered", "pending", "failure") if f"state {s}" in line]
            if "failure" in states:
                break
    assert states[0] == "triggered"
    assert states[-1] == "failure"


async def test_a_running_log_is_followed_to_its_end(world: World, client: httpx2.AsyncClient) -> None:
    (world.settings.state_dir.parent / "jobs.yaml").write_text(
        "presubmits:\n  acme/rockets:\n" + job("unit", "for i in 1 2 3; do echo line $i; sleep 0.3; done")
    )
    await world.system.agent.reload()
    pr = await world.repo.open_pull_request("wernher", title="Talk", files={"run.sh": "exit 1\n"})
    await pr.expect_status("unit", "pending")
    name = next(iter(world.system.index.rows())).name
    text = ""
    async with client.stream("GET", f"/follow/{name}?offset=0&line=1") as events:
        async for line in events.aiter_lines():
            text += line
            if line == "event: done":
                break
    assert [f"line {n}" in text for n in (1, 2, 3)] == [True, True, True]
    assert text.index("line 1") < text.index("line 3")
    assert "Job succeeded." in text


async def test_links_to_a_run_work_after_its_prowjob_has_aged_out(world: World, client: httpx2.AsyncClient) -> None:
    pr = await failed(world)
    await pr.expect_comment("unit |")
    store = await SQLiteJobStore.open(world.settings.state_dir / "jobs.db", clock=SystemClock())
    link = pr.statuses["unit"].target_url.removeprefix("https://prow.example")
    row = next(iter(world.system.index.rows()))
    async for change in store.watch("0"):
        if change.job is not None and change.job.status.prev_report_states.get("gcsreporter") == "failure":
            break
    async with world.system.index.subscribe() as changes:
        await store.delete(row.name)
        while not (await anext(changes)).deleted:
            pass
    await store.close()
    page = await client.get(link)
    assert page.status_code == 200
    assert "&lt;b&gt;bold&lt;/b&gt;" in page.text
    assert (await client.get(f"/artifact/{row.name}/page.html")).status_code == 200
    assert (await client.get(f"/log?job=unit&id={row.build_id}")).status_code == 200


@pytest.mark.parametrize(
    "path", ["gs/elsewhere/pr-logs/x/unit/1", "file/etc/passwd", "gs/prow-logs/../x/1", "gs", "s3//x"]
)
async def test_nothing_but_the_configured_buckets_is_looked_into(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(f"/view/{path}")).status_code == 404
