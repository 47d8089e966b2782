"""Tells the story in the terminal: a line per step with the elapsed time, who did what, and what the bot answered."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TextIO

import msgspec

from prow.lib.clock import Clock
from prow.lib.errors import ProwError

_COLOURS = {"person": "36", "bot": "35", "good": "32", "bad": "31", "soft": "2", "bold": "1"}


class StepFailed(ProwError):
    """A step of the story did not come true."""


class Step(msgspec.Struct, frozen=True):
    name: str
    seconds: float


class Narrator:
    """`steps`: what came true, in order, with how long the bot took."""

    def __init__(self, clock: Clock, *, stream: TextIO | None = None) -> None:
        self._clock = clock
        self._stream = stream or sys.stdout
        self._began = clock.monotonic()
        self._colours = self._stream.isatty() and "NO_COLOR" not in os.environ
        self.steps: list[Step] = []

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colours else text

    def _line(self, mark: str, text: str) -> None:
        elapsed = f"{self._clock.monotonic() - self._began:5.1f} s"
        print(f"{self._paint(elapsed, 'soft')}  {mark} {text}", file=self._stream, flush=True)

    def chapter(self, title: str) -> None:
        print(f"\n{self._paint(title, 'bold')}", file=self._stream, flush=True)

    def note(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def person(self, who: str, text: str) -> None:
        """Somebody did something."""
        self._line(self._paint(f"{who:>10}", "person"), text)

    def bot(self, text: str) -> None:
        """The bot did something that is part of no step's end."""
        self._line(self._paint(f"{'prow':>10}", "bot"), text)

    @asynccontextmanager
    async def step(self, name: str, *, within: float) -> AsyncIterator[list[str]]:
        """The block waits for what must come true; the texts it adds to the list are what the bot answered."""
        began = self._clock.monotonic()
        answers: list[str] = []
        try:
            async with self._clock.timeout(within):
                yield answers
        except (TimeoutError, StepFailed) as error:
            why = str(error) or f"it did not happen within {within:g} s"
            self._line(self._paint(f"{'failed':>10}", "bad"), f"{name}: {why}")
            raise StepFailed(f'the step "{name}" did not come true: {why}') from error
        took = self._clock.monotonic() - began
        self.steps.append(Step(name, took))
        for answer in answers or [name]:
            self.bot(f"{answer} {self._paint(f'({took * 1000:.0f} ms)' if took < 1 else f'({took:.1f} s)', 'soft')}")
