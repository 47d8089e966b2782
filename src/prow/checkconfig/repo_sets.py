"""Sets of repositories, where an organisation stands for all of its repositories, known or not, except some. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from prow.config.plugins import PluginsConfig
from prow.config.tide import TideQuery


class Part(NamedTuple):
    """What a set has of one organisation: just these names, or (`rest`) all others."""

    rest: bool = False
    names: frozenset[str] = frozenset()


class Item(NamedTuple):
    """`key`: `org` or `org/repo`; `without`: repositories of the org that are not in."""

    key: str
    without: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.key} (except {', '.join(self.without)})" if self.without else self.key


class RepoSet:
    """Immutable. Repository names are `org/repo`."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Mapping[str, Part] | None = None) -> None:
        self._parts = {org: part for org, part in (parts or {}).items() if part.rest or part.names}

    @classmethod
    def of(cls, *, orgs: Iterable[str] = (), repos: Iterable[str] = (), without: Iterable[str] = ()) -> RepoSet:
        """All of `orgs`, but not `without`; and `repos` in any case."""
        parts = {org: Part(rest=True) for org in orgs}
        for repo in without:
            org = _org(repo)
            if org in parts:
                parts[org] = Part(rest=True, names=parts[org].names | {repo})
        for repo in repos:
            before = parts.get(_org(repo), Part())
            names = before.names - {repo} if before.rest else before.names | {repo}
            parts[_org(repo)] = Part(before.rest, names)
        return cls(parts)

    def __or__(self, other: RepoSet) -> RepoSet:
        return RepoSet({org: _either(self._of(org), other._of(org)) for org in {*self._parts, *other._parts}})

    def __and__(self, other: RepoSet) -> RepoSet:
        return RepoSet({org: _both(self._of(org), other._of(org)) for org in self._parts})

    def __sub__(self, other: RepoSet) -> RepoSet:
        return RepoSet({org: _both(part, _others(other._of(org))) for org, part in self._parts.items()})

    def __bool__(self) -> bool:
        return bool(self._parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RepoSet) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(frozenset(self._parts.items()))

    def __contains__(self, repo: str) -> bool:
        part = self._of(_org(repo))
        return (repo in part.names) is not part.rest

    def __iter__(self) -> Iterator[Item]:
        """In order: one item for an org, with what is left out; one for each other repository."""
        for org in sorted(self._parts):
            part = self._parts[org]
            if part.rest:
                yield Item(org, tuple(sorted(part.names)))
            else:
                yield from (Item(name) for name in sorted(part.names))

    def _of(self, org: str) -> Part:
        return self._parts.get(org, Part())


def _org(repo: str) -> str:
    return repo.rpartition("/")[0]


def _others(part: Part) -> Part:
    return Part(not part.rest, part.names)


def _both(one: Part, other: Part) -> Part:
    if one.rest and other.rest:
        return Part(rest=True, names=one.names | other.names)
    if one.rest or other.rest:
        some, excluding = (other, one) if one.rest else (one, other)
        return Part(names=some.names - excluding.names)
    return Part(names=one.names & other.names)


def _either(one: Part, other: Part) -> Part:
    return _others(_both(_others(one), _others(other)))


def merged_by(queries: Iterable[TideQuery]) -> RepoSet:
    """What these queries are for."""
    found = RepoSet()
    for query in queries:
        found |= RepoSet.of(orgs=query.orgs, repos=query.repos, without=query.excluded_repos)
    return found


def with_plugin(plugins: PluginsConfig, name: str) -> RepoSet:
    """Where a plugin is on."""
    found = RepoSet()
    for key, entry in plugins.plugins.items():
        if name not in entry.plugins:
            continue
        if "/" in key:
            found |= RepoSet.of(repos=[key])
        else:
            found |= RepoSet.of(orgs=[key], without=[f"{key}/{repo}" for repo in entry.excluded_repos])
    return found


def with_external_plugin(plugins: PluginsConfig, name: str) -> RepoSet:
    keys = [key for key, entries in plugins.external_plugins.items() if any(each.name == name for each in entries)]
    return RepoSet.of(orgs=[key for key in keys if "/" not in key], repos=[key for key in keys if "/" in key])
