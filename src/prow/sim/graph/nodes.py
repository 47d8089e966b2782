"""Nodes by their global ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from graphql import GraphQLError

from prow.sim.graph.pages import refused
from prow.sim.graph.reading import Reading, Remark, Reviewed, Said
from prow.sim.payloads import node
from prow.sim.state import Issue, Label, Milestone, Org, Repo, Team, User

Node = User | Org | Team | Repo | Issue | Label | Milestone
T = TypeVar("T", bound=Node)


def id_of(found: Node) -> str:
    match found:
        case User():
            return node("U", found.id)
        case Org():
            return node("O", found.id)
        case Team():
            return node("T", found.id)
        case Repo():
            return node("R", found.id)
        case Issue():
            return node("I" if found.pull is None else "PR", found.id)
        case Label():
            return node("LA", found.id)
        case Milestone():
            return node("MI", found.id)


def _all(reading: Reading) -> Iterator[Node]:
    """Everything that the reader may see and that has an id."""
    world = reading.world
    yield from world.users.values()
    for org in world.orgs.values():
        yield org
        yield from org.teams.values()
    for repo in world.repos.values():
        if reading.sees(repo):
            yield repo
            yield from repo.issues.values()
            yield from repo.labels.values()
            yield from repo.milestones.values()


def find(reading: Reading, wanted: str, kind: type[T]) -> T:
    """The node of that id, when it is of this kind."""
    found = find_any(reading, wanted)
    if isinstance(found, kind):
        return found
    raise _unknown(wanted)


def find_issue(reading: Reading, wanted: str, *, pull: bool | None = None) -> Issue:
    """`pull`: it has to be a pull request, or must not be one."""
    found = find(reading, wanted, Issue)
    if pull is not None and (found.pull is not None) is not pull:
        kind = "PullRequest" if pull else "Issue"
        raise refused("NOT_FOUND", f"Could not resolve to {kind} node with the global id of '{wanted[:80]}'")
    return found


def find_any(reading: Reading, wanted: str) -> Node:
    for found in _all(reading):
        if id_of(found) == wanted:
            return found
    raise _unknown(wanted)


def _unknown(wanted: str) -> GraphQLError:
    return refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted[:80]}'")


def find_all(reading: Reading, wanted: Sequence[str] | None, kind: type[T]) -> list[T]:
    return [find(reading, one, kind) for one in wanted or ()]


def find_said(reading: Reading, wanted: str) -> Said:
    """The comment of that id, with the issue that it is on."""
    for repo in reading.world.repos.values():
        for issue in repo.issues.values() if reading.sees(repo) else ():
            for comment in issue.comments:
                if node("IC", comment.id) == wanted:
                    return Said(issue, comment)
    raise _unknown(wanted)


def find_review(reading: Reading, wanted: str) -> Reviewed:
    """The review of that id, with the pull request that it is of."""
    for repo in reading.world.repos.values():
        for issue in repo.issues.values() if reading.sees(repo) else ():
            for review in reading.world.visible_reviews(issue, reading.login) if issue.pull is not None else ():
                if node("PRR", review.id) == wanted:
                    return Reviewed(issue, review)
    raise _unknown(wanted)


def find_remark(reading: Reading, wanted: str) -> Remark:
    """The comment on a line of that id, with the pull request that it is on."""
    for repo in reading.world.repos.values():
        for issue in repo.issues.values() if reading.sees(repo) else ():
            for comment in reading.world.visible_comments(issue, reading.login) if issue.pull is not None else ():
                if node("PRRC", comment.id) == wanted:
                    return Remark(issue, comment)
    raise _unknown(wanted)


_SAID: dict[str, Callable[[Reading, str], Said | Reviewed | Remark]] = {
    "IC": find_said,
    "PRR": find_review,
    "PRRC": find_remark,
}


def find_node(reading: Reading, wanted: str) -> Node | Said | Reviewed | Remark:
    """Whatever has that id."""
    special = _SAID.get(wanted.partition("_")[0])
    return special(reading, wanted) if special is not None else find_any(reading, wanted)
