"""The dashboard in a real browser: live, readable, light and dark, on a phone. Writes its pictures where PROW_PICTURES says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.browser import LOOKS, check_looks, needs_browser, open_page, picture
from tests.support.prow import World, job, prow

pytestmark = [needs_browser, pytest.mark.asyncio(loop_scope="module")]

SCRIPT = "for i in 1 2 3 4; do printf '\\033[32mok\\033[0m step %s\\n' $i; sleep 0.2; done; sh run.sh"
JOBS = "presubmits:\n  acme/rockets:\n" + job("unit", SCRIPT) + job("lint", "echo fine")


@pytest_asyncio.fixture(loop_scope="module")
async def world(tmp_path: Path) -> AsyncIterator[World]:
    may = ["label", "status", "comment"]  # what GitHub sees is a matter of others
    async with prow(tmp_path, jobs=JOBS, files={"run.sh": "exit 0\n"}, may=may) as world:
        yield world


async def test_a_pull_request_is_watched_from_start_to_end(world: World, browser: Browser) -> None:
    page, complaints = await open_page(browser, world.system.deck_url)
    await page.get_by_text("No job has run yet").wait_for()
    await page.locator(".live.on").wait_for()
    pr = await world.repo.open_pull_request("wernher", title="Fail", files={"run.sh": "exit 1\n"})
    await page.locator(".state.pending").first.wait_for()
    await page.get_by_role("link", name="unit").click()
    await page.get_by_text("step 1").wait_for()
    await page.get_by_text("step 4").wait_for()
    await page.locator("#head .state.failure").wait_for()
    await pr.expect_status("unit", "failure")
    await pr.push({"run.sh": "exit 0\n"})
    await page.goto(world.system.deck_url)
    await page.locator("td .state.success").nth(2).wait_for()
    await picture(page, "dashboard")
    assert await page.locator("table.jobs tbody tr").count() == 4
    await page.locator(".counts a", has_text="failure").click()
    assert await page.locator("table.jobs tbody tr").count() == 1
    assert "state=failure" in page.url
    await page.get_by_role("link", name="unit").click()
    await picture(page, "job")
    assert not complaints


async def test_pages_fit_and_can_be_read_light_dark_and_on_a_phone(world: World, browser: Browser) -> None:
    pr = await world.repo.open_pull_request("wernher", title="Fail", files={"run.sh": "exit 1\n"})
    await pr.expect_status("unit", "failure")
    for scheme, width in LOOKS:
        page, complaints = await open_page(browser, world.system.deck_url, scheme=scheme, width=width)
        await check_looks(page, scheme, "list")
        await page.get_by_role("link", name="unit").click()
        await check_looks(page, scheme, "job")
        assert not complaints
        await page.context.close()


async def test_everything_is_there_without_scripts(world: World, browser: Browser) -> None:
    pr = await world.repo.open_pull_request("wernher", title="Fail", files={"run.sh": "exit 1\n"})
    await pr.expect_status("unit", "failure")
    page, _ = await open_page(browser, world.system.deck_url, scripts=False)
    await page.select_option("select[name=state]", "failure")
    await page.get_by_role("button", name="Filter").click()
    assert await page.locator("table.jobs tbody tr").count() == 1
    await page.get_by_role("link", name="unit").click()
    assert "step 4" in await page.locator("pre.log").first.inner_text()
