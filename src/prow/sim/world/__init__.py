"""The rules of the simulated GitHub: what may be done, what changes, and which events follow.

Every way to change something (verbs of a story, REST, a git push) ends in a method here, so that all of them cause the same events.
`World` is built up noun by noun, each module knowing those before it: accounts, base, installations, orgs, checks, views, issues, lines, reviews, pulls, branches,
releases, deployments, commit_comments, dispatches, repos, merges, automerge,
index.
"""

from __future__ import annotations

from prow.sim.world.index import Index


class World(Index):
    """All state, and everything that may happen to it."""
