"""The page of a pull request and the pages of tide in a real browser: live, readable, light and dark, on a phone, without scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from prow.config.config import Config
from prow.config.tide import Tide as TideConfig
from prow.model.explanation import Explanation, Gate, GateState, NextStep
from prow.model.prowjob import JobState
from tests.deck.test_tide_pages import QUERIES, pool, pull, record
from tests.support.browser import LOOKS, check_looks, needs_browser, open_page, picture
from tests.support.deck import BEFORE, DeckWorld, Tide, deck, waiting_pull
from tests.support.prow import CONFIG, job, prow

pytestmark = [needs_browser, pytest.mark.asyncio(loop_scope="module")]

JOBS = (
    "presubmits:\n  acme/rockets:\n"
    + job("unit", "echo fine")
    + job("integration", "sleep 0.5; cat engine/cooling.txt")
)
FILES = {"OWNERS": "approvers: [katherine]\n", "engine/OWNERS": "approvers: [mary, dorothy]\n"}
PLUGINS = """
plugins:
  acme:
    plugins: [trigger, hold, approve]
owners:
  skip_collaborators: [acme]
approve:
- repos: [acme]
  require_self_approval: true
"""
TIDE = """
tide:
  queries:
  - orgs: [acme]
    labels: [approved]
    missingLabels: [do-not-merge/hold]
"""
PAGE = "/pr/acme/rockets/12"
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)>{{7*7}}'


@pytest_asyncio.fixture(loop_scope="module")
async def world(tmp_path: Path) -> AsyncIterator[DeckWorld]:
    tide = Tide()
    tide.knows(waiting_pull())
    tide.pool_list = [
        pool(action="MERGE", Target=[pull(14)], SuccessPRs=[pull(15, "Count down")], PendingPRs=[pull(12)], MissingPRs=[pull(17)]),
        pool("engines", action="BLOCKED", MissingPRs=[pull(3)], Blockers=[{"Number": 88, "Title": "On fire", "URL": "https://x.example/88"}]),
        pool("pads", action="MERGE", Target=[pull(4)], Error="GitHub refused the merge: a review is missing"),
    ]  # fmt: skip
    tide.records = {
        "acme/rockets:main": [
            record(30, 14),
            record(20, 4, err="a review is missing"),
            record(10, 12, action="TRIGGER"),
        ]
    }
    async with deck(tmp_path, tide=tide, config=Config(tide=TideConfig(queries=QUERIES))) as world:
        await world.job("unit")
        await world.job("integration", JobState.PENDING, minutes=2)
        await world.job("lint", JobState.FAILURE)
        await world.job("unit", JobState.FAILURE, sha=BEFORE, minutes=300)
        yield world


def approved(before: Explanation) -> Explanation:
    """The same pull request after `/approve` and `/hold cancel`."""
    gates = [
        msgspec.structs.replace(gate, state=GateState.OPEN, facts=(), next_steps=()) if gate.name in {"approval", "hold"} else gate
        for gate in before.gates
    ]  # fmt: skip
    return msgspec.structs.replace(before, verdict="One test is still running.", gates=tuple(gates))


async def test_a_pull_request_is_watched_until_it_is_merged(world: DeckWorld, browser: Browser) -> None:
    page, complaints = await open_page(browser, world.url + PAGE)
    await page.locator(".live.on").wait_for()
    gate = page.locator("li.gate", has_text="Approved by owners")
    assert "mary or dorothy" in await gate.inner_text()
    await page.evaluate("window.stayed = true")
    await page.locator("summary").click()
    await page.locator("#pull-earlier .failure").wait_for()
    await page.locator("#pull-head a", has_text="at GitHub").focus()
    kept = await page.locator("li.gate", has_text="Reviewed").element_handle()

    after = approved(world.tide.explanations["acme", "rockets", 12])
    world.tide.knows(after)
    await page.locator("li.gate.open", has_text="Approved by owners").wait_for()
    assert "Under way" in await page.locator("#verdict").inner_text()
    await world.job("docs", JobState.PENDING)
    await page.locator("#now-body tr", has_text="docs").wait_for()
    assert await page.locator("#pull-earlier .failure").is_visible(), "the fold stays open"
    assert await page.evaluate("document.activeElement.textContent.trim()") == "at GitHub"
    assert kept is not None
    assert await kept.evaluate("node => node.isConnected"), "what did not change is left alone"

    world.tide.knows(msgspec.structs.replace(after, state="merged", verdict="Merged into main.", gates=()))
    await page.locator("#verdict.merged", has_text="Merged into main.").wait_for()
    assert await page.locator("li.gate").count() == 0
    assert await page.evaluate("window.stayed")
    assert not complaints


async def test_a_newcomer_finds_out_from_the_page_alone_acts_and_sees_it_merge(
    tmp_path: Path, browser: Browser
) -> None:
    may = ["status", "comment", "label approved"]  # the page shows them
    async with prow(tmp_path, jobs=JOBS, files=FILES, plugins=PLUGINS, config=CONFIG + TIDE, may=may) as world:
        pr = await world.repo.open_pull_request(
            "wernher", title="Cool the second stage before ignition", files={"engine/cooling.txt": "on\n"}
        )
        await pr.comment("wernher", "/hold")
        await pr.expect_label("do-not-merge/hold")
        await pr.expect_status("integration", "success")
        await world.quiet()
        page, complaints = await open_page(browser, world.system.deck_url)
        await page.get_by_role("link", name="#1", exact=True).first.click()
        await page.locator(".live.on").wait_for()
        await page.locator("#gates li.closed", has_text="/hold cancel").wait_for()
        await page.locator("#gates li.closed", has_text="/approve").wait_for()
        await picture(page, "pull-request")
        for _ in range(2):
            step = page.locator("li.gate.closed .steps li").first
            who, command = await step.locator(".who").inner_text(), await step.locator("code").inner_text()
            gate = await page.locator("li.gate.closed").first.get_attribute("id")
            await pr.comment("wernher" if who == "anyone" else who.split(", ")[0], command)
            await page.locator(f"#{gate}.closed").wait_for(state="detached")
        await page.locator("#verdict.merged").wait_for()
        await pr.expect_merged()
        await pr.expect_no_label("do-not-merge/hold")
        await page.get_by_role("link", name="History", exact=True).click()
        await page.locator("#history-body .merged").wait_for()
        assert "Cool the second stage" in await page.locator("#history-body").inner_text()
        assert not complaints


async def test_pages_fit_and_can_be_read_light_dark_and_on_a_phone(world: DeckWorld, browser: Browser) -> None:
    for scheme, width in LOOKS:
        page, complaints = await open_page(browser, world.url, scheme=scheme, width=width)
        for path, name in ((PAGE, "pull"), ("/tide", "tide"), ("/tide-history", "history"), ("/", "jobs")):
            await page.goto(world.url + path)
            for fold in await page.locator("summary").all():
                await fold.click()
            await page.locator(".live.on").wait_for()
            await check_looks(page, scheme, name)
        assert not complaints
        await page.context.close()


async def test_everything_is_there_without_scripts(world: DeckWorld, browser: Browser) -> None:
    page, _ = await open_page(browser, world.url, scripts=False)
    await page.get_by_role("link", name="#12", exact=True).first.click()
    text = await page.locator("main").inner_text()
    for part in ("Waits for somebody", "/approve", "5h 0m ago", "raw log", "3 of 6 passed"):
        assert part in text
    await page.get_by_role("link", name="Tide", exact=True).click()
    await page.get_by_text("Merging #14").wait_for()
    await page.select_option("select[name=repo]", "acme/engines")
    await page.get_by_role("button", name="Filter").click()
    assert await page.locator(".pool").count() == 1
    await page.get_by_role("link", name="#3", exact=True).click()
    await page.get_by_text("Tide does not know acme/engines#3.").wait_for()
    await page.get_by_role("link", name="History", exact=True).click()
    await page.select_option("select[name=state]", "failure")
    await page.get_by_role("button", name="Filter").click()
    assert await page.locator("#history-body tr").count() == 1


async def test_what_people_wrote_never_runs(world: DeckWorld, browser: Browser) -> None:
    step = NextStep(who=EVIL, what=EVIL)
    hostile = Explanation(
        org="acme", repo="rockets", number=12, title=EVIL, author=EVIL, base_ref=EVIL, head_sha=EVIL, verdict=EVIL, url="javascript:alert(1)",
        gates=(Gate(name=EVIL, title=EVIL, facts=(EVIL,), next_steps=(step,)),),
    )  # fmt: skip
    page, complaints = await open_page(browser, world.url + PAGE)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await page.locator(".live.on").wait_for()
    world.tide.knows(hostile)
    await page.locator("#verdict", has_text="{{7*7}}").wait_for()
    await page.reload()
    await page.locator(".live.on").wait_for()
    assert await page.locator("main img, main script").count() == 0
    assert (dialogs, complaints) == ([], [])
