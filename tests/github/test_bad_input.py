"""What people do to repositories: deleted accounts, huge changes, empty repositories, other names, revoked tokens. Each has one outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx2
import msgspec
import pytest

from prow.github.client import GitHub
from prow.github.errors import AnswerTooLarge, BadCredentials, FileNotFound, NotFound, Unprocessable
from prow.github.graph_search import GraphSearch
from prow.github.merging import MergeDetails
from prow.github.pulls import FILES_LISTED
from prow.github.refs import Refs
from prow.github.repo_settings import RepoChange, RepoSettings
from prow.github.tokens import FixedToken
from prow.lib.clock import SystemClock
from prow.model.forge import CommitStatus
from prow.model.pull_facts import Mergeable
from prow.sim.verbs import RepoStory
from tests.support.github import FAST, R, World


@asynccontextmanager
async def scripted(answer: Callable[[httpx2.Request], httpx2.Response]) -> AsyncIterator[GitHub]:
    """A client of a GitHub that answers what no simulated one does."""
    github = GitHub.open(
        clock=SystemClock(), component="test", options=FAST, http=httpx2.MockTransport(answer), tokens=FixedToken("t")
    )
    try:
        yield github
    finally:
        await github.aclose()


async def test_what_a_deleted_account_did_is_a_ghosts(world: World) -> None:
    pr = world.pr
    await pr.comment("mia", "hello")
    await pr.review("mia", "COMMENTED", "fine")
    await world.sim.world.delete_user("mia")
    github, number = world.github, pr.number
    pull = await github.get_pull_request(*R, number)
    assert (pull.author, pull.head.repo) == ("ghost", None)
    assert [comment.author for comment in await github.list_comments(*R, number)] == ["ghost"]
    assert [r.user.login for r in await github.list_reviews(*R, number) if r.user] == ["ghost"]
    facts = await github.pull_facts(*R, number)
    assert facts.author == "ghost"
    assert [page.pulls[0].author async for page in github.open_pull_pages(*R)] == ["ghost"]
    found = [pull.author async for pull in github.area(GraphSearch).search_pulls("repo:acme/rockets", org="acme")]
    assert found == ["ghost"]


NULL_USER = b'{"number": 1, "user": null, "head": {"repo": null, "user": null}, "labels": [], "assignees": [null]}'


@pytest.mark.parametrize("body", [NULL_USER, b'{"number": 1}'])
async def test_an_account_that_is_null_or_missing_is_a_ghost(body: bytes) -> None:
    async with scripted(lambda _: httpx2.Response(200, content=body)) as github:
        assert (await github.get_pull_request(*R, 1)).author == "ghost"
        assert (await github.get_issue(*R, 1)).author == "ghost"


async def test_a_difference_of_ten_megabytes_is_read_whole_and_an_endless_one_is_refused() -> None:
    large = b"+x" * (5 << 20)

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.headers["accept"] == "application/vnd.github.diff"
        return httpx2.Response(200, content=large if request.url.path.endswith("/1") else large * 4)

    async with scripted(answer) as github:
        assert await github.get_diff(*R, 1) == large
        with pytest.raises(AnswerTooLarge, match="more than 33554432 bytes"):
            await github.get_diff(*R, 2)


async def test_a_change_that_github_will_not_show_is_refused_in_githubs_words(world: World) -> None:
    pr = await world.change({"huge": "line\n" * 30_000})
    with pytest.raises(Unprocessable, match="exceeded the maximum number of lines") as refused:
        await world.github.get_diff(*R, pr.number)
    assert refused.value.status == 406
    (file,) = await world.github.list_files(*R, pr.number)
    assert (file.filename, file.additions, file.patch) == ("huge", 30_000, None)


async def test_of_more_files_than_github_lists_the_rest_is_known_to_be_missing(world: World) -> None:
    pr = await world.change({f"files/{number}": "x\n" for number in range(FILES_LISTED + 5)})
    assert len(await world.github.list_files(*R, pr.number)) == FILES_LISTED
    assert (await world.github.get_pull_request(*R, pr.number)).changed_files == FILES_LISTED + 5


async def test_an_empty_repository_has_no_branch_and_no_files(world: World) -> None:
    await world.github.area(RepoSettings).create_repo("acme", RepoChange(name="empty"))
    empty = ("acme", "empty")
    assert (await world.github.get_repo(*empty)).default_branch == "main"
    with pytest.raises(NotFound, match="it is empty"):
        await world.github.get_ref(*empty, "heads/main")
    with pytest.raises(FileNotFound):
        await world.github.get_file(*empty, "OWNERS")
    with pytest.raises(FileNotFound):
        await world.github.get_directory(*empty, "")
    with pytest.raises(Unprocessable):
        await world.github.area(Refs).list_commits(*empty)
    assert await world.github.list_pull_requests(*empty) == ()
    assert [page.pulls async for page in world.github.open_pull_pages(*empty)] == [()]


async def test_a_default_branch_with_another_name_is_found_under_it_alone(world: World) -> None:
    pr = world.pr
    before = await world.github.get_branch_sha(*R, "main")
    await world.sim.world.rename_branch(world.repo.repo, "wernher", "main", "trunk")
    assert (await world.github.get_repo(*R)).default_branch == "trunk"
    assert await world.github.get_branch_sha(*R, "trunk") == before
    with pytest.raises(NotFound):
        await world.github.get_branch_sha(*R, "main")
    assert (await world.github.get_pull_request(*R, pr.number)).base.ref == "trunk"
    assert (await world.github.pull_facts(*R, pr.number)).base_ref == "trunk"
    assert await world.github.get_file(*R, "a") == b"a\n"


async def test_a_renamed_repository_answers_to_its_old_name(world: World) -> None:
    """Also to writes, and to queries; what comes from GitHub has the new name."""
    github, number = world.github, world.pr.number
    await world.sim.world.rename(world.repo.repo, "prow-bot", "missiles")
    assert (await github.get_repo(*R)).full_name == "acme/missiles"
    repo = (await github.get_pull_request(*R, number)).base.repo
    assert repo is not None
    assert repo.full_name == "acme/missiles"
    await github.add_labels(*R, number, ["x"])
    await github.create_status(*R, world.pr.head_sha, CommitStatus(context="unit", state="success"))
    assert (world.pr.labels, world.pr.statuses["unit"].state) == ({"x"}, "success")
    (page,) = [page async for page in github.open_pull_pages(*R)]
    assert (page.full_name, [pull.number for pull in page.pulls]) == ("acme/missiles", [number])
    merged = await github.merge_pull_request(*R, number, MergeDetails(sha=world.pr.head_sha, method="squash"))
    assert merged == await world.repo.tip()
    await RepoStory.create(world.sim, "acme/rockets", files={"new": "new\n"})
    with pytest.raises(NotFound):
        await github.get_pull_request(*R, number)


async def test_a_revoked_token_is_called_so_and_nothing_is_written(world: World) -> None:
    world.sim.world.revoke(world.token())
    with pytest.raises(BadCredentials, match="GitHub answered 401: Bad credentials"):
        await world.github.add_labels(*R, world.pr.number, ["x"])
    with pytest.raises(BadCredentials, match="not asked, since GitHub did not know the token a moment ago"):
        await world.github.pull_facts(*R, world.pr.number)
    assert not world.pr.labels


@pytest.mark.parametrize(
    ("field", "value", "judged"),
    [
        ("mergeable", "PERHAPS", Mergeable.UNKNOWN),
        ("mergeStateStatus", "SHINY", "SHINY"),
        ("reviewDecision", "LATER", "LATER"),
        ("state", "FROZEN", "FROZEN"),
    ],
)
async def test_words_that_github_adds_leave_a_pull_request_readable(field: str, value: str, judged: object) -> None:
    pull = {"number": 1, "state": "OPEN", "baseRefName": "main", "headRefName": "b", "headRefOid": "5", field: value}
    body = msgspec.json.encode({"data": {"repository": {"pullRequest": pull}}})
    async with scripted(lambda _: httpx2.Response(200, content=body)) as github:
        facts = await github.pull_facts(*R, 1)
    names = {
        "mergeable": facts.mergeable,
        "mergeStateStatus": facts.merge_state,
        "reviewDecision": facts.review_decision,
    }
    assert names.get(field, facts.state) == judged
