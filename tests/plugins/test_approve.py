"""`approve` as people meet it: the label, the one comment, and what it costs (`spec/plugins-review` §5)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from prow.config.config import Config
from prow.config.plugin_options import ApproveConfig
from prow.config.plugins import PluginsConfig
from prow.github.errors import NotFound, Refused
from prow.github.pulls import FILES_LISTED
from prow.lib.errors import Retry
from prow.lib.virtual_clock import VirtualClock
from prow.model.forge import IssueComment, Review, ReviewComment, User
from prow.plugins.approve import PLUGIN
from tests.plugins.world import BOT, Story, World

OWNERS = {
    "OWNERS": "approvers: [wernher]\n",
    "docs/OWNERS": "approvers: [dora, '](http://evil.example) <img src=x>']\n",
    "api/OWNERS": "approvers: [kate, mia]\noptions: {no_parent_owners: true}\n",
}
METAL3: dict[str, Any] = {"require_self_approval": True, "lgtm_acts_as_approve": False}


class Told(Story):
    """Whatever is said is also kept at GitHub, a minute after what was said before."""

    def __init__(self, *, files: list[str] | None = None, options: dict[str, Any] | None = None, **state: Any) -> None:
        given = {"files": files or ["docs/a.md"], "owners_files": OWNERS, **state}
        approve = msgspec.convert({"repos": ["org/repo"], **(METAL3 if options is None else options)}, ApproveConfig)
        super().__init__(World(given), Config(), PluginsConfig(approve=(approve,)), enabled=[PLUGIN])
        self.minute = 0

    def next(self) -> Any:
        self.minute += 1
        return self.clock.now() + timedelta(minutes=self.minute)

    async def says(self, user: str, body: str) -> None:
        link = f"https://github.com/org/repo/pull/5#issuecomment-{self.minute}"
        text = IssueComment(id=self.minute + 1, user=User(login=user), body=body, created_at=self.next(), html_url=link)
        self.world.comments.append(text)
        await self.comment(user, body, html_url=link)

    async def reviews(self, user: str, state: str, body: str = "", *, account: str = "User") -> None:
        link = f"https://github.com/org/repo/pull/5#pullrequestreview-{self.minute}"
        self.world.reviews.append(
            Review(user=User(login=user, type=account), body=body, state=state, html_url=link, submitted_at=self.next())
        )
        await self.review(user, state, body, link=link, account=account)

    def approved(self) -> bool:
        return "approved" in self.world.labels

    @property
    def notice(self) -> str:
        (notice,) = [text for text in self.world.said if text.startswith("[APPROVALNOTIFIER]")]
        return notice


async def test_an_approver_approves_and_the_notification_is_edited_in_place() -> None:
    story = Told()
    await story.pull("opened")
    assert "is **NOT APPROVED**" in story.notice
    assert '<!-- META={"approvers":["dora"]} -->' in story.notice
    assert "- **[docs/OWNERS](https://github.com/org/repo/blob/main/docs/OWNERS)**" in story.notice
    story.world.writes()
    await story.says("Dora", "/approve")
    assert story.approved()
    assert "This PR is **APPROVED**" in story.notice
    assert "~~[docs/OWNERS](https://github.com/org/repo/blob/main/docs/OWNERS)~~ [Dora]" in story.notice
    assert story.world.writes() == [["add_label", "approved"], ["edit_comment", "1000"]]


async def test_nothing_is_written_when_nothing_changed() -> None:
    story = Told()
    await story.pull("opened")
    story.world.writes()
    await story.pull("synchronize")
    story.world.savings.clear()
    await story.says("nobody", "/approve cancel")
    assert story.world.writes() == []
    assert story.world.savings == {"unchanged": 2}, "the label and the comment"


async def test_an_approval_can_be_taken_back() -> None:
    story = Told()
    for body, approved in (
        ("/approve", True),
        ("/approve cancel", False),
        ("/Approve", True),
        ("/remove-approve", False),
    ):
        await story.says("wernher", body)
        assert story.approved() is approved


async def test_every_touched_owners_file_needs_an_approver() -> None:
    story = Told(files=["docs/a.md", "api/x.go"])
    await story.says("wernher", "/approve")
    assert not story.approved()  # api wants no parents
    assert "- **[api/OWNERS]" in story.notice
    await story.says("kate", "/approve")
    assert story.approved()


async def test_authors_approve_implicitly_only_where_the_config_lets_them() -> None:
    story = Told(files=["api/x.go"])
    await story.pull("opened")
    assert not story.approved()
    story = Told(files=["api/x.go"], options={})
    await story.pull("opened")
    assert story.approved()
    assert 'title="Author self-approved">mia</a>' in story.notice


async def test_one_review_with_lgtm_that_also_approves_is_an_approval() -> None:
    """Metal3's accident: `/lgtm` shall not approve there, but GitHub's green button does."""
    story = Told()
    await story.says("dora", "/lgtm")
    assert not story.approved()
    await story.reviews("dora", "APPROVED", "/lgtm")
    assert story.approved()
    await story.reviews("dora", "CHANGES_REQUESTED")
    assert not story.approved()


async def test_reviews_may_be_told_not_to_count() -> None:
    story = Told(options={**METAL3, "ignore_review_state": True})
    await story.reviews("dora", "APPROVED")
    assert not story.approved()
    await story.reviews("dora", "COMMENTED", "/approve")
    assert story.approved()


async def test_a_command_in_a_review_beats_its_state() -> None:
    story = Told()
    await story.reviews("dora", "APPROVED", "/approve cancel")
    assert not story.approved()
    await story.reviews("dora", "CHANGES_REQUESTED", "/approve")
    assert story.approved()


async def test_a_dismissed_review_takes_no_earlier_approval_back() -> None:
    story = Told()
    await story.says("dora", "/approve")
    await story.reviews("dora", "DISMISSED")
    assert story.approved()


async def test_reviews_of_apps_do_not_count() -> None:
    story = Told()
    await story.reviews("dora", "APPROVED", account="Bot")
    assert not story.approved()
    await story.says("dora", "/approve")
    assert not story.approved()


async def test_a_comment_on_a_line_approves() -> None:
    story = Told()
    story.world.line_comments.append(
        ReviewComment(user=User(login="dora"), body="/approve", created_at=story.next(), html_url="x#discussion_r1")
    )
    await story.pull("synchronize")
    assert story.approved()


async def test_a_comment_that_the_list_does_not_have_yet_counts() -> None:
    story = Told()
    await story.comment("dora", "/approve", html_url="https://github.com/org/repo/pull/5#issuecomment-7")
    assert story.approved()


async def test_a_description_starts_an_evaluation_but_approves_nothing() -> None:
    story = Told()
    await story.comment("dora", "/approve", html_url="https://github.com/org/repo/pull/5")
    assert not story.approved()
    assert "NOT APPROVED" in story.notice


async def test_a_label_set_by_hand_stays() -> None:
    story = Told(labels_added_by_human=True)
    story.world.labels.append("approved")
    await story.pull("labeled", label="approved", sender="olga")
    assert "who_labelled" not in story.world.calls
    assert story.approved()
    assert "set the label `approved` by hand" in story.notice
    await story.pull("synchronize")
    assert story.approved()


async def test_a_label_that_the_bot_set_goes_when_approval_does() -> None:
    story = Told()
    story.world.labels.append("approved")
    await story.pull("synchronize")
    assert not story.approved()


async def test_who_set_the_label_may_be_unknown_for_good_but_not_for_now() -> None:
    story = Told(labels_added_by_human=True)
    story.world.labels.append("approved")
    story.world.faults["who_labelled"] = [Retry("bad gateway"), Refused("no")]
    with pytest.raises(Retry):
        await story.pull("synchronize")
    assert story.approved()
    await story.pull("synchronize")
    assert not story.approved()


async def test_an_issue_can_be_required() -> None:
    options = {**METAL3, "issue_required": True}
    story = Told(options=options)
    await story.says("dora", "/approve")
    assert not story.approved()
    assert "`/approve no-issue`" in story.notice
    await story.says("dora", "/approve no-issue")
    assert story.approved()
    story = Told(options=options, body="Fixes #7")
    await story.says("dora", "/approve")
    assert story.approved()
    assert "*#7*" in story.notice


async def test_older_notifications_go_when_the_newest_is_edited() -> None:
    story = Told(comments=[{"author": BOT, "body": f"[ApprovalNotifier] {n}"} for n in range(3)])
    await story.pull("synchronize")
    assert story.world.effects == [["edit_comment", "3"], ["delete_comment", "1"], ["delete_comment", "2"]]
    assert "NOT APPROVED" in story.notice


async def test_a_notification_that_someone_deletes_meanwhile_is_written_anew() -> None:
    story = Told(comments=[{"author": BOT, "body": "[APPROVALNOTIFIER] old"}])
    story.world.faults["edit_comment"] = [NotFound("gone")]
    await story.pull("synchronize")
    assert story.world.effects == [["create_comment"]]


async def test_someone_elses_notification_is_nothing_of_ours() -> None:
    story = Told(comments=[{"author": "mallory", "body": "[APPROVALNOTIFIER] This PR is **APPROVED**"}])
    await story.pull("synchronize")
    assert story.world.effects == [["create_comment"]]


async def test_a_write_that_fails_is_tried_again() -> None:
    story = Told()
    story.world.faults["add_labels"] = [Retry("bad gateway")]
    with pytest.raises(Retry):
        await story.says("dora", "/approve")
    await story.comment("dora", "/approve", guid="guid-1", html_url=story.world.comments[0].html_url)
    assert story.world.writes() == [["add_label", "approved"], ["create_comment"]]


@pytest.mark.parametrize(
    ("user", "body", "more"),
    [
        ("dora", "> /approve", {}),
        ("dora", "Please /approve", {}),
        ("dora", "/approved", {}),
        ("dora", "/approve", {"action": "edited"}),
        ("dora", "/approve", {"is_pr": False}),
        ("dora", "/approve", {"issue_state": "closed"}),
        ("dora", "/lgtm", {}),
        (BOT, "/approve", {}),
    ],
)
async def test_other_comments_cost_nothing(user: str, body: str, more: dict[str, Any]) -> None:
    story = Told()
    await story.comment(user, body, **more)
    assert story.world.calls == []


async def test_what_a_new_pull_request_cannot_have_is_not_asked_for() -> None:
    story = Told(created_at=VirtualClock().now())
    await story.pull("opened")
    assert sorted(story.world.calls) == ["create_comment", "list_files", "list_issue_labels", "load_owners"]


async def test_an_old_delivery_asks_for_what_may_be_there_by_now() -> None:
    story = Told(created_at=VirtualClock().now() - timedelta(days=3), labels=["approved"])
    story.world.comments.append(IssueComment(user=User(login="dora"), body="/approve"))
    await story.pull("opened")
    assert story.approved()


async def test_a_comment_costs_four_reads() -> None:
    story = Told()
    await story.says("dora", "/approve")
    reads = sorted(set(story.world.calls) - {"load_owners", "add_labels", "create_comment"})
    assert reads == ["get_pull_request", "list_comments", "list_files", "list_reviews"]


async def test_names_of_people_and_paths_do_no_harm() -> None:
    story = Told(files=["a](http://evil.example)/@org/<img src=x>/y/z"])
    story.world.state["owners_files"] = {
        "a](http://evil.example)/@org/<img src=x>/y/OWNERS": "approvers: ['](http://evil.example) <img src=x>', dora]\n"
    }
    await story.pull("opened")
    assert "](http://evil" not in story.notice
    assert "<img" not in story.notice.replace("\\<img", "")
    assert "@org" not in story.notice
    assert '{"approvers":["dora"]}' in story.notice


async def test_files_that_github_does_not_list_may_be_anywhere() -> None:
    story = Told(files=[f"docs/{n}" for n in range(3000)])
    await story.says("dora", "/approve")
    assert not story.approved()
    await story.says("wernher", "/approve")
    assert story.approved()


async def test_the_notification_fits_into_a_comment() -> None:
    folders = {f"{'x' * 120}{n}/{'y' * 100}/OWNERS": f"approvers: [{'a' * 35}{n}]\n" for n in range(1000)}
    story = Told(files=[path.replace("OWNERS", "z") for path in folders])
    story.world.state["owners_files"] = folders
    await story.pull("opened")
    assert len(story.notice) < 60_000
    assert story.notice.rstrip().splitlines()[-2].startswith("<!-- META=")
    assert re.search(r"(?m)^- and \d+ more$", story.notice)


@pytest.mark.parametrize("more", [False, True])
async def test_that_github_lists_no_more_files_is_said(more: bool) -> None:
    story = Told(files=[f"docs/{number}.md" for number in range(FILES_LISTED - (not more))])
    await story.pull("opened")
    assert ("GitHub lists only the first 3,000 files" in story.notice) is more
