"""Deployments of commits to environments, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prow.sim.apps import App
    from prow.sim.state.people import User


@dataclass(eq=False)
class DeploymentStatus:
    id: int
    state: str
    creator: User
    description: str
    environment: str
    target_url: str
    environment_url: str
    created_at: datetime


@dataclass(eq=False)
class Deployment:
    """`payload`: whatever its creator gave. `app`: that made it, if one did."""

    id: int
    sha: str
    ref: str
    task: str
    environment: str
    description: str
    creator: User
    created_at: datetime
    updated_at: datetime
    payload: Any = None
    transient: bool = False
    production: bool = False
    app: App | None = None
    statuses: list[DeploymentStatus] = field(default_factory=list)
