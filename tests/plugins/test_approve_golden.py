"""`approve` against what the original answered for the same pull requests (recorded)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from prow.config.plugin_options import ApproveConfig
from prow.model.events import EventKind
from prow.model.forge import IssueComment
from prow.plugins.approve import PLUGIN, notification, rules
from prow.plugins.approve.approvals import Text, in_order
from prow.plugins.approve.notification import Place
from prow.plugins.approve.rules import Evaluation, Facts
from tests.owners.test_golden import read
from tests.plugins.test_recorded_events import configs
from tests.plugins.world import Story, World
from tests.support.data import golden, needs_data

pytestmark = needs_data

BOT = "the-bot"
PLACE = Place(
    org="org",
    repo="repo",
    branch="main",
    filename="OWNERS",
    link_url="https://github.com",
    command_help_link="https://go.k8s.io/bot-commands",
    process_link="https://git.k8s.io/process",
)
START = datetime(2026, 3, 4, tzinfo=UTC)


def texts(pr: dict[str, Any]) -> list[Text]:
    return [
        Text(
            author=given["author"],
            body=given.get("body", ""),
            at=START + timedelta(seconds=second),
            state=given.get("state", ""),
            app=given["kind"] == "review" and given.get("bot_type", False),
        )
        for second, given in enumerate(pr.get("comments") or ())
    ]


def evaluated(given: dict[str, Any]) -> Evaluation:
    pr = given["pr"]
    facts = Facts(
        number=pr["number"],
        org="org",
        author=pr["author"],
        link="https://github.com/org/repo/pull/1",
        body=pr.get("body", ""),
        assignees=tuple(pr.get("assignees") or ()),
        files=tuple(pr["changed_files"]),
        texts=tuple(in_order(texts(pr))),
    )
    found = rules.evaluate(facts, read(given["repo"]), msgspec.convert(pr["options"], ApproveConfig), bot=BOT)
    labelled = "approved" in (pr.get("labels") or ())
    if found.hangs_on_label(labelled=labelled) and pr.get("approved_label_added_by_human"):
        return found.with_label_by_hand()
    return found


def answer(found: Evaluation) -> dict[str, Any]:
    return {
        "approvals": [
            {"login": given.login, "how": given.how.value, "no_issue": given.no_issue}
            for _, given in sorted(found.approvals.items())
        ],
        "approved": found.approved,
        "associated_issue": found.issue,
        "current_approvers": sorted(given.login for given in found.approvals.values()),
        "files_approved": found.files_approved,
        "files_approvers": {folder: list(found.approved_in(folder)) for folder in found.coverage.needed},
        "no_issue_approvers": sorted(given.login.lower() for given in found.no_issue),
        "owners_set": list(found.coverage.needed),
        "requirements_met": found.requirements_met,
        "unapproved": sorted(found.uncovered),
    }


def test_verdict_and_suggestions_are_the_recorded_ones() -> None:
    cases = list(golden("approve"))
    assert len(cases) == 330
    for case in cases:
        outs = [case["out"]] if "out" in case else [each["out"] for each in case["nondeterministic"]]
        found = evaluated(case["in"])
        said = answer(found)
        assert said in [{key: out[key] for key in said} for out in outs], case["case"]
        asked = found.suggestion
        mine = "|".join(",".join(logins) for logins in (asked.everyone, asked.others, asked.assigned))
        assert any(mine in out["possible_ccs"] for out in outs), (case["case"], mine)


def test_notifications_are_replaced_when_the_recorded_ones_were() -> None:
    """The original deletes them all and writes a new one; here the newest is edited."""
    for case in golden("approve"):
        out = case["out"] if "out" in case else case["nondeterministic"][0]["out"]
        found = evaluated(case["in"])
        text = notification.message(found, PLACE)
        own = [
            IssueComment(id=index, body=given["body"])
            for index, given in enumerate(case["in"]["pr"].get("comments") or ())
            if given["kind"] == "comment"
            and given["author"] == BOT
            and notification.is_notification(given.get("body", ""))
        ]
        plan = notification.plan(own, text)
        gone = sorted([*plan.delete, *([plan.edit] if plan.edit is not None else [])])
        assert gone == sorted(out["comments_deleted"]), case["case"]
        assert text.startswith("[APPROVALNOTIFIER] This PR is **APPROVED**") is out["notification_approved"]
        assert text.splitlines()[-1].startswith('<!-- META={"approvers":[')


async def replayed(kind: EventKind, given: dict[str, Any], folder: Path) -> World:
    """Hand the recorded event to the plugin. The recordings know comments without the one that the event is about."""
    world = World(given["state"])
    story = Story(world, *configs(given, folder), enabled=[PLUGIN])
    event = given["event"]
    if kind is EventKind.PULL_REQUEST:
        await story.pull(event["action"], sender=event["user"], label=event.get("label", ""))
    elif kind is EventKind.REVIEW:
        account, action = event.get("user_type", "User"), event["action"]
        await story.review(
            event["user"], event["review_state"], event["body"], action=action, account=account, whole=False
        )
    else:
        await story.comment(event["user"], event["body"], action=event["action"], is_pr=event["is_pr"], html_url="")
    return world


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("comment-events", EventKind.ISSUE_COMMENT),
        ("pull-request-events", EventKind.PULL_REQUEST),
        ("review-events", EventKind.REVIEW),
    ],
)
async def test_the_same_is_written_for_events(name: str, kind: EventKind, tmp_path: Path) -> None:
    """In another order: the label first, because others wait for it."""
    for line in golden(name):
        out = (line.get("out") or {}).get("approve") or {}
        world = await replayed(kind, line["in"], tmp_path)
        assert sorted(world.effects) == sorted(out.get("effects") or []), (line["case"], line["in"]["event"])
