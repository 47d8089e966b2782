"""The nouns of the simulated GitHub: plain mutable state. Rules are in `world`, JSON in `payloads`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

MOST_STATUSES = 1000
"""Statuses of one commit and context; GitHub refuses the next."""


@dataclass
class User:
    login: str
    id: int
    type: str = "User"


@dataclass
class Org:
    login: str
    id: int
    members: set[str] = field(default_factory=set)
    teams: dict[str, set[str]] = field(default_factory=dict)
    hooks: list[Hook] = field(default_factory=list)


@dataclass
class Label:
    id: int
    name: str
    color: str = "ededed"
    description: str = ""


@dataclass
class Comment:
    id: int
    user: User
    body: str
    created_at: datetime
    updated_at: datetime


@dataclass
class Review:
    id: int
    user: User
    body: str
    state: str
    commit_id: str
    submitted_at: datetime


@dataclass
class Status:
    id: int
    context: str
    state: str
    description: str
    target_url: str
    creator: User
    created_at: datetime


@dataclass
class Pull:
    """The pull request side of an issue. `mergeable` is None until it was computed for this pair of commits."""

    head_repo: Repo | None
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    draft: bool = False
    merged: bool = False
    mergeable: bool | None = None
    merge_commit_sha: str | None = None
    requested_reviewers: list[User] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    files: tuple[tuple[str, str], list[dict[str, object]]] | None = None


@dataclass
class Issue:
    """An issue or a pull request: one sequence of numbers."""

    repo: Repo
    id: int
    number: int
    user: User
    title: str
    body: str
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    labels: list[Label] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    pull: Pull | None = None


@dataclass
class Delivery:
    """One attempt to deliver one event. `status`: the answer's code, 0: none yet or no answer."""

    id: int
    guid: str
    event: str
    action: str
    body: bytes
    delivered_at: datetime
    status: int = 0
    redelivery: bool = False


@dataclass
class Hook:
    id: int
    url: str
    secret: str
    events: tuple[str, ...] = ("*",)
    active: bool = True
    deliveries: list[Delivery] = field(default_factory=list)

    def wants(self, event: str) -> bool:
        return self.active and ("*" in self.events or event in self.events)


@dataclass
class Repo:
    """`path`: the bare repository. `collaborators`: login → read, triage, write, maintain, admin."""

    owner: str
    name: str
    id: int
    path: Path
    created_at: datetime
    default_branch: str = "main"
    private: bool = False
    archived: bool = False
    parent: Repo | None = None
    labels: dict[str, Label] = field(default_factory=dict)
    collaborators: dict[str, str] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    statuses: dict[str, list[Status]] = field(default_factory=dict)
    hooks: list[Hook] = field(default_factory=list)
    next_number: int = 1

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"
