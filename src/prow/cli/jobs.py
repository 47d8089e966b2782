"""`prow jobs`: the jobs of a repository, and which would run for a change, a comment or a push, and why."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from prow.cli import groups
from prow.cli.loading import check_format, check_repo, loaded, with_own_jobs
from prow.config.config import Config
from prow.config.decode import nearest
from prow.config.job import Postsubmit, Presubmit
from prow.jobs import rules
from prow.jobs.listing import Answer, Listed, jobs_of, listed
from prow.lib import flags
from prow.lib.errors import UsageError
from prow.model.base import to_json

TEXT, WIDE, JSON = FORMATS = ("text", "wide", "json")
PULL_REQUEST, PUSH, COMMENT = "pull_request", "push", "comment"


_WIDEST = 80
"""Characters of a column; job names have fewer."""
_TESTED = re.compile(r"^/test\s+(\S+)", re.MULTILINE)


class JobsFlags(flags.FlagGroup):
    repo: str = flags.flag("repo", "", "org/repo whose jobs are meant; without it all jobs are listed.")
    branch: str = flags.flag("branch", "", "Branch that is changed; default: main for an event, else every branch.")
    event: str = flags.flag("event", "", "pull_request or push: say which jobs it would start.")
    comment: str = flags.flag("comment", "", "Text of a comment, such as '/test all': say which jobs it would start.")
    changed_files: str = flags.flag("changed-files", "", "Paths that are changed, with commas between.")
    changed_files_from: str = flags.flag(
        "changed-files-from", "", "File with one changed path a line; -: standard input."
    )
    pull: int = flags.flag("pull", 0, "Number of a pull request: ask GitHub what it changes, and on which branch.")
    failed_contexts: str = flags.flag("failed-contexts", "", "Contexts that have failed, for /retest; commas between.")
    passed_contexts: str = flags.flag("passed-contexts", "", "Contexts that have passed or run; commas between.")
    checkout: str = flags.flag("checkout", "", "Folder of the repository: take its own .prow.yaml or .prow/ too.")
    format: str = flags.flag("format", "text", "text, wide (nothing is cut short) or json.")


@click.command(cls=flags.GoCommand)
@flags.group(groups.ConfigFlags)
@flags.group(groups.GitHubClientFlags)
@flags.group(JobsFlags, name="given")
def command(config_flags: groups.ConfigFlags, git_hub_client_flags: groups.GitHubClientFlags, given: JobsFlags) -> None:
    """List jobs: type, name, whether a merge waits for them, and when they run.

    \b
    With --changed-files, --pull, --event or --comment: which of them would run, and why.
        git diff --name-only main | prow jobs ... --repo=org/repo --changed-files-from=-
    """
    check_format(given.format, FORMATS)
    event = _event(given)
    if given.repo:
        check_repo(given.repo)
    elif event or given.checkout:
        raise UsageError("--repo is required: say whose jobs are meant")
    config = loaded(config_flags)
    if given.checkout:
        config = with_own_jobs(config, given.checkout, given.repo)
    _check_known(config, given.repo)
    if event:
        change = _change(given, git_hub_client_flags)
        answers = _answers(config, given, event, change)
        print(
            to_json(answers).decode() if given.format == JSON else _answers_text(answers, wide=given.format == WIDE),
            end="",
        )
        _hint(given, answers)
    else:
        found = _listed(config, given)
        print(
            to_json(found).decode()
            if given.format == JSON
            else _listing_text(found, repo=given.repo, wide=given.format == WIDE),
            end="",
        )
    if given.format == JSON:
        print()


def _event(given: JobsFlags) -> str:
    if given.event not in {"", PULL_REQUEST, PUSH}:
        raise UsageError(f"--event={given.event}: say {PULL_REQUEST} or {PUSH}")
    if given.pull and (given.event == PUSH or given.changed_files or given.changed_files_from):
        raise UsageError("--pull says what is changed; leave --changed-files and --event=push out")
    if given.comment and given.event:
        raise UsageError("--comment and --event exclude each other")
    if given.comment:
        return COMMENT
    return given.event or (PULL_REQUEST if given.changed_files or given.changed_files_from or given.pull else "")


def _check_known(config: Config, repo: str) -> None:
    names = {*config.presubmits, *config.postsubmits}
    names |= {f"{ref.org}/{ref.repo}" for job in config.periodics for ref in job.extra_refs[:1]}
    if repo and repo not in names:
        near = difflib.get_close_matches(repo, names, n=1)
        raise UsageError(f"{repo} has no jobs" + (f"; did you mean {near[0]}?" if near else ""))


def _listed(config: Config, given: JobsFlags) -> list[Listed]:
    repos = {id(job): repo for repo, job in config.all_jobs()}
    return [listed(job, repos[id(job)]) for job in jobs_of(config, given.repo, given.branch)]


def _change(given: JobsFlags, github: groups.GitHubClientFlags) -> tuple[str, tuple[str, ...]]:
    """The branch that is changed, and the paths."""
    if not given.pull:
        return given.branch or "main", _changed(given)
    from prow.cli.pull_change import pull_change  # noqa: PLC0415 - the client of GitHub takes a while to import

    change = pull_change(github, given.repo, given.pull)
    if change.cut:
        print(
            f"prow: GitHub lists only the first {len(change.files):,} files of a pull request; jobs see no others",
            file=sys.stderr,
        )
    return given.branch or change.branch, change.files


def _answers(config: Config, given: JobsFlags, event: str, change: tuple[str, tuple[str, ...]]) -> list[Answer]:
    org, _, repo = given.repo.partition("/")
    branch, files = change
    chosen: Sequence[rules.Chosen[Presubmit] | rules.Chosen[Postsubmit]]
    if event == PUSH:
        jobs = config.postsubmits_for(org, repo)
        chosen = rules.select_postsubmits(jobs, branch=branch, files=files)
        wanted = any(job.change_matcher is not None and job.runs_on_branch(branch) for job in jobs)
    else:
        body = given.comment.replace("\\n", "\n")
        filters = rules.filters_for(body) if event == COMMENT else (rules.How.ALL,)
        statuses = _statuses(given)
        presubmits = config.presubmits_for(org, repo)
        chosen = rules.select_presubmits(
            presubmits, branch=branch, filters=filters, body=body, files=files, statuses=statuses
        )
        wanted = rules.needs_files(presubmits, branch=branch, filters=filters, body=body, statuses=statuses)
    if wanted and not files:
        print("prow: some jobs depend on changed files; name them by --changed-files", file=sys.stderr)
    return [
        Answer(
            job=listed(each.job, given.repo),
            of_branch=each.job.runs_on_branch(branch),
            runs=each.runs,
            reason=each.decision.explain(),
        )
        for each in chosen
    ]


def _statuses(given: JobsFlags) -> rules.Statuses:
    failed, passed = _split(given.failed_contexts), _split(given.passed_contexts)
    return rules.Statuses(failed=frozenset(failed), all=frozenset((*failed, *passed)))


def _changed(given: JobsFlags) -> tuple[str, ...]:
    named = _split(given.changed_files)
    if not given.changed_files_from:
        return named
    try:
        text = (
            sys.stdin.read() if given.changed_files_from == "-" else Path(given.changed_files_from).read_text("utf-8")
        )
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--changed-files-from {given.changed_files_from}: {error}") from error
    return (*named, *(line for line in text.splitlines() if line))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _listing_text(found: Sequence[Listed], *, repo: str, wide: bool) -> str:
    """`repo`: the one that was asked about, so that it need not stand in each line."""
    rows = [("TYPE", "REPO", "JOB", "MERGE", "RUNS", "BRANCHES")]
    for job in found:
        branches = "|".join(job.branches) + (f" not {'|'.join(job.skip_branches)}" if job.skip_branches else "")
        rows.append(
            (
                job.type,
                "" if repo else job.repo,
                job.name,
                job.standing,
                job.when,
                branches.strip() or "all" if job.repo else "",
            )
        )
    return _table(rows, wide=wide)


def _answers_text(answers: Sequence[Answer], *, wide: bool) -> str:
    rows = [("RUNS", "JOB", "MERGE", "WHY")]
    here = sorted((each for each in answers if each.of_branch), key=lambda each: not each.runs)
    rows += [("yes" if each.runs else "no", each.job.name, each.job.standing, each.reason) for each in here]
    runs, elsewhere = sum(each.runs for each in here), len(answers) - len(here)
    more = f"; {elsewhere} more are for other branches" if elsewhere else ""
    return _table(rows, wide=wide) + f"{runs} of {len(here)} jobs would run{more}.\n"


def _hint(given: JobsFlags, answers: Sequence[Answer]) -> None:
    """A command that names no job may be mistyped."""
    if any(each.runs for each in answers):
        return
    names = {name for each in answers for name in (each.job.name, each.job.context) if name}
    for word in _TESTED.findall(given.comment):
        near = "" if word in names else nearest(word, names)
        if near:
            print(f"prow: {given.repo} has no job {word}; did you mean {near}?", file=sys.stderr)


def _table(rows: Sequence[tuple[str, ...]], *, wide: bool) -> str:
    if not wide:
        rows = [tuple(_short(cell) for cell in row) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    used = [column for column in range(len(widths)) if any(row[column] for row in rows[1:])] or list(range(len(widths)))
    return "".join("  ".join(f"{row[column]:{widths[column]}}" for column in used).rstrip() + "\n" for row in rows)


def _short(cell: str) -> str:
    return cell if len(cell) <= _WIDEST else cell[: _WIDEST - 1] + "…"
