"""Metal3's real configuration, unchanged: reviewed and approved by OWNERS, kept out by labels, tested again, merged as each repository wants it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from starlette.requests import Request

from prow.sim.plan import Error, Rule
from prow.sim.verbs import PullStory, RepoStory
from prow.tide.service import Settings as TideSettings
from tests.support.data import needs_data
from tests.support.metal3 import JENKINS, Metal3, brought_in, history, jobs_of, metal3, passed, tide_says
from tests.support.prow import BOT
from tests.support.sandbox import needs_bubblewrap

pytestmark = [needs_data, needs_bubblewrap]

PROSE = {"docs/api.md": "# The API\n"}
PROSE_JOBS = {"markdownlint", "pr-verifier", "yamllint"}
FOREIGN = ("needs-rebase", "do-not-merge", "do-not-merge/invalid-owners-file")
"""Labels of the query that something else than this Prow sets."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Metal3]:
    async with metal3(tmp_path) as found:
        yield found


async def docs(world: Metal3, login: str = "wernher", *, title: str = ":book: Docs") -> PullStory:
    """A change of prose by a member: three quick jobs, of which one must pass and one may fail."""
    pr = await world.repo.open_pull_request(login, title=title, files=PROSE)
    await pr.expect_mergeable()
    return pr


async def change(repo: RepoStory, branch: str, files: Mapping[str, str]) -> PullStory:
    pr = await repo.open_pull_request("wernher", title=f":seedling: {branch}", files=files, branch=branch)
    await pr.expect_mergeable()
    return pr


async def test_a_reviewer_and_the_authors_own_word_bring_a_change_in_as_a_merge_commit(world: Metal3) -> None:
    """`require_self_approval`: wernher may approve his own change, but has to say so. `/lgtm` never approves here."""
    before = await world.repo.tip()
    pr = await docs(world)
    await passed(pr, PROSE_JOBS)
    await tide_says(pr, "Needs approved, lgtm labels", state="pending")
    await pr.comment("wernher", "/lgtm")
    await pr.expect_comment("you cannot LGTM your own pull request", by=BOT)
    await pr.comment("mia", "/lgtm")
    await pr.expect_comment("only approvers and reviewers", by=BOT)
    await pr.comment("Dora", "/lgtm")
    await pr.expect_label("lgtm")
    await tide_says(pr, "Needs approved label", state="pending")
    await world.quiet()
    assert "approved" not in pr.labels, "Dora may approve, but her /lgtm does not"
    await pr.comment("katherine", "/approve")
    await world.quiet()
    assert "approved" not in pr.labels, "a reviewer's approval is not enough"
    await pr.comment("wernher", "/approve")
    await brought_in(pr, within=5)
    (merge,) = await history(world.repo, since=before)
    assert merge == (2, f"Merge pull request #{pr.number} from wernher/change")


async def test_every_label_of_the_query_keeps_it_out_and_the_last_one_lets_it_in(world: Metal3) -> None:
    pr = await docs(world, title="WIP :book: Docs")
    await pr.expect_label("do-not-merge/work-in-progress")
    await pr.comment("katherine", "/hold")
    await pr.expect_label("do-not-merge/hold")
    await pr.label("wernher", *FOREIGN)
    await passed(pr, PROSE_JOBS)
    await pr.comment("katherine", "/lgtm")
    await pr.comment("dora", "/approve")
    await pr.expect_label("approved")
    await tide_says(pr, "Should not have do-not-merge, do-not-merge/hold labels.", state="pending")
    for label in FOREIGN:
        await pr.unlabel("wernher", label)
        await world.quiet()
        pr.expect_not_merged()
    await pr.edit("wernher", title=":book: Docs")
    await pr.expect_no_label("do-not-merge/work-in-progress")
    await tide_says(pr, "Should not have do-not-merge/hold label.", state="pending")
    await world.quiet()
    pr.expect_not_merged()
    await pr.comment("mia", "/hold cancel")
    await brought_in(pr, within=5)
    await pr.expect_no_label("do-not-merge/hold")


async def test_required_contexts_hold_it_optional_and_never_run_ones_do_not(world: Metal3) -> None:
    """`pr-verifier` always runs, so it is required; `yamllint` is optional; nobody ever asked for what runs on Jenkins."""
    pr = await docs(world, title="Docs")
    await pr.expect_statuses({"pr-verifier": "failure", "markdownlint": "success", "yamllint": "success"})
    report = await pr.expect_comment("pr-verifier |", by=BOT)
    await pr.comment("katherine", "/lgtm")
    await pr.comment("dora", "/approve")
    await tide_says(pr, "Job pr-verifier has not succeeded.", state="pending")
    await pr.set_status("yamllint", "failure")
    await pr.set_status("DCO", "failure")
    await pr.edit("wernher", title=":book: Docs")
    await pr.comment("wernher", "/test pr-verifier")
    await pr.expect_status("pr-verifier", "success")
    await tide_says(pr, "DCO", state="pending")
    await pr.comment("katherine", f"/test {JENKINS}")
    await pr.expect_status(JENKINS, "pending")
    assert await pr.expect_comment("has passed since", by=BOT) is report
    await world.quiet()
    pr.expect_not_merged()
    await pr.set_status("DCO", "success")
    await brought_in(pr, within=5)
    await pr.expect_status(JENKINS, "failure", text="Aborted")
    assert jobs_of(pr).keys() == {*PROSE_JOBS, "DCO", JENKINS}


async def test_what_a_change_needs_is_tested_again_on_the_new_base_and_nothing_else(world: Metal3) -> None:
    first = await docs(world)
    second = await change(world.repo, "second", {"hack/yamllint.sh": "#!/bin/sh\necho linted\n"})
    ran = {"generate", "gomod", "golangci-lint", "manifestlint", "pr-verifier", "shellcheck", "test"}
    optional = {"unit", "yamllint"}
    await passed(first, PROSE_JOBS)
    await passed(second, ran | optional)
    for pr in (first, second):
        await pr.comment("katherine", "/lgtm")
        await pr.expect_label("lgtm")
    await first.comment("dora", "/approve")
    base = await brought_in(first)
    await second.comment("dora", "/approve")
    await tide_says(second, "Retesting")
    await brought_in(second, within=40)
    await world.quiet()
    await second.expect_statuses(dict.fromkeys(ran, "success"))
    rows = tuple(world.system.index.by_pull("metal3-io", "baremetal-operator", second.number))
    assert {row.job for row in rows if row.base_sha == base} == ran
    assert max(Counter((row.job, row.base_sha) for row in rows).values()) == 1
    assert [parents for parents, _ in await history(world.repo, since=base)] == [2]


async def test_the_accident_one_review_with_lgtm_also_approves_and_merges(world: Metal3) -> None:
    """`lgtm_acts_as_approve: false` promises that one person cannot bring a change in. GitHub's review counts as an approval all the same."""
    pr = await docs(world)
    await passed(pr, PROSE_JOBS)
    await pr.approve("Dora", "/lgtm")
    await brought_in(pr, within=10)


async def test_nordix_rebases(world: Metal3) -> None:
    before = await world.tools.tip()
    pr = await change(world.tools, "tools", {"ci/build.txt": "two\n"})
    await pr.push({"ci/build.txt": "three\n"}, message="And three")
    other = await change(world.tools, "other", {"ci/other.txt": "x\n"})
    for each in (other, pr):
        await each.comment("hedy", "/lgtm")
        await each.comment("dora", "/approve")
    for each in (other, pr):
        await brought_in(each)
        await each.expect_assignees("hedy")
    subjects = [":seedling: other", ":seedling: tools", "And three"]
    found = await history(world.tools, since=before)
    assert sorted(subject for _, subject in found) == sorted(subjects)
    assert {parents for parents, _ in found} == {1}


async def test_two_reviews_that_github_wants_are_told_in_its_words_and_nobody_else_starves(world: Metal3) -> None:
    """Prow knows nothing of a rule that was set by hand: it tries, is refused once, and tries again when a review comes."""
    world.tools.protect(reviews=2, enforce_admins=True)
    attempts: list[str] = []

    def count(request: Request) -> None:
        if request.url.path.endswith("/merge"):
            attempts.append(request.url.path)

    world.sim.fault = count
    pr = await change(world.tools, "tools", {"ci/build.txt": "two\n"})
    await pr.comment("hedy", "/lgtm")
    await pr.comment("dora", "/approve")
    words = "At least 2 approving reviews are required by reviewers with write access."
    await tide_says(pr, f"GitHub refused the merge: {words}", state="error")
    other = await change(world.tools, "other", {"ci/other.txt": "x\n"})
    await other.approve("dora", "/approve")
    await other.approve("hedy", "/lgtm")
    await brought_in(other)
    await world.quiet()
    mine = [path for path in attempts if path.endswith(f"/{pr.number}/merge")]
    assert len(mine) == 1, "a refused merge is not tried again before anything changes"
    await pr.approve("dora")
    await world.quiet()
    pr.expect_not_merged()
    await pr.approve("hedy")
    await brought_in(pr)
    await world.quiet()
    for each in (other, pr):
        await each.expect_assignees("hedy")
        await each.expect_comment("This PR is **APPROVED**", by=BOT)


async def test_a_github_that_is_down_in_the_middle_delays_and_loses_nothing(world: Metal3) -> None:
    """Comments arrive while every call fails, and a job ends meanwhile; afterwards everything is as if nothing had been."""
    pr = await docs(world)
    await pr.expect_status("markdownlint", "success")
    world.sim.faults.add(Rule(what=Error(502), times=12))
    await pr.comment("katherine", "/lgtm")
    await pr.comment("wernher", "/approve")
    await pr.push({"docs/api.md": "# The whole API\n"})
    await pr.comment("hedy", "/lgtm")
    await brought_in(pr, within=60)
    await world.quiet()
    assert not world.sim.faults.pending
    world.bot.may("status yamllint")  # it is optional: whether it ends before the merge is its own affair
    await pr.expect_statuses(dict.fromkeys(PROSE_JOBS - {"yamllint"}, "success"))
    assert jobs_of(pr).keys() == PROSE_JOBS
    await pr.expect_no_comment("LGTM label has been removed", by=BOT)


async def test_lost_webhooks_are_made_up_for_by_tides_lists(tmp_path: Path) -> None:
    """The last label, a push to the base, and the green of a foreign check are never told."""
    async with metal3(tmp_path, tide=TideSettings(resync=1.0)) as world:
        pr = await docs(world)
        await pr.set_status("DCO", "pending")
        await pr.expect_statuses(dict.fromkeys(PROSE_JOBS, "success"))
        await pr.comment("katherine", "/lgtm")
        await pr.comment("wernher", "/approve")
        await tide_says(pr, "DCO")
        await world.quiet()
        world.sim.faults.lose_webhooks()
        base = await world.repo.push("wernher", {"main.go": "package moved\n"})
        await pr.set_status("DCO", "success")
        await brought_in(pr, within=60)
        await world.quiet()
        await pr.expect_statuses(dict.fromkeys(PROSE_JOBS, "success"))
        rows = world.system.index.by_pull("metal3-io", "baremetal-operator", pr.number)
        assert {row.job for row in rows if row.base_sha == base} == PROSE_JOBS - {"yamllint"}
