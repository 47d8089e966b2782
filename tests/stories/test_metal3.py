"""Metal3's real configuration, unchanged, with a simulated metal3-io/baremetal-operator: what is tested, and what the pages say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.lib.http_client import http_client
from tests.support.data import needs_data
from tests.support.metal3 import JENKINS, SCRIPT, Metal3, jobs_of, metal3, passed
from tests.support.prow import BOT
from tests.support.sandbox import needs_bubblewrap

pytestmark = [needs_data, needs_bubblewrap]

GO_CHANGE = {"generate", "gomod", "golangci-lint", "manifestlint", "pr-verifier", "unit"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Metal3]:
    async with metal3(tmp_path) as found:
        yield found


async def test_a_change_of_code_on_main_starts_exactly_what_the_config_asks_for(world: Metal3) -> None:
    pr = await world.repo.open_pull_request("wernher", title=":bug: Fix it", files={"main.go": "package fixed\n"})
    await passed(pr, GO_CHANGE)
    await pr.expect_label("size/XS")
    await pr.expect_comment("This PR is **NOT APPROVED**", by=BOT)
    pages = {s.target_url for s in jobs_of(pr).values()}
    assert all(
        p.startswith("https://prow.apps.test.metal3.io/view/s3/prow-logs/pr-logs/pull/metal3-io_baremetal-operator/1/")
        for p in pages
    )


async def test_a_release_branch_has_its_own_jobs(world: Metal3) -> None:
    pr = await world.repo.open_pull_request(
        "wernher", title="Backport", files={"hack/gomod.sh": SCRIPT + "\n"}, base="release-0.11"
    )
    await passed(pr, {"gomod", "generate", "manifestlint", "shellcheck", "test"})
    await pr.expect_comment("This PR is **NOT APPROVED**", by=BOT)


async def test_prose_starts_other_jobs_and_jenkins_jobs_stay_triggered_and_the_page_says_why(world: Metal3) -> None:
    pr = await world.repo.open_pull_request("mia", title=":book: Docs", files={"docs/api.md": "# The API\n"})
    await pr.expect_label("needs-ok-to-test")
    await pr.comment("wernher", "/ok-to-test")
    await pr.expect_label("ok-to-test")
    await pr.expect_no_label("needs-ok-to-test")
    for text in ("What happens next", "This PR is **NOT APPROVED**"):
        await pr.expect_comment(text, by=BOT)
    await passed(pr, {"markdownlint", "pr-verifier", "yamllint"})
    await pr.comment("mia", f"/test {JENKINS}")
    status = await pr.expect_status(JENKINS, "pending")
    assert status.target_url == ""
    async with http_client(world.system.deck_url) as client:
        page = (await client.get(f"/?job={JENKINS}")).text
    assert "no engine here runs jobs of agent &#34;jenkins&#34;" in page
    assert 'class="state triggered"' in page
