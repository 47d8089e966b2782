"""One OWNERS file, one OWNERS_ALIASES, one front matter, as Prow reads them (`spec/plugins-review` §2.1, §2.2). Pure.

Nothing here raises: a file that cannot be read says nothing, and its parents' owners apply. Sizes are bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prow.config import decode
from prow.lib import goyaml, regex
from prow.lib.goyaml import YamlError
from prow.model.base import Noun
from prow.owners.model import Entry, Options, OwnersFile, People

LARGEST = 512 * 1024
_MOST_VALUES = 200_000
_EVERYTHING = ".*"

Aliases = Mapping[str, frozenset[str]]


class Lists(Noun, frozen=True):
    approvers: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    required_reviewers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.approvers or self.reviewers or self.required_reviewers or self.labels)


class Simple(Lists, frozen=True):
    options: Options = Options()


class Filtered(Noun, frozen=True):
    options: Options = Options()
    filters: dict[str, Lists] = {}


def owners_file(data: bytes, aliases: Aliases) -> OwnersFile:
    """The simple form if any of its lists names someone; else the form with filters, which may hold nothing but options.

    In the simple form a number or a boolean is no login and spoils the file; in filters it becomes text.
    """
    tree = _tree(data)
    simple = _simple(tree)
    if simple is not None and not simple.empty:
        return OwnersFile((Entry(None, _people(simple, aliases)),), simple.options)
    report = decode.Report()
    filtered = decode.decode(Filtered, tree, report=report, coerce=True)
    if report.errors:
        return OwnersFile()
    entries = []
    for pattern, lists in filtered.filters.items():
        if pattern == _EVERYTHING:
            entries.append(Entry(None, _people(lists, aliases)))
        elif regex.check(pattern) is None:
            entries.append(Entry(regex.compile(pattern), _people(lists, aliases)))
    return OwnersFile(tuple(entries), filtered.options)


def front_matter(data: bytes, aliases: Aliases) -> OwnersFile:
    """The head of a Markdown file: simple form alone, between two lines that begin with `---`."""
    end = data.rfind(b"\n---", 4)
    if not data.startswith(b"---\n") or end < 0:
        return OwnersFile()
    simple = _simple(_tree(data[: end + 4]))
    if simple is None:
        return OwnersFile()
    entries = () if simple.empty else (Entry(None, _people(simple, aliases)),)
    return OwnersFile(entries, simple.options)


def owners_aliases(data: bytes) -> dict[str, frozenset[str]]:
    """Groups by lower-cased name. Whatever is wrong in it makes the whole file say nothing."""
    given = next((part for key, part in _map(_tree(data)).items() if key.casefold() == "aliases"), None)
    groups: dict[str, frozenset[str]] = {}
    for name, members in _map(given).items():
        logins = _members(members)
        if logins is None:
            return {}
        groups[login_of(name)] = frozenset(login_of(login) for login in logins)
    return groups


def _members(value: object) -> list[str] | None:
    """Of one group; None when it is wrong. `{a, b}` is a mapping without values in YAML; people write it for a set."""
    if value is None:
        return []
    logins = list(value) if isinstance(value, (dict, list)) else [value]
    texts = [login for login in logins if isinstance(login, str)]
    return texts if len(texts) == len(logins) and not isinstance(value, str) else None


def login_of(name: str) -> str:
    """How logins are compared: in lower case, without one leading `@`."""
    return name.lower().removeprefix("@")


def _simple(tree: object) -> Simple | None:
    report = decode.Report()
    simple = decode.decode(Simple, tree, report=report, coerce=False)
    return None if report.errors else simple


def _people(lists: Lists, aliases: Aliases) -> People:
    return People(
        approvers=_expanded(lists.approvers, aliases),
        reviewers=_expanded(lists.reviewers, aliases),
        required_reviewers=_expanded(lists.required_reviewers, aliases),
        labels=frozenset(lists.labels) if lists.labels else None,
    )


def _expanded(names: Iterable[str], aliases: Aliases) -> frozenset[str] | None:
    """One level: an alias inside an alias stays a name."""
    logins = [login_of(name) for name in names]
    if not logins:
        return None
    return frozenset[str]().union(*(aliases.get(login, frozenset({login})) for login in logins))


def _map(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _tree(data: bytes) -> object:
    try:
        return goyaml.load(data, max_bytes=LARGEST, max_nodes=_MOST_VALUES)
    except YamlError:
        return ""  # no mapping, so both forms refuse it
