from __future__ import annotations

import click
import pytest

from prow.lib.errors import UsageError
from prow.lib.flags import FlagGroup, GoCommand, Seconds, flag, group


class Options(FlagGroup):
    port: int = flag("port", 8888, "Main listener.")
    dry_run: bool = flag("dry-run", True, "Write nothing.")
    grace_period: Seconds = flag("grace-period", Seconds(180), "Time to drain.")
    endpoint: tuple[str, ...] = flag("github-endpoint", ("https://api.github.com",), "API endpoints.")
    config_path: str = flag("config-path", "", "Path of config.yaml.")


def parse(*args: str) -> Options:
    got: list[Options] = []

    @click.command(cls=GoCommand)
    @group(Options)
    def command(options: Options) -> None:
        """A component."""
        got.append(options)

    command.main(list(args), standalone_mode=False)
    return got[0]


def test_defaults_are_upstreams() -> None:
    options = parse()
    assert (options.port, options.dry_run, options.grace_period) == (8888, True, Seconds(180))
    assert options.endpoint == ("https://api.github.com",)


@pytest.mark.parametrize("args", [["-port=9"], ["--port=9"], ["-port", "9"], ["--port", "9"]])
def test_one_dash_and_two_are_the_same(args: list[str]) -> None:
    assert parse(*args).port == 9


@pytest.mark.parametrize(
    ("arg", "value"), [("--dry-run", True), ("--dry-run=false", False), ("-dry-run=F", False), ("--dry-run=1", True)]
)
def test_booleans_need_an_equals_sign(arg: str, value: bool) -> None:
    assert parse(arg).dry_run is value


def test_a_boolean_never_swallows_the_next_argument() -> None:
    assert parse("--dry-run", "--port=9").port == 9


def test_the_first_explicit_value_replaces_the_default_of_a_repeated_flag() -> None:
    assert parse("--github-endpoint=http://a", "-github-endpoint", "http://b").endpoint == ("http://a", "http://b")


def test_durations_are_gos() -> None:
    assert parse("--grace-period=1m30s").grace_period == Seconds(90)


def test_an_unknown_flag_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"did you mean --config-path\?"):
        parse("--config-pth=x")


@pytest.mark.parametrize("args", [["--port=x"], ["--dry-run=maybe"], ["--grace-period=soon"]])
def test_a_wrong_value_is_refused(args: list[str]) -> None:
    with pytest.raises(click.BadParameter):
        parse(*args)
