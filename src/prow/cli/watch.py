"""`prow watch pr ORG/REPO#N`: why a pull request is not merging, live, until it is merged or closed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import click

from prow.cli.deck_client import DeckClient
from prow.cli.explain import DeckAddress, colourful
from prow.cli.explanation_text import EXIT_CODES, change_lines, explanation_text, parse_pull, printable
from prow.deck.pull_rules import Standing, standing
from prow.lib import flags
from prow.lib.clock import Clock, SystemClock
from prow.lib.errors import Retry
from prow.model.explanation import Explanation
from prow.model.forge import PullKey

_AGAIN = 2.0
_REDRAW = 1.0
_CLEAR = "\x1b[H\x1b[2J\x1b[3J"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def command() -> None:
    """Watch something until it is done."""


@command.command("pr", cls=flags.GoCommand)
@click.argument("pull", metavar="ORG/REPO#N")
@flags.group(DeckAddress, name="given")
def watch_pr(pull: str, given: DeckAddress) -> int:
    """Watch a pull request until it is merged or closed.

    Draws on a terminal; elsewhere prints a line for each change. Exit codes: 0 merged, 5 closed, 1 no answer, 2 wrong arguments.
    """
    key = parse_pull(pull)
    clock = SystemClock()
    show: Lines | Screen = Screen(clock) if sys.stdout.isatty() else Lines(clock)
    return asyncio.run(_watch(DeckClient(given.deck_url), key, show, clock=clock))


async def _watch(client: DeckClient, key: PullKey, show: Lines | Screen, *, clock: Clock) -> int:
    """A dashboard that cannot be reached at first is an error; one that goes away later is waited for."""
    drawing = asyncio.create_task(show.keep())
    reached = False
    try:
        while True:
            try:
                async for news in client.explanations(key):
                    reached = True
                    show(news)
                    if isinstance(news, Explanation) and standing(news) in {Standing.MERGED, Standing.CLOSED}:
                        return EXIT_CODES[standing(news)]
            except Retry as error:
                if not reached:
                    raise
                show(str(error))
            await clock.sleep(_AGAIN)
    finally:
        drawing.cancel()


class Lines:
    """A line for each change, with the time."""

    def __init__(self, clock: Clock, write: Callable[[str], None] | None = None) -> None:
        self._clock = clock
        self._write = write or (lambda line: print(line, flush=True))
        self._before: Explanation | None = None
        self._trouble = ""

    def __call__(self, news: Explanation | str) -> None:
        if isinstance(news, Explanation):
            lines, self._before, self._trouble = change_lines(self._before, news), news, ""
        else:
            lines, self._trouble = [news] if news != self._trouble else [], news
        for line in lines:
            self._write(f"{self._clock.now():%H:%M:%S} {printable(line)}")

    async def keep(self) -> None:
        """Nothing passes by itself here."""


class Screen:
    """The whole explanation, drawn again when it changes and while its times pass."""

    def __init__(self, clock: Clock, write: Callable[[str], None] | None = None, *, colour: bool | None = None) -> None:
        self._clock = clock
        self._write = write or (lambda text: print(text, end="", flush=True))
        self._colour = colourful() if colour is None else colour
        self._explanation: Explanation | None = None
        self._trouble = ""
        self._drawn = ""

    def __call__(self, news: Explanation | str) -> None:
        if isinstance(news, Explanation):
            self._explanation, self._trouble = news, ""
        else:
            self._trouble = news
        self._draw()

    async def keep(self) -> None:
        while True:
            await self._clock.sleep(_REDRAW)
            self._draw()

    def _draw(self) -> None:
        text = ""
        if self._explanation is not None:
            text = explanation_text(self._explanation, self._clock.now(), colour=self._colour) + "\n"
        if self._trouble:
            text += f"\n{printable(self._trouble)}\n"
        if text != self._drawn:
            self._drawn = text
            self._write(_CLEAR + text)
