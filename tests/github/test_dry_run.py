"""A dry run of the client: reads go to GitHub, no write does, each is logged with its body, and callers get something to go on with."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable

import pytest

from prow.github.actions import Actions
from prow.github.call import Cost
from prow.github.checks import CheckRunChange, Checks
from prow.github.client import GitHub
from prow.github.collaborators import Collaborators
from prow.github.hooks import HookChange, HookConfig, Hooks
from prow.github.invitations import Invitations
from prow.github.issue_moves import IssueMoves
from prow.github.issues import IssueChange, NewIssue
from prow.github.labels import LabelChange, Labels
from prow.github.members import Members, OrganizationChange
from prow.github.merging import MergeDetails
from prow.github.protection import Protection, ProtectionRequest
from prow.github.pulls import DraftReview, NewPull, NewReviewComment, PullChange
from prow.github.reactions import Reactions
from prow.github.refs import Refs
from prow.github.repo_settings import RepoChange, RepoSettings
from prow.github.teams import TeamChange, Teams
from prow.model.forge import CommitStatus, LabelRef
from tests.github.every_call import CALLS
from tests.support.github import BOT, R, World

SHA = "5" * 40
Ask = Callable[[GitHub], Awaitable[object]]

WRITES: dict[str, Ask] = {
    "comment": lambda g: g.create_comment(*R, 1, "hello"),
    "edit a comment": lambda g: g.edit_comment(*R, 7, "hello"),
    "delete a comment": lambda g: g.delete_comment(*R, 7),
    "label": lambda g: g.add_labels(*R, 1, ["x"]),
    "unlabel": lambda g: g.remove_label(*R, 1, "x"),
    "assign": lambda g: g.add_assignees(*R, 1, ["mia"]),
    "unassign": lambda g: g.remove_assignees(*R, 1, ["mia"]),
    "issue": lambda g: g.create_issue(*R, NewIssue(title="Leak")),
    "edit an issue": lambda g: g.edit_issue(*R, 1, IssueChange(title="Leak", milestone=None)),
    "close": lambda g: g.close_issue(*R, 1),
    "pull": lambda g: g.create_pull_request(*R, NewPull(title="Pick", head="mia:b", base="main")),
    "edit a pull": lambda g: g.edit_pull_request(*R, 1, PullChange(title="Pick", base="other")),
    "update a branch": lambda g: g.update_branch(*R, 1),
    "review": lambda g: g.create_review(*R, 1, DraftReview(body="Fine", event="APPROVE")),
    "remark": lambda g: g.create_review_comment(*R, 1, NewReviewComment(body="?", commit_id=SHA, path="a", line=1)),
    "ask for a review": lambda g: g.request_reviewers(*R, 1, ["mia"]),
    "ask no more": lambda g: g.remove_reviewers(*R, 1, ["mia"]),
    "merge": lambda g: g.merge_pull_request(*R, 1, MergeDetails(sha=SHA, method="merge")),
    "status": lambda g: g.create_status(*R, SHA, CommitStatus(context="unit", state="success")),
    "repository label": lambda g: g.create_label(*R, LabelRef(name="x")),
    "edit a label": lambda g: g.area(Labels).edit_label(*R, "x", LabelChange(color="ff0000")),
    "delete a label": lambda g: g.area(Labels).delete_label(*R, "x"),
    "react": lambda g: g.area(Reactions).react_to_issue(*R, 1, "heart"),
    "react to a comment": lambda g: g.area(Reactions).react_to_comment(*R, 1, "heart"),
    "check run": lambda g: g.area(Checks).create_check_run(*R, CheckRunChange(name="lint", head_sha=SHA)),
    "edit a check run": lambda g: g.area(Checks).update_check_run(*R, 1, CheckRunChange(conclusion="success")),
    "ref": lambda g: g.area(Refs).create_ref(*R, "heads/b", SHA),
    "move a ref": lambda g: g.area(Refs).update_ref(*R, "heads/b", SHA),
    "delete a ref": lambda g: g.area(Refs).delete_ref(*R, "heads/b"),
    "protect": lambda g: g.area(Protection).update_branch_protection(*R, "main", ProtectionRequest()),
    "unprotect": lambda g: g.area(Protection).remove_branch_protection(*R, "main"),
    "signatures": lambda g: g.area(Protection).require_signatures(*R, "main", required=True),
    "repository": lambda g: g.area(RepoSettings).create_repo("acme", RepoChange(name="probes", auto_init=True)),
    "edit a repository": lambda g: g.area(RepoSettings).edit_repo(*R, RepoChange(archived=True)),
    "fork": lambda g: g.area(RepoSettings).create_fork(*R),
    "organisation": lambda g: g.area(Members).edit_org("acme", OrganizationChange(description="x")),
    "member": lambda g: g.area(Members).set_membership("acme", "mia"),
    "no member": lambda g: g.area(Members).remove_membership("acme", "mia"),
    "take back an invitation": lambda g: g.area(Members).cancel_invitation("acme", 1),
    "team": lambda g: g.area(Teams).create_team("acme", TeamChange(name="Core Team")),
    "edit a team": lambda g: g.area(Teams).edit_team("acme", "core-team", TeamChange(name="Core", privacy="closed")),
    "delete a team": lambda g: g.area(Teams).delete_team("acme", "core-team"),
    "team member": lambda g: g.area(Teams).set_team_membership("acme", "core-team", "mia"),
    "no team member": lambda g: g.area(Teams).remove_team_membership("acme", "core-team", "mia"),
    "team repository": lambda g: g.area(Teams).set_team_repo("acme", "core-team", "rockets", permission="push"),
    "no team repository": lambda g: g.area(Teams).remove_team_repo("acme", "core-team", "rockets"),
    "collaborator": lambda g: g.area(Collaborators).add_collaborator(*R, "mia", permission="push"),
    "another permission": lambda g: g.area(Collaborators).update_collaborator(*R, "mia", permission="pull"),
    "no collaborator": lambda g: g.area(Collaborators).remove_collaborator(*R, "mia"),
    "repository invitation": lambda g: g.area(Collaborators).update_repo_invitation(*R, 1, permission="read"),
    "no repository invitation": lambda g: g.area(Collaborators).delete_repo_invitation(*R, 1),
    "accept": lambda g: g.area(Invitations).accept_repo_invitation(1),
    "join": lambda g: g.area(Invitations).accept_org_invitation("acme"),
    "hook": lambda g: g.area(Hooks).create_org_hook("acme", HookChange(config=HookConfig(url="https://x"))),
    "repository hook": lambda g: g.area(Hooks).create_repo_hook(*R, HookChange(active=False)),
    "edit a hook": lambda g: g.area(Hooks).edit_org_hook("acme", 5, HookChange(events=("push",))),
    "edit a repository hook": lambda g: g.area(Hooks).edit_repo_hook(*R, 5, HookChange(events=("push",))),
    "delete a hook": lambda g: g.area(Hooks).delete_org_hook("acme", 5),
    "delete a repository hook": lambda g: g.area(Hooks).delete_repo_hook(*R, 5),
    "run again": lambda g: g.area(Actions).rerun_workflow(*R, 1),
    "run what failed": lambda g: g.area(Actions).rerun_failed_jobs(*R, 1),
    "allow a run": lambda g: g.area(Actions).approve_workflow_run(*R, 1),
    "signatures no more": lambda g: g.area(Protection).require_signatures(*R, "main", required=False),
    "own repository": lambda g: g.area(RepoSettings).create_repo(BOT, RepoChange(name="probes"), user=True),
    "pin": lambda g: g.area(IssueMoves).pin_issue("I_1", org="acme"),
    "unpin": lambda g: g.area(IssueMoves).unpin_issue("I_1", org="acme"),
    "transfer": lambda g: g.area(IssueMoves).transfer_issue("I_1", "R_1", org="acme"),
}


@pytest.fixture
def github(world: World) -> GitHub:
    return world.client(dry_run=True)


async def test_no_write_is_made_and_each_is_told(
    world: World, github: GitHub, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for name, ask in WRITES.items():
            told = len(caplog.records)
            await ask(github)
            assert len(caplog.records) == told + 1, name
    fields = [vars(record)["fields"] for record in caplog.records]
    told_of = [f"{each['method']} {each['path']}" for each in fields]
    writes = [call for calls in CALLS.values() for call in calls if not call.startswith("GET ")]
    assert [call for call in writes if not any(_is(call, said) for said in told_of)] == []
    assert {method for method, _ in world.sim.world.calls} <= {"GET"}
    assert sum(saving.calls for saving in github.account().savings if saving.how == "dry-run") == len(WRITES)


def _is(call: str, said: str) -> bool:
    """Whether this is that call, with values. The name of a reference has slashes."""
    pattern = re.escape(call).replace(r"/git/refs/\{\}", "/git/refs/.+").replace(r"\{\}", "[^/]+")
    return re.fullmatch(pattern, said) is not None


async def test_what_would_have_been_made_looks_as_if_it_was(github: GitHub) -> None:
    pull = await github.create_pull_request(*R, NewPull(title="Pick", head="mia:b", base="main", draft=True))
    assert (pull.title, pull.head.ref, pull.base.ref, pull.state, pull.draft) == ("Pick", "b", "main", "open", True)
    issue = await github.edit_issue(*R, 3, IssueChange(title="Leak", state="closed", milestone=4))
    assert (issue.number, issue.title, issue.state) == (3, "Leak", "closed")
    team = await github.area(Teams).create_team("acme", TeamChange(name="Core Team", description="They know"))
    assert (team.slug, team.description) == ("core-team", "They know")
    repo = await github.area(RepoSettings).create_repo("acme", RepoChange(name="probes", private=True))
    assert (repo.full_name, repo.org, repo.private) == ("acme/probes", "acme", True)
    hook = await github.area(Hooks).edit_org_hook("acme", 5, HookChange(events=("push",)))
    assert (hook.id, hook.events) == (5, ("push",))
    run = await github.area(Checks).create_check_run(*R, CheckRunChange(name="lint", head_sha=SHA, status="queued"))
    assert (run.name, run.head_sha, run.status) == ("lint", SHA, "queued")
    assert (await github.area(Members).set_membership("acme", "mia", admin=True)).role == "admin"
    assert await github.area(IssueMoves).transfer_issue("I_1", "R_1", org="acme") == ""
    assert await github.merge_pull_request(*R, 1, MergeDetails(sha=SHA, method="merge")) == ""


async def test_reads_are_made(github: GitHub) -> None:
    assert (await github.get_issue(*R, 1)).title == "Change"
    assert await github.bound(caller="tide", cost=Cost.MERGE).get_branch_sha(*R, "main")
    assert await github.graphql(dict, "{viewer {login}}", {}) == {"viewer": {"login": BOT}}


async def test_the_body_is_told_without_secrets(github: GitHub, caplog: pytest.LogCaptureFixture) -> None:
    config = HookConfig(url="https://prow.example/hook", content_type="json", secret='made "up" now')
    with caplog.at_level(logging.INFO):
        await github.area(Hooks).create_repo_hook(*R, HookChange(config=config))
    said = str(caplog.records[-1].__dict__)
    assert "https://prow.example/hook" in said
    assert "/repos/acme/rockets/hooks" in said
    assert "up" not in said.partition("body")[2].partition("secret")[2].partition("}")[0]
    assert "made" not in said


async def test_a_long_body_is_cut_and_says_so(github: GitHub, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await github.create_comment(*R, 1, "x" * 3000)
    said = str(caplog.records[-1].__dict__)
    assert "x" * 1900 in said
    assert "… (1011 more characters)" in said
