"""`prow version`."""

from __future__ import annotations

import click

import prow
from prow.lib.flags import GoCommand


@click.command(cls=GoCommand)
def command() -> None:
    """Print the version."""
    print(prow.__version__)
