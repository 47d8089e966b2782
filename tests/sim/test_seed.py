"""A GitHub from a file: what it says is there, and what is wrong is told with its place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.lib.errors import UsageError
from prow.sim import seed
from prow.sim.seed import Source
from prow.sim.server import Sim
from prow.sim.sowing import sow
from prow.sim.verbs import PullStory, RepoStory
from tests.sim.callers import bearer, expect
from tests.sim.support import client
from tests.sim.test_apps import KEY, Installed
from tests.support.checked import checked

WORLD = """
users: [{login: prow-bot, token: ghp_bot, scopes: [repo]}]
orgs:
- login: acme
  owners: [wernher]
  members: [mia, katherine]
  teams: [{name: Crew, members: [mia]}, {name: Pilots, parent: crew}]
  hooks: [{url: "http://nobody.invalid/", secret: s3cret, events: [push]}]
repos:
- name: acme/rockets
  private: true
  default_branch: trunk
  files: {README.md: "# Rockets\\n", old.txt: "old\\n"}
  branches: [{name: release-1}, {name: next, start: release-1, files: {new.txt: "new\\n", old.txt: null}}]
  labels: [{name: lgtm, color: 15dd18, description: Looks good}]
  collaborators: {prow-bot: write}
  teams: {crew: triage}
  protection: [{branch: trunk, contexts: [unit], strict: true, reviews: 1}]
  issues:
  - {title: It leaks, author: mia, labels: [bug], assignees: [katherine], comments: [{author: wernher, body: "Where?"}], closed: true}
  pulls:
  - {title: Mend it, author: mia, files: {valve.txt: shut}, reviews: [{author: wernher, state: APPROVED}]}
  - {title: Draft, author: mia, files: {valve.txt: open}, fork: false, branch: try, base: release-1, draft: true}
"""


async def sown(sim: Sim, text: str, folder: Path | None = Path("/nonexistent")) -> None:
    source = Source("world.yaml", text)
    await sow(sim, source, source.seed(), folder=folder)


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Sim]:
    with checked(Sim(tmp_path / "sim")) as sim:
        yield sim
        await sim.world.close()


async def test_everything_in_it_is_there(empty: Sim) -> None:
    sim = empty
    await sown(sim, WORLD)
    repo = sim.world.repo("acme/rockets")
    story = RepoStory(sim, repo)
    assert await story.file("README.md") == "# Rockets\n"
    assert [await story.file(name, branch="next") for name in ("new.txt", "old.txt")] == ["new\n", None]
    assert sim.world.permission(repo, "prow-bot") == "write"
    assert sim.world.permission(repo, "mia") == "triage"
    assert (repo.protections["trunk"].contexts, repo.protections["trunk"].reviews) == (("unit",), 1)
    assert repo.labels["lgtm"].description == "Looks good"
    issue, first, draft = (PullStory(sim, repo.issues[number]) for number in (1, 2, 3))
    assert (issue.issue.state, issue.labels, issue.assignees) == ("closed", {"bug"}, {"katherine"})
    assert issue.comments[0].body == "Where?"
    assert [review.state for review in first.reviews] == ["APPROVED"]
    pull = draft.issue.pull
    assert pull is not None
    assert (pull.draft, pull.head_ref, pull.base_ref, pull.head_repo) == (True, "try", "release-1", repo)
    async with client(sim) as bot:
        headers = {"Authorization": "token ghp_bot"}
        assert (await bot.get("/repos/acme/rockets/pulls/2", headers=headers)).json()["mergeable_state"] in {
            "unknown",
            "blocked",
        }
        assert (await bot.get("/repos/acme/rockets")).status_code == 404


LIFE = """
users:
- {login: prow-bot, token: ghp_bot}
- {login: mia, token: github_pat_mia, owner: acme, repos: [acme/rockets], permissions: {issues: write}}
orgs: [{login: acme, owners: [boss], members: [wernher], default_permission: write, teams: [{name: Crew, maintainers: [wernher]}]}]
apps:
- slug: merge-bot
  id: 4711
  permissions: {checks: write, issues: read}
  events: [issues]
  key: app.pem
  hook: {url: "http://nobody.invalid/", secret: s3cret}
  installations: [{account: acme, id: 815, repos: [acme/rockets]}]
- {slug: idle, installations: [{account: acme, suspended: true}]}
repos:
- name: acme/rockets
  description: Up and away
  topics: [Space]
  allow_rebase_merge: false
  files: {README.md: "# Rockets\\n"}
  collaborators: {prow-bot: write, mia: read}
  milestones: [{title: v1, creator: wernher, due_on: "2026-12-24T00:00:00Z"}, {title: v0, creator: wernher, closed: true}]
  statuses: [{context: nightly, state: failure, author: prow-bot, description: Red}]
  protection: [{branch: main, contexts: [unit], apps: {lint: merge-bot}, reviews: 1, push_teams: [crew], linear: true}]
  issues:
  - {title: It leaks, author: mia, milestone: v1, assignees: [wernher], locked: true}
  pulls:
  - title: Mend it
    author: mia
    files: {valve.txt: "shut\\n"}
    milestone: v1
    reviewers: [wernher, crew]
    reviews: [{author: boss, state: COMMENTED, comments: [{path: valve.txt, body: "Nice"}]}]
    statuses: [{context: unit, state: success, author: prow-bot}]
    checks:
    - {name: lint, app: merge-bot, conclusion: failure, title: Two mistakes, summary: Here and there}
    workflows: [{name: CI, actor: mia, conclusion: action_required}]
  - {title: Old, author: mia, files: {old.txt: "x"}, merged_by: boss}
- {name: acme/attic, archived: true, issues: [{title: Dust, author: wernher}]}
"""


async def test_apps_and_everything_that_happened_in_a_repository(empty: Sim, tmp_path: Path) -> None:
    sim = empty
    sim.faults.lose_webhooks()
    (tmp_path / "app.pem").write_text(KEY)
    await sown(sim, LIFE, tmp_path)
    world, repo = sim.world, sim.world.repo("acme/rockets")
    app = world.apps["merge-bot"]
    assert app.hook is not None
    told = [(one.event, one.action) for one in app.hook.deliveries]
    assert told[:2] == [("ping", ""), ("installation", "created")]
    assert ("issues", "opened") in told
    assert world.installations[815].app is app
    assert [one.suspended_at is not None for one in world.installations.values()] == [False, True]
    signed = Installed(sim, app, KEY, world.installations[815])
    async with signed.as_app() as as_app, bearer(sim, "github_pat_mia") as mia, bearer(sim, "ghp_bot") as bot:
        assert (await expect(as_app.get("/app"), 200))["id"] == 4711
        await expect(mia.post("/repos/acme/rockets/issues", json={"title": "More"}), 201)
        await expect(mia.post("/repos/acme/rockets/labels", json={"name": "x"}), 403)
        rules = await expect(bot.get("/repos/acme/rockets/branches/main"), 200)
        assert rules["protection"]["required_status_checks"]["contexts"] == ["unit", "lint"]
        about = await expect(bot.get("/repos/acme/rockets"), 200)
        assert (about["description"], about["topics"]) == ("Up and away", ["space"])
        assert (about["allow_rebase_merge"], about["permissions"]["push"]) == (False, True)
        listed = await expect(bot.get("/repos/acme/rockets/milestones?state=all"), 200)
        assert [(one["title"], one["state"], one["open_issues"]) for one in listed] == [
            ("v1", "open", 2),
            ("v0", "closed", 0),
        ]
        nightly = await expect(bot.get("/repos/acme/rockets/commits/main/status"), 200)
        assert nightly["total_count"] == 0, "the merge has moved the branch since"
        runs = await expect(bot.get("/repos/acme/rockets/actions/runs"), 200)
        assert [(one["name"], one["conclusion"]) for one in runs["workflow_runs"]] == [("CI", "action_required")]
        await expect(bot.post("/repos/acme/attic/issues", json={"title": "Dust"}), 403)
    leak, mend, old = (PullStory(sim, repo.issues[number]) for number in (1, 2, 3))
    assert (leak.issue.locked, leak.assignees, leak.issue.milestone) == (True, {"wernher"}, repo.milestones[1])
    assert old.merged
    pull = mend.issue.pull
    assert pull is not None
    assert ([u.login for u in pull.requested_reviewers], [t.slug for t in pull.requested_teams]) == (
        ["wernher"],
        ["crew"],
    )
    assert [one.body for one in pull.review_comments] == ["Nice"]
    assert world.states(repo, mend.head_sha) == {"unit": "success", "lint": "failure"}
    assert world.permission(repo, "wernher") == "write"


async def test_a_key_is_made_where_there_is_none_and_kept(tmp_path: Path) -> None:
    text = "apps: [{slug: merge-bot, key: app.pem}]"
    for place in ("one", "two"):
        with checked(Sim(tmp_path / place)) as sim:
            await sown(sim, text, tmp_path)
            app = sim.world.apps["merge-bot"]
            key = (tmp_path / "app.pem").read_text()
            async with Installed(sim, app, key, sim.world.install(app, "acme")).as_app() as as_app:
                assert (await expect(as_app.get("/app"), 200))["slug"] == "merge-bot"
            await sim.world.close()
    assert (tmp_path / "app.pem").stat().st_mode & 0o777 == 0o600


def test_editors_are_told_the_format() -> None:
    schema = seed.schema()["$defs"]
    assert set(schema["Pull"]["properties"]) >= {"statuses", "checks", "reviews", "milestone", "merged_by"}
    assert schema["Repo"]["additionalProperties"] is False


async def test_a_repository_may_be_a_copy(empty: Sim, tmp_path: Path) -> None:
    await sown(empty, "orgs: [{login: acme}]\nrepos: [{name: acme/a, files: {x: new}}]\n")
    await sown(empty, "repos: [{name: acme/b, clone: repos/acme/a.git}]\n", tmp_path / "sim")
    assert await RepoStory(empty, empty.world.repo("acme/b")).file("x") == "new"


REPO = "orgs: [{login: acme, members: [mia]}]\nrepos:\n- name: acme/x\n  files: {a: b}\n"
WRONG = [
    ("orgs: [{login: acme, member: [mia]}]", "1:22: unknown field 'member'"),
    ("repos:\n- name: acme/x\n  issues: [{title: A}]", "3:12: object missing required field `author`"),
    ("repos:\n- name: 7", "2:9: expected `str`, got `int`"),
    ("users: 3", "1:8: expected `array`, got `int`"),
    ("users: [", "not YAML"),
    ("repos:\n- {name: rockets}", "2:10: 'rockets' is not of the form org/repo"),
    ("repos:\n- {name: acme/x}", "2:10: there is no organisation or user 'acme': name it above"),
    ("orgs: [{login: a b}]", "1:8: 'a b' cannot be a name"),
    ("orgs: [{login: acme}]\nrepos:\n- {name: acme/x}\n- {name: acme/x}", "4:10: name already exists on this account"),
    ("orgs: [{login: acme}]\nrepos: [{name: acme/x, collaborators: {mia: write}}]", "2:45: nobody is called 'mia'"),
    ("orgs: [{login: acme, members: [mia]}]\nrepos: [{name: acme/x, collaborators: {mia: boss}}]", "2:45: 'boss' is no permission"),
    ("orgs: [{login: acme}]\nrepos: [{name: acme/x, teams: {crew: read}}]", "2:38: acme has no team 'crew'"),
    ("orgs: [{login: acme}]\nrepos: [{name: acme/x, branches: [{name: b, start: c}]}]", "2:35: there is no branch 'c' to begin at"),
    ("orgs: [{login: acme}]\nrepos: [{name: acme/x, clone: nowhere}]", "2:16: git clone"),
    ("apps: [{slug: a, permissions: {isues: write}}]", "1:31: 'isues' is no permission: did you mean 'issues'?"),
    ("apps: [{slug: a, permissions: {issues: yes}}]", "1:31: expected `str`, got `bool`"),
    ("apps: [{slug: a, permissions: {issues: full}}]", "1:31: issues: 'full' is no level: say read, write, admin"),
    ("apps: [{slug: a, events: [issues]}]", "1:26: to hear of 'issues' an app needs the permission issues: read"),
    ("apps: [{slug: a, events: [isues]}]", "1:26: there is no event 'isues': did you mean 'issues'?"),
    ("apps: [{slug: a, events: [installation]}]", "1:26: 'installation' cannot be asked for"),
    (REPO + "  hooks: [{url: 'http://x.invalid/', events: [push, puhs]}]", "5:46: there is no event 'puhs'"),
    ("apps: [{slug: a}, {slug: a}]", "1:26: there is an app 'a' already"),
    ("apps: [{slug: a, id: 7}, {slug: b, id: 7}]", "1:40: another app has the id 7"),
    ("apps: [{slug: a, key: world.yaml}]", "1:23: that is no private or public key as PEM"),
    ("apps: [{slug: a, key: no/where/app.pem}]", "No such file or directory"),
    ("apps: [{slug: a, installations: [{account: acme}]}]", "1:34: there is no organisation or user 'acme'"),
    ("orgs: [{login: acme}]\napps: [{slug: a, installations: [{account: acme, repos: [acme/x]}]}]", "2:34: there is no repository 'acme/x'"),
    ("users: [{login: mia, token: t, scopes: [repo], permissions: {issues: read}}]", "1:9: a token has scopes, or permissions"),
    ("users: [{login: mia, token: t, repos: [acme/x]}]", "1:9: owner and repos are of a fine-grained token"),
    ("users: [{login: mia, token: t, permissions: {issues: read}, repos: [acme/x]}]", "1:68: there is no repository 'acme/x'"),
    ("orgs: [{login: acme, default_permission: boss}]", "1:42: invalid enum value 'boss'"),
    (REPO + "  topics: [Big Ships]", "5:11: topics must start with"),
    (REPO + "  milestones: [{title: v1, creator: nobody}]", "5:16: nobody is called 'nobody'"),
    (REPO + "  issues: [{title: T, author: mia, milestone: v9}]", "5:12: there is no milestone 'v9': name it among milestones"),
    (REPO + "  issues: [{title: T, author: mia, assignees: [stranger]}]", "5:12: nobody is called 'stranger'"),
    (REPO + "  statuses: [{context: u, state: green, author: mia}]", "5:14: "),
    (REPO + "  statuses: [{context: u, state: success, author: mia, branch: gone}]", "5:14: there is no branch 'gone'"),
    (REPO + "  checks: [{name: u, app: a, conclusion: success}]", "5:12: there is no app 'a': name it among apps"),
    ("apps: [{slug: a}]\n" + REPO + "  checks: [{name: u, app: a, conclusion: success}]", "6:12: a may not make checks: install it here"),
    (REPO + "  protection: [{branch: main, push_teams: [crew]}]", "5:16: acme has no team 'crew'"),
    (REPO + "  protection: [{branch: main, apps: {unit: a}}]", "5:16: there is no app 'a'"),
    (REPO + "  pulls: [{title: T, author: mia, files: {a: c}, reviews: [{author: mia, state: APPROVED}]}]", "5:60: can not approve your own pull request"),
    (REPO + "  pulls: [{title: T, author: mia, files: {a: c}, statuses: [{context: u, state: success, author: mia, branch: b}]}]", "5:61: in a pull request it is about the head"),
    (
        "orgs: [{login: acme, members: [mia]}]\nrepos:\n- name: acme/x\n  files: {a: b}\n  pulls:\n  - {title: T, author: mia, files: {a: c}, base: gone}",
        "6:5: base invalid",
    ),
    ("orgs:\n- login: acme\n  hooks: [{url: localhost/hook}]\n", "'localhost/hook' is no address for a hook"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), WRONG)
async def test_what_is_wrong_is_told_with_its_place(empty: Sim, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "world.yaml").write_text(text)
    with pytest.raises(UsageError) as error:
        await sown(empty, text, tmp_path)
    assert str(error.value).startswith("world.yaml:")
    assert told in str(error.value)


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(UsageError, match="No such file"):
        seed.read(Path("/nonexistent/world.yaml"))
