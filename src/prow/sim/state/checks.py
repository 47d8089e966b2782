"""What is found out about commits: statuses, check runs and their suites, runs of workflows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prow.sim.apps import App
    from prow.sim.state.people import User

MOST_STATUSES = 1000
"""Statuses of one commit and context; GitHub refuses the next."""


@dataclass(eq=False)
class Status:
    id: int
    context: str
    state: str
    description: str
    target_url: str
    creator: User
    created_at: datetime


@dataclass(eq=False)
class CheckRun:
    """`status`: queued, in_progress or completed; `conclusion` is there when it is completed."""

    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str | None
    details_url: str
    external_id: str
    started_at: datetime
    completed_at: datetime | None = None
    output: dict[str, Any] = field(default_factory=dict)
    app: App | None = None
    suite: CheckSuite | None = None


@dataclass(eq=False)
class CheckSuite:
    """All check runs of one app for one commit."""

    id: int
    head_sha: str
    head_branch: str
    app: App
    created_at: datetime


@dataclass(eq=False)
class WorkflowRun:
    """A run of a workflow of GitHub Actions. `attempt` grows with each time it is run again."""

    id: int
    number: int
    name: str
    path: str
    event: str
    head_branch: str
    head_sha: str
    actor: User
    created_at: datetime
    updated_at: datetime
    status: str = "queued"
    conclusion: str | None = None
    attempt: int = 1
    workflow_id: int = 0
