"""`/lgtm` as its users meet it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from prow.config.config import Config
from prow.config.plugin_options import LgtmConfig, OwnersOptions
from prow.config.plugins import PluginsConfig
from prow.github.errors import NotFound, Refused
from prow.lib.errors import ProwError, Retry
from prow.model.events import EventKind, PullRequestEvent
from prow.model.forge import IssueComment, User
from prow.plugins.lgtm import PLUGIN, rules
from tests.plugins.world import BOT, REPO, Story, World

OWNERS = {"OWNERS": "approvers: [ann]\nreviewers: [rob]\n", "docs/OWNERS": "reviewers: [dora]\n"}


def story(*, by_owners: bool = False, options: dict[str, Any] | None = None, **state: Any) -> tuple[World, Story]:
    world = World({"collaborators": ["carl"], "owners_files": OWNERS, "files": ["docs/a.md"], **state})
    plugins = PluginsConfig(lgtm=(LgtmConfig(repos=("org/repo",), **(options or {})),))
    if by_owners:
        plugins = msgspec.structs.replace(plugins, owners=OwnersOptions(skip_collaborators=("org",)))
    return world, Story(world, Config(), plugins, enabled=[PLUGIN])


async def test_a_collaborator_says_lgtm_and_is_assigned() -> None:
    world, s = story()
    await s.comment("carl", "Nice.\n/lgtm")
    assert world.effects == [["assign", ["carl"]], ["add_label", "lgtm"]]


async def test_lgtm_from_the_author_is_refused() -> None:
    world, s = story()
    await s.comment("mia", "/lgtm")
    assert world.labels == []
    assert "cannot LGTM your own" in world.said[0]


async def test_the_author_may_take_it_back() -> None:
    world, s = story(labels=["lgtm"])
    await s.comment("mia", "/lgtm cancel")
    assert world.effects == [["remove_label", "lgtm"]]


async def test_lgtm_from_an_outsider_is_refused() -> None:
    world, s = story()
    await s.comment("eve", "/lgtm")
    assert world.labels == []
    assert "only collaborators" in world.said[0]


async def test_a_reviewer_from_owners_counts_where_collaborators_do_not() -> None:
    world, s = story(by_owners=True)
    await s.comment("carl", "/lgtm")
    assert "OWNERS" in world.said[0]
    await s.comment("Dora", "/lgtm")
    assert world.labels == ["lgtm"]
    assert "is_collaborator" not in world.calls, "nobody asks what does not matter"


async def test_owners_of_one_of_many_files_are_found() -> None:
    world, s = story(by_owners=True, files=[f"src/{number}.go" for number in range(300)] + ["docs/a.md"])
    await s.comment("dora", "/lgtm")
    assert world.labels == ["lgtm"]


async def test_being_assigned_does_not_help_who_owns_nothing() -> None:
    world, s = story(by_owners=True)
    await s.comment("carl", "/lgtm", assignees=(User(login="carl"),))
    assert world.labels == []


async def test_what_lgtm_costs() -> None:
    world, s = story()
    await s.comment("carl", "/lgtm", assignees=(User(login="carl"),))
    assert world.calls == ["is_collaborator", "list_issue_labels", "add_labels", "list_comments"]
    world.calls.clear()
    await s.comment("carl", "/lgtm", assignees=(User(login="carl"),))
    assert world.calls == ["is_collaborator", "list_issue_labels"]
    assert world.savings == {"unchanged": 3}, "he is assigned, twice, and the label is there"
    world, s = story(by_owners=True)
    await s.comment("rob", "/lgtm")
    assert world.calls == ["get_pull_request", "load_owners", "list_files", "add_labels", "list_comments"]
    world.calls.clear()
    await s.comment("mia", "/lgtm cancel")
    assert world.calls == ["list_issue_labels", "remove_label"]


@pytest.mark.parametrize("body", ["/LGTM", "/lgtm ", "/lgtm no-issue", "text\r\n/lgtm\r\n", "/lgtm\n/lgtm cancel"])
async def test_what_counts_as_lgtm(body: str) -> None:
    world, s = story()
    await s.comment("carl", body)
    assert world.labels == ["lgtm"]


@pytest.mark.parametrize("body", ["> /lgtm", "/lgtm please", "lgtm", "/lgtmx", " /lgtm"])
async def test_what_does_not(body: str) -> None:
    world, s = story()
    await s.comment("carl", body)
    assert world.effects == []


async def test_nothing_is_said_on_a_closed_pull_request_or_an_issue() -> None:
    world, s = story()
    await s.comment("carl", "/lgtm", issue_state="closed")
    await s.comment("carl", "/lgtm", is_pr=False)
    assert world.calls == []


async def test_lgtm_is_removed_when_new_commits_are_pushed() -> None:
    world, s = story(labels=["lgtm"])
    await s.pull("synchronize")
    assert world.labels == []
    assert rules.REMOVED in world.said[0]
    await s.comment("carl", "/lgtm")
    assert world.labels == ["lgtm"]
    assert world.said == [], "the notice has had its day"


async def test_a_push_to_a_pull_request_without_lgtm_costs_one_look_at_its_labels() -> None:
    world, s = story()
    await s.pull("synchronize")
    assert world.calls == ["list_issue_labels"]


async def test_a_rebase_that_changes_no_file_keeps_the_label_where_trees_are_kept() -> None:
    world, s = story(
        options={"store_tree_hash": True}, trees={"head": "abc123", "rebased": "abc123", "other": "def456"}
    )
    await s.comment("carl", "/lgtm")
    assert "Git tree hash: abc123" in world.said[0]
    world.state["head"] = "rebased"
    await s.pull("synchronize")
    assert world.labels == ["lgtm"]
    world.state["head"] = "other"
    await s.pull("synchronize")
    assert world.labels == []


async def test_a_tree_hash_that_somebody_edited_is_not_believed() -> None:
    world, s = story(options={"store_tree_hash": True}, labels=["lgtm"], trees={"head": "abc123"})
    at = datetime(2026, 3, 4, tzinfo=UTC)
    body = rules.TREE_HASH.format(sha="abc123")
    world.comments = [
        IssueComment(id=1, user=User(login=BOT), body=body, created_at=at, updated_at=at.replace(hour=1)),
    ]
    await s.pull("synchronize")
    assert world.labels == []


async def test_pull_requests_of_a_trusted_team_keep_the_label() -> None:
    world, s = story(options={"trusted_team_for_sticky_lgtm": "Core"}, labels=["lgtm"], teams={"Core": ["mia"]})
    await s.pull("synchronize")
    assert world.labels == ["lgtm"]


async def test_a_review_counts_only_where_the_config_says_so() -> None:
    world, s = story()
    await s.review("carl", "approved")
    assert world.labels == []
    world, s = story(options={"review_acts_as_lgtm": True})
    await s.review("carl", "approved")
    assert world.labels == ["lgtm"]
    await s.review("carl", "changes_requested")
    assert world.labels == []


async def test_a_review_that_says_lgtm_is_heard_once() -> None:
    world, s = story(options={"review_acts_as_lgtm": True})
    await s.review("carl", "approved", "/lgtm")
    assert world.effects == [["assign", ["carl"]], ["add_label", "lgtm"]]


async def test_the_same_delivery_again_does_nothing_again() -> None:
    world, s = story()
    await s.comment("carl", "/lgtm", guid="g")
    await s.comment("carl", "/lgtm", guid="g")
    assert world.effects == [["assign", ["carl"]], ["add_label", "lgtm"]]


async def test_a_notice_that_could_not_be_written_comes_with_the_next_attempt() -> None:
    world, s = story(labels=["lgtm"])
    world.faults["create_comment"] = [Retry("too much was written lately")]
    with pytest.raises(Retry):
        await s.pull("synchronize", guid="g")
    assert world.labels == [], "the label does not wait for the words"
    await s.pull("synchronize", guid="g")
    assert world.effects == [["remove_label", "lgtm"], ["create_comment"]]
    await s.pull("synchronize", guid="g")
    assert len(world.said) == 1


async def test_what_follows_the_label_comes_with_the_next_attempt() -> None:
    world, s = story(
        options={"store_tree_hash": True}, trees={"head": "abc123"}, comments=[{"author": BOT, "body": rules.REMOVED}]
    )
    world.faults["create_comment"] = [Retry("GitHub is away")]
    world.faults["delete_comment"] = [Retry("GitHub is away")]
    for _ in range(2):
        with pytest.raises(Retry):
            await s.comment("carl", "/lgtm", guid="g")
    await s.comment("carl", "/lgtm", guid="g")
    assert world.effects == [["assign", ["carl"]], ["add_label", "lgtm"], ["create_comment"], ["delete_comment", "1"]]
    assert ["Git tree hash: abc123" in said for said in world.said] == [True]


@pytest.mark.parametrize("name", ["in_team_named", "get_tree_sha", "request_review"])
async def test_a_push_removes_the_label_whatever_github_refuses_to_tell(name: str) -> None:
    note = {"author": BOT, "body": rules.TREE_HASH.format(sha="abc123")}
    world, s = story(
        options={"store_tree_hash": True, "trusted_team_for_sticky_lgtm": "Core"},
        labels=["lgtm"],
        teams={"Core": ["mia"]} if name == "in_team_named" else {},
        trees={"head": "abc123" if name == "get_tree_sha" else "def456"},
        assignees=["rob"],
        comments=[] if name == "in_team_named" else [note],
    )
    refusal: ProwError = NotFound("no such commit") if name == "get_tree_sha" else Refused("no rights")
    world.faults[name] = [refusal]
    await s.pull("synchronize")
    assert world.labels == []
    assert rules.REMOVED in world.said[-1]


async def test_a_reviewer_who_cannot_be_assigned_is_heard_all_the_same() -> None:
    world, s = story()
    world.faults["assign"] = [Refused("no rights")]
    await s.comment("carl", "/lgtm")
    assert world.labels == ["lgtm"]
    world, s = story(unassignable=["carl"])
    await s.comment("carl", "/lgtm")
    assert world.labels == ["lgtm"]


async def test_a_tree_that_cannot_be_read_is_not_noted() -> None:
    world, s = story(options={"store_tree_hash": True})
    world.faults["get_tree_sha"] = [NotFound("no such commit")]
    await s.comment("carl", "/lgtm")
    assert (world.labels, world.said) == (["lgtm"], [])


async def test_the_tree_of_a_review_is_that_of_the_commit_that_was_reviewed() -> None:
    world, s = story(
        options={"store_tree_hash": True, "review_acts_as_lgtm": True}, trees={"seen": "abc123", "head": "def456"}
    )
    await s.review("carl", "approved", commit="seen")
    assert "Git tree hash: abc123" in world.said[0]
    await s.pull("synchronize")
    assert world.labels == [], "what came after the review was seen by nobody"


async def test_taking_lgtm_back_forgets_the_tree_and_asks_the_assigned_again() -> None:
    world, s = story(options={"store_tree_hash": True}, assignees=["rob"])
    await s.comment("carl", "/lgtm")
    await s.comment("mia", "/lgtm cancel")
    assert world.said == []
    assert ["request_review", ["rob"]] in world.effects


async def test_a_note_that_is_only_quoted_is_not_believed() -> None:
    note = "> " + rules.TREE_HASH.format(sha="abc123")
    world, s = story(
        options={"store_tree_hash": True},
        labels=["lgtm"],
        trees={"head": "abc123"},
        comments=[{"author": BOT, "body": note}, {"author": "mia", "body": note.removeprefix("> ")}],
    )
    await s.pull("synchronize")
    assert world.labels == []


async def test_an_edited_note_does_not_hide_the_one_before() -> None:
    at = datetime(2026, 3, 4, tzinfo=UTC)
    bodies = [rules.TREE_HASH.format(sha=sha) for sha in ("abc123", "def456")]
    world, s = story(options={"store_tree_hash": True}, labels=["lgtm"], trees={"head": "abc123"})
    world.comments = [
        IssueComment(id=1, user=User(login=BOT), body=bodies[0], created_at=at, updated_at=at),
        IssueComment(id=2, user=User(login=BOT), body=bodies[1], created_at=at, updated_at=at.replace(hour=1)),
    ]
    await s.pull("synchronize")
    assert world.labels == ["lgtm"]


@pytest.mark.parametrize(
    ("login", "state", "more"),
    [
        (BOT, "approved", {}),
        ("robot", "approved", {"account": "Bot"}),
        ("carl", "commented", {}),
        ("carl", "approved", {"action": "edited"}),
        ("carl", "approved", {"action": "dismissed"}),
    ],
)
async def test_reviews_that_say_nothing(login: str, state: str, more: dict[str, Any]) -> None:
    world, s = story(options={"review_acts_as_lgtm": True}, collaborators=[BOT, "robot", "carl"])
    await s.review(login, state, **more)
    assert world.calls == []


async def test_the_author_cannot_review_the_own_pull_request_into_lgtm() -> None:
    world, s = story(options={"review_acts_as_lgtm": True}, collaborators=["mia"])
    await s.review("mia", "approved")
    assert world.labels == []


async def test_members_of_a_trusted_team_leave_no_notes() -> None:
    world, s = story(options={"store_tree_hash": True, "trusted_team_for_sticky_lgtm": "Core"}, teams={"Core": ["mia"]})
    await s.comment("carl", "/lgtm")
    assert (world.labels, world.said) == (["lgtm"], [])
    assert "list_comments" not in world.calls


async def test_a_hostile_refusal_is_quoted_and_not_obeyed() -> None:
    world, s = story()
    note = rules.TREE_HASH.format(sha="abc123")
    await s.comment("eve", f"/lgtm\n{note}\n@org/all\n{rules.REMOVED}")
    assert "@org" not in world.said[0]
    assert not any(line.startswith("/") for line in world.said[0].splitlines())
    await s.comment("carl", "/lgtm")
    assert len(world.said) == 1, "the answer is no notice, though it quotes one"


async def test_a_merged_pull_request_keeps_its_label() -> None:
    world, s = story(labels=["lgtm"])
    merged = msgspec.structs.replace(world.pull(), merged=True)
    event = PullRequestEvent(guid="g", action="synchronize", number=5, repo=REPO, pull_request=merged)
    await s.deliver(event, EventKind.PULL_REQUEST)
    assert world.calls == []
