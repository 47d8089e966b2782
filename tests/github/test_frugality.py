"""What the client does not ask: memberships in short lists, modules that nobody needs; and what it counts as content."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from prow.github.call import Answer, Call, Cost
from prow.github.client import GitHub
from prow.github.errors import Refused
from prow.github.tokens import FixedToken
from prow.github.transport import Transport
from prow.lib.clock import SystemClock
from tests.github.test_dry_run import WRITES
from tests.support.github import World

NOTIFYING = (
    Path(__file__).parents[1]
    / "foreign/node_modules/@octokit/plugin-throttling/dist-src/generated/triggers-notification-paths.js"
)
MEMBER = ("GET", "/orgs/{org}/members/{login}")
MEMBERS = ("GET", "/orgs/{org}/members")
COLLABORATORS = ("GET", "/repos/{owner}/{repo}/collaborators")
COLLABORATOR = ("GET", "/repos/{owner}/{repo}/collaborators/{login}")


async def test_who_is_a_member_of_a_small_organisation_costs_one_call_while_nothing_changes(world: World) -> None:
    github = world.github
    await github.current_user()
    for _ in range(3):
        assert await github.is_member("acme", "Wernher")
        assert not await github.is_member("acme", "mia")
    assert (world.asked(MEMBERS), world.asked(MEMBER)) == (1, 0)
    world.sim.world.org("acme", members=["mia"])
    assert await github.is_member("acme", "mia")
    assert world.asked(MEMBERS) == 2


async def test_who_leaves_is_no_member_at_once(world: World) -> None:
    await world.github.current_user()
    assert await world.github.is_member("acme", "wernher")
    org = world.sim.world.org("acme")
    await world.sim.world.remove_member(org, "prow-bot", "wernher")
    assert not await world.github.is_member("acme", "wernher")


async def test_a_list_that_may_not_be_whole_proves_nobody_absent(world: World) -> None:
    """Before we know who we are, or to guests, GitHub shows only some members."""
    assert not await world.github.is_member("acme", "mia")
    assert world.asked(MEMBER) == 1
    guest = world.client("guest")
    await guest.current_user()
    with pytest.raises(Refused):
        await guest.is_member("acme", "wernher")


async def test_a_large_organisation_is_asked_about_one_person(world: World) -> None:
    world.sim.world.org("acme", members=[f"member-{number}" for number in range(100)])
    await world.github.current_user()
    for _ in range(2):
        assert await world.github.is_member("acme", "member-99")
    assert (world.asked(MEMBERS), world.asked(MEMBER)) == (1, 2)


async def test_who_may_not_see_the_collaborators_asks_no_more_for_their_list(world: World) -> None:
    guest = world.client("guest")
    for _ in range(2):
        assert await world.github.is_collaborator("acme", "rockets", "prow-bot")
    assert world.asked(COLLABORATOR) == 0
    for _ in range(2):
        with pytest.raises(Refused):
            await guest.is_collaborator("acme", "rockets", "mia")
    assert world.asked(COLLABORATOR) == 2
    assert world.asked(COLLABORATORS) == 2


def test_a_process_imports_only_the_areas_that_it_uses() -> None:
    areas = "teams hooks members protection collaborators repo_settings checks actions search graph_search people blame"
    program = (
        f"import sys, prow.github.client; print([a for a in '{areas}'.split() if 'prow.github.' + a in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


class Noting(Transport):
    def __init__(self) -> None:
        super().__init__(clock=SystemClock(), tokens=FixedToken(), component="test", version="1")
        self.calls: list[Call] = []

    async def request(self, call: Call) -> Answer:
        self.calls.append(call)
        return Answer(204, suppressed=True)


@pytest.mark.skipif(not NOTIFYING.exists(), reason="run `npm ci` in tests/foreign")
async def test_calls_that_notify_people_are_paced_as_content() -> None:
    """GitHub's own client library knows which those are."""
    paths = [
        re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path)) for path in re.findall(r'"(/[^"]+)"', NOTIFYING.read_text())
    ]
    noting = Noting()
    for ask in WRITES.values():
        await ask(GitHub(noting, caller="test", cost=Cost.INTERACTIVE))
    notify = {
        f"{call.method} {call.template}": call.content
        for call in noting.calls
        if call.method in {"POST", "PUT"} and any(re.fullmatch(path, call.path) for path in paths)
    }
    assert len(notify) >= 8
    assert [name for name, content in notify.items() if not content] == []
