"""Repositories and people that are not what they were: each has one outcome that a maintainer can understand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from prow.github.rules import Options
from prow.github.webhook import sign
from prow.lib.http_client import http_client
from prow.sim.plan import CallFault, Error, Html, Malformed, Match, Rule
from prow.sim.verbs import PullStory, RepoStory
from prow.tide.service import Settings as TideSettings
from tests.support.prow import BOT, CONFIG, SECRET, TIDE, World, github, job, running, settings_for

FILES = {"run.sh": "#!/bin/sh\nexit 0\n"}
UNIT = "presubmits:\n  acme/rockets:\n" + job("unit", "sh run.sh")
PLUGINS = "plugins: {acme: {plugins: [trigger, assign, hold, size]}}\n"
BY_NAME = """
tide:
  queries:
  - repos: [acme/rockets]
    labels: [lgtm, approved]
"""
QUICK = Options(initial_delay=0.01)


@asynccontextmanager
async def world(
    folder: Path, *, jobs: str = "", config: str = TIDE, tide: TideSettings | None = None
) -> AsyncIterator[World]:
    async with github(folder, files=FILES) as (sim, repo):
        settings = await settings_for(folder, sim, config=CONFIG + config, jobs=jobs, plugins=PLUGINS, tide=tide)
        settings = msgspec.structs.replace(settings, github=msgspec.structs.replace(settings.github, options=QUICK))
        may = ["label size/*", "status tide"]
        async with running(settings, sim, repo, may=may) as made:
            await made.system.tide.ready()
            yield made


async def ready(repo: RepoStory, author: str = "katherine") -> PullStory:
    pr = await repo.open_pull_request(author, title="Change", files={"new.txt": "x\n"})
    await pr.expect_mergeable()
    return pr


async def test_an_empty_repository_holds_up_nothing_and_its_issues_are_looked_after(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(tmp_path) as w:
        empty = await RepoStory.create(w.sim, "acme/empty", files={})
        empty.collaborator(BOT)
        w.sim.world.add_hook(empty.repo, url=w.system.hook_url, secret=SECRET)
        plan = await empty.open_issue("katherine", title="What goes in here?")
        await plan.comment("wernher", "/assign @katherine")
        await plan.expect_assignees("katherine")
        pr = await ready(w.repo)
        await pr.label("wernher", "lgtm", "approved")
        await pr.expect_merged()
    assert [r.getMessage() for r in caplog.records if r.levelname == "ERROR"] == []


async def test_what_a_deleted_account_left_is_tested_and_merged_like_any_other(tmp_path: Path) -> None:
    async with world(tmp_path, jobs=UNIT) as w:
        pr = await ready(w.repo, "mia")
        await pr.expect_label("needs-ok-to-test")
        await pr.expect_comment("thank you for this pull request")
        await w.quiet()
        await w.sim.world.delete_user("mia")
        await pr.comment("wernher", "/ok-to-test")
        await pr.expect_label("ok-to-test")
        await pr.expect_no_label("needs-ok-to-test")
        await pr.expect_status("unit", "success")
        await pr.label("wernher", "lgtm", "approved")
        await pr.expect_merged()


async def test_a_change_that_github_will_not_show_is_measured_and_merged_all_the_same(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        pr = await w.repo.open_pull_request("katherine", title="Huge", files={"huge": "a line of it\n" * 900_000})
        await pr.expect_label("size/XXL")
        await pr.label("wernher", "lgtm", "approved")
        await pr.expect_merged()


async def test_a_pull_request_merges_into_the_default_branch_under_its_new_name(tmp_path: Path) -> None:
    async with world(tmp_path, jobs=UNIT) as w:
        pr = await ready(w.repo)
        await pr.expect_status("unit", "success")
        await w.sim.world.rename_branch(w.repo.repo, "wernher", "main", "trunk")
        await pr.label("wernher", "lgtm", "approved")
        await pr.expect_merged()
        assert await w.repo.tip("trunk") == pr.merge_commit
        await w.quiet()
        await pr.expect_status("unit", "success")  # once for each base


async def test_a_renamed_repository_is_looked_after_under_its_new_name(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        pr = await ready(w.repo)
        await w.sim.world.rename(w.repo.repo, "wernher", "missiles")
        await pr.comment("wernher", "/hold")
        await pr.expect_label("do-not-merge/hold")
        await pr.comment("wernher", "/hold cancel")
        await pr.expect_no_label("do-not-merge/hold")
        await pr.label("wernher", "lgtm", "approved")
        await pr.expect_merged()


async def test_a_query_that_has_a_repository_s_old_name_finds_it_and_the_operator_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(tmp_path, config=BY_NAME, tide=TideSettings(resync=0.5)) as w:
        pr = await ready(w.repo)
        await w.sim.world.rename(w.repo.repo, "wernher", "missiles")
        await pr.label("wernher", "lgtm", "approved")
        await pr.expect_merged()
    (told,) = [vars(record)["fields"] for record in caplog.records if "another name" in record.getMessage()]
    assert told == {"org": "acme", "repo": "rockets", "now": "acme/missiles"}


async def test_webhooks_that_make_no_sense_are_told_and_the_next_ones_are_handled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One lacks all that is said of the pull request; in the other it does not fit."""
    async with world(tmp_path) as w:
        pr = await ready(w.repo)
        for guid, pull in (("lacks", b"{}"), ("misfits", b'{"number": "five"}')):
            where = b'"repository": {"name": "rockets", "owner": {"login": "acme"}}'
            body = b'{"action": "opened", %s, "pull_request": %s}' % (where, pull)
            headers = {
                "Content-Type": "application/json", "X-GitHub-Event": "pull_request", "X-GitHub-Delivery": guid,
                "X-Hub-Signature-256": sign(body, SECRET.encode()),
            }  # fmt: skip
            async with http_client() as client:
                assert (await client.post(w.system.hook_url, content=body, headers=headers)).status_code == 200
        await pr.comment("wernher", "/hold")
        await pr.expect_label("do-not-merge/hold")
    told = {vars(record)["fields"].get("event-GUID"): record for record in caplog.records}
    assert told["lacks"].getMessage() == "A handler gave up."
    assert "is not a full commit SHA" in vars(told["lacks"])["fields"]["error"]
    assert told["misfits"].getMessage() == "A payload cannot be read; no plugin gets it."
    assert "the pull_request payload does not fit: " in vars(told["misfits"])["fields"]["error"]


async def test_what_people_say_is_done_when_github_speaks_sense_again(tmp_path: Path) -> None:
    """HTML pages, half answers, 502: one after the other, each for five calls."""
    kinds: list[CallFault] = [Html(), Html(status=200), Malformed(), Error(502)]
    async with world(tmp_path) as w:
        pr = await ready(w.repo)
        for number, what in enumerate(kinds):
            await w.quiet()
            w.sim.faults.add(Rule(match=Match(path="/repos/*"), what=what, times=5))
            if number % 2:
                await pr.comment("wernher", "/hold cancel")
                await pr.expect_no_label("do-not-merge/hold")
            else:
                await pr.comment("wernher", "/hold")
                await pr.expect_label("do-not-merge/hold")
