"""State as GitHub's JSON, for REST answers and webhooks: complete, as GitHub's own descriptions want it.

`Payloads` is built up noun by noun, each module knowing those before it: people, repos, commits, issues, pulls, apps.
"""

from __future__ import annotations

from prow.sim.payloads.apps import Apps
from prow.sim.payloads.base import Json, node, stamp

__all__ = ["Json", "Payloads", "node", "stamp"]


class Payloads(Apps):
    """Makes JSON for one address."""
