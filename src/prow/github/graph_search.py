"""GitHub's search by GraphQL, a page at a time: pull requests with what is judged about them, or a few fields of them; issues.

Its index lags and it gives at most 1,000 hits. Where all pull requests of a repository are wanted, `merging` lists them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar

import msgspec

from prow.github.decoding import decoded
from prow.github.merging import FIELDS, METHODS, ListedPull, Merging, RepoMethods
from prow.model.forge import Milestone
from prow.model.pull_facts import PullFacts

T = TypeVar("T")
_OTHER = (b"{}", b"null")
"""A hit of a kind that was not asked for."""


def _search(first: int, nodes: str) -> str:
    return (
        "query($query: String!, $searchCursor: String) { rateLimit { cost remaining } "
        f"search(type: ISSUE, first: {first}, after: $searchCursor, query: $query) {{ "
        f"pageInfo {{ hasNextPage endCursor }} nodes {{ {nodes} }} }} }}"
    )


_FACTS = _search(37, f"... on PullRequest {{ {FIELDS} repository {{ {METHODS} name owner {{ login }} }} }}")
_PULLS = _search(
    100,
    "... on PullRequest { number merged state title mergeable headRefOid author { login } baseRef { name prefix } "
    "repository { name nameWithOwner owner { login } } labels(first: 100) { nodes { id name } } milestone { title } }",
)
_ISSUES = _search(100, "... on Issue { number title url repository { name owner { login } } }")


class _Login(msgspec.Struct):
    login: str = ""


class _Repo(msgspec.Struct):
    name: str
    owner: _Login


class _MethodsRepo(RepoMethods, rename="camel", kw_only=True):
    name: str
    owner: _Login


class _FactsNode(ListedPull, rename="camel", kw_only=True):
    repository: _MethodsRepo


class _Named(msgspec.Struct):
    name: str = ""


class _Labels(msgspec.Struct):
    nodes: list[_Named] = []


class _PullNode(msgspec.Struct, rename="camel"):
    number: int
    repository: _Repo
    state: str = ""
    merged: bool = False
    title: str = ""
    mergeable: str = "UNKNOWN"
    head_ref_oid: str = ""
    author: _Login | None = None
    base_ref: _Named | None = None
    labels: _Labels | None = None
    milestone: Milestone | None = None


class _IssueNode(msgspec.Struct):
    number: int
    repository: _Repo
    title: str = ""
    url: str = ""


class _PageInfo(msgspec.Struct, rename="camel"):
    has_next_page: bool = False
    end_cursor: str | None = None


class _Hits(msgspec.Struct, rename="camel"):
    page_info: _PageInfo
    nodes: list[msgspec.Raw]


class _Reply(msgspec.Struct):
    search: _Hits


class FoundPull(msgspec.Struct, frozen=True, kw_only=True):
    """`mergeable`: MERGEABLE, CONFLICTING or UNKNOWN. `state`: OPEN, CLOSED or MERGED. `base_ref`: empty when the branch is gone."""

    org: str
    repo: str
    number: int
    state: str
    merged: bool
    title: str
    author: str
    base_ref: str
    head_sha: str
    mergeable: str
    labels: tuple[str, ...]
    milestone: str


class FoundIssue(msgspec.Struct, frozen=True, kw_only=True):
    org: str
    repo: str
    number: int
    title: str
    url: str


class GraphSearch(Merging):
    """`query`: as in GitHub's search box; say `is:pr` or `is:issue`, what is of another kind is left out. `org` chooses the credentials."""

    async def search_pull_facts(self, query: str, *, org: str) -> AsyncIterator[PullFacts]:
        """Pull requests with all that merging judges."""
        async for node in self._hits(_FactsNode, _FACTS, query, org):
            repo = node.repository
            yield await self._facts(repo.owner.login, repo.name, node, repo.methods)

    async def search_pulls(self, query: str, *, org: str = "") -> AsyncIterator[FoundPull]:
        async for node in self._hits(_PullNode, _PULLS, query, org):
            yield FoundPull(
                org=node.repository.owner.login,
                repo=node.repository.name,
                number=node.number,
                state=node.state,
                merged=node.merged,
                title=node.title,
                author=node.author.login if node.author is not None else "ghost",
                base_ref=node.base_ref.name if node.base_ref is not None else "",
                head_sha=node.head_ref_oid,
                mergeable=node.mergeable,
                labels=tuple(label.name for label in node.labels.nodes) if node.labels is not None else (),
                milestone=node.milestone.title if node.milestone is not None else "",
            )

    async def search_issues(self, query: str, *, org: str) -> AsyncIterator[FoundIssue]:
        async for node in self._hits(_IssueNode, _ISSUES, query, org):
            repo = node.repository
            yield FoundIssue(org=repo.owner.login, repo=repo.name, number=node.number, title=node.title, url=node.url)

    async def _hits(self, kind: type[T], text: str, query: str, org: str) -> AsyncIterator[T]:
        cursor: str | None = None
        while True:
            variables = {"query": query, "searchCursor": cursor}
            found = await self.graphql(_Reply, text, variables, org=org)
            for node in found.search.nodes:
                if bytes(node) not in _OTHER:
                    yield decoded(bytes(node), kind)
            cursor = found.search.page_info.end_cursor
            if not found.search.page_info.has_next_page or cursor is None:
                return
