"""Who wrote which lines of a file, by GraphQL."""

from __future__ import annotations

from datetime import datetime

import msgspec

from prow.github.errors import NotFound
from prow.github.graphql import GraphQL

_BLAME = """
query($owner: String!, $name: String!, $ref: String!, $path: String!) { repository(owner: $owner, name: $name) {
  object(expression: $ref) { ... on Commit { blame(path: $path) { ranges {
    startingLine endingLine commit { author { user { login } date } }
  } } } }
} }
"""


class BlamedLines(msgspec.Struct, frozen=True):
    """Lines `first` to `last`, counted from 1. `login`: empty where GitHub knows no account."""

    first: int
    last: int
    login: str
    date: datetime | None


class _Login(msgspec.Struct):
    login: str = ""


class _Author(msgspec.Struct):
    user: _Login | None = None
    date: datetime | None = None


class _Commit(msgspec.Struct):
    author: _Author | None = None


class _Range(msgspec.Struct, rename="camel"):
    starting_line: int
    ending_line: int
    commit: _Commit


class _Blame(msgspec.Struct):
    ranges: list[_Range] = []


class _Object(msgspec.Struct):
    blame: _Blame | None = None


class _Repo(msgspec.Struct):
    object: _Object | None = None


class _Reply(msgspec.Struct):
    repository: _Repo | None = None


class BlamesLines(GraphQL):
    async def blame(self, org: str, repo: str, ref: str, path: str) -> tuple[BlamedLines, ...]:
        """`ref`: a commit, branch or tag. Raises NotFound."""
        variables = {"owner": org, "name": repo, "ref": ref, "path": path}
        found = (await self.graphql(_Reply, _BLAME, variables, org=org)).repository
        if found is None or found.object is None or found.object.blame is None:
            raise NotFound(f"{org}/{repo} has no commit {ref}")
        return tuple(_lines(each) for each in found.object.blame.ranges)


def _lines(each: _Range) -> BlamedLines:
    author = each.commit.author or _Author()
    return BlamedLines(each.starting_line, each.ending_line, author.user.login if author.user else "", author.date)
