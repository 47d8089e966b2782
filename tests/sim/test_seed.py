"""A GitHub from a file: what it says is there, and what is wrong is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from prow.lib.errors import UsageError
from prow.sim import seed
from prow.sim.seed import Source
from prow.sim.server import Sim
from prow.sim.sowing import sow
from prow.sim.verbs import PullStory, RepoStory
from tests.sim.support import client

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


async def sown(sim: Sim, text: str, folder: Path = Path("/nonexistent")) -> None:
    source = Source("world.yaml", text)
    await sow(sim, source, source.seed(), folder=folder)


async def test_everything_in_it_is_there(tmp_path: Path) -> None:
    sim = Sim(tmp_path)
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
    await sim.world.close()


async def test_a_repository_may_be_a_copy(tmp_path: Path) -> None:
    sim = Sim(tmp_path / "one")
    await sown(sim, "orgs: [{login: acme}]\nrepos: [{name: acme/a, files: {x: new}}]\n")
    await sown(sim, "repos: [{name: acme/b, clone: repos/acme/a.git}]\n", tmp_path / "one")
    assert await RepoStory(sim, sim.world.repo("acme/b")).file("x") == "new"
    await sim.world.close()


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
    (
        "orgs: [{login: acme, members: [mia]}]\nrepos:\n- name: acme/x\n  files: {a: b}\n  pulls:\n  - {title: T, author: mia, files: {a: c}, base: gone}",
        "6:5: base invalid",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), WRONG)
async def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    sim = Sim(tmp_path)
    with pytest.raises(UsageError) as error:
        await sown(sim, text)
    assert str(error.value).startswith("world.yaml:")
    assert told in str(error.value)
    await sim.world.close()


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(UsageError, match="No such file"):
        seed.read(Path("/nonexistent/world.yaml"))
