"""The people of a busy repository: pull requests with lives of their own, told by a seed. And what has to be true when all is over."""

from __future__ import annotations

import asyncio
import gc
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise, takewhile
from pathlib import Path

from starlette.requests import Request

from prow.lib.clock import Clock
from prow.lib.virtual_clock import VirtualClock
from prow.model.prowjob import JobType, ProwJob
from prow.sim import gitrepo
from prow.sim.plan import (
    Error,
    GraphQLErrors,
    Html,
    Late,
    Lose,
    Malformed,
    Match,
    NoAnswer,
    Plan,
    PrimaryLimit,
    Reorder,
    Repeat,
    Reset,
    Rule,
    SecondaryLimit,
    Slow,
    StaleSearch,
)
from prow.sim.server import Sim
from prow.sim.state import Delivery
from prow.sim.verbs import PullStory, RepoStory
from tests.support.checked import checked
from tests.support.prow import BOT, CONFIG, OWNERS, REVIEWED
from tests.support.week import SECRET, Machine, Rehearsed

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
PATIENCE = 6 * HOUR
"""How long people wait for Prow before they complain."""
_SETTINGS = """
tide:
  queries:
  - orgs: [acme]
    labels: [lgtm, approved]
    missingLabels: [do-not-merge/hold, needs-ok-to-test, do-not-merge/work-in-progress]
sinker:
  resync_period: 1h
  max_prowjob_age: 48h
"""
_NAMES = ("rockets", "engines")
_SPEC = "    spec: {containers: [{image: debian, command: [make, it]}]}\n"
_JOBS = (
    "presubmits:\n"
    + "".join(
        f"  acme/{name}:\n"
        f"  - name: {name}-unit\n    always_run: true\n    decorate: true\n{_SPEC}"
        f"  - name: {name}-lint\n    always_run: true\n    optional: true\n    decorate: true\n{_SPEC}"
        f"  - name: {name}-docs\n    run_if_changed: ^docs/\n    decorate: true\n{_SPEC}"
        for name in _NAMES
    )
    + "postsubmits:\n"
    + "".join(
        f"  acme/{name}:\n  - name: {name}-publish\n    branches: [main]\n    decorate: true\n{_SPEC}"
        for name in _NAMES
    )
    + f"periodics:\n- name: nightly\n  cron: 30 2 * * *\n  decorate: true\n{_SPEC.replace('    spec', '  spec')}"
)
_CHAT = ("Thank you!", "Could you say why?", "I will have another look tomorrow.", "Good point.", "Rebased?", "Nice.")
_SHOWN = {"triggered": "pending", "aborted": "failure"}
"""How GitHub shows states that it does not know."""
_LOOKED_BACK = 6 * HOUR
_ANSWERED = frozenset({200, 201, 202, 204})


def misfortune(days: float, seed: int) -> Plan:
    """A rough week: everything that GitHub is known for, a little of each, an outage and an hour's budget spent."""
    api, graphql, pack = Match(login=BOT), Match(login=BOT, path="/graphql"), Match(path="*/git-upload-pack")
    noon = days * DAY / 2
    return Plan(
        seed=seed,
        rules=(
            Rule(match=api, what=Error(503), between=(noon, noon + 15 * MINUTE), name="outage"),
            Rule(match=api, what=PrimaryLimit(20 * MINUTE), between=(noon + 3 * HOUR, _end(noon)), times=1),
            Rule(match=api, what=SecondaryLimit(2 * MINUTE), skip=300, every=700, times=6),
            Rule(match=api, what=Error(502), chance=0.01),
            Rule(match=Match(login=BOT, method="POST"), what=Error(502, after=True), chance=0.01),
            Rule(match=Match(login=BOT, method="PATCH"), what=Reset(), chance=0.02),
            Rule(match=Match(login=BOT, method="PUT"), what=Error(502, after=True), chance=0.05),
            Rule(match=api, what=Reset(), chance=0.004),
            Rule(match=api, what=NoAnswer(), chance=0.001),
            Rule(match=Match(login=BOT, method="POST"), what=NoAnswer(after=True), chance=0.002),
            Rule(match=api, what=Html(), chance=0.002),
            Rule(match=graphql, what=GraphQLErrors(("repository",)), chance=0.005),
            Rule(match=Match(login=BOT, method="GET"), what=Malformed(), chance=0.002),
            Rule(match=api, what=Slow(20), chance=0.01),
            Rule(match=pack, what=Error(500), chance=0.02),
            Rule(match=pack, what=Reset(), chance=0.01),
            Rule(match=Match(login=BOT, path="/search/*"), what=StaleSearch(10 * MINUTE), chance=0.5),
            Rule(what=Lose(), chance=0.01),
            Rule(what=Late(10 * MINUTE), chance=0.02),
            Rule(what=Repeat(), chance=0.02),
            Rule(what=Reorder(), chance=0.02),
        ),
    )


def _end(noon: float) -> float:
    return noon + DAY


@dataclass
class Counted:
    """Every call of the bot as GitHub sees it, and the most of them within any span."""

    sim: Sim
    calls: deque[tuple[float, str]] = field(default_factory=deque)

    def note(self, request: Request) -> None:
        self.calls.append((self.sim.clock.monotonic(), "read" if request.method == "GET" else "write"))

    def most(self, seconds: float, *, writes: bool = False) -> int:
        window: deque[float] = deque()
        most = 0
        for at, kind in self.calls:
            if writes and kind != "write":
                continue
            window.append(at)
            while window[0] <= at - seconds:
                window.popleft()
            most = max(most, len(window))
        return most


@dataclass
class Life:
    """One pull request. `fate`: what its people mean to do with it."""

    number: int
    fate: str
    pr: PullStory | None = None
    comments: int = 0


class Busy:
    """Make it by `busy`; `live()` is the week."""

    def __init__(self, sim: Sim, machine: Machine, repos: Sequence[RepoStory], clock: Clock, seed: int) -> None:
        self.sim = sim
        self.machine = machine
        self.repos = repos
        self.clock = clock
        self.seed = seed
        self.contents: dict[str, str] = {}
        self.lives: list[Life] = []
        self.redelivered = 0
        self.restarts = 0

    async def live(self, *, pulls: int, comments: int, days: float) -> None:
        """So many pull requests and comments in so many days; then everybody goes home, and Prow gets an hour of peace."""
        chance = random.Random(self.seed)
        talk = comments // pulls
        async with asyncio.TaskGroup() as group:
            operators = [
                group.create_task(self._redeliver()),
                group.create_task(self._restart(random.Random(f"{self.seed}/restarts"))),
            ]
            people = []
            for number in range(pulls):
                life = Life(number, chance.choices(_FATES, _WEIGHTS)[0])
                self.lives.append(life)
                own = random.Random(f"{self.seed}/{number}")
                begin = chance.uniform(0, max(0.5, days - 1.0)) * DAY
                people.append(group.create_task(self._life(life, own, begin, talk, days)))
            await asyncio.gather(*people)
            await self.clock.sleep(max(0.0, days * DAY - self.clock.monotonic()))
            self.sim.faults.clear()
            operators[1].cancel()
            await self.clock.sleep(2 * HOUR)
            operators[0].cancel()
        await self.sim.world.hooks.settled()
        await self.machine.system.hook.idle()
        await self.machine.system.tide.idle()

    async def _restart(self, chance: random.Random) -> None:
        """Prow is updated now and then, also while there is trouble."""
        while True:
            await self.clock.sleep(chance.expovariate(1 / (14 * HOUR)))
            await self.machine.up()
            self.machine.restart()
            self.restarts += 1

    async def _redeliver(self) -> None:
        """The script that GitHub's documentation recommends: what was not answered of late is delivered again."""
        while True:
            await self.clock.sleep(30 * MINUTE)
            since = self.clock.now() - timedelta(seconds=_LOOKED_BACK)
            for repo in self.repos:
                for hook in repo.repo.hooks:
                    late = list(_newer(hook.deliveries, since))
                    answered = {d.guid for d in late if d.status in _ANSWERED}
                    for delivery in {d.guid: d for d in late if d.guid not in answered}.values():
                        self.sim.world.hooks.redeliver(hook, delivery)
                        self.redelivered += 1

    async def _life(self, life: Life, chance: random.Random, begin: float, talk: int, days: float) -> None:
        await self.clock.sleep(begin)
        story = chance.choice(self.repos)
        author = chance.choice(("mia", "hedy", "katherine"))
        folder = "docs" if chance.random() < 0.3 else "src"
        name = f"{folder}/change-{life.number}.txt"
        pr = life.pr = await story.open_pull_request(
            author, title=f"Change {life.number}", files={name: "first\n"}, branch=f"change-{life.number}"
        )
        chat = asyncio.create_task(self._chat(life, random.Random(f"{self.seed}/{life.number}/talk"), talk // 2))
        if author == "mia":
            await pr.expect_label("needs-ok-to-test", within=PATIENCE)
            await self._pause(chance)
            await self._say(life, "hedy", "/ok-to-test")
            await pr.expect_no_label("needs-ok-to-test", within=PATIENCE)
        for step in chance.sample(_STEPS, chance.choice((0, 1, 1, 2))):
            await self._pause(chance)
            await step(self, life, chance, name)
        await self._pause(chance)
        await _FATE[life.fate](self, life, chance, name)
        await chat
        await self._chat(life, chance, talk - life.comments)

    async def _chat(self, life: Life, chance: random.Random, times: int) -> None:
        for _ in range(times):
            await self.clock.sleep(chance.expovariate(1 / (40 * MINUTE)))
            await self._say(life, chance.choice(("mia", "hedy", "wernher", "zoe")), chance.choice(_CHAT))

    async def _pause(self, chance: random.Random) -> None:
        await self.clock.sleep(chance.uniform(2 * MINUTE, 40 * MINUTE))

    async def _say(self, life: Life, login: str, text: str) -> None:
        life.comments += 1
        await _pr(life).comment(login, text)

    async def _push(self, pr: PullStory, name: str, text: str) -> None:
        self.contents[await pr.push({name: text})] = text

    # What happens on the way

    async def _hold(self, life: Life, chance: random.Random, _: str) -> None:
        pr = _pr(life)
        await self._say(life, "hedy", "/hold")
        await pr.expect_label("do-not-merge/hold", within=PATIENCE)
        await self._pause(chance)
        await self._say(life, "wernher", "/hold cancel")
        await pr.expect_no_label("do-not-merge/hold", within=PATIENCE)

    async def _fix(self, life: Life, chance: random.Random, name: str) -> None:
        """A push that breaks the tests, and one that mends them."""
        pr = _pr(life)
        unit = f"{pr.issue.repo.name}-unit"
        await self._push(pr, name, "broken\n")
        await pr.expect_status(unit, "failure", within=PATIENCE)
        await pr.expect_comment("<!-- test report -->", by=BOT, within=PATIENCE)
        await self._pause(chance)
        await self._push(pr, name, f"mended {chance.random()}\n")
        await pr.expect_status(unit, "success", within=PATIENCE)

    async def _flake(self, life: Life, chance: random.Random, name: str) -> None:
        """A test that fails once; somebody asks for another run."""
        pr = _pr(life)
        unit = f"{pr.issue.repo.name}-unit"
        await self._push(pr, name, f"flaky {chance.random()}\n")
        await pr.expect_status(unit, "failure", within=PATIENCE)
        await self._pause(chance)
        await self._say(life, pr.issue.user.login if pr.issue.user.login != "mia" else "hedy", "/retest")
        await pr.expect_status(unit, "success", within=PATIENCE)

    async def _work_in_progress(self, life: Life, chance: random.Random, _: str) -> None:
        pr = _pr(life)
        title = pr.issue.title
        await pr.edit("hedy", title=f"[WIP] {title}")
        await pr.expect_label("do-not-merge/work-in-progress", within=PATIENCE)
        await self._pause(chance)
        await pr.edit("hedy", title=title)
        await pr.expect_no_label("do-not-merge/work-in-progress", within=PATIENCE)

    async def _assign(self, life: Life, chance: random.Random, _: str) -> None:
        pr = _pr(life)
        await self._say(
            life, "hedy", "/assign @wernher\n/cc @katherine" if chance.random() < 0.5 else "/assign wernher"
        )
        await pr.wait_for(lambda p: "wernher" in p.assignees, "an assignee", within=PATIENCE)

    async def _foreign(self, life: Life, chance: random.Random, _: str) -> None:
        """Others' statuses, check runs and reviews come and go."""
        pr = _pr(life)
        await pr.set_status("cla", "pending")
        await pr.check_run("scan", "success")
        await self._pause(chance)
        await pr.set_status("cla", "success")
        await pr.review("zoe", "COMMENTED", "I wonder.")

    async def _second_thoughts(self, life: Life, chance: random.Random, name: str) -> None:
        """Reviewed too early: a push takes the label away."""
        pr = _pr(life)
        await self._say(life, _reviewer(pr), "/lgtm")
        await pr.expect_label("lgtm", within=PATIENCE)
        await self._pause(chance)
        await self._push(pr, name, f"better {chance.random()}\n")
        await pr.expect_no_label("lgtm", within=PATIENCE)

    # How it ends

    async def _merge(self, life: Life, chance: random.Random, _: str) -> None:
        pr = _pr(life)
        if chance.random() < 0.3:
            await pr.approve(_reviewer(pr), "/lgtm")
        else:
            await self._say(life, _reviewer(pr), "/lgtm")
        await pr.expect_label("lgtm", within=PATIENCE)
        await self._pause(chance)
        await self._say(life, "wernher", "/approve")
        await pr.expect_merged(within=DAY)

    async def _keep(self, life: Life, chance: random.Random, _: str) -> None:
        """Ready, and held for ever."""
        pr = _pr(life)
        await self._say(life, "hedy", "/hold")
        await pr.expect_label("do-not-merge/hold", within=PATIENCE)
        await self._say(life, _reviewer(pr), "/lgtm")
        await self._say(life, "wernher", "/approve")
        await pr.wait_for(lambda p: {"lgtm", "approved"} <= p.labels, "both labels", within=PATIENCE)

    async def _fail(self, life: Life, chance: random.Random, name: str) -> None:
        """Ready, but for the tests."""
        pr = _pr(life)
        await self._push(pr, name, "broken\n")
        await pr.expect_status(f"{pr.issue.repo.name}-unit", "failure", within=PATIENCE)
        await self._say(life, _reviewer(pr), "/lgtm")
        await self._say(life, "wernher", "/approve")
        await pr.wait_for(lambda p: {"lgtm", "approved"} <= p.labels, "both labels", within=PATIENCE)

    async def _wait(self, life: Life, chance: random.Random, _: str) -> None:
        """Nobody approves."""
        await self._say(life, _reviewer(_pr(life)), "/lgtm")
        await _pr(life).expect_label("lgtm", within=PATIENCE)

    async def _close(self, life: Life, chance: random.Random, _: str) -> None:
        await _pr(life).close("hedy")


Step = Callable[[Busy, Life, random.Random, str], object]
_STEPS = (
    Busy._hold,
    Busy._fix,
    Busy._flake,
    Busy._work_in_progress,
    Busy._assign,
    Busy._foreign,
    Busy._second_thoughts,
)
_FATE = {"merge": Busy._merge, "hold": Busy._keep, "red": Busy._fail, "wait": Busy._wait, "close": Busy._close}
_FATES, _WEIGHTS = tuple(_FATE), (80, 6, 5, 5, 4)


def _newer(deliveries: Sequence[Delivery], since: datetime) -> Iterator[Delivery]:
    return takewhile(lambda delivery: delivery.delivered_at > since, reversed(deliveries))


def _pr(life: Life) -> PullStory:
    assert life.pr is not None
    return life.pr


def _reviewer(pr: PullStory) -> str:
    return "wernher" if pr.issue.user.login == "katherine" else "katherine"


@contextmanager
def rarely_collecting() -> Iterator[None]:
    """What days of people make is kept to the end: to look through it again and again takes a sixth of the time."""
    gc.collect()
    gc.freeze()
    before = gc.get_threshold()
    gc.set_threshold(50_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@asynccontextmanager
async def busy(folder: Path, *, seed: int, days: float, judged: bool) -> AsyncIterator[tuple[Busy, Counted]]:
    """Two repositories of one organisation, everything running, and misfortune planned. `judged`: GitHub is held against its own
    descriptions, which costs a tenth of the time."""
    clock = VirtualClock(looks=2)
    sim = Sim(folder / "github", clock=clock)
    sim.world.org("acme", members=["wernher", "katherine", "hedy", BOT])
    contents: dict[str, str] = {}
    runs: Counter[str] = Counter()

    def succeeds(job: ProwJob) -> bool:
        refs = job.spec.refs
        if refs is None or not refs.pulls or not job.spec.job.endswith("-unit"):
            return True
        sha = refs.pulls[0].sha
        runs[sha] += 1
        said = contents.get(sha, "")
        return said != "broken\n" and not (said.startswith("flaky") and runs[sha] == 1)

    def lasts(job: ProwJob) -> float:
        return random.Random(job.name).uniform(2 * MINUTE, 12 * MINUTE)

    async with AsyncExitStack() as stack:
        if judged:
            stack.enter_context(checked(sim))
        await stack.enter_async_context(sim.serve())
        repos = []
        for name in _NAMES:
            repo = await RepoStory.create(sim, f"acme/{name}", files={"OWNERS": OWNERS, "README.md": "# x\n"})
            repo.collaborator(BOT, "write")
            repos.append(repo)
        engine = Rehearsed(clock, lasts=lasts, succeeds=succeeds)
        machine = Machine(
            folder, sim, bot=BOT, config=CONFIG + _SETTINGS, jobs=_JOBS, plugins=REVIEWED, engine=engine, clock=clock
        )
        async with asyncio.TaskGroup() as group:
            keeper = group.create_task(machine.keep_running(away=MINUTE))
            await machine.up()
            for repo in repos:
                sim.world.add_hook(repo.repo, url="http://prow.example/hook", secret=SECRET)
            await sim.world.hooks.settled()
            counted = Counted(sim)
            sim.fault = counted.note
            sim.faults.follow(misfortune(days, seed))
            people = Busy(sim, machine, repos, clock, seed)
            people.contents = contents
            yield people, counted
            keeper.cancel()
        engine.close()


# What has to be true at the end


def nothing_was_lost(busy: Busy) -> None:
    """Every pull request is where its people wanted it, and the states that it shows are those of its newest jobs."""
    for life in busy.lives:
        pr = _pr(life)
        assert pr.merged == (life.fate == "merge"), (life, pr)
        assert pr.issue.state == ("closed" if life.fate in {"merge", "close"} else "open"), (life, pr)
        newest = {
            row.context or row.job: row
            for row in sorted(busy.machine.rows.values(), key=lambda row: row.created)
            if row.type is JobType.PRESUBMIT and [p.sha for p in row.pulls] == [pr.head_sha]
        }
        for context, row in newest.items():
            assert pr.statuses[context].state == _SHOWN.get(row.state.value, row.state.value), (context, row, pr)
    for repo in busy.repos:
        merged = [
            _pr(life).merge_commit for life in busy.lives if life.fate == "merge" and _pr(life).issue.repo is repo.repo
        ]
        published = Counter(
            row.base_sha for row in busy.machine.rows.values() if row.job == f"{repo.repo.name}-publish"
        )
        assert published == Counter(merged)


async def nothing_happened_twice(busy: Busy) -> None:
    """No comment, status, job or merge is there a second time."""
    for life in busy.lives:
        pr = _pr(life)
        bodies = Counter(comment.body for comment in pr.comments_by(BOT))
        assert not bodies or max(bodies.values()) == 1, (bodies, pr)
        for mark in ("What happens next", "<!-- test report -->", "[APPROVALNOTIFIER]"):
            assert sum(mark in body for body in bodies) <= 1, (mark, bodies)
    for repo in busy.repos:
        for sha, statuses in repo.repo.statuses.items():
            by_context: dict[str, list[tuple[str, str, str]]] = {}
            for status in statuses:
                by_context.setdefault(status.context, []).append((status.state, status.description, status.target_url))
            for context, told in by_context.items():
                assert all(before != after for before, after in pairwise(told)), (sha, context, told)
        merges = (await gitrepo.git("log", "--merges", "--format=%H", "main", cwd=repo.repo.path)).decode().split()
        assert Counter(merges) == Counter(
            _pr(life).merge_commit for life in busy.lives if life.fate == "merge" and _pr(life).issue.repo is repo.repo
        )


def limits_were_kept(busy: Busy, counted: Counted) -> None:
    """GitHub's, as we count and as it counts itself; and whoever was told of one waited."""
    assert counted.most(MINUTE, writes=True) <= 80
    assert counted.most(HOUR) <= 5000
    world = busy.sim.world
    assert world.budgets.refused == Counter()
    assert 0 < world.budgets.most_at_once(world.identify(world.token(BOT))) <= 100
    assert busy.sim.faults.ignored == []


def every_night_had_its_run(busy: Busy, days: float) -> None:
    """The periodic ran once in each night, whatever happened to Prow and to GitHub meanwhile."""
    nights = sorted(row.created for row in busy.machine.rows.values() if row.job == "nightly")
    start = busy.clock.now() - timedelta(seconds=busy.clock.monotonic())
    first = start.replace(hour=2, minute=30, second=0) + timedelta(days=1)
    due = [first + timedelta(days=number) for number in range(round(days))]
    assert len(nights) == len(due), nights
    assert all(0 <= ran - when.timestamp() < HOUR for when, ran in zip(due, nights, strict=True)), nights
