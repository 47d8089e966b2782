"""Does what was decided: merges one pull request, or starts the jobs that it needs (`spec/tide` §3.6, §4.3, §4.4).

A merge is pinned to the head that was judged. Whether one took place that nobody answered for is looked up at GitHub before
anything else is done. A job's name says which decision made it, so deciding the same twice makes it once.
"""

from __future__ import annotations

import msgspec

from prow.config.config import Config
from prow.github.errors import MaybeDone, NotFound, Unprocessable
from prow.github.merging import MergeDetails
from prow.jobs import make
from prow.jobs.store import AlreadyExists
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import Denied, ProwError, RateLimited
from prow.model.prowjob import Label
from prow.model.pull_facts import PullFacts
from prow.model.refs import Pull, Refs
from prow.tide.methods import commit_text
from prow.tide.model import PoolDecision
from prow.tide.ports import CreatesJobs, GitHubForTide
from prow.tide.refusals import Answer, answer_of

_log = logs.get("tide")


class Merged(msgspec.Struct, frozen=True):
    """`sha`: the new commit of the base branch; empty when that is not known. `by_us`: not found done by somebody else."""

    pull: PullFacts
    sha: str = ""
    by_us: bool = True


class NotMerged(msgspec.Struct, frozen=True):
    """`message`: GitHub's words, for people."""

    pull: PullFacts
    answer: Answer
    message: str


class Simulated(msgspec.Struct, frozen=True):
    """A dry run: it would have been merged."""

    pull: PullFacts


class Merger:
    def __init__(self, github: GitHubForTide, jobs: CreatesJobs, *, clock: Clock) -> None:
        self._github = github
        self._jobs = jobs
        self._clock = clock

    async def merge(self, config: Config, pull: PullFacts, method: str) -> Merged | NotMerged | Simulated:
        """Raises `Retry` when nobody can tell now what became of it."""
        title, message = commit_text(config.tide, pull)
        details = MergeDetails(sha=pull.head_sha, method=method, title=title, message=message)
        if self._github.dry_run:
            _log.info("Dry run: this pull request would be merged.", pr=str(pull.key), method=method, sha=pull.head_sha)
            return Simulated(pull)
        try:
            sha = await self._github.merge_pull_request(*pull.key, details)
        except (Unprocessable, Denied) as error:
            return await self._refused(pull, error)
        except (MaybeDone, NotFound):
            now = await self._github.pull_facts(*pull.key)
            if now.state != "MERGED":
                raise
            return Merged(now)
        return Merged(msgspec.structs.replace(pull, state="MERGED", updated_at=self._clock.now()), sha)

    async def _refused(self, pull: PullFacts, error: Unprocessable | Denied) -> Merged | NotMerged:
        """GitHub also refuses what is merged already, and its words do not tell."""
        now = await self._github.pull_facts(*pull.key)
        if now.state == "MERGED":
            return Merged(now, by_us=False)
        status = error.status if isinstance(error, Unprocessable) else 403
        message = error.message if isinstance(error, Unprocessable) else str(error)
        return NotMerged(now, answer_of(status, message), message)

    async def trigger(self, config: Config, decision: PoolDecision, pull: PullFacts) -> tuple[str, ...]:
        """Start what is missing; gives the names of the jobs. All are tried; the first error is raised in the end."""
        refs = refs_of(config, decision.base_sha, pull)
        names: list[str] = []
        errors: list[ProwError] = []
        for trigger in decision.triggers:
            spec = make.presubmit_spec(trigger.job, refs)
            name = make.job_name(f"tide:{decision.key}@{decision.base_sha}#{trigger.attempt}", spec)
            labels = {**trigger.job.labels, Label.CREATED_BY_TIDE: "true"}
            labels[Label.IS_OPTIONAL] = "true" if trigger.job.optional else "false"
            prowjob = make.new_prowjob(
                spec,
                name=name,
                namespace=config.prowjob_namespace,
                now=self._clock.now(),
                labels=labels,
                annotations=trigger.job.annotations,
                scheduling=config.scheduler.enabled,
            )
            try:
                made = await self._jobs.create(prowjob)
                if made.metadata.resource_version:
                    _log.info(
                        "Created a job.", job=trigger.job.name, name=name, pr=str(pull.key), base=decision.base_sha
                    )
            except AlreadyExists:
                pass
            except RateLimited:
                raise
            except ProwError as error:
                _log.error("A job could not be created.", job=trigger.job.name, pr=str(pull.key), error=str(error))
                errors.append(error)
                continue
            names.append(name)
        if errors:
            raise errors[0]
        return tuple(names)


def refs_of(config: Config, base_sha: str, pull: PullFacts) -> Refs:
    """The refs of a presubmit that tide starts (§3.6). Links are those of the GitHub that the pull request is shown at."""
    host = config.github.link_url.rstrip("/")
    tail = f"/{pull.org}/{pull.repo}/pull/{pull.number}"
    if pull.url.endswith(tail):
        host = pull.url.removesuffix(tail)
    link = f"{host}/{pull.org}/{pull.repo}"
    return Refs(
        org=pull.org,
        repo=pull.repo,
        repo_link=link,
        base_ref=pull.base_ref,
        base_sha=base_sha,
        base_link=f"{link}/tree/{base_sha}",
        pulls=(
            Pull(
                number=pull.number,
                author=pull.author,
                sha=pull.head_sha,
                title=pull.title,
                head_ref=pull.head_ref,
                link=f"{link}/pull/{pull.number}",
                commit_link=f"{link}/commit/{pull.head_sha}",
                author_link=f"{host}/{pull.author}",
            ),
        ),
    )
