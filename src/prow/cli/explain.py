"""`prow explain pr ORG/REPO#N`: why a pull request is not merging, and who can do what next, as the dashboard's page says it."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from prow.cli.deck_client import DeckClient
from prow.cli.explanation_text import EXIT_CODES, UNKNOWN, explanation_text, parse_pull
from prow.deck.pull_rules import standing
from prow.lib import flags
from prow.lib.clock import SystemClock
from prow.lib.errors import UsageError
from prow.model.base import to_json


class DeckAddress(flags.FlagGroup):
    deck_url: str = flags.flag("deck-url", "http://127.0.0.1:8080", "Address of the dashboard to ask.")


class ExplainFlags(DeckAddress):
    format: str = flags.flag("format", "text", "text or json.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def command() -> None:
    """Say why something is as it is."""


@command.command("pr", cls=flags.GoCommand)
@click.argument("pull", metavar="ORG/REPO#N")
@flags.group(ExplainFlags, name="given")
def explain_pr(pull: str, given: ExplainFlags) -> int:
    """Say why a pull request is not merging, and who can do what next.

    \b
    Exit codes: 0 merged, or nothing stands in its way; 3 waits for something under way; 4 waits for somebody;
    5 closed; 6 tide does not know it; 1 no answer; 2 wrong arguments.
    """
    if given.format not in {"text", "json"}:
        raise UsageError(f"--format={given.format}: say text or json")
    key = parse_pull(pull)
    explanation = asyncio.run(DeckClient(given.deck_url).explanation(key))
    if explanation is None:
        print(f"prow: tide does not know {key}: look at {given.deck_url.rstrip('/')}/tide", file=sys.stderr)
        return UNKNOWN
    if given.format == "json":
        print(to_json(explanation).decode())
    else:
        print(explanation_text(explanation, SystemClock().now(), colour=colourful()))
    return EXIT_CODES[standing(explanation)]


def colourful() -> bool:
    """Colours on a terminal only, and not where people switched them off (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
