"""When GitHub, or the way to it, fails: what is repeated, what is not, and what is said. Time is virtual, GitHub is simulated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from prow.github.client import Cost, GitHub
from prow.github.decoding import decoded
from prow.github.errors import AnswerTooLarge, MaybeDone, NotFound, ServerBroken, Unprocessable
from prow.github.issues import NewIssue
from prow.github.merging import MergeDetails
from prow.github.pulls import NewPull
from prow.github.rules import Options
from prow.github.tokens import FixedToken
from prow.lib import open_work
from prow.lib.errors import RateLimited
from prow.lib.virtual_clock import VirtualClock
from prow.model.forge import CommitStatus
from prow.model.pull_facts import ContextState, Mergeable
from prow.sim.plan import Error, Html, Malformed, Match, NoAnswer, PrimaryLimit, Reset, Rule, SecondaryLimit
from tests.support.github import World, world_in

COMMENTS = Match(method="POST", path="*/comments")
STATUSES = Match(method="POST", path="*/statuses/*")
STATUS = CommitStatus(context="unit", state="success", description="Good.", target_url="https://prow.example/1")
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path, clock=VirtualClock(), change={"a": "b\n"}, options=Options()) as made:
        made.github = made.github.bound(caller="test", cost=Cost.INTERACTIVE)
        yield made


@pytest.mark.parametrize(
    "what",
    [Error(502), Error(503, headers={"retry-after": "5"}), Reset(), Malformed(), Html(), Html(status=200), NoAnswer()],
    ids=lambda what: type(what).__name__,
)
async def test_a_read_is_repeated_until_it_is_right_and_only_the_right_answer_is_kept(
    world: World, what: Error | Reset | Malformed | Html | NoAnswer
) -> None:
    background = world.github.bound(caller="test", cost=Cost.BACKGROUND)
    world.sim.faults.add(Rule(what=what, times=2))
    for _ in range(2):
        assert (await background.get_issue("acme", "rockets", world.pr.number)).title == "Change"
    assert len(world.sim.faults.struck) == 2


async def test_a_github_that_stays_away_is_given_up_within_the_caller_s_patience(world: World) -> None:
    world.sim.faults.add(Rule(what=Error(502)))
    began = world.sim.clock.monotonic()
    with pytest.raises(ServerBroken, match="GitHub answered 502: Server Error") as caught:
        await world.github.get_repo("acme", "rockets")
    assert world.sim.clock.monotonic() - began <= 20
    assert caught.value.after is not None


async def test_an_html_page_is_called_what_it_is(world: World) -> None:
    world.sim.faults.add(Rule(what=Html(status=502)))
    with pytest.raises(ServerBroken, match="GitHub answered 502: an HTML page, not an answer of the API"):
        await world.github.get_repo("acme", "rockets")


@pytest.mark.parametrize("what", [Error(502, after=True), Reset(), NoAnswer(after=True), Malformed()], ids=str)
async def test_a_comment_whose_answer_is_lost_is_never_written_twice(
    world: World, what: Error | Reset | NoAnswer | Malformed
) -> None:
    world.sim.faults.add(Rule(match=COMMENTS, what=what, times=1))
    with pytest.raises(MaybeDone):
        await world.github.create_comment("acme", "rockets", world.pr.number, "once")
    assert [c.body for c in world.pr.comments] == ["once"]


async def test_a_limit_that_holds_a_write_back_does_not_count_as_taking_effect(world: World) -> None:
    world.sim.faults.add(Rule(match=COMMENTS, what=SecondaryLimit(seconds=10), times=1))
    await world.github.create_comment("acme", "rockets", world.pr.number, "once")
    assert [c.body for c in world.pr.comments] == ["once"]


@pytest.mark.parametrize("after", [True, False], ids=["it was taken", "it was not"])
async def test_a_status_whose_answer_is_lost_is_looked_for_before_it_is_sent_again(
    world: World, *, after: bool
) -> None:
    world.sim.faults.add(Rule(match=STATUSES, what=Error(502, after=after), times=1))
    await world.github.create_status("acme", "rockets", world.pr.head_sha, STATUS)
    assert world.pr.statuses["unit"].state == "success"
    assert world.sim.world.calls["POST", "/repos/{owner}/{repo}/statuses/{sha}"] == 1


async def test_a_status_that_never_arrives_is_not_tried_for_ever(world: World) -> None:
    world.sim.faults.add(Rule(match=STATUSES, what=Error(502)))
    with pytest.raises(MaybeDone):
        await world.github.create_status("acme", "rockets", world.pr.head_sha, STATUS)
    assert not world.pr.statuses


async def test_what_was_just_made_may_not_be_found_at_once(world: World) -> None:
    world.sim.faults.add(Rule(match=Match(path="*/issues/*"), what=Error(404, "Not Found"), times=2))
    assert (await world.github.get_issue("acme", "rockets", world.pr.number)).title == "Change"
    with pytest.raises(NotFound):
        await world.github.get_issue("acme", "rockets", 4711)


async def test_a_spent_budget_is_waited_for_in_the_background_and_told_to_people(world: World) -> None:
    world.sim.faults.add(Rule(what=PrimaryLimit(seconds=90), times=1))
    with pytest.raises(RateLimited) as caught:
        await world.github.get_repo("acme", "rockets")
    assert 85 < (caught.value.until - world.sim.clock.now()).total_seconds() < 95
    await world.sim.clock.sleep(20)
    with pytest.raises(RateLimited):
        await world.github.list_repo_labels("acme", "rockets")
    background = world.github.bound(caller="test", cost=Cost.BACKGROUND)
    assert (await background.get_repo("acme", "rockets")).full_name == "acme/rockets"
    assert world.sim.clock.monotonic() >= 90
    assert world.sim.faults.ignored == []


async def test_a_spent_budget_of_graphql_is_waited_for_and_nothing_else_is(world: World) -> None:
    world.sim.faults.add(Rule(match=Match(path="/graphql"), what=PrimaryLimit(seconds=900), times=1))
    with pytest.raises(RateLimited) as caught:
        await world.github.graphql(dict, "{viewer {login}}", {})
    assert 895 < (caught.value.until - world.sim.clock.now()).total_seconds() < 905
    await world.sim.clock.sleep(60)
    with pytest.raises(RateLimited):
        await world.github.graphql(dict, "{viewer {name}}", {})
    assert (await world.github.get_repo("acme", "rockets")).full_name == "acme/rockets"
    assert world.sim.faults.ignored == []


@pytest.mark.parametrize("status", [403, 429])
async def test_a_secondary_limit_stops_everything_until_it_is_over(world: World, status: int) -> None:
    world.sim.faults.add(Rule(what=SecondaryLimit(seconds=15, status=status), times=1))
    background = world.github.bound(caller="test", cost=Cost.BACKGROUND)
    await background.get_repo("acme", "rockets")
    await asyncio.gather(*(background.get_issue("acme", "rockets", world.pr.number) for _ in range(3)))
    assert world.sim.clock.monotonic() >= 15
    assert world.sim.faults.ignored == []


async def test_prow_budget_says_until_when_nothing_is_asked(world: World) -> None:
    world.sim.faults.add(Rule(what=SecondaryLimit(seconds=45), times=1))
    with pytest.raises(RateLimited) as caught:
        await world.github.get_repo("acme", "rockets")
    assert [stopped.until for stopped in world.github.account().stopped] == [caught.value.until]
    await world.sim.clock.sleep(60)
    assert world.github.account().stopped == ()
    assert world.sim.faults.ignored == []


async def test_a_query_that_github_cannot_process_now_is_asked_again(world: World) -> None:
    world.sim.faults.add(Rule(match=Match(path="/graphql"), what=Error(422, "Unprocessable"), times=1))
    found = await world.github.graphql(dict, "{viewer {login}}", {})
    assert found == {"viewer": {"login": "prow-bot"}}


async def test_another_endpoint_is_asked_when_the_first_cannot_be_reached(world: World) -> None:
    github = world.client(endpoints=(NOWHERE, world.sim.world.base))
    for _ in range(2):
        assert (await github.get_repo("acme", "rockets")).full_name == "acme/rockets"
    made = await github.create_comment("acme", "rockets", world.pr.number, "once")
    assert made.body == "once"


# What no simulated GitHub says


Handler = Callable[[httpx2.Request], httpx2.Response]


@asynccontextmanager
async def scripted(
    handler: Handler, *, endpoint: str = "https://api.github.com", **options: int
) -> AsyncIterator[GitHub]:
    github = GitHub.open(
        clock=VirtualClock(),
        component="test",
        tokens=FixedToken("secret"),
        endpoints=(endpoint,),
        options=Options(**options),
        http=httpx2.MockTransport(handler),
    )
    try:
        yield github.bound(caller="test", cost=Cost.INTERACTIVE)
    finally:
        await github.aclose()


def json(text: str, status: int = 200, **headers: str) -> httpx2.Response:
    return httpx2.Response(status, headers={"content-type": "application/json", **headers}, text=text)


async def test_a_missing_field_is_named_with_its_place() -> None:
    async with scripted(lambda _: json('{"ref": "refs/heads/main"}')) as github:
        with pytest.raises(ServerBroken, match=r"cannot be read: .*missing required field `object`"):
            await github.get_ref("acme", "rockets", "heads/main")


async def test_nulls_and_fields_that_nobody_knows_do_no_harm() -> None:
    async with scripted(
        lambda _: json('{"number": 7, "title": null, "labels": null, "what": {"is": "this"}}')
    ) as github:
        assert (await github.get_issue("acme", "rockets", 7)).title == ""


def test_words_that_github_adds_are_neither_good_nor_an_error() -> None:
    assert decoded(b'"LATER"', Mergeable) is Mergeable.UNKNOWN
    assert decoded(b'"WONDERFUL"', ContextState) is ContextState.PENDING


class Renamed:
    """acme/rockets is acme/missiles now."""

    def __init__(self, base: str = "https://api.github.com", status: int = 301) -> None:
        self.base = base
        self.status = status
        self.seen: list[tuple[str, str, bytes]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append((request.method, str(request.url), request.content))
        assert request.headers["authorization"] == "Bearer secret"
        if "/repos/acme/rockets" in request.url.path:
            tail = request.url.path.partition("/repos/acme/rockets")[2]
            query = f"?{request.url.query.decode()}" if request.url.query else ""
            return json("{}", self.status, location=f"{self.base}/repositories/42{tail}{query}")
        return json('{"full_name": "acme/missiles", "id": 1, "body": "hello"}')


@pytest.mark.parametrize(
    ("endpoint", "base"),
    [
        ("https://api.github.com", "https://api.github.com"),
        ("https://github.acme.example/api/v3", "https://github.acme.example/api/v3"),
        ("http://ghproxy", "https://api.github.com"),
        ("http://ghproxy", "https://github.acme.example/api/v3"),
    ],
)
async def test_a_renamed_repository_is_followed_at_our_own_endpoint(endpoint: str, base: str) -> None:
    server = Renamed(base)
    async with scripted(server, endpoint=endpoint) as github:
        assert (await github.get_repo("acme", "rockets")).full_name == "acme/missiles"
    assert [url for _, url, _ in server.seen] == [f"{endpoint}/repos/acme/rockets", f"{endpoint}/repositories/42"]


@pytest.mark.parametrize("status", [307, 308])
async def test_a_write_to_a_renamed_repository_is_sent_again_with_its_body(status: int) -> None:
    server = Renamed(status=status)
    async with scripted(server) as github:
        assert (await github.create_comment("acme", "rockets", 1, "hello")).body == "hello"
    assert [(method, body) for method, _, body in server.seen] == [("POST", b'{"body":"hello"}')] * 2


async def test_a_write_is_not_turned_into_a_read_by_a_redirect() -> None:
    server = Renamed(status=301)
    async with scripted(server) as github:
        with pytest.raises(
            Unprocessable, match=r"sends us to https://api\.github\.com/repositories/42/issues/1/comments"
        ):
            await github.create_comment("acme", "rockets", 1, "hello")
    assert len(server.seen) == 1


async def test_a_redirect_to_somewhere_else_is_not_followed() -> None:
    server = Renamed("https://evil.example/x")
    async with scripted(server) as github:
        with pytest.raises(Unprocessable, match=r"sends us to https://evil\.example/x"):
            await github.get_repo("acme", "rockets")


async def test_redirects_in_a_circle_end() -> None:
    seen: list[str] = []

    def circle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.url.path)
        return json("{}", 301, location=str(request.url))

    async with scripted(circle) as github:
        with pytest.raises(Unprocessable):
            await github.get_repo("acme", "rockets")
    assert len(seen) == 4


async def test_an_answer_without_end_is_cut_off() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b" " * 65_536

    class Endless(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in endless():
                yield piece

    async with scripted(lambda _: httpx2.Response(200, stream=Endless()), largest_answer=1 << 20) as github:
        with pytest.raises(AnswerTooLarge, match="more than 1048576 bytes"):
            await github.get_repo("acme", "rockets")


@pytest.mark.parametrize("spent", [False, True], ids=["secondary", "primary"])
async def test_a_limit_that_several_calls_meet_at_once_is_said_once(
    caplog: pytest.LogCaptureFixture, *, spent: bool
) -> None:
    clock, asked, all_there = VirtualClock(), list[str](), asyncio.Event()

    async def limited(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        if len(asked) > 5:
            return json('{"full_name": "acme/rockets"}')
        mine = len(asked)
        if mine == 5:
            all_there.set()
        await all_there.wait()
        with open_work.held_up():
            await clock.sleep(mine * 0.3)
        reset = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{int(clock.now().timestamp()) + 5}"}
        return json('{"message": "rate limit"}', 403, **(reset if spent else {"retry-after": "5"}))

    github = GitHub.open(clock=clock, component="test", http=httpx2.MockTransport(limited))
    await asyncio.gather(*(github.get_repo("acme", f"{number}") for number in range(5)))
    assert len(asked) == 10
    assert [record.getMessage() for record in caplog.records] == [
        "GitHub's limit is reached; nothing is asked until it is over."
    ]
    await github.aclose()


WRITES: dict[str, Callable[[GitHub], Awaitable[object]]] = {
    "comment": lambda github: github.create_comment("acme", "rockets", 1, "once"),
    "issue": lambda github: github.create_issue("acme", "rockets", NewIssue(title="Leak")),
    "pull": lambda github: github.create_pull_request("acme", "rockets", NewPull(title="One", head="a", base="b")),
    "merge": lambda github: github.merge_pull_request("acme", "rockets", 1, MergeDetails(sha="5" * 40, method="merge")),
    "mutation": lambda github: github.mutate(dict[str, int], "mutation {x}", {}, instead={}),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    "body",
    [b"", b"[1]", b'{"id": "x", "sha": 7, "number": "seven", "data": 8}', b" " * 2_000],
    ids=["", "list", "words", "long"],
)
async def test_a_write_that_github_took_and_answers_in_words_that_nobody_knows_may_be_done(
    write: str, body: bytes
) -> None:
    asked: list[str] = []

    def odd(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.method)
        return httpx2.Response(201, headers={"content-type": "application/json"}, content=body)

    async with scripted(odd, largest_answer=1_000) as github:
        with pytest.raises(MaybeDone):
            await WRITES[write](github)
    assert len(asked) == 1


async def test_pages_without_end_are_cut_off() -> None:
    def more(request: httpx2.Request) -> httpx2.Response:
        return json("[]", link=f'<{request.url.copy_set_param("page", "9")}>; rel="next"')

    async with scripted(more) as github:
        with pytest.raises(AnswerTooLarge, match="more than 300 pages"):
            await github.list_comments("acme", "rockets", 1)
