"""The nouns of the simulated GitHub: plain mutable state. Rules are in `rules` and `world`, JSON in `payloads`."""

from __future__ import annotations

from prow.sim.state.checks import MOST_STATUSES, CheckRun, CheckSuite, Status, WorkflowRun
from prow.sim.state.deployments import Deployment, DeploymentStatus
from prow.sim.state.hooks import Delivery, Hook
from prow.sim.state.issues import (
    AutoMerge,
    Comment,
    CommitComment,
    Issue,
    IssueEvent,
    Label,
    Milestone,
    Pull,
    Reaction,
    Review,
    ReviewComment,
)
from prow.sim.state.people import Membership, Org, OrgInvitation, RepoInvitation, Team, User
from prow.sim.state.releases import Asset, Release
from prow.sim.state.repos import Protection, Repo

__all__ = [
    "MOST_STATUSES",
    "Asset",
    "AutoMerge",
    "CheckRun",
    "CheckSuite",
    "Comment",
    "CommitComment",
    "Delivery",
    "Deployment",
    "DeploymentStatus",
    "Hook",
    "Issue",
    "IssueEvent",
    "Label",
    "Membership",
    "Milestone",
    "Org",
    "OrgInvitation",
    "Protection",
    "Pull",
    "Reaction",
    "Release",
    "Repo",
    "RepoInvitation",
    "Review",
    "ReviewComment",
    "Status",
    "Team",
    "User",
    "WorkflowRun",
]
