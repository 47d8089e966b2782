"""GitHub's REST API over the world: routes by noun, permissions, pagination. Answers are bodies; `server` makes responses of them."""

from __future__ import annotations

from prow.sim.rest.actions import Actions
from prow.sim.rest.apps import Apps
from prow.sim.rest.archives import Archives
from prow.sim.rest.assigned import Assigned
from prow.sim.rest.call import Area, Table
from prow.sim.rest.collaborators import Collaborators
from prow.sim.rest.commit_comments import CommitComments
from prow.sim.rest.commits import Commits
from prow.sim.rest.contents import Contents
from prow.sim.rest.contents_search import ContentsSearch
from prow.sim.rest.deployments import Deployments
from prow.sim.rest.dispatches import Dispatches
from prow.sim.rest.hooks import Hooks
from prow.sim.rest.issues import Issues
from prow.sim.rest.labels import Labels
from prow.sim.rest.meta import Meta
from prow.sim.rest.people import People
from prow.sim.rest.protection import Protections
from prow.sim.rest.pulls import Pulls
from prow.sim.rest.refs import Refs
from prow.sim.rest.releases import Releases
from prow.sim.rest.repos import Repos
from prow.sim.rest.reviews import Reviews
from prow.sim.rest.search import Search
from prow.sim.rest.teams import Teams
from prow.sim.world import World

_AREAS: tuple[type[Area], ...] = (
    Meta,
    Apps,
    Teams,
    Collaborators,
    Repos,
    Protections,
    Refs,
    Contents,
    Archives,
    Actions,
    Deployments,
    CommitComments,
    Dispatches,
    Releases,
    Commits,
    Labels,
    Hooks,
    Issues,
    Assigned,
    Reviews,
    Pulls,
    Search,
    ContentsSearch,
    People,  # at last: `/user/{account}` is anything that was not meant before
)


def table(world: World) -> Table:
    """Every call of the API."""
    found: Table = {}
    for area in _AREAS:
        found |= area(world).table()
    return found
