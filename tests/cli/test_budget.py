"""`prow budget`: what running components spent at GitHub, asked from another process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from prow.cli import budget_page
from prow.cli.budget_text import budget_text
from prow.cli.main import main
from prow.github.call import Cost
from prow.github.client import GitHub
from prow.github.limiter import Limits
from prow.github.spending import Account, Full, Held, LastHour, Left, Line, Saving, Stopped
from prow.github.tokens import FixedToken
from prow.lib import http
from prow.lib.clock import SystemClock
from prow.lib.errors import Permanent
from prow.lib.service import Instrumentation, Ports
from prow.sim.verbs import RepoStory
from tests.support.github import served

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


async def prow(*arguments: str) -> tuple[int, str, str]:
    """The command in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "prow", "budget", *arguments, stdout=-1, stderr=-1
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@asynccontextmanager
async def component(github: GitHub) -> AsyncIterator[str]:
    """Its metrics port."""
    pages = {budget_page.PAGE: lambda: budget_page.page([github.account()])}
    side = Instrumentation(Ports(health=None, metrics=None, pprof=None), clock=SystemClock(), pages=pages)
    async with http.serve(side.app) as port:
        yield f"http://127.0.0.1:{port}"


async def test_several_components_tell_what_they_spent_saved_and_have_left(tmp_path: Path) -> None:
    async with served(tmp_path) as sim:
        sim.world.org("acme")
        repo = await RepoStory.create(sim, "acme/rockets", files={"a": "a\n"})
        repo.collaborator("prow-bot")
        await repo.open_issue("mia", title="Talk")
        clients = [
            GitHub.open(
                clock=SystemClock(),
                component=name,
                tokens=FixedToken(sim.world.token("prow-bot")),
                endpoints=(sim.world.base,),
                dry_run=name == "tide",
            )
            for name in ("hook", "tide")
        ]
        hook, tide = clients
        await hook.current_user()
        view = hook.bound(caller="hold", cost=Cost.INTERACTIVE)
        for _ in range(3):
            await view.list_issue_labels("acme", "rockets", 1)
        await view.add_labels("acme", "rockets", 1, ["do-not-merge/hold"])
        await tide.bound(caller="tide", cost=Cost.MERGE).create_comment("acme", "rockets", 1, "hello")
        async with component(hook) as one, component(tide) as other:
            code, out, err = await prow(f"--metrics-url={one}", f"--metrics-url={other}")
            assert (code, err) == (0, "")
            assert "hook as prow-bot: 3 spent, 2 free" in out
            assert "GET /repos/:owner/:repo/issues/:issueId/labels" in out
            assert "saved 2: answered 304, which costs nothing (hold 2)" in out
            assert "left of core: 4,997 of 5,000" in out
            assert "tide: 0 spent, 0 free" in out
            assert "saved 1: writes left out: a dry run (tide 1)" in out
            code, out, err = await prow(f"--metrics-url={one}", "--metrics-url=http://127.0.0.1:9", "--format=json")
            assert code == 1
            assert "nothing answers at http://127.0.0.1:9" in err
            (account,) = budget_page.parsed(out.encode(), source="test")
            labels = "/repos/:owner/:repo/issues/:issueId/labels"
            assert {(line.caller, line.cost, line.method, line.path): line.charged for line in account.lines} == {
                ("hook", "background", "GET", "/user"): 1,
                ("hold", "interactive", "GET", labels): 1,
                ("hold", "interactive", "POST", labels): 1,
            }
        for client in clients:
            await client.aclose()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--format=xml"], "say text or json"),
        (["--metrics-url=localhost"], "give an address such as http://127.0.0.1:9090"),
        (["--metrics-url=http://127.0.0.1:99999"], "give an address such as http://127.0.0.1:9090"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["budget", *arguments])
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (2, "")
    assert says in told.err
    assert told.err.count("\n") == 1


def test_another_page_is_told_to_be_another_page() -> None:
    with pytest.raises(Permanent, match="http://somewhere does not tell what is spent at GitHub"):
        budget_page.parsed(b"<html>", source="http://somewhere")


def test_an_account_reads_like_a_bill() -> None:
    account = Account(
        component="prow",
        login="prow-bot",
        since=NOON - timedelta(minutes=42),
        now=NOON,
        lines=(
            Line(caller="tide", cost="merge", method="POST", path="/graphql", calls=3, points=1200),
            Line(
                caller="lgtm", cost="interactive", method="GET", path="/repos/:owner/:repo", calls=9, free=8, failed=1
            ),
        ),
        savings=(
            Saving(caller="lgtm", how="304", calls=8),
            Saving(caller="hold", how="unchanged", calls=4),
            Saving(caller="crier", how="joined", calls=2),
            Saving(caller="crier", how="unchanged", calls=1),
        ),
        left=(Left(identity="abc", resource="core", limit=5000, remaining=1300, reset=NOON + timedelta(minutes=50)),),
        full=(Full(identity="abc", name="writes in a minute", used=12, limit=80),),
        stopped=(Stopped(identity="abc", until=NOON + timedelta(seconds=25)),),
        held=(Held(cost="background", reason="budget", calls=1), Held(cost="interactive", reason="content", calls=4)),
    )
    assert (
        budget_text([account])
        == """\
prow as prow-bot: 1,201 spent, 8 free, since 11:18 (42 min)

  spent  free  failed  caller  class        call
  1,200                tide    merge        POST /graphql (1,200 points)
      1     8       1  lgtm    interactive  GET /repos/:owner/:repo

  saved 8: answered 304, which costs nothing (lgtm 8)
  saved 5: writes left out: GitHub has it like that already (hold 4, crier 1)
  saved 2: writes made one with another (crier 2)

  left of core: 1,300 of 5,000 until 12:50 UTC (in 50 min; identity abc)

  writes in a minute: 12 of 80

  nothing is asked until 12:00:25 UTC: too much at once, says GitHub (identity abc)

  1 background call waits until there is more left than more urgent ones may need
  4 interactive calls wait for GitHub's limit of writes
"""
    )


def test_an_hour_ends_to_the_minute_and_takes_little_memory() -> None:
    hour, kind = LastHour(), ("hold", "interactive", "GET", "/x")
    for second in range(0, 7200, 30):
        hour.book(kind, float(second), free=second % 60 == 0, failed=False)
    (line,) = hour.lines(7199.0)
    assert (line.calls, line.free, line.charged) == (120, 60, 60)
    hour.save("hold", "304", 7199.0, 5)
    assert hour.savings(7199.0) == (Saving(caller="hold", how="304", calls=5),)
    assert hour.lines(7199.0 + 3600) == ()
    assert hour.savings(7199.0 + 3600) == ()
    assert msgspec.json.decode(msgspec.json.encode(line), type=Line) == line
    assert Limits().in_flight < 100
