"""State as GitHub's JSON, for REST answers and webhooks: complete, as GitHub's own descriptions want it.

`Payloads` is built up noun by noun, each module knowing those before it: people, repos, commits, issues, pulls, apps, orgs, protection, checks, releases, deployments.
"""

from __future__ import annotations

from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.deployments import Deployments

__all__ = ["Json", "Payloads", "node", "stamp"]


class Payloads(Deployments):
    """Makes JSON for one address."""
