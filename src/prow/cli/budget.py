"""`prow budget`: asks running components what they spend at GitHub, over the port that has their metrics."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import click
import httpx2

from prow.cli.budget_page import PAGE, Accounts, parsed
from prow.cli.budget_text import budget_text
from prow.github.spending import Account
from prow.lib import flags
from prow.lib.address import web_address
from prow.lib.errors import Permanent, ProwError, Retry, UsageError
from prow.lib.http_client import http_client
from prow.model.base import to_json

_PATIENCE = httpx2.Timeout(10.0, connect=5.0)


class BudgetFlags(flags.FlagGroup):
    metrics_url: tuple[str, ...] = flags.flag(
        "metrics-url",
        ("http://127.0.0.1:9090",),
        "Address of a component's metrics (--metrics-port); repeat it for several.",
    )
    format: str = flags.flag("format", "text", "text or json.")


@click.command("budget", cls=flags.GoCommand)
@flags.group(BudgetFlags, name="given")
def command(given: BudgetFlags) -> int:
    """Say what was spent at GitHub in the last hour, by whom and for what, what was saved, what is left, and who waits.

    \b
    Exit codes: 0 all components answered; 1 one did not (the others are shown); 2 wrong arguments.
    """
    if given.format not in {"text", "json"}:
        raise UsageError(f"--format={given.format}: say text or json")
    for url in given.metrics_url:
        if web_address(url) is None:
            raise UsageError(f"--metrics-url {url}: give an address such as http://127.0.0.1:9090")
    answers = asyncio.run(_ask_all(given.metrics_url))
    accounts = tuple(account for answer in answers if not isinstance(answer, ProwError) for account in answer)
    if given.format == "json":
        sys.stdout.buffer.write(to_json(Accounts(accounts)) + b"\n")
    elif accounts:
        click.echo(budget_text(accounts), nl=False)
    troubles = [answer for answer in answers if isinstance(answer, ProwError)]
    for trouble in troubles:
        click.echo(f"prow: {trouble}", err=True)
    if not accounts and not troubles:
        click.echo("No component there talks to GitHub.")
    return 1 if troubles else 0


async def _ask_all(urls: Sequence[str]) -> list[tuple[Account, ...] | ProwError]:
    async with http_client(timeout=_PATIENCE) as client:
        return await asyncio.gather(*(_ask(client, url.rstrip("/")) for url in urls))


async def _ask(client: httpx2.AsyncClient, url: str) -> tuple[Account, ...] | ProwError:
    try:
        answer = await client.get(url + PAGE)
    except httpx2.HTTPError as error:
        return Retry(f"nothing answers at {url} ({error or type(error).__name__}): is the component running?")
    if answer.status_code != 200:
        return Permanent(f"{url} does not tell what is spent at GitHub: status {answer.status_code}")
    try:
        return parsed(answer.content, source=url)
    except Permanent as error:
        return error
