"""Trigger, told as what people do to a pull request (`spec/plugins-review` §4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from prow.config.config import Config
from prow.config.errors import ConfigError
from prow.config.job import Postsubmit, Presubmit
from prow.config.plugins import PluginsConfig
from prow.git.errors import GitFailed
from prow.jobs.store import NotFound
from prow.lib.errors import Permanent, Retry
from prow.model.events import EventKind, PullRequestEvent, PushEvent
from prow.model.forge import PushCommit
from prow.model.prowjob import JobState, JobType
from prow.plugin.ports import OpenJob
from prow.plugins.trigger import PLUGIN, rules
from prow.plugins.trigger.start import ABORT_TEXT
from tests.plugins.world import REPO, Story, World, loaded, with_trigger

JOBS = """
presubmits:
  org/repo:
  - {name: unit, always_run: true, spec: {containers: [{image: x}]}}
  - {name: docs, run_if_changed: "^docs/", spec: {containers: [{image: x}]}}
  - {name: manual, spec: {containers: [{image: x}]}}
  - {name: opt, optional: true, always_run: true, spec: {containers: [{image: x}]}}
  - {name: old, always_run: true, branches: ["^release-"], spec: {containers: [{image: x}]}}
  - {name: odd, trigger: "(?m)^please run odd", rerun_command: please run odd, spec: {containers: [{image: x}]}}
postsubmits:
  org/repo:
  - {name: publish, branches: ["^main$"], spec: {containers: [{image: x}]}}
  - {name: site, run_if_changed: "^docs/", spec: {containers: [{image: x}]}}
  - {name: tagged, branches: ["^v[0-9]"], spec: {containers: [{image: x}]}}
  - {name: never, always_run: false, spec: {containers: [{image: x}]}}
"""
NEEDS, OK = "needs-ok-to-test", "ok-to-test"


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, PluginsConfig]:
    return loaded(tmp_path_factory.mktemp("config"), jobs=JOBS)


class Told(Story):
    """A story of trigger alone."""

    def __init__(self, configs: tuple[Config, PluginsConfig], state: dict[str, Any], **more: Any) -> None:
        self.options: dict[str, Any] = more.pop("options", {})
        plugins = with_trigger(configs[1], **self.options)
        super().__init__(World({"org_members": ["ann"], **state}), configs[0], plugins, enabled=[PLUGIN], **more)


@pytest.fixture
def tell(configs: tuple[Config, PluginsConfig]) -> Any:
    return lambda state=None, **more: Told(configs, state or {}, **more)


# People without trust


async def test_an_unknown_author_is_told_what_happens_next_and_nothing_runs(tell: Any) -> None:
    story = tell()
    await story.pull("opened")
    assert story.world.labels == [NEEDS]
    (welcome,) = story.world.said
    assert "@mia" in welcome
    assert "`/ok-to-test`" in welcome
    assert "https://github.com/orgs/org/people" in welcome
    assert "bot-commands?repo=org%2Frepo" in welcome
    assert not story.world.jobs


async def test_what_a_member_allowed_once_runs_now_and_at_every_push(tell: Any) -> None:
    story = tell()
    await story.pull("opened")
    await story.comment("ann", "/ok-to-test")
    assert story.world.labels == [OK]
    assert story.world.jobs == ["unit", "opt"]
    story.world.state["head"] = "second"
    await story.pull("synchronize")
    assert len(story.world.aborted) == 2
    assert story.world.jobs == ["unit", "opt"] * 2


@pytest.mark.parametrize("action", ["opened", "synchronize"])
async def test_what_is_told_of_an_older_head_ends_no_jobs_of_the_newer_one(tell: Any, action: str) -> None:
    """A webhook that was late, or was delivered again."""
    story = tell({"author": "ann", "created_at": datetime(2026, 1, 5, 8, 59, tzinfo=UTC)})
    late = PullRequestEvent(action=action, guid="late", number=5, repo=REPO, pull_request=story.world.pull())
    story.world.state["head"] = "second"
    await story.pull("synchronize")
    assert story.world.jobs == ["unit", "opt"]
    await story.deliver(late, EventKind.PULL_REQUEST)
    assert story.world.jobs == ["unit", "opt"]
    assert not story.world.aborted


async def test_of_two_pushes_told_in_the_wrong_order_the_older_one_ends_no_jobs(tell: Any) -> None:
    story = tell({"author": "ann"})
    pushed = story.world.pull()
    older = PullRequestEvent(
        action="synchronize", guid="older", number=5, repo=REPO, pull_request=pushed, before="first"
    )
    story.world.state["head"] = "third"
    story.world.open_jobs = [OpenJob("new", "1", "third")]
    await story.deliver(older, EventKind.PULL_REQUEST)
    assert (story.world.jobs, story.world.aborted) == ([], [])
    story.world.open_jobs = [OpenJob("old", "1", "first")]
    await story.pull("synchronize", before="first")
    assert story.world.aborted == ["old"]
    assert story.world.jobs == ["unit", "opt"]


async def test_a_refused_label_keeps_nobody_waiting_for_a_word(tell: Any) -> None:
    story = tell()
    story.world.faults["add_labels"] = [Permanent("no right to")]
    with pytest.raises(Permanent):
        await story.pull("opened", guid="g")
    await story.pull("opened", guid="g")
    assert len(story.world.said) == 1
    assert story.world.labels == [NEEDS]


async def test_strangers_start_nothing_and_are_told_so_a_few_times(tell: Any) -> None:
    story = tell()
    for _ in range(rules.REFUSALS + 3):
        await story.comment("eve", "/test all @org/team")
    assert [rules.NOT_YET in said for said in story.world.said] == [True] * rules.REFUSALS
    assert not any("@org" in said for said in story.world.said)
    assert not story.world.jobs


async def test_a_stranger_can_test_what_a_member_opened(tell: Any) -> None:
    story = tell({"author": "ann"})
    await story.comment("eve", "/test unit")
    assert story.world.jobs == ["unit"]


async def test_the_author_is_looked_up_once_when_they_ask_themselves(tell: Any) -> None:
    story = tell({"labels": [OK]})
    await story.comment("mia", "/test unit")
    assert story.world.calls.count("is_member") == 1
    assert story.world.jobs == ["unit"]


async def test_a_comment_costs_few_calls(tell: Any) -> None:
    story = tell({"author": "ann"})
    await story.comment("ann", "/test unit")
    assert sorted(story.world.calls) == [
        "get_pull_request",
        "get_ref",
        "is_member",
        "list_comments",
        "list_issue_labels",
    ]


async def test_allowing_can_be_taken_back_by_those_who_are_trusted(tell: Any) -> None:
    story = tell({"labels": [OK]})
    await story.comment("mia", "/ok-to-test cancel")
    assert story.world.labels == [OK]
    assert "Only trusted members" in story.world.said[0]
    await story.comment("ann", "/ok-to-test cancel\n/test unit")
    assert story.world.labels == [NEEDS]
    assert not story.world.jobs


async def test_allowing_and_taking_back_at_once_is_judged_by_the_labels_from_before(tell: Any) -> None:
    story = tell({"labels": [NEEDS]})
    await story.comment("ann", "/ok-to-test\n/ok-to-test cancel")
    assert story.world.effects == [["add_label", OK], ["remove_label", NEEDS]]


async def test_where_ok_to_test_is_ignored_only_members_start_tests(tell: Any) -> None:
    story = tell(options={"ignore_ok_to_test": True})
    await story.pull("opened")
    assert "`/ok-to-test`" not in story.world.said[0]
    await story.comment("mia", "/test unit")
    assert rules.MEMBERS_ONLY in story.world.said[1]
    await story.comment("ann", "/ok-to-test")
    assert story.world.labels == []
    await story.comment("ann", "/ok-to-test cancel")
    assert story.world.labels == []
    assert not story.world.jobs


# The invitation


class Search:
    def __init__(self, count: int | None) -> None:
        self.count = count
        self.asked = 0

    async def count_merged(self, org: str, author: str) -> int:
        self.asked += 1
        if self.count is None:
            raise Retry("search is away")
        return self.count


@pytest.mark.parametrize(
    ("merged", "options", "state", "invited"),
    [
        (3, {}, {}, True),
        (2, {}, {}, False),
        (None, {}, {}, False),
        (0, {"org_invite": {"prominent": {"merged_pr_threshold": 0}}}, {}, True),
        (9, {"org_invite": {"prominent": {"disabled": True}}}, {}, False),
        (9, {}, {"author_type": "Bot"}, False),
    ],
)
async def test_whoever_contributed_before_is_invited(
    tell: Any, merged: int | None, options: dict[str, Any], state: dict[str, Any], invited: bool
) -> None:
    story = tell(state, options=options, search=Search(merged))
    await story.pull("opened")
    assert ("You have contributed here before" in story.world.said[0]) is invited


async def test_the_invitation_can_have_words_of_its_own(tell: Any) -> None:
    options = {
        "join_org_url": "https://join.example",
        "org_invite": {"prominent": {"message": "Join at {join_org_url}!"}},
    }
    story = tell(options=options, search=Search(5))
    await story.pull("opened")
    assert "Join at https://join.example!" in story.world.said[0]


# What happens to a pull request


async def test_a_members_pull_request_runs_what_its_changes_ask_for(tell: Any) -> None:
    story = tell({"author": "ann", "files": ["docs/a.md"]})
    await story.pull("opened")
    assert story.world.jobs == ["unit", "docs", "opt"]
    assert sorted(story.world.calls) == ["get_ref", "is_member", "list_files"]
    job = story.world.created[0]
    assert job.status.state is JobState.TRIGGERED
    assert job.metadata.labels["prow.k8s.io/is-optional"] == "false"
    assert job.metadata.labels["event-GUID"] == "guid-1"


async def test_a_repeated_delivery_makes_no_second_job(tell: Any) -> None:
    story = tell({"author": "ann"})
    await story.pull("opened", guid="g")
    await story.pull("opened", guid="g")
    assert story.world.jobs == ["unit", "opt"]


async def test_a_job_that_exists_already_is_as_good_as_made(tell: Any) -> None:
    story = tell({"author": "ann"})
    await story.pull("opened", guid="g")
    fresh = tell({"author": "ann"})
    fresh.world.created = story.world.created
    await fresh.pull("opened", guid="g")
    assert fresh.world.jobs == ["unit", "opt"]


async def test_a_job_that_cannot_be_made_does_not_stop_the_others_and_is_tried_again(tell: Any) -> None:
    story = tell({"author": "ann"})
    story.world.faults["create"] = [Retry("the store is away")]
    with pytest.raises(Retry):
        await story.pull("opened", guid="g")
    assert story.world.jobs == ["opt"]
    await story.pull("opened", guid="g")
    assert story.world.jobs == ["opt", "unit"]


async def test_a_draft_runs_nothing_until_it_is_ready(tell: Any) -> None:
    story = tell({"author": "ann", "draft": True})
    await story.pull("opened")
    assert "draft" in story.world.said[0]
    await story.pull("synchronize")
    assert not story.world.jobs
    await story.comment("ann", "/test unit")
    assert story.world.jobs == ["unit"]
    story.world.state["draft"] = False
    await story.pull("ready_for_review")
    assert story.world.jobs == ["unit", "unit", "opt"]


async def test_a_conflict_is_not_tested(tell: Any) -> None:
    story = tell({"author": "ann", "mergeable": False})
    await story.pull("opened")
    await story.comment("ann", "/test unit")
    assert not story.world.jobs
    assert not story.world.said


@pytest.mark.parametrize(
    ("action", "more", "jobs"),
    [
        ("reopened", {}, 2),
        ("edited", {"base_changed": True}, 2),
        ("edited", {}, 0),
        ("labeled", {"label": "lgtm"}, 0),
        ("labeled", {"label": OK, "sender": "ann"}, 2),
        ("labeled", {"label": OK, "sender": "the-bot"}, 0),
        ("labeled", {"label": "x"}, 0),
        ("assigned", {}, 0),
    ],
)
async def test_what_starts_jobs_of_a_trusted_pull_request(
    tell: Any, action: str, more: dict[str, Any], jobs: int
) -> None:
    story = tell({"author": "ann"})
    await story.pull(action, **more)
    assert len(story.world.jobs) == jobs


async def test_lgtm_starts_the_jobs_of_a_stranger(tell: Any) -> None:
    story = tell()
    await story.pull("labeled", label="lgtm")
    assert story.world.jobs == ["unit", "opt"]


@pytest.mark.parametrize("action", ["reopened", "synchronize", "ready_for_review"])
async def test_a_stranger_waits_whatever_they_do(tell: Any, action: str) -> None:
    story = tell()
    await story.pull(action)
    assert not story.world.jobs


@pytest.mark.parametrize("action", ["closed", "converted_to_draft", "synchronize"])
async def test_runs_that_nobody_needs_are_aborted(tell: Any, action: str) -> None:
    story = tell()
    story.world.open_jobs = [OpenJob("a", "1"), OpenJob("b", "7")]
    await story.pull(action)
    assert story.world.aborted == ["a", "b"]


async def test_a_repeat_does_not_abort_what_the_first_try_started(tell: Any) -> None:
    story = tell({"author": "ann"})
    story.world.open_jobs = [OpenJob("older", "1")]
    story.world.faults["create"] = [Retry("the store is away")]
    with pytest.raises(Retry):
        await story.pull("synchronize", guid="g")
    await story.pull("synchronize", guid="g")
    assert story.world.aborted == ["older"]
    assert sorted(story.world.jobs) == ["opt", "unit"]


async def test_a_run_that_has_just_finished_stays_finished(tell: Any) -> None:
    story = tell()
    world = story.world
    world.open_jobs = [OpenJob("a", "1")]

    class Late:
        """The index learns only at the second look that the job has changed, and then that it is complete."""

        looks = 0

        def unfinished_presubmits(self, org: str, repo: str, number: int) -> Sequence[OpenJob]:
            self.looks += 1
            return [OpenJob("a", "0")] if self.looks == 1 else []

    late = Late()
    world.unfinished_presubmits = late.unfinished_presubmits
    await story.pull("closed")
    assert world.aborted == []
    assert late.looks == 2


async def test_an_index_that_stays_behind_is_asked_again_later(tell: Any) -> None:
    story = tell()
    story.world.open_jobs = [OpenJob("a", "1")]
    story.world.unfinished_presubmits = lambda *_: [OpenJob("a", "0")]
    with pytest.raises(Retry):
        await story.pull("closed")


async def test_a_job_that_is_gone_is_not_missed(tell: Any) -> None:
    story = tell()
    story.world.open_jobs = [OpenJob("a", "1"), OpenJob("b", "1")]
    story.world.faults["patch"] = [NotFound("a")]
    await story.pull("closed")
    assert story.world.aborted == ["b"]


def test_the_words_of_an_abort_are_those_that_others_know() -> None:
    assert ABORT_TEXT == "Aborted by trigger plugin."


# Commands


@pytest.mark.parametrize(
    ("words", "jobs"),
    [
        ("/test all", ["unit", "opt"]),
        ("/test unit", ["unit"]),
        ("/test unit manual", ["unit", "manual"]),
        ("please run odd", ["odd"]),
        ("/test-manual-required", ["manual", "odd"]),
        ("/retest-required\n```\n/test manual\n```", ["unit", "manual"]),
        ("```\n/test unit\n```", []),
        ("/test unit\r\n", ["unit"]),
        ("I like it", []),
    ],
)
async def test_what_a_comment_starts(tell: Any, words: str, jobs: list[str]) -> None:
    story = tell({"author": "ann"})
    await story.comment("ann", words)
    assert story.world.jobs == jobs


async def test_retest_runs_what_failed_and_what_never_ran(tell: Any) -> None:
    statuses = [{"context": "unit", "state": "failure"}, {"context": "docs", "state": "error"}]
    statuses += [{"context": "opt", "state": "pending"}]
    story = tell({"author": "ann", "statuses": statuses})
    await story.comment("ann", "/retest")
    assert story.world.jobs == ["unit", "docs"]
    assert {job.metadata.labels["prow.k8s.io/retest"] for job in story.world.created} == {"true"}


async def test_retest_required_leaves_optional_jobs_alone(tell: Any) -> None:
    statuses = [{"context": "opt", "state": "failure"}, {"context": "unit", "state": "success"}]
    story = tell({"author": "ann", "statuses": statuses})
    await story.comment("ann", "/retest-required")
    assert story.world.jobs == []
    await story.comment("ann", "/retest")
    assert story.world.jobs == ["opt"]


async def test_a_question_is_answered_and_the_answer_goes_when_it_is_used(tell: Any) -> None:
    story = tell({"author": "ann"})
    await story.comment("ann", "/test ?")
    (said,) = story.world.said
    assert "```\n/test unit\n```" in said
    assert "- `please run odd`" in said
    assert "/test old" not in said
    await story.comment("ann", "/test nonsense")
    assert rules.NOTE_TARGET_NOT_FOUND in story.world.said[1]
    await story.comment("ann", "/test unit")
    assert not story.world.said
    assert story.world.jobs == ["unit"]


@pytest.mark.parametrize(
    ("words", "note"),
    [
        ("/test", rules.NOTE_TEST_NEEDS_TARGET),
        ("/retest unit", rules.NOTE_RETEST_TAKES_NONE),
        ("/test nonsense", rules.NOTE_TARGET_NOT_FOUND),
    ],
)
async def test_what_cannot_be_done_is_answered_with_what_can(tell: Any, words: str, note: str) -> None:
    story = tell({"author": "ann"})
    await story.comment("ann", words)
    assert note in story.world.said[0]
    assert not story.world.jobs


@pytest.mark.parametrize(
    "more", [{"is_pr": False}, {"action": "edited"}, {"action": "deleted"}, {"issue_state": "closed"}]
)
async def test_old_words_closed_and_other_places_start_nothing(tell: Any, more: dict[str, Any]) -> None:
    story = tell({"author": "ann"})
    await story.comment("ann", "/test all", **more)
    assert not story.world.calls


async def test_the_bot_gives_itself_no_commands(tell: Any) -> None:
    story = tell({"author": "ann"})
    await story.comment("the-bot", "/test all")
    assert not story.world.calls


async def test_a_long_comment_among_many_jobs_is_compared_off_the_loop(tell: Any) -> None:
    story = tell({"author": "ann"})
    await story.comment("ann", "x\n" * 10_000 + "/test unit")
    assert story.world.jobs == ["unit"]


# Jobs that the repository keeps itself


class Own:
    """`.prow.yaml` at the head."""

    def __init__(self, *jobs: Presubmit, error: Exception | None = None) -> None:
        self.jobs = jobs
        self.error = error

    async def presubmits(self, org: str, repo: str, *, base_sha: str, heads: Sequence[str]) -> tuple[Presubmit, ...]:
        assert (base_sha, list(heads)) == ("base", ["head"])
        if self.error is not None:
            raise self.error
        return self.jobs

    async def postsubmits(self, org: str, repo: str, *, sha: str) -> tuple[Postsubmit, ...]:
        if self.error is not None:
            raise self.error
        return (Postsubmit(name="own-publish", agent="kubernetes"),)


OWN = Presubmit(
    name="own",
    agent="kubernetes",
    always_run=True,
    context="own",
    trigger="(?m)^/test own$",
    rerun_command="/override ci/everything",
)


async def test_the_repositorys_own_jobs_run_too(tell: Any) -> None:
    story = tell({"author": "ann"}, in_repo=Own(OWN))
    await story.pull("opened")
    assert story.world.jobs == ["unit", "opt", "own"]
    await story.comment("ann", "/test own")
    assert story.world.jobs == ["unit", "opt", "own", "own"]


async def test_a_hostile_command_in_it_is_shown_and_not_given(tell: Any) -> None:
    story = tell(in_repo=Own(OWN))
    await story.comment("ann", "/test ?")
    assert "\n/override" not in story.world.said[0]
    assert "- `/override ci/everything`" in story.world.said[0]


async def test_a_config_that_is_wrong_leaves_the_central_jobs(tell: Any) -> None:
    story = tell({"author": "ann"}, in_repo=Own(error=ConfigError("not YAML")))
    await story.pull("opened")
    await story.comment("ann", "/test manual")
    assert story.world.jobs == ["unit", "opt", "manual"]
    await story.deliver(push(), EventKind.PUSH)
    assert "publish" in story.world.jobs


async def test_a_config_that_cannot_be_read_just_now_is_read_again_and_central_jobs_run_meanwhile(tell: Any) -> None:
    own = Own(OWN, error=GitFailed("network"))
    story = tell({"author": "ann"}, in_repo=own)
    with pytest.raises(GitFailed):
        await story.pull("opened", guid="g")
    assert story.world.jobs == ["unit", "opt"]
    own.error = None
    await story.pull("opened", guid="g")
    assert story.world.jobs == ["unit", "opt", "own"]


async def test_nobody_is_told_that_a_job_is_unknown_while_the_config_cannot_be_read(tell: Any) -> None:
    own = Own(OWN, error=GitFailed("network"))
    story = tell({"author": "ann"}, in_repo=own)
    with pytest.raises(GitFailed):
        await story.comment("ann", "/test own", guid="g")
    with pytest.raises(GitFailed):
        await story.comment("ann", "/test unit", guid="h")
    assert story.world.jobs == ["unit"]
    assert not story.world.said
    own.error = None
    await story.comment("ann", "/test own", guid="g")
    assert story.world.jobs == ["unit", "own"]


# Pushes


def push(ref: str = "refs/heads/main", *, files: tuple[str, ...] = (), **more: Any) -> PushEvent:
    fields: dict[str, Any] = {"guid": "push", "after": "b" * 40, "compare": "https://compare", **more}
    return PushEvent(repo=REPO, ref=ref, commits=(PushCommit(added=files[:1], removed=files[1:]),), **fields)


@pytest.mark.parametrize(
    ("event", "jobs"),
    [
        (push(), ["publish"]),
        (push(files=("docs/a", "b")), ["publish", "site"]),
        (push("refs/tags/v1", files=("a", "docs/b")), ["site", "tagged"]),
        (push(deleted=True), []),
        (push(after="0" * 40), []),
    ],
)
async def test_what_a_push_runs(tell: Any, event: PushEvent, jobs: list[str]) -> None:
    story = tell()
    await story.deliver(event, EventKind.PUSH)
    assert story.world.jobs == jobs
    assert not story.world.calls


async def test_a_postsubmit_knows_the_pushed_commit_and_its_cause(tell: Any) -> None:
    story = tell()
    await story.deliver(push(), EventKind.PUSH)
    (job,) = story.world.created
    assert job.spec.type is JobType.POSTSUBMIT
    assert job.spec.refs is not None
    assert (job.spec.refs.base_ref, job.spec.refs.base_sha, job.spec.refs.pulls) == ("main", "b" * 40, ())
    assert job.metadata.labels["event-GUID"] == "push"


async def test_the_repositorys_own_postsubmits_run_and_are_tried_again(tell: Any) -> None:
    own = Own(error=GitFailed("network"))
    story = tell(in_repo=own)
    with pytest.raises(GitFailed):
        await story.deliver(push(), EventKind.PUSH)
    assert story.world.jobs == ["publish"]
    own.error = None
    await story.deliver(push(), EventKind.PUSH)
    assert story.world.jobs == ["publish", "own-publish"]


# Elsewhere


async def test_a_repository_without_jobs_costs_nothing(tmp_path: Path) -> None:
    story = Told(loaded(tmp_path), {})
    await story.pull("opened")
    await story.pull("synchronize")
    assert not story.world.calls


def test_what_the_help_page_says_of_the_config(configs: tuple[Config, PluginsConfig]) -> None:
    assert PLUGIN.config_help is not None
    assert PLUGIN.config_help(with_trigger(configs[1], trusted_org="other", only_org_members=True)) == {
        "org/repo": "Members of other are trusted."
    }
