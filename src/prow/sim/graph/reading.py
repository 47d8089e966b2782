"""One query's view of the world: who reads, and what it has looked up already."""

from __future__ import annotations

from dataclasses import dataclass, field

from prow.sim import gitlog, gitrepo
from prow.sim.accounts import Identity
from prow.sim.gitlog import Logged
from prow.sim.graph.cost import Cost
from prow.sim.limits import Budget
from prow.sim.payloads import stamp
from prow.sim.state import CheckRun, Comment, Issue, Repo, Review, ReviewComment, Status
from prow.sim.world import World


@dataclass(frozen=True)
class Branch:
    """Or a tag; `prefix`: where it stands."""

    repo: Repo
    name: str
    sha: str
    prefix: str = "refs/heads/"


@dataclass(frozen=True)
class CommitAt:
    repo: Repo
    sha: str


@dataclass(frozen=True)
class ObjectAt:
    """A file or a folder; `kind`: blob or tree."""

    repo: Repo
    sha: str
    kind: str


@dataclass(frozen=True)
class Reviewed:
    """A review with the pull request that it is of."""

    issue: Issue
    review: Review


@dataclass(frozen=True)
class Said:
    """A comment with the issue that it is on."""

    issue: Issue
    comment: Comment


@dataclass(frozen=True)
class Remark:
    """A comment on a line with the pull request that it is on."""

    issue: Issue
    comment: ReviewComment


@dataclass
class Reading:
    """`budget`: what the reader has left this hour."""

    world: World
    who: Identity
    budget: Budget
    cost: Cost
    _logged: dict[tuple[int, str], Logged] = field(default_factory=dict)
    _branches: dict[tuple[int, str], Branch | None] = field(default_factory=dict)

    @property
    def login(self) -> str:
        return self.who.login or ""

    async def branch(self, repo: Repo | None, name: str) -> Branch | None:
        """The branch as it is; asked of git once a query."""
        if repo is None:
            return None
        key = (repo.id, name)
        if key not in self._branches:
            sha = await gitrepo.resolve(repo.path, f"refs/heads/{name}")
            self._branches[key] = Branch(repo, name, sha) if sha is not None else None
        return self._branches[key]

    async def logged(self, commit: CommitAt) -> Logged:
        """The commit as git tells it; asked once a query."""
        key = (commit.repo.id, commit.sha)
        if key not in self._logged:
            self._logged[key] = await gitlog.one(commit.repo.path, commit.sha)
        return self._logged[key]

    def sees(self, repo: Repo) -> bool:
        return self.world.sees(repo, self.who)

    def contexts(self, commit: CommitAt) -> list[CheckRun | Status]:
        """GitHub's rollup has check runs first."""
        runs, statuses = self.world.latest_runs(commit.repo, commit.sha), self.world.combined(commit.repo, commit.sha)
        return [*runs, *statuses]

    def rate_limit(self) -> dict[str, object]:
        used = min(self.budget.used + 1, self.budget.limit)
        return {
            "cost": self.cost.points,
            "limit": self.budget.limit,
            "nodeCount": self.cost.nodes,
            "remaining": self.budget.limit - used,
            "resetAt": stamp(self.world.clock.now().fromtimestamp(self.budget.reset, tz=self.world.clock.now().tzinfo)),
            "used": used,
        }
