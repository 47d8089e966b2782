"""`prow`: finds the subcommand and imports only what it needs. Every expected error ends in one line and a non-zero exit code."""

from __future__ import annotations

import importlib
import os
import sys
import traceback

import click

import prow
from prow.lib.errors import ProwError, UsageError

COMMANDS = {
    "demo": ("prow.cli.demo.command", "Watch the whole system on this machine: a scripted contributor and a page."),
    "up": ("prow.cli.up", "Run all components in one process against a GitHub organisation."),
    "hook": ("prow.cli.hook", "Receive webhooks and run the plugins."),
    "prow-controller-manager": ("prow.cli.controller_manager", "Run the jobs of the job store on this machine."),
    "crier": ("prow.cli.crier", "Report jobs to GitHub and to the bucket."),
    "tide": ("prow.cli.tide", "Merge pull requests that are ready."),
    "horologium": ("prow.cli.horologium", "Start periodic jobs when they are due."),
    "sinker": ("prow.cli.sinker", "Delete old jobs and what they left."),
    "deck": ("prow.cli.deck", "Serve the dashboard."),
    "ghproxy": ("prow.cli.ghproxy", "Stand in front of GitHub's API, so that what has not changed costs nothing."),
    "run": ("prow.cli.run", "Run one job of the config on this machine, as CI would run it."),
    "checkconfig": ("prow.cli.checkconfig", "Say everything that is wrong with a configuration, where it stands."),
    "config": ("prow.cli.config", "Show the effective config, where values come from, what differs between two."),
    "jobs": ("prow.cli.jobs", "List the jobs of a repository, and say which would run for a change, and why."),
    "schema": ("prow.cli.schema", "Print JSON Schemas, with which editors complete and check config files."),
    "explain": ("prow.cli.explain", "Say why a pull request is not merging, and who can do what next."),
    "watch": ("prow.cli.watch", "The same, live, until it is merged or closed."),
    "budget": ("prow.cli.budget", "Say what was spent at GitHub in the last hour, by whom, and what is left."),
    "sim": ("prow.cli.sim", "GitHub in a box, for trying things out and for tests."),
    "version": ("prow.cli.version", "Print the version."),
}

NOT_YET = dict.fromkeys(("status-reconciler", "jenkins-operator", "cherrypicker", "needs-rebase", "refresh", "branchprotector", "peribolos", "label_sync"), "comes with a later release")  # fmt: skip
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
    except BaseException as error:  # noqa: BLE001 - whatever happened becomes one line and an exit code
        sys.exit(_told(error))
    sys.exit(code if isinstance(code, int) else 0)


def _told(error: BaseException) -> int:
    """Say what went wrong in one line; gives the exit code. PROW_DEBUG=1 shows where an unexpected error came from."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    match error:
        case SystemExit():
            return error.code if isinstance(error.code, int) else 1
        case KeyboardInterrupt() | click.exceptions.Abort():
            return 130
        case BrokenPipeError():
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        case click.exceptions.NoArgsIsHelpError():
            print(error.format_message(), file=sys.stderr)
            return error.exit_code
        case click.ClickException():
            return _say(error.format_message(), error.exit_code)
        case UsageError():
            return _say(str(error), error.exit_code)
        case ProwError():
            return _say(str(error), 1)
    if os.environ.get("PROW_DEBUG"):
        traceback.print_exception(error)
    return _say(f"unexpected error: {error!r}; please report it with what PROW_DEBUG=1 adds", 70)


def _say(text: str, code: int) -> int:
    print(f"prow: {text}", file=sys.stderr)
    return code
