"""OWNERS of a branch, read from a mirror of a real repository that the simulated GitHub serves over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from prow.config.config import Config
from prow.config.plugin_options import OwnersOptions
from prow.config.plugins import PluginsConfig
from prow.git.errors import NoSuchRef
from prow.git.mirror import Mirrors
from prow.github.errors import Refused
from prow.lib.errors import ProwError, Retry
from prow.model.forge import User
from prow.owners import parse
from prow.owners.queries import RepoOwners
from prow.owners.service import OwnersReader
from prow.sim import gitrepo
from prow.sim.verbs import RepoStory
from tests.git.support import Watched, hub_in

FILES = {
    "OWNERS": "approvers: [root-team]\nreviewers: [rita]\n",
    "OWNERS_ALIASES": "aliases:\n  root-team: [Alice, '@bob']\n",
    "docs/OWNERS": "approvers: [dora]\n",
    "docs/a.md": "hello\n",
    "vendor/x/y/OWNERS": "approvers: [mallory]\n",
}


class World:
    """`error`: what GitHub says when it is asked for collaborators; `asked`: how often that was. `watched`: what git asks."""

    def __init__(self, repo: RepoStory, mirrors: Mirrors, watched: Watched) -> None:
        self.repo = repo
        self.watched = watched
        self.reader = OwnersReader(mirrors, self)
        self.collaborators = ["Alice", "dora"]
        self.error: ProwError | None = None
        self.asked = 0

    async def list_collaborators(self, org: str, repo: str) -> Sequence[User]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return [User(login=login) for login in self.collaborators]

    async def load(
        self, branch: str = "main", *, skip_collaborators: bool = True, markdown: bool = False
    ) -> RepoOwners:
        options = OwnersOptions(
            skip_collaborators=("acme",) if skip_collaborators else (),
            mdyamlrepos=("acme/rockets",) if markdown else (),
        )
        return await self.reader.load("acme", "rockets", branch, config=Config(), plugins=PluginsConfig(owners=options))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with hub_in(tmp_path, FILES) as hub:
        yield World(hub.repo, hub.world.mirrors, hub.watched)


async def test_owners_are_read_from_the_branch_as_it_is_now(world: World) -> None:
    owners = await world.load()
    assert owners.approvers("docs/b.md") == {"dora", "alice", "bob"}
    assert owners.leaf_approvers("main.go") == {"alice", "bob"}
    await world.repo.push("wernher", {"docs/OWNERS": "approvers: [erin]\n"})
    assert (await world.load()).leaf_approvers("docs/b.md") == {"erin"}
    assert world.asked == 0


async def test_a_first_look_costs_two_requests_and_a_change_one_or_two_more(world: World) -> None:
    """The branch, and all files that count; later the branch, and what of those is new."""
    await world.load()
    assert world.watched.fetches == 2
    await world.repo.push("wernher", {"main.go": "package main\n"})
    await world.load()
    assert world.watched.fetches == 3
    await world.repo.push("wernher", {"docs/OWNERS": "approvers: [erin]\n"})
    assert (await world.load()).leaf_approvers("docs/b.md") == {"erin"}
    assert world.watched.fetches == 5


async def test_a_new_alias_changes_what_unchanged_files_say(world: World) -> None:
    assert (await world.load()).leaf_approvers("main.go") == {"alice", "bob"}
    await world.repo.push("wernher", {"OWNERS_ALIASES": "aliases:\n  root-team: [carol]\n"})
    assert (await world.load()).leaf_approvers("main.go") == {"carol"}
    await world.repo.push("wernher", {"OWNERS_ALIASES": None})
    assert (await world.load()).leaf_approvers("main.go") == {"root-team"}


async def test_a_linked_file_says_what_its_target_says_now(world: World) -> None:
    link = {"shared/OWNERS": "approvers: [zoe]\n"}
    await world.repo.push("wernher", link)
    path = world.repo.repo.path
    stream = b"commit refs/heads/main\ncommitter w <w@x> 1700000000 +0000\ndata 4\nLink\nfrom refs/heads/main^0\n"
    await gitrepo.git(
        "fast-import", "--quiet", cwd=path, stdin=stream + b"M 120000 inline api/OWNERS\ndata 16\n../shared/OWNERS\n"
    )
    assert (await world.load()).leaf_approvers("api/x.go") == {"zoe"}
    await world.repo.push("wernher", {"shared/OWNERS": "approvers: [mia]\n"})
    assert (await world.load()).leaf_approvers("api/x.go") == {"mia"}


async def test_vendored_owners_do_not_count(world: World) -> None:
    assert "mallory" not in (await world.load()).all_approvers()


async def test_a_commit_that_changes_no_owners_file_shares_the_old_value(world: World) -> None:
    first = await world.load()
    await world.repo.push("wernher", {"main.go": "package main\n"})
    assert await world.load() is first


async def test_branches_have_owners_of_their_own(world: World) -> None:
    await world.repo.push("wernher", {"OWNERS": "approvers: [zoe]\n"}, branch="release-1")
    assert (await world.load("release-1")).top_level_approvers() == {"zoe"}
    assert (await world.load()).top_level_approvers() == {"alice", "bob"}
    with pytest.raises(NoSuchRef):
        await world.load("gone")


async def test_only_collaborators_count_unless_the_config_skips_them(world: World) -> None:
    owners = await world.load(skip_collaborators=False)
    assert owners.approvers("docs/b.md") == {"dora", "alice"}
    assert owners.reviewers("main.go") == frozenset()
    assert world.asked == 1


async def test_owners_count_when_nobody_may_know_the_collaborators(world: World) -> None:
    world.error = Refused("no push access")
    assert (await world.load(skip_collaborators=False)).approvers("docs/b.md") == {"dora", "alice", "bob"}


async def test_an_error_that_may_pass_lets_nobody_approve(world: World) -> None:
    world.error = Retry("bad gateway")
    with pytest.raises(Retry):
        await world.load(skip_collaborators=False)


async def test_front_matter_is_read_where_the_config_says_so(world: World) -> None:
    await world.repo.push("wernher", {"docs/a.md": "---\napprovers: [mark]\n---\nhello\n"})
    assert (await world.load()).find_approver_owners_for_file("docs/a.md") == "docs"
    owners = await world.load(markdown=True)
    assert owners.find_approver_owners_for_file("docs/a.md") == "docs/a.md"
    assert owners.leaf_approvers("docs/a.md") == {"mark"}


async def test_an_owners_file_that_is_too_large_says_nothing(world: World) -> None:
    await world.repo.push("wernher", {"docs/OWNERS": "# " + "x" * parse.LARGEST + "\napprovers: [eve]\n"})
    assert (await world.load()).leaf_approvers("docs/b.md") == {"alice", "bob"}
