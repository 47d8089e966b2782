"""Every call of the client against the simulated GitHub, which is held against GitHub's own description meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import pytest

from prow.cli.github_client import GitHubSettings, open_github, open_tokens
from prow.github.actions import Actions
from prow.github.apps import Apps
from prow.github.checks import CheckOutput, CheckRunChange, Checks
from prow.github.client import GitHub
from prow.github.collaborators import Collaborators
from prow.github.errors import FileNotFound, NotFound, Refused, StateCannotBeChanged, Unprocessable
from prow.github.hooks import HookChange, HookConfig, Hooks
from prow.github.invitations import Invitations
from prow.github.issues import IssueChange, NewIssue, NotAssigned
from prow.github.labels import LabelChange, Labels
from prow.github.members import Members, OrganizationChange
from prow.github.merging import MergeDetails
from prow.github.protection import ActorNames, Protection, ProtectionRequest, RequiredStatusChecks, ReviewsRequest
from prow.github.pulls import DraftComment, DraftReview, NewPull, NewReviewComment, PullChange
from prow.github.reactions import Reactions
from prow.github.refs import Refs
from prow.github.repo_settings import RepoChange, RepoSettings
from prow.github.search import Search
from prow.github.teams import TeamChange, Teams
from prow.github.tokens import Tokens
from prow.lib.secrets import Secrets
from prow.model.forge import CommitStatus, LabelRef
from prow.sim.apps import new_key
from prow.sim.verbs import RepoStory
from tests.github.every_call import missing
from tests.support.github import BOT, World, world_in

PERMISSIONS = {"contents": "write", "checks": "write", "pull_requests": "write", "statuses": "write"}
_keys = cache(new_key)


async def crowded(world: World) -> str:
    """A repository with more collaborators than fit on a page; `guest-0` is one of them."""
    repo = await RepoStory.create(world.sim, "acme/crowd", files={"a": "a\n"})
    for number in range(101):
        repo.collaborator(f"guest-{number}", "read")
    return "crowd"


async def as_app(world: World) -> GitHub:
    """The client of an App that is installed in acme."""
    app = world.sim.world.app("prow", permissions=PERMISSIONS)
    private, public = _keys()
    app.public_keys.append(public)
    key = world.folder / "app.pem"
    key.write_text(private)
    world.sim.world.install(app, "acme")
    settings = GitHubSettings(endpoints=(world.sim.world.base,), app_id=str(app.id), app_key_path=str(key))
    clock, stack = world.clock, world.stack
    tokens: Tokens | None = open_tokens(settings, secrets=Secrets(clock), clock=clock, component="test", stack=stack)
    return await open_github(settings, tokens, clock=clock, component="test", dry_run=False, stack=stack)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    files = {"a": "a\n", "docs/b": "b\n", "OWNERS": "\n"}
    async with world_in(tmp_path, files=files, change={"a": "b\n"}) as made:
        yield made


async def test_apps(world: World) -> None:
    github = await as_app(world)
    apps = github.area(Apps)
    assert (await apps.get_app()).slug == "prow"
    assert [i.account.login for i in await apps.list_installations() if i.account] == ["acme"]
    installed = await apps.get_repo_installation("acme", "rockets")
    assert installed is not None
    assert installed.permissions["checks"] == "write"
    assert await apps.get_repo_installation("acme", "unknown") is None
    assert [i.app_slug for i in await world.github.area(Apps).list_org_installations("acme")] == ["prow"]
    assert missing("apps", [github, world.github]) == []


async def test_members_of_an_organisation(world: World) -> None:
    github, members = world.github, world.github.area(Members)
    assert (await github.current_user()).login == BOT
    edited = await members.edit_org(
        "acme", OrganizationChange(description="Rockets", default_repository_permission="read")
    )
    assert (edited.description, (await members.get_org("acme")).default_repository_permission) == ("Rockets", "read")
    assert {user.login for user in await members.list_members("acme")} == {BOT, "wernher"}
    assert [user.login for user in await members.list_members("acme", role="admin")] == [BOT]
    invited = await members.set_membership("acme", "mia")
    assert (invited.state, invited.role) == ("pending", "member")
    assert [(i.login, i.role) for i in await members.list_invitations("acme")] == [("mia", "direct_member")]
    assert await members.list_failed_invitations("acme") == ()
    await members.cancel_invitation("acme", (await members.list_invitations("acme"))[0].id)
    await members.cancel_invitation("acme", 1)
    assert await members.list_invitations("acme") == ()
    assert (await members.set_membership("acme", "wernher", admin=True)).role == "admin"
    await members.remove_membership("acme", "wernher")
    with pytest.raises(Refused):
        await world.client("stranger").is_member("acme", "wernher")
    assert missing("members", world.clients) == []


async def test_invitations_to_ourselves(world: World) -> None:
    mia = world.client("mia")
    own = mia.area(Invitations)
    await world.github.area(Members).set_membership("acme", "mia")
    assert [m.organization.login for m in await own.list_own_org_memberships() if m.organization] == ["acme"]
    assert (await own.accept_org_invitation("acme")).state == "active"
    assert await world.github.is_member("acme", "mia")
    guest = world.client("guest")
    invitation = await world.github.area(Collaborators).add_collaborator("acme", "rockets", "guest", permission="push")
    assert invitation is not None
    assert [i.permissions for i in await guest.area(Invitations).list_own_repo_invitations()] == ["write"]
    await guest.area(Invitations).accept_repo_invitation(invitation.id)
    assert await world.github.is_collaborator("acme", "rockets", "guest")
    assert missing("invitations", [mia, guest]) == []


async def test_hooks(world: World) -> None:
    hooks = world.github.area(Hooks)
    wanted = HookChange(
        events=("push", "issues"),
        active=True,
        config=HookConfig(url="https://prow.example/hook", content_type="json", secret="s3cret"),
    )
    ours = await hooks.create_org_hook("acme", wanted)
    assert (ours.name, set(ours.events), ours.config.url) == ("web", {"push", "issues"}, "https://prow.example/hook")
    assert (await hooks.edit_org_hook("acme", ours.id, HookChange(events=("*",)))).events == ("*",)
    assert [hook.id for hook in await hooks.list_org_hooks("acme")] == [ours.id]
    await hooks.delete_org_hook("acme", ours.id)
    await hooks.delete_org_hook("acme", ours.id)
    own = await hooks.create_repo_hook("acme", "rockets", wanted)
    assert not (await hooks.edit_repo_hook("acme", "rockets", own.id, HookChange(active=False))).active
    assert [hook.id for hook in await hooks.list_repo_hooks("acme", "rockets")] == [own.id]
    await hooks.delete_repo_hook("acme", "rockets", own.id)
    assert await hooks.list_repo_hooks("acme", "rockets") == ()
    assert missing("hooks", [world.github]) == []


async def test_teams(world: World) -> None:
    teams = world.github.area(Teams)
    made = await teams.create_team("acme", TeamChange(name="Core Team", description="They know", privacy="closed"))
    child = await teams.create_team("acme", TeamChange(name="inner", privacy="closed", parent_team_id=made.id))
    assert (made.slug, child.parent.slug if child.parent else None) == ("core-team", "core-team")
    assert {team.slug for team in await teams.list_teams("acme")} == {"core-team", "inner"}
    assert (await teams.set_team_membership("acme", "core-team", "wernher", maintainer=True)).role == "maintainer"
    assert (await teams.set_team_membership("acme", "core-team", "mia")).state == "pending"
    assert [i.login for i in await teams.list_team_invitations("acme", "core-team")] == ["mia"]
    assert "wernher" in {user.login for user in await teams.list_team_members("acme", "core-team", role="maintainer")}
    assert "wernher" in {user.login for user in await teams.list_team_members_by_id(made.id, org="acme")}
    membership = await teams.get_team_membership("acme", "core-team", "wernher")
    assert membership is not None
    assert membership.state == "active"
    assert await teams.get_team_membership("acme", "core-team", "nobody") is None
    await teams.set_team_repo("acme", "core-team", "rockets", permission="push")
    (has,) = await teams.list_team_repos("acme", "core-team")
    assert (has.name, has.permissions.push, has.permissions.admin) == ("rockets", True, False)
    assert {team.slug for team in await teams.list_repo_teams("acme", "rockets")} >= {"core-team"}
    await teams.remove_team_repo("acme", "core-team", "rockets")
    assert await teams.list_team_repos("acme", "core-team") == ()
    await teams.remove_team_membership("acme", "core-team", "wernher")
    assert (await teams.edit_team("acme", "inner", TeamChange(name="Inner circle"))).slug == "inner-circle"
    assert (await teams.get_team("acme", "inner-circle")).name == "Inner circle"
    await teams.delete_team("acme", "core-team")
    with pytest.raises(NotFound):
        await teams.get_team("acme", "inner-circle")
    assert missing("teams", [world.github]) == []


async def test_repositories(world: World) -> None:
    repos = world.github.area(RepoSettings)
    made = await repos.create_repo(
        "acme", RepoChange(name="probes", description="Small ones", private=True, has_wiki=False)
    )
    assert (made.full_name, made.private, made.has_wiki) == ("acme/probes", True, False)
    edited = await repos.edit_repo("acme", "probes", RepoChange(allow_squash_merge=False, archived=True))
    assert (edited.allow_squash_merge, edited.archived) == (False, True)
    assert (await repos.create_repo("", RepoChange(name="notes"), user=True)).full_name == f"{BOT}/notes"
    assert {repo.name for repo in await repos.list_repos("acme")} == {"rockets", "probes"}
    assert await world.github.list_org_repos("acme") == ("rockets",)
    assert [repo.name for repo in await repos.list_repos(BOT, user=True)] == ["notes"]
    fork = await repos.create_fork("acme", "rockets")
    assert (fork.fork, fork.full_name) == (True, f"{BOT}/rockets")
    full = await repos.get_full_repo("acme", "rockets")
    assert (full.default_branch, full.permissions.admin if full.permissions else None) == ("main", True)
    assert missing("repositories", [world.github]) == []


async def test_refs_commits_and_files(world: World) -> None:
    github, refs = world.github, world.github.area(Refs)
    main = await github.get_branch_sha("acme", "rockets", "main")
    await refs.create_ref("acme", "rockets", "heads/deep/branch", main)
    with pytest.raises(Unprocessable):
        await refs.create_ref("acme", "rockets", "heads/deep/branch", main)
    with pytest.raises(NotFound):
        await github.get_ref("acme", "rockets", "heads/deep")
    head = world.pr.head_sha
    await refs.update_ref("acme", "rockets", "heads/deep/branch", head, force=True)
    assert await github.get_ref("acme", "rockets", "heads/deep/branch") == head
    await refs.delete_ref("acme", "rockets", "heads/deep/branch")
    await refs.create_ref("acme", "rockets", "tags/v1", main)
    assert [(tag.name, tag.commit.sha) for tag in await refs.list_tags("acme", "rockets")] == [("v1", main)]
    commit = await refs.get_commit("acme", "rockets", head)
    assert (commit.sha, [parent.sha for parent in commit.parents]) == (head, [main])
    assert commit.commit.author is not None
    assert [each.sha for each in await refs.list_commits("acme", "rockets", path="docs/b")] == [main]
    assert await refs.merge_base("acme", "rockets", "main", head) == main
    assert await github.get_tree_sha("acme", "rockets", main)
    assert await github.get_file("acme", "rockets", "docs/b") == b"b\n"
    assert await github.get_file("acme", "rockets", "/a", head) == b"b\n"
    assert {entry.name: entry.type for entry in await github.get_directory("acme", "rockets", "")} == {
        "a": "file", "docs": "dir", "OWNERS": "file",
    }  # fmt: skip
    assert [entry.path for entry in await github.get_directory("acme", "rockets", "docs")] == ["docs/b"]
    with pytest.raises(FileNotFound):
        await github.get_file("acme", "rockets", "c")
    with pytest.raises(FileNotFound):
        await github.get_directory("acme", "rockets", "c", "main")
    with pytest.raises(Unprocessable):
        await github.get_directory("acme", "rockets", "a")
    with pytest.raises(Unprocessable):
        await github.get_file("acme", "rockets", "docs")
    assert missing("refs", [github]) == []


async def test_protection_of_branches(world: World) -> None:
    rules = world.github.area(Protection)
    assert [branch.name for branch in await rules.list_branches("acme", "rockets", protected=True)] == []
    assert await rules.get_branch_protection("acme", "rockets", "main") is None
    with pytest.raises(NotFound):
        await rules.get_branch_protection("acme", "rockets", "no-such-branch")
    wanted = ProtectionRequest(
        required_status_checks=RequiredStatusChecks(strict=True, contexts=("unit",)),
        enforce_admins=True,
        required_pull_request_reviews=ReviewsRequest(required_approving_review_count=1),
        restrictions=ActorNames(users=("wernher",)),
        required_linear_history=True,
    )
    await rules.update_branch_protection("acme", "rockets", "main", wanted)
    now = await rules.get_branch_protection("acme", "rockets", "main")
    assert now is not None
    assert now.required_status_checks == RequiredStatusChecks(strict=True, contexts=("unit",))
    assert now.enforce_admins.enabled
    assert now.required_linear_history.enabled
    assert now.restrictions is not None
    assert [user.login for user in now.restrictions.users] == ["wernher"]
    await rules.require_signatures("acme", "rockets", "main", required=True)
    await rules.require_signatures("acme", "rockets", "main", required=False)
    assert [branch.name for branch in await rules.list_branches("acme", "rockets", protected=True)] == ["main"]
    await rules.remove_branch_protection("acme", "rockets", "main")
    await rules.remove_branch_protection("acme", "rockets", "main")
    assert missing("protection", [world.github]) == []


async def test_collaborators(world: World) -> None:
    github, people = world.github, world.github.area(Collaborators)
    assert await github.is_collaborator("acme", "rockets", BOT)
    assert not await github.is_collaborator("acme", "rockets", "guest")
    world.sim.world.user("guest")
    invitation = await people.add_collaborator("acme", "rockets", "guest", permission="pull")
    assert invitation is not None
    assert [i.permissions for i in await people.list_repo_invitations("acme", "rockets")] == ["read"]
    await people.update_repo_invitation("acme", "rockets", invitation.id, permission="write")
    assert [i.permissions for i in await people.list_repo_invitations("acme", "rockets")] == ["write"]
    await people.delete_repo_invitation("acme", "rockets", invitation.id)
    world.repo.collaborator("mia", "read")
    await people.update_collaborator("acme", "rockets", "mia", permission="push")
    assert await github.get_user_permission("acme", "rockets", "mia") == "write"
    assert "mia" in {user.login for user in await github.list_collaborators("acme", "rockets")}
    assert (await people.list_direct_collaborators("acme", "rockets"))["mia"] == "write"
    await people.remove_collaborator("acme", "rockets", "mia")
    crowd = await crowded(world)
    assert await github.is_collaborator("acme", crowd, "guest-0")
    assert not await github.is_collaborator("acme", crowd, "wernher-2")
    assert missing("collaborators", [github]) == []


async def test_labels_and_milestones(world: World) -> None:
    github, labels = world.github, world.github.area(Labels)
    for _ in range(2):
        await github.create_label("acme", "rockets", LabelRef(name="kind/bug", color="ff0000", description="Broken"))
    change = LabelChange(new_name="kind/fault", color="00ff00")
    await labels.edit_label("acme", "rockets", "kind/bug", change)
    assert "kind/fault" in {label.name for label in await github.list_repo_labels("acme", "rockets")}
    await labels.delete_label("acme", "rockets", "kind/fault")
    await labels.delete_label("acme", "rockets", "kind/fault")
    assert await github.list_milestones("acme", "rockets") == ()
    assert missing("labels", [github]) == []


async def test_issues(world: World) -> None:
    github = world.github
    made = await github.create_issue("acme", "rockets", NewIssue(title="Leak", body="It leaks", labels=("kind/bug",)))
    number = made.number
    assert (made.author, [label.name for label in made.labels]) == (BOT, ["kind/bug"])
    edited = await github.edit_issue("acme", "rockets", number, IssueChange(title="A leak"))
    assert (edited.title, edited.body) == ("A leak", "It leaks")
    await github.set_milestone("acme", "rockets", number, None)
    await github.close_issue("acme", "rockets", number, reason="not_planned")
    assert (await github.get_issue("acme", "rockets", number)).state_reason == "not_planned"
    await github.reopen_issue("acme", "rockets", number)
    assert [issue.number for issue in await github.list_issues("acme", "rockets")] == [number, world.pr.number]
    comment = await github.create_comment("acme", "rockets", number, "hello")
    await github.edit_comment("acme", "rockets", comment.id, "hello again")
    reactions = github.area(Reactions)
    await reactions.react_to_issue("acme", "rockets", number, "heart")
    await reactions.react_to_comment("acme", "rockets", comment.id, "+1")
    assert [c.body for c in await github.list_comments("acme", "rockets", number)] == ["hello again"]
    await github.delete_comment("acme", "rockets", comment.id)
    await github.add_labels("acme", "rockets", number, ["area/pumps & more"])
    assert await github.who_labelled("acme", "rockets", number, "area/pumps & more") == BOT
    await github.remove_label("acme", "rockets", number, "area/pumps & more")
    await github.remove_label("acme", "rockets", number, "area/pumps & more")
    assert [label.name for label in await github.list_issue_labels("acme", "rockets", number)] == ["kind/bug"]
    await github.add_assignees("acme", "rockets", number, ["wernher"])
    with pytest.raises(NotAssigned) as refused:
        await github.add_assignees("acme", "rockets", number, ["wernher", "nobody"])
    assert refused.value.logins == ("nobody",)
    await github.remove_assignees("acme", "rockets", number, ["wernher"])
    search = github.area(Search)
    assert await search.count_issues("repo:acme/rockets is:pr author:mia", org="acme") == 1
    assert [i.number for i in await search.find_issues("repo:acme/rockets is:issue", org="acme")] == [number]
    assert missing("issues", [github]) == []


async def test_pull_requests(world: World) -> None:
    github, number, head = world.github, world.pr.number, world.pr.head_sha
    await github.area(Refs).create_ref("acme", "rockets", "heads/release", head)
    made = await github.create_pull_request(
        "acme", "rockets", NewPull(title="Pick", head="release", base="main", body="text", draft=True)
    )
    assert (made.base.ref, made.head.sha, made.draft) == ("main", head, True)
    assert (
        await github.edit_pull_request("acme", "rockets", made.number, PullChange(title="Pick it"))
    ).title == "Pick it"
    await github.close_pull_request("acme", "rockets", made.number)
    await github.reopen_pull_request("acme", "rockets", made.number)
    await github.close_pull_request("acme", "rockets", made.number)
    await github.area(Refs).delete_ref("acme", "rockets", "heads/release")
    with pytest.raises(StateCannotBeChanged):
        await github.reopen_pull_request("acme", "rockets", made.number)
    assert [pull.number for pull in await github.list_pull_requests("acme", "rockets")] == [number]
    assert (await github.get_pull_request("acme", "rockets", number)).author == "mia"
    assert [file.filename for file in await github.list_files("acme", "rockets", number)] == ["a"]
    assert b"+b" in await github.get_diff("acme", "rockets", number)
    assert (await github.get_patch("acme", "rockets", number)).startswith(b"From ")
    assert [commit.sha for commit in await github.list_pull_commits("acme", "rockets", number)] == [head]
    review = await github.create_review(
        "acme",
        "rockets",
        number,
        DraftReview(body="Look", event="COMMENT", comments=(DraftComment(path="a", body="Why?", position=1),)),
    )
    assert review.state == "COMMENTED"
    remark = NewReviewComment(body="And this", commit_id=head, path="a", line=1)
    assert (await github.create_review_comment("acme", "rockets", number, remark)).path == "a"
    assert {c.body for c in await github.list_review_comments("acme", "rockets", number)} == {"Why?", "And this"}
    assert len(await github.list_reviews("acme", "rockets", number)) >= 1
    world.repo.collaborator("wernher")
    await github.request_reviewers("acme", "rockets", number, ["wernher"])
    with pytest.raises(NotAssigned) as refused:
        await github.request_reviewers("acme", "rockets", number, ["wernher", "nobody", "other/team"])
    assert set(refused.value.logins) == {"nobody", "other/team"}
    await github.remove_reviewers("acme", "rockets", number, ["wernher"])
    await world.repo.push("wernher", {"new": "x\n"}, message="Meanwhile")
    assert await github.update_branch("acme", "rockets", number, expected_head=head)
    assert not await github.update_branch("acme", "rockets", number, expected_head="0" * 40)
    await world.pr.wait_for(lambda pr: pr.head_sha != head, "a merge of the base branch")
    await world.pr.expect_mergeable()
    now = (await github.get_pull_request("acme", "rockets", number)).head.sha
    merged = await github.merge_pull_request(
        "acme", "rockets", number, MergeDetails(sha=now, method="squash", title="One")
    )
    assert merged == await github.get_branch_sha("acme", "rockets", "main")
    assert missing("pulls", [github]) == []


async def test_statuses_and_check_runs(world: World) -> None:
    github, head = await as_app(world), world.pr.head_sha
    checks = github.area(Checks)
    for state in ("pending", "success"):
        await github.create_status("acme", "rockets", head, CommitStatus(context="unit", state=state))
    assert [status.state for status in await checks.list_statuses("acme", "rockets", head)] == ["success", "pending"]
    assert (await github.get_combined_status("acme", "rockets", head)).state == "success"
    run = await checks.create_check_run(
        "acme", "rockets", CheckRunChange(name="lint", head_sha=head, status="in_progress")
    )
    done = CheckRunChange(conclusion="success", output=CheckOutput(title="Fine", summary="All is well"))
    assert (await checks.update_check_run("acme", "rockets", run.id, done)).status == "completed"
    (found,) = await checks.list_check_runs("acme", "rockets", head)
    assert (found.name, found.conclusion, found.output.title) == ("lint", "success", "Fine")
    assert missing("checks", [github]) == []


async def test_workflow_runs(world: World) -> None:
    sim, repo, head = world.sim.world, world.repo.repo, world.pr.head_sha
    actions = world.github.area(Actions)
    failed = await sim.start_workflow(repo, "mia", head, branch="change")
    await sim.finish_workflow(repo, failed, "failure")
    waiting = await sim.start_workflow(
        repo, "mia", head, name="Docs", branch="change", status="completed", conclusion="action_required"
    )
    assert [run.id for run in await actions.failed_workflow_runs("acme", "rockets", "change", head)] == [failed.id]
    assert [run.id for run in await actions.workflow_runs_to_approve("acme", "rockets", "change", head)] == [waiting.id]
    await actions.rerun_failed_jobs("acme", "rockets", failed.id)
    await sim.finish_workflow(repo, failed, "failure")
    await actions.rerun_workflow("acme", "rockets", failed.id)
    await actions.approve_workflow_run("acme", "rockets", waiting.id)
    assert await actions.workflow_runs_to_approve("acme", "rockets", "change", head) == ()
    assert missing("actions", [world.github]) == []
