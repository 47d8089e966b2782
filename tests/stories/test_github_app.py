"""Prow as a GitHub App with exactly the permissions and events that the documentation asks for."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from tests.support.pages import ROOT
from tests.support.prow import CONFIG, OWNERS, REVIEWED, TIDE, github, job, running, settings_for

FILES = {"run.sh": "exit 0\n", "OWNERS": OWNERS}
JOBS = "presubmits:\n  acme/rockets:\n" + job("unit", "sh run.sh")
_NAMES = {"commit_statuses": "statuses", "members_(organisation)": "members"}


def documented() -> tuple[dict[str, str], tuple[str, ...]]:
    """Permissions by GitHub's names, and events."""
    page = (ROOT / "docs/github.md").read_text()
    rows = re.findall(r"^\| ([A-Z][\w ()]+) \| (read(?: and write)?) \|", page, re.MULTILINE)
    named = {re.sub(r" ", "_", name.lower()): "write" if "write" in access else "read" for name, access in rows}
    (listed,) = re.findall(r"the events \*([^*]+)\*", page)
    events = tuple(event.strip().lower().replace(" ", "_") for event in listed.split(","))
    return {_NAMES.get(name, name): access for name, access in named.items()}, events


def test_the_page_names_permissions_and_events_that_github_has() -> None:
    permissions, events = documented()
    assert permissions == {
        "contents": "write", "issues": "write", "pull_requests": "write", "statuses": "write", "checks": "read",
        "administration": "read", "metadata": "read", "members": "read",
    }  # fmt: skip
    assert {"issue_comment", "pull_request", "pull_request_review", "push", "status", "check_run"} <= set(events)


async def test_a_pull_request_is_tested_reviewed_and_merged_by_an_app(tmp_path: Path) -> None:
    permissions, events = documented()
    async with github(tmp_path, files=FILES) as (sim, repo):
        app = sim.world.app("prow", permissions=permissions, events=events)
        sim.world.install(app, "acme")
        key = tmp_path / "app.pem"
        key.write_text(sim.world.new_private_key(app))
        made = await settings_for(tmp_path, sim, config=CONFIG + TIDE, jobs=JOBS, plugins=REVIEWED)
        as_app = msgspec.structs.replace(
            made.github, token_path="", app_id=str(app.id), app_key_path=str(key), cache_dir=str(tmp_path / "cache")
        )
        settings = msgspec.structs.replace(made, github=as_app)
        async with running(settings, sim, repo, login="prow[bot]", may=["label size/*", "status tide"]):
            pr = await repo.open_pull_request("mia", title="Change", files={"a.txt": "a\n"})
            await pr.expect_label("needs-ok-to-test")
            await pr.expect_comment("What happens next", by="prow[bot]")
            await pr.comment("wernher", "/ok-to-test")
            await pr.expect_label("ok-to-test")
            await pr.expect_no_label("needs-ok-to-test")
            status = await pr.expect_status("unit", "success")
            assert status.creator.login == "prow[bot]"
            await pr.comment("wernher", "/lgtm")
            await pr.expect_label("lgtm")
            await pr.comment("wernher", "/approve")
            await pr.expect_merged()
            await pr.expect_label("approved")
            await pr.expect_comment("This PR is **APPROVED**", by="prow[bot]")
