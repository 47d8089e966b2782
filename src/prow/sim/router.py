"""Which handler a path belongs to: by its method and its fixed parts first, then by pattern, in the order of the table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
_PLACES = {"repos": 4, "orgs": 3}
_PARAMETER = re.compile(r"\{(\w+)(:path)?\}")


class Found(NamedTuple, Generic[T]):
    """`template` names the route in counts and limits; `parts`: what its parameters stand for."""

    template: str
    handler: T
    parts: dict[str, str]


class Router(Generic[T]):
    """`{name}` stands for one part of a path, `{name:path}` for any number of them. Of two templates that fit the earlier one is taken.

    A slash at the end of a path says nothing.
    """

    def __init__(self, table: Mapping[tuple[str, str], T]) -> None:
        self._routes: dict[tuple[str, str, str], list[tuple[re.Pattern[str], str, T]]] = {}
        for (method, template), handler in table.items():
            key = (method, *_landmarks(template))
            self._routes.setdefault(key, []).append((_pattern(template), template, handler))

    def find(self, method: str, path: str) -> Found[T] | None:
        path = path.rstrip("/") if path.endswith("/") else path
        for pattern, template, handler in self._routes.get((method, *_landmarks(path)), ()):
            match = pattern.fullmatch(path)
            if match is not None:
                return Found(template, handler, match.groupdict())
        return None


def _landmarks(path: str) -> tuple[str, str]:
    """The first part, and what of a repository or an organisation is meant: no template has a parameter there."""
    parts = path.split("/", 5)
    first = parts[1] if len(parts) > 1 else ""
    place = _PLACES.get(first, len(parts))
    return first, parts[place] if len(parts) > place else ""


def _pattern(template: str) -> re.Pattern[str]:
    texts, end = [], 0
    for parameter in _PARAMETER.finditer(template):
        texts.append(re.escape(template[end : parameter.start()]))
        texts.append(f"(?P<{parameter[1]}>{'.+' if parameter[2] else '[^/]+'})")
        end = parameter.end()
    return re.compile("".join(texts) + re.escape(template[end:]))
