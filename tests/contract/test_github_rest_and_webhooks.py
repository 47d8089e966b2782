"""GitHub's published descriptions judge what the simulator serves and what it sends. Every test of the simulator is judged so as well
(`tests/support/checked.py`); here nothing may be left out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import prow.sim
from prow.sim import rest
from prow.sim.accounts import Identity
from prow.sim.apps import Installation
from prow.sim.gitrepo import NOTHING
from prow.sim.limits import NOTIFYING
from prow.sim.server import Sim
from prow.sim.state import Protection
from prow.sim.verbs import RepoStory
from prow.sim.world import World
from prow.sim.world.lines import Spot
from tests.support.checked import Checked, checked
from tests.support.github_description import OCTOKIT, description, needs_foreign
from tests.support.github_webhooks import deliveries, wrong_webhook

pytestmark = needs_foreign
SERVED_NEVERTHELESS = {
    "/repos/{owner}/{repo}/statuses/{ref:path}": "the form of commits/…/statuses that upstream's client asks, still answered by GitHub",
    "/repos/{owner}/{repo}/git/refs": "the whole list, as GitHub described it before git/matching-refs, and still answers it",
    "/repos/{owner}/{repo}/git/refs/{ref:path}": "the form of git/ref/… that upstream's client asks, still answered by GitHub",
}


def routes(folder: Path) -> Iterator[tuple[str, str]]:
    yield from rest.table(Sim(folder).world)


def test_people_are_notified_of_what_githubs_own_client_holds_back(tmp_path: Path) -> None:
    generated = OCTOKIT / "plugin-throttling" / "dist-src" / "generated" / "triggers-notification-paths.js"
    apart = {re.sub(r"\{[^}]*\}", "{}", path) for path in re.findall(r'"(/[^"]*)"', generated.read_text())}
    assert len(apart) > 10
    assert {
        (method, template)
        for method, template in routes(tmp_path)
        if method not in {"GET", "HEAD"} and re.sub(r"\{[^}]*\}", "{}", template) in apart
    } == NOTIFYING


def test_githubs_description_has_every_route(tmp_path: Path) -> None:
    unknown = [
        f"{method} {template}"
        for method, template in routes(tmp_path)
        if description().operation(method, re.sub(r"\{[^}]*\}", "1", template)) is None
        and template not in SERVED_NEVERTHELESS
    ]
    assert unknown == []


def test_a_route_is_not_taken_for_another_one(tmp_path: Path) -> None:
    """Its fixed parts are those of the operation, in the same places."""
    wrong = []
    for method, template in routes(tmp_path):
        found = description().operation(method, re.sub(r"\{[^}]*\}", "1", template))
        shape = re.sub(r"\{[^}]*\}", "{}", template) or "/"
        if found is not None and template not in SERVED_NEVERTHELESS and not template.endswith("/contents"):
            described = re.sub(r"\{[^}]*\}", "{}", found.template)
            wrong += [f"{method} {template}: {found.template}"] if shape != described else []
    assert wrong == []


async def test_what_is_not_as_described_is_told(tmp_path: Path) -> None:
    judge = Checked(Sim(tmp_path).app)
    start = {"status": 200, "headers": [(b"content-type", b"application/json")]}
    scope = {"method": "GET", "query_string": b"shape=round"}
    judge._check(scope, "/repos/acme/rockets/labels", b"", start, b'[{"id": "one"}]')
    judge._check(scope, "/repos/acme/rockets/shoes", b"", start, b"[]")
    judge._check({"method": "POST"}, "/repos/acme/rockets/issues", b'{"name": "x"}', {**start, "status": 201}, b"{}")
    told = "\n".join(judge.violations)
    assert "unknown query parameters: shape" in told
    assert '0: "node_id" is a required property' in told
    assert "GitHub has no such call" in told
    assert 'POST /repos/{owner}/{repo}/issues: (whole): "title" is a required property' in told
    assert "is a required property" in wrong_webhook("push", {"ref": "x"})
    assert wrong_webhook("shoes", {}) == "GitHub describes no such event"


UNCHECKED = {
    "support/busy.py": "a whole simulated week has no time for it; a day of it is checked",
    "sim/test_bodies.py": "what is asked there is nonsense on purpose",
    "sim/test_bots.py": "answers nothing",
    "sim/test_unbuilt.py": "what is asked there is what is not simulated, and nonsense",
}
"""Simulators of tests that nobody judges, and why."""


def test_every_simulator_of_the_tests_is_checked() -> None:
    """In `checked(Sim(…))`, or asked for its world or its application alone."""
    tests, found = Path(__file__).parents[1], []
    for source in sorted(tests.rglob("*.py")):
        text = source.read_text(encoding="utf-8")
        parts = list(ast.walk(ast.parse(text))) if "Sim(" in text else []
        calls = [part for part in parts if isinstance(part, ast.Call)]
        judged = {id(part.value) for part in parts if isinstance(part, ast.Attribute)}
        judged |= {id(given) for call in calls if _named(call, "checked") for given in call.args}
        made = [call for call in calls if _named(call, "Sim")]
        name = source.relative_to(tests).as_posix()
        found += [f"{name}:{call.lineno}" for call in made if id(call) not in judged and name not in UNCHECKED]
    assert found == []


def _named(call: ast.Call, name: str) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == name


GRANTED = (
    "actions", "administration", "checks", "contents", "deployments", "issues", "members", "pull_requests", "statuses",
)  # fmt: skip
UNASKED = {"ping", "installation", "installation_repositories"}
"""Events that an app hears of in any case."""


def kinds() -> set[str]:
    """Every event that the simulator's source sends."""
    found = {"ping"}
    for source in Path(prow.sim.__path__[0]).rglob("*.py"):
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr in {"emit", "emit_org", "_tell_app"}
            ):
                found |= {a.value for a in call.args[1:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    return found


async def test_every_kind_of_webhook_is_as_github_sends_it(tmp_path: Path) -> None:
    with checked(Sim(tmp_path)) as sim:
        sim.faults.lose_webhooks()
        world = sim.world
        org = world.org("acme", members=["wernher", "mia"], owners=["boss"])
        world.add_hook(org, url="http://nobody.invalid/", secret="s")
        await _organisation(world)
        app = world.app("everything", permissions=dict.fromkeys(GRANTED, "write"), events=sorted(kinds() - UNASKED))
        world.set_app_hook(app, url="http://nobody.invalid/", secret="s")
        installation = world.install(app, "acme", repos=[])
        repo = await RepoStory.create(sim, "acme/rockets", files={"a.txt": "a\n"})
        world.add_hook(repo.repo, url="http://nobody.invalid/", secret="s")
        world.give_repos(installation, [repo.repo])
        await _issues(repo)
        await _pulls(repo)
        await _releases(repo)
        world.take_repos(installation, [repo.repo])
        _installation(world, installation)
        await _repository(repo)
        sent = deliveries(world)
        assert {delivery.event for delivery in sent} == kinds()
        assert len({(delivery.event, delivery.action) for delivery in sent}) >= 70
        await world.close()


def _installation(world: World, installation: Installation) -> None:
    world.suspend(installation, "boss")
    world.unsuspend(installation)
    world.accept_permissions(installation)
    world.uninstall(installation, "boss")


async def _organisation(world: World) -> None:
    org, boss = world.orgs["acme"], "boss"
    crew = world.add_team(org, "Crew", members=["mia"])
    await world.edit_team(org, boss, crew, {"description": "Who flies", "privacy": "closed"})
    await world.add_to_team(org, boss, crew, "wernher")
    await world.remove_from_team(org, boss, crew, "wernher")
    world.user("katherine")
    await world.set_membership(org, boss, "katherine", "member")
    await world.accept_membership(org, "katherine")
    await world.remove_member(org, boss, "katherine")
    repo = await world.create_repo("acme/teams", files={"a": "b\n"})
    await world.set_team_repo(org, boss, crew, repo, "push")
    await world.set_team_repo(org, boss, crew, repo, None)
    await world.delete_team(org, boss, crew)
    invited = await world.add_collaborator(repo, boss, "katherine", "write")
    if invited is not None:
        await world.accept_repo_invitation(invited)
    await world.remove_collaborator(repo, boss, "katherine")


async def _issues(story: RepoStory) -> None:
    world, repo = story.sim.world, story.repo
    issue = await story.open_issue("mia", title="It leaks", body="Here.")
    comment = await issue.comment("wernher", "Where?")
    await world.edit_comment(issue.issue, comment, "wernher", "Where exactly?")
    await world.delete_comment(issue.issue, comment, "wernher")
    label = await world.create_label(repo, "boss", "bug", color="ff0000")
    await world.edit_label(repo, "boss", label, {"color": "00ff00", "new_name": "fault"})
    await issue.label("wernher", "fault")
    await issue.unlabel("wernher", "fault")
    await world.delete_label(repo, "boss", label)
    milestone = world.create_milestone(repo, "boss", "v1")
    await world.edit_milestone(repo, "boss", milestone, {"description": "First", "state": "closed"})
    await issue.edit("wernher", title="It leaks a lot", milestone=1, assignees=["wernher"])
    await issue.edit("wernher", milestone=None, assignees=[])
    await world.delete_milestone(repo, "boss", milestone)
    await world.set_lock(issue.issue, "boss", locked=True, reason="resolved")
    await world.set_lock(issue.issue, "boss", locked=False)
    await world.pin(issue.issue, "boss", pinned=True)
    await world.pin(issue.issue, "boss", pinned=False)
    await issue.close("mia")
    await issue.reopen("mia")
    await world.transfer_issue(issue.issue, "boss", world.repo("acme/teams"))


async def _pulls(story: RepoStory) -> None:
    world, repo = story.sim.world, story.repo
    story.add_team("pilots", ["mia"], "write")
    story.collaborator("wernher", "write")
    pr = await story.open_pull_request("mia", title="Fix", files={"b.txt": "b\n"}, draft=True)
    await pr.ready_for_review()
    await pr.convert_to_draft()
    await pr.ready_for_review()
    await world.request_reviewers(pr.issue, "mia", ["wernher"], ["pilots"])
    await world.remove_reviewers(pr.issue, "mia", ["wernher"], ["pilots"])
    review = await pr.review("wernher", "CHANGES_REQUESTED", "No.")
    await world.edit_review(pr.issue, review, "wernher", "Not yet.")
    await pr.dismiss("boss", review)
    line = await world.review_comment(pr.issue, "wernher", body="Why?", spot=Spot("b.txt"))
    await world.edit_review_comment(pr.issue, line, "wernher", "Why so?")
    await world.resolve_thread(pr.issue, line, "wernher", resolved=True)
    await world.resolve_thread(pr.issue, line, "wernher", resolved=False)
    await world.delete_review_comment(pr.issue, line, "wernher")
    await pr.set_status("unit", "success", "Fine.")
    run = await pr.check_run("lint")
    await world.update_check_run(repo, "checks", run, {"status": "completed", "conclusion": "success"})
    await world.rerequest_run(repo, "boss", run)
    workflow = await world.start_workflow(repo, "mia", name="CI", sha=pr.head_sha, branch="change")
    await world.finish_workflow(repo, workflow, "failure")
    await world.rerun(repo, "boss", workflow)
    await pr.label("wernher", "lgtm")
    await pr.unlabel("wernher", "lgtm")
    await pr.edit("mia", title="Fix it", body="Now.", assignees=["wernher"])
    await pr.push({"c.txt": "c\n"})
    await pr.force_push({"d.txt": "d\n"})
    await story.push("boss", {"e.txt": "e\n"}, branch="release")
    await pr.edit("mia", base="release")
    await pr.edit("mia", base="main")
    await pr.close("mia")
    await pr.reopen("mia")
    await world.set_lock(pr.issue, "boss", locked=True)
    await world.set_lock(pr.issue, "boss", locked=False)
    story.protect(contexts=["unit"])
    repo.settings["allow_auto_merge"] = True
    await pr.expect_mergeable()
    await world.enable_auto_merge(pr.issue, "wernher", method="merge")
    await world.disable_auto_merge(pr.issue, "wernher")
    repo.protections.clear()
    await pr.approve("wernher")
    await pr.expect_mergeable()
    await pr.merge("boss")


async def _releases(story: RepoStory) -> None:
    world, repo, boss = story.sim.world, story.repo, Identity("boss")
    release = await world.create_release(repo, boss, {"tag_name": "v2", "name": "Two", "body": "New.", "draft": True})
    await world.add_asset(repo, "boss", release, b"x", name="two.txt", label="", kind="text/plain")
    await world.edit_release(repo, boss, release, {"draft": False})
    await world.edit_release(repo, boss, release, {"body": "Newer."})
    await world.edit_release(repo, boss, release, {"draft": True})
    await world.delete_release(repo, "boss", release)
    await world.create_release(repo, boss, {"tag_name": "v3", "prerelease": True})
    await world.comment_on_commit(repo, "mia", await story.tip(), body="Nice.")
    deployment = await world.deploy(repo, boss, {"ref": "main", "required_contexts": [], "environment": "test"})
    await world.set_deployment_status(repo, "boss", deployment, {"state": "success"})
    await world.dispatch(repo, "boss", "refuel", {"tank": 3})
    await world.dispatch_workflow(repo, "boss", "ci.yml", "main", {"level": "full"})


async def _repository(story: RepoStory) -> None:
    world, repo = story.sim.world, story.repo
    await world.move_ref(repo, Identity("boss"), "refs/tags/v1", await story.tip())
    await world.move_ref(repo, Identity("boss"), "refs/tags/v1", NOTHING)
    for rules in (Protection(contexts=("unit",)), Protection(contexts=("unit",), reviews=2, linear=True), None):
        await world.set_protection(repo, "boss", "main", rules)
    await world.rename_branch(repo, "boss", "release", "stable")
    await world.change_settings(repo, "boss", {"description": "Up", "homepage": "https://acme.example"})
    await world.change_settings(repo, "boss", {"private": True})
    await world.change_settings(repo, "boss", {"private": False})
    await world.change_settings(repo, "boss", {"archived": True})
    await world.change_settings(repo, "boss", {"archived": False})
    await world.create_repo_for("acme", "boss", {"name": "new", "auto_init": True})
    await world.fork_later(repo, "katherine")
    await world.wait_until(lambda: any(one.event == "fork" for one in deliveries(world)), within=10)
    await world.rename(repo, "boss", "ships")
    world.org("lunar", owners=["boss"])
    await world.transfer(repo, "boss", "lunar")
    await world.delete_repo(world.repo("acme/new"), "boss")
