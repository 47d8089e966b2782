"""Go's flag syntax over click: `-x` and `--x` are the same, `--x=false`, repeated flags replace their default.

A group of flags is a frozen msgspec struct; each field made with `flag(...)` carries name, default and help, so a group is
declared once and used by every component that takes it: `@flags.group(GitHubFlags)` hands the command a filled struct.
Durations are Go's (`180s`). Unknown flags are an error with the nearest known name.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import click
import msgspec

from prow.lib import durations
from prow.lib.errors import UsageError

C = TypeVar("C", bound=Callable[..., Any])


class GoBool(click.ParamType[bool]):
    """What Go's `strconv.ParseBool` takes."""

    name = "bool"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        if isinstance(value, bool):
            return value
        if value in {"1", "t", "T", "true", "TRUE", "True"}:
            return True
        if value in {"0", "f", "F", "false", "FALSE", "False"}:
            return False
        return self.fail(f'"{value}" is not a boolean: say true or false', param, ctx)


class GoDuration(click.ParamType[float]):
    """A Go duration; the value is kept as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        try:
            return durations.parse(value) / 1e9
        except ValueError:
            self.fail(f'"{value}" is not a duration such as 90s or 1h30m', param, ctx)


class Seconds(float):
    """Marks a field as a Go duration, in seconds."""

    __slots__ = ()


def flag(name: str, default: Any, help_text: str, *, hidden: bool = False) -> Any:
    """A field of a flag group. `name` is the flag's name without dashes."""
    return _Flag(name, default, help_text, hidden)


class _Flag(msgspec.Struct, frozen=True):
    name: str
    default: Any
    help: str
    hidden: bool


class FlagGroup:
    """Base of flag groups: a plain class whose annotated attributes are `flag(...)`s; instances hold the values."""

    def __init__(self, **values: Any) -> None:
        known = fields(type(self))
        for field, spec in known.items():
            setattr(self, field, values.pop(field, spec.default))
        if values:
            raise TypeError(f"unknown: {', '.join(values)}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{f}={getattr(self, f)!r}' for f in fields(type(self)))})"


G = TypeVar("G", bound=FlagGroup)


def fields(kind: type[FlagGroup]) -> dict[str, _Flag]:
    """Field name → flag, base classes first."""
    found: dict[str, _Flag] = {}
    for klass in reversed(kind.__mro__):
        found |= {name: value for name, value in vars(klass).items() if isinstance(value, _Flag)}
    return found


def group(kind: type[FlagGroup], name: str = "") -> Callable[[C], C]:
    """Add the group's flags to a click command; it gets the filled group as keyword `name` (default: the class in snake case)."""
    keyword = name or "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__).strip("_")
    hints = get_type_hints(kind)

    def decorate(function: C) -> C:
        prefix = f"{keyword}__"

        def call(*args: Any, **kwargs: Any) -> Any:
            values = {field: kwargs.pop(prefix + field) for field in fields(kind)}
            return function(*args, **kwargs, **{keyword: kind(**values)})

        call.__name__ = function.__name__
        call.__doc__ = function.__doc__
        call.__click_params__ = list(getattr(function, "__click_params__", ()))  # type: ignore[attr-defined]
        for field, spec in reversed(fields(kind).items()):
            call.__click_params__.append(_option(prefix + field, spec, hints[field]))  # type: ignore[attr-defined]
        return call  # type: ignore[return-value]

    return decorate


def _option(parameter: str, spec: _Flag, hint: Any) -> click.Option:
    kind = next((a for a in get_args(hint) if a is not type(None)), hint) if get_origin(hint) is not tuple else hint
    common: dict[str, Any] = {"help": spec.help, "hidden": spec.hidden, "default": spec.default}
    if get_origin(kind) is tuple:
        return _RepeatedOption([f"--{spec.name}", parameter], multiple=True, show_default=bool(spec.default), **common)
    if kind is bool:
        return click.Option(
            [f"--{spec.name}", parameter], type=GoBool(), is_flag=False, flag_value="true", show_default=True, **common
        )
    kinds: dict[Any, Any] = {Seconds: GoDuration(), int: click.INT, float: click.FLOAT}
    show: bool | str = spec.default not in {None, ""}
    if kind is Seconds:
        show = durations.format(round(spec.default * 1e9))
    return click.Option([f"--{spec.name}", parameter], type=kinds.get(kind, click.STRING), show_default=show, **common)


class _RepeatedOption(click.Option):
    """A repeatable string flag: the first explicit value replaces the default (click does that by itself)."""


class GoCommand(click.Command):
    """A command that takes Go's flag syntax."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {name.lstrip("-"): option for option in self.params for name in option.opts}
        booleans = {
            name
            for name, option in known.items()
            if isinstance(option, click.Option) and isinstance(option.type, GoBool)
        }
        return super().parse_args(ctx, _normalised(args, set(known), booleans))


def _normalised(args: Sequence[str], known: set[str], booleans: set[str]) -> list[str]:
    """One dash becomes two; a boolean without a value gets one, so that it never swallows the next argument."""
    result: list[str] = []
    waiting = False
    for position, arg in enumerate(args):
        if waiting:
            result.append(arg)
            waiting = False
            continue
        if arg == "--":
            return result + list(args[position:])
        if not arg.startswith("-") or arg == "-":
            result.append(arg)
            continue
        name, equals, value = arg.lstrip("-").partition("=")
        if name in {"h", "help"}:
            result.append("--help")
        elif name in booleans:
            result.append(f"--{name}={value if equals else 'true'}")
        else:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                raise UsageError(
                    f"unknown flag --{name}" + (f"; did you mean --{near[0]}?" if near else "; see --help")
                )
            result.append(f"--{name}={value}" if equals else f"--{name}")
            waiting = not equals
    return result
