"""The one comment per pull request that lists its failed jobs (`spec/prowjobs-and-pods` §7.3, part B). Pure.

Its rows are its memory: what a run does not concern is kept, what it concerns is replaced. Unlike upstream, which deletes and
writes anew, our comment is edited in place, also to say that nothing fails any more. Contexts and names may come from a
pull request's own config: they can neither break the table nor the marker that the comment is found by.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from prow.model.forge import IssueComment
from prow.model.prowjob import JobState, JobType, Label, ProwJob

MARKER = "<!-- test report -->"
_COLUMN = " | "
_MOST_ROWS = 150
_LONGEST_CELL = 250
_LONGEST_NOTE = 20_000
_HEADER = f"Test name{_COLUMN}Commit{_COLUMN}Details{_COLUMN}Required{_COLUMN}Rerun command"
_RULER = _COLUMN.join(["---"] * 5)

COMMANDS_URL = "https://go.k8s.io/bot-commands"


class CommentPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do: delete older reports, then edit (`edit` is a comment's id) or create. `body` is None for neither.

    `unchanged`: the newest report says it all already.
    """

    delete: tuple[int, ...] = ()
    edit: int | None = None
    body: str | None = None
    unchanged: bool = False


def concerned(jobs: Iterable[ProwJob], types: Collection[str]) -> tuple[ProwJob, ...]:
    """The jobs that a comment is about: of a reported type, complete, and meant to be reported."""
    return tuple(job for job in jobs if job.spec.type in types and job.spec.report and job.status.complete)


def newest(jobs: Iterable[ProwJob]) -> tuple[ProwJob, ...] | None:
    """The newest run of each job for a summary; None while one of them is not complete."""
    kept: dict[str, ProwJob] = {}
    for job in jobs:
        if not job.spec.report:
            continue
        if not job.status.complete:
            return None
        other = kept.get(job.spec.job)
        if other is None or _created(other) <= _created(job):
            kept[job.spec.job] = job
    return tuple(kept.values())


def _created(job: ProwJob) -> float:
    moment = job.metadata.creation_timestamp or job.status.start_time
    return moment.timestamp() if moment is not None else 0.0


def plan(
    comments: Iterable[IssueComment],
    jobs: Sequence[ProwJob],
    *,
    bot: str,
    must_create: bool = False,
    note: str = "",
    commands_url: str = COMMANDS_URL,
) -> CommentPlan:
    """Old comments and finished jobs of one pull request to what has to be done.

    `jobs`: see `concerned`; without any nothing is done. `must_create`: a comment is due even if nothing failed (and nothing
    was aborted). `note`: the rendered report template.
    """
    if not jobs:
        return CommentPlan()
    reports = [comment for comment in comments if _is_report(comment, bot)]
    contexts = {_cell(job.spec.context) for job in jobs}
    rows: dict[str, str] = {}
    for comment in reports:
        for row in rows_of(comment.body or ""):
            name = _name(row)
            rows.pop(name, None)
            if name not in contexts:
                rows[name] = row
    for job in jobs:
        if job.status.state is JobState.FAILURE:
            rows[_cell(job.spec.context)] = row_of(job)
    latest = reports[-1] if reports else None
    older = tuple(comment.id for comment in reports[:-1])
    if rows:
        body = _failed(jobs[0], list(rows.values()), note, commands_url)
    elif latest is not None or (must_create and all(job.status.state is not JobState.ABORTED for job in jobs)):
        body = _passed(jobs, note, commands_url, had_failures=bool(latest) and not must_create)
    else:
        return CommentPlan(delete=older)
    if latest is not None and (latest.body or "").replace("\r\n", "\n").strip() == body.strip():
        return CommentPlan(delete=older, unchanged=True)
    return CommentPlan(delete=older, edit=latest.id if latest is not None else None, body=body)


def _is_report(comment: IssueComment, bot: str) -> bool:
    return comment.author.lower() == bot.lower() and MARKER in (comment.body or "")


def rows_of(body: str) -> list[str]:
    """The rows of the table in a comment: from the line behind `---` to the next blank one."""
    rows: list[str] = []
    inside = False
    for line in body.split("\n"):
        text = line.strip()
        if inside and not text:
            inside = False
        elif inside:
            rows.append(text)
        elif text.startswith("---"):
            inside = True
    return rows


def _name(row: str) -> str:
    return row.split(_COLUMN, 1)[0].strip()


def row_of(job: ProwJob) -> str:
    """One failed job."""
    refs = job.spec.refs
    sha = refs.pulls[0].sha if refs is not None and refs.pulls else ""
    command = f"`{_cell(job.spec.rerun_command)}`"
    return _COLUMN.join(
        (_cell(job.spec.context), _cell(sha), f"[link]({_url(job.status.url)})", _required(job), command)
    )


def _required(job: ProwJob) -> str:
    if job.spec.type is not JobType.PRESUBMIT:
        return "unknown"
    optional = job.metadata.labels.get(Label.IS_OPTIONAL, "").lower()
    return {"true": "false", "t": "false", "1": "false", "false": "true", "f": "true", "0": "true"}.get(
        optional, "unknown"
    )


def _cell(text: str) -> str:
    """Text that stays in its cell: no line breaks, bars, code marks or comment marks."""
    text = "".join(character if character.isprintable() else " " for character in text)
    for bad, good in (("|", "\u00a6"), ("`", "'"), ("<!--", "<! --"), ("-->", "-- >")):
        text = text.replace(bad, good)
    text = " ".join(text.split())[:_LONGEST_CELL].strip()
    return text.replace("---", "- - -") if text.startswith("---") else text


def _url(url: str) -> str:
    """An address that cannot end its link early."""
    return "".join(
        character if character.isprintable() and character not in " ()<>|`\\" else f"%{ord(character):02X}"
        for character in url[:2000]
    )


def _failed(job: ProwJob, rows: list[str], note: str, commands_url: str) -> str:
    count = "1 test" if len(rows) == 1 else f"{len(rows)} tests"
    head = (
        f"{_mention(job)}: {count} **failed**. Say `/retest` to run every failed test again, or `/retest-required` for "
        "those that have to pass before a merge:"
    )
    shown = rows[-_MOST_ROWS:]
    return "\n".join([head, "", _HEADER, _RULER, *shown, "", *_foot(note, commands_url)])


def _passed(jobs: Sequence[ProwJob], note: str, commands_url: str, *, had_failures: bool) -> str:
    if all(job.status.state is JobState.SUCCESS for job in jobs):
        word = "every test that had failed has passed since." if had_failures else "all tests **passed!**"
    else:
        word = "no test is reported as failed at the moment."
    return "\n".join([f"{_mention(jobs[0])}: {word}", "", *_foot(note, commands_url)])


def _mention(job: ProwJob) -> str:
    refs = job.spec.refs
    return f"@{_cell(refs.pulls[0].author)}" if refs is not None and refs.pulls else "This change"


def _foot(note: str, commands_url: str) -> list[str]:
    note = note.replace(MARKER, "").strip()[:_LONGEST_NOTE]
    return [
        *([note, ""] if note else []),
        "<details>",
        "",
        f"I run this repository's tests and listen to [commands]({commands_url}) in comments. This list is kept up to date.",
        "</details>",
        MARKER,
    ]
