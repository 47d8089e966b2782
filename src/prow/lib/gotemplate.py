"""Go templates, text and html, behind an interface of ours (`spec/config` §3.1).

Data is plain values, dicts (Go maps) and `GoStruct`s (Go structs, by Go's field names). A template sees nothing else:
attributes of Python objects are out of its reach, and output, loops and depth are bounded. As in Go, a field that a
struct does not have, or a field of nil, is an error and the whole output is discarded; a missing map key is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

MAX_OUTPUT = 256 * 1024
MAX_ITERATIONS = 10_000
MAX_SOURCE = 1_000_000
# Each may be made of two others, and so on: a dozen make 81 of them at most.
MAX_TEMPLATES = 12

_MOST_VERBS = 100
_TEMPLATE_ACTION = re.compile(r"{{-?\s*(?:template|block)\b")
_WIDE = re.compile(r"%[-+# 0]*(?:\[\d+\])?(?:\d{5,}|\*|\d*\.(?:\d{5,}|\*))")


class TemplateError(ValueError):
    """The template cannot be parsed, or cannot be executed with this data; one line."""


class GoStruct:
    """A Go struct in the eyes of a template. `text`: what printing it gives."""

    __slots__ = ("_fields", "_text")

    def __init__(self, fields: Mapping[str, object], *, text: str | None = None) -> None:
        self._fields = fields
        self._text = text

    def __gotemplate_lookup__(self, name: str) -> object:
        if name not in self._fields:
            from gotpl import TemplateExecutionError  # noqa: PLC0415

            hint = "; fields have Go's names, such as .Status.BuildID" if name[:1].islower() else ""
            raise TemplateExecutionError(f"there is no field {name}{hint}")
        value = self._fields[name]
        if value is None:
            from gotpl import GoPointer  # noqa: PLC0415

            return GoPointer(None)
        return value

    def __str__(self) -> str:
        if self._text is not None:
            return self._text
        return "{" + " ".join(str(value) for value in self._fields.values()) + "}"


def go_map(values: Mapping[str, str]) -> object:
    """A Go `map[string]string`: `index` of a key that is not there is empty text, not `<no value>`."""
    from gotpl import TypedMap  # noqa: PLC0415

    return TypedMap(values, zero="", key_type="string", value_type="string")


def go_time(moment: datetime | None) -> GoStruct:
    """A time that prints as Go prints it: `2026-01-02 03:04:05 +0000 UTC`; None: Go's zero time."""
    if moment is None:
        return GoStruct({}, text="0001-01-01 00:00:00 +0000 UTC")
    return GoStruct({}, text=f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} +0000 UTC")


class Template:
    """A parsed template; may be rendered from any thread."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str, compiled: Any) -> None:
        self.text = text
        self._compiled = compiled

    @classmethod
    def parse(cls, text: str, *, html: bool = False, replace: bool = False) -> Template:
        """Raises TemplateError. `html`: values are escaped for where they stand; `replace`: OLD NEW SOURCE exists."""
        if "{{" not in text and not html:
            return cls(text, None)
        from gotpl import TemplateError as Failed  # noqa: PLC0415 - 150 ms, and most processes render nothing

        if len(_TEMPLATE_ACTION.findall(text[:MAX_SOURCE])) > MAX_TEMPLATES:
            raise TemplateError(f"more than {MAX_TEMPLATES} times {{{{template}}}} or {{{{block}}}}")
        try:
            environment = _environment(html=html, replace=replace)
            return cls(text, environment.from_html_string(text) if html else environment.from_string(text))
        except Failed as error:
            raise TemplateError(_reason(error)) from None
        except (ArithmeticError, ValueError, RecursionError) as error:
            raise TemplateError(f"{type(error).__name__}: {error}") from None

    def render(self, data: object) -> str:
        """Raises TemplateError; then there is no output at all."""
        if self._compiled is None:
            return self.text
        from gotpl import TemplateError as Failed  # noqa: PLC0415

        try:
            rendered: str = self._compiled.render(data)
        except Failed as error:
            raise TemplateError(_reason(error)) from None
        except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
            raise TemplateError(f"{type(error).__name__}: {error}") from None
        return rendered


@lru_cache(maxsize=4)
def _environment(*, html: bool, replace: bool) -> Any:
    import gotpl  # noqa: PLC0415

    budget = gotpl.ExecutionBudget(
        max_output_chars=MAX_OUTPUT, max_iterations=MAX_ITERATIONS, max_template_depth=100, max_function_calls=10_000
    )
    functions: dict[str, Any] = {"printf": _printf, **{name: _bounded(name) for name in ("print", "println", "js")}}
    functions |= {"replace": _replace} if replace else {}
    builtins = "and or not eq ne lt le gt ge len index slice print printf println html js urlquery call"
    sandbox = gotpl.SandboxPolicy(
        allow_custom_lookup=True,
        allow_functions=[*builtins.split(), *functions],
        default_budget=budget,
        max_template_chars=MAX_SOURCE,
    )
    return gotpl.Environment(functions=functions, sandbox=sandbox, missing_key="zero" if html else "default")


def _printf(text: str, *values: object) -> str:
    """The library's own, but for widths that would fill the memory before the output is measured."""
    from gotpl.runtime.gofmt import sprintf  # noqa: PLC0415

    if text.count("%") > _MOST_VERBS:
        raise ValueError(f"printf takes {_MOST_VERBS} verbs at most")
    if _WIDE.search(text):
        raise ValueError("printf takes no width or precision over 9999, and none from a value")
    _measure(text, *values)
    return _measured(sprintf(text, *values))


def _bounded(name: str) -> Callable[..., str]:
    """The library's own, whose results are measured too: what is put into a variable is no output yet."""
    from gotpl.runtime import sync_vm  # noqa: PLC0415

    own = sync_vm._builtin_functions("go")[name]  # noqa: SLF001 - the version is pinned

    def function(*values: object) -> str:
        _measure(*values)
        return _measured(str(own(*values)))

    return function


def _replace(old: str, new: str, source: str) -> str:
    _measure(new, source)
    if source.count(old) * len(new) > MAX_OUTPUT:
        raise ValueError(_TOO_LONG)
    return source.replace(old, new)


_TOO_LONG = f"a text of more than {MAX_OUTPUT} characters"


def _measure(*values: object) -> None:
    if sum(len(value) for value in values if isinstance(value, str)) > MAX_OUTPUT:
        raise ValueError(_TOO_LONG)


def _measured(text: str) -> str:
    _measure(text)
    return text


_WHERE = re.compile(r"(?:template: )?template:(\d+):(\d+): (?:executing \"template\": )?")
_OF_NOTHING = re.compile(r"attribute '(\w+)' is not allowed")


def _reason(error: Exception) -> str:
    text = _WHERE.sub(r"at \1:\2: ", " ".join(str(error).split()), count=1)
    return _OF_NOTHING.sub(r"\1 of something that is not there; ask with {{if}} or {{with}} before", text)[:300]
