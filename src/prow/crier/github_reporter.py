"""Tells GitHub: the status of the commit, then the comment of the pull request (`spec/prowjobs-and-pods` §7.3).

Both are safe to repeat. The comment is found by its marker before anything is written, so a report that was broken off after its
effect changes nothing. A status that GitHub is known to have is not written again; for jobs older than this process, GitHub
is asked first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from prow.config.config import Config
from prow.config.template_data import prowjob_data
from prow.crier import comment_rules, rules
from prow.crier.ports import Jobs, TellsGitHub
from prow.github.errors import NotFound, Unprocessable
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.gotemplate import Template, TemplateError
from prow.model.forge import CommitStatus
from prow.model.prowjob import JobType, Label, ProwJob
from prow.model.refs import Refs

_log = logs.get("crier")

NAME = "github-reporter"
_COMMITS = 2_000
_TOO_MANY = "This SHA and context has reached the maximum number of statuses"
_NO_COMMIT = "No commit found for SHA:"


class GitHubReporter:
    """Implements `Reporter`."""

    name = NAME
    deadline = 300.0

    def __init__(
        self,
        github: TellsGitHub,
        jobs: Jobs,
        config: Callable[[], Config],
        *,
        clock: Clock,
        agent: str = "",
        dry_run: bool = False,
        commands_url: str = comment_rules.COMMANDS_URL,
    ) -> None:
        """`config`: the snapshot of now. `agent`: only jobs of this agent. `dry_run`: nothing is written to GitHub."""
        self._github = github
        self._jobs = jobs
        self._config = config
        self._agent = agent
        self._dry_run = dry_run
        self._commands_url = commands_url
        self._began = clock.now()
        self._written: OrderedDict[tuple[str, str, str], dict[str, CommitStatus]] = OrderedDict()
        self._asked: set[tuple[str, str, str]] = set()
        self._bot = ""

    def should_report(self, job: ProwJob) -> bool:
        return rules.should_report(job, agent=self._agent)

    def lane(self, job: ProwJob) -> str:
        refs = job.spec.refs or Refs()
        return f"{refs.full_name}#{refs.pulls[0].number}" if refs.pulls else f"{refs.full_name}@{refs.base_sha}"

    def settles(self, job: ProwJob) -> float:
        return rules.SETTLES if job.status.state in rules.BRIEF else 0.0

    def overtaken(self, job: ProwJob) -> None:
        if rules.wants_status(job, self._config().github_reporter.job_types_to_report):
            self._github.saved("joined")

    async def report(self, job: ProwJob) -> tuple[ProwJob, ...]:
        if self._dry_run:
            _log.info("Dry run: this job would be reported.", name=job.name, state=str(job.status.state))
            return (job,)
        config = self._config()
        if not await self._report_status(job, config):
            return (job,)
        return await self._report_comment(job, config)

    async def _report_status(self, job: ProwJob, config: Config) -> bool:
        """False: the commit is gone or takes no more statuses; then there is no comment, either."""
        if not rules.wants_status(job, config.github_reporter.job_types_to_report):
            return True
        assert job.spec.refs is not None
        key = (job.spec.refs.org, job.spec.refs.repo, rules.commit_of(job))
        status = rules.status_of(job)
        try:
            known = await self._known(job, key)
            if _same(known.get(status.context), status):
                self._github.saved("unchanged")
                return True
            await self._github.create_status(*key, status)
        except NotFound as error:
            _log.info("A status has no place to go to.", name=job.name, error=str(error))
            return False
        except Unprocessable as error:
            if not any(text in f"{error.message} {error}" for text in (_TOO_MANY, _NO_COMMIT)):
                raise
            _log.info("GitHub takes no status for this commit.", name=job.name, error=str(error))
            return False
        known[status.context] = status
        return True

    async def _known(self, job: ProwJob, key: tuple[str, str, str]) -> dict[str, CommitStatus]:
        """The commit's statuses as far as they are known here."""
        known = self._written.setdefault(key, {})
        self._written.move_to_end(key)
        while len(self._written) > _COMMITS:
            dropped, _ = self._written.popitem(last=False)
            self._asked.discard(dropped)
        created = job.metadata.creation_timestamp or job.status.start_time
        if key not in self._asked and (created is None or created <= self._began):
            combined = await self._github.get_combined_status(*key)
            self._asked.add(key)
            for status in combined.statuses:
                known.setdefault(status.context, status)
        return known

    async def _report_comment(self, job: ProwJob, config: Config) -> tuple[ProwJob, ...]:
        refs = job.spec.refs
        settings = config.github_reporter
        if job.spec.type is not JobType.PRESUBMIT or refs is None or len(refs.pulls) != 1:
            return (job,)
        names = {refs.org, refs.full_name}
        if names & set(settings.no_comment_repos):
            return (job,)
        summary = bool(names & set(settings.summary_comment_repos))
        jobs: tuple[ProwJob, ...] | None = (job,)
        if summary:
            listed = await self._jobs.list(_selector(job))
            jobs = comment_rules.newest(listed.items)
        considered = comment_rules.concerned(jobs or (), settings.job_types_to_report)
        if not considered:
            return (job,)
        number = refs.pulls[0].number
        comments = await self._github.list_comments(refs.org, refs.repo, number)
        plan = comment_rules.plan(
            comments,
            considered,
            bot=await self._bot_name(),
            must_create=summary,
            note=_note(config, considered[0], refs),
            commands_url=self._commands_url,
        )
        for comment in plan.delete:
            try:
                await self._github.delete_comment(refs.org, refs.repo, comment)
            except NotFound:
                continue
        if plan.body is None:
            if plan.unchanged:
                self._github.saved("unchanged")
            return (job,)
        if plan.edit is not None:
            await self._github.edit_comment(refs.org, refs.repo, plan.edit, plan.body)
        else:
            await self._github.create_comment(refs.org, refs.repo, number, plan.body)
        return (job,)

    async def _bot_name(self) -> str:
        if not self._bot:
            self._bot = (await self._github.current_user()).login
        return self._bot


def _same(known: CommitStatus | None, wanted: CommitStatus) -> bool:
    return known is not None and (known.state, known.description or "", known.target_url or "") == (
        wanted.state,
        wanted.description or "",
        wanted.target_url or "",
    )


def _selector(job: ProwJob) -> str:
    labels = job.metadata.labels
    return ",".join(f"{key}={labels.get(key, '')}" for key in (Label.ORG, Label.REPO, Label.PULL))


def _note(config: Config, job: ProwJob, refs: Refs) -> str:
    text = config.plank.report_template_for(refs.org, refs.repo)
    if not text:
        return ""
    try:
        return Template.parse(text).render(prowjob_data(job))
    except TemplateError as error:
        _log.warning("The report template failed.", org=refs.org, repo=refs.repo, error=str(error))
        return ""
