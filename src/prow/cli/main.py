"""`prow`: finds the subcommand and imports only what it needs. Every expected error ends in one line and a non-zero exit code."""

from __future__ import annotations

import importlib
import sys

import click

import prow
from prow.lib.errors import ProwError, UsageError
from prow.lib.flags import GoCommand

COMMANDS = {
    "demo": ("prow.cli.demo.command", "Watch the whole system on this machine: a scripted contributor and a page."),
    "up": ("prow.cli.up", "Run all components in one process against a GitHub organisation."),
    "hook": ("prow.cli.hook", "Receive webhooks and run the plugins."),
    "run": ("prow.cli.run", "Run one job of the config on this machine, as CI would run it."),
    "sim": ("prow.cli.sim", "GitHub in a box, for trying things out and for tests."),
    "version": ("prow.cli.version", "Print the version."),
}

NOT_YET = dict.fromkeys(("tide", "deck", "crier", "horologium", "sinker", "prow-controller-manager", "ghproxy", "status-reconciler", "checkconfig", "jenkins-operator", "cherrypicker", "needs-rebase", "refresh", "branchprotector", "peribolos", "label_sync"), "comes with a later release")  # fmt: skip
NOT_PLANNED = dict.fromkeys(
    ("gerrit", "gangway", "sub", "pipeline", "admission", "webhook-server", "cm2kc", "tot"), "is not part of this Prow"
)


class Commands(click.Group):
    """Subcommands by name, imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name in NOT_YET or cmd_name in NOT_PLANNED:
            raise UsageError(
                f"prow {cmd_name} {NOT_YET.get(cmd_name) or NOT_PLANNED[cmd_name]}; see prow --help for what is here"
            )
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(prow.__version__, message="%(version)s")
def prow_command() -> None:
    """Prow: webhook ChatOps, CI jobs, merge automation and a dashboard for GitHub organisations.

    Flags are upstream's, in Go's syntax: -flag and --flag are the same, booleans take =true or =false.
    """


def main(args: list[str] | None = None) -> None:
    """The console script."""
    try:
        code = prow_command.main(args=args, prog_name="prow", standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        print(f"prow: {error.format_message()}", file=sys.stderr)
        code = error.exit_code
    except UsageError as error:
        print(f"prow: {error}", file=sys.stderr)
        code = error.exit_code
    except ProwError as error:
        print(f"prow: {error}", file=sys.stderr)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


__all__ = ["GoCommand", "main", "prow_command"]
