"""Turns views into HTML: the one place that knows the templates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import prow
from prow.deck import pull_rules, rules
from prow.deck.model import Filter, JobView
from prow.deck.pull_model import PullLook
from prow.deck.tide_model import HistoryLook, Requirement, TideLook

if TYPE_CHECKING:
    import jinja2

HERE = Path(__file__).parent


class FileLink(msgspec.Struct, frozen=True):
    name: str
    link: str
    size: str


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the job page shows beside the job: `log` and `clone_log` are HTML, `follow` and `raw` links, `skipped` a size."""

    job: JobView
    log: str
    follow: str = ""
    raw: str = ""
    skipped: str = ""
    clone_log: str = ""
    files: tuple[FileLink, ...] = ()
    token: str = ""


class Pages:
    """Templates are compiled on first use, so that importing deck stays cheap."""

    @cached_property
    def _templates(self) -> jinja2.Environment:
        import jinja2  # noqa: PLC0415 - 60 ms that nobody needs before the first page

        templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=False,
        )
        templates.filters |= {"pieces": pull_rules.pieces, "pull_path": pull_rules.pull_path}
        templates.globals |= {
            "ago": pull_rules.ago,
            "standing": pull_rules.standing,
            "progress": pull_rules.progress,
            "verdict": pull_rules.verdict,
            "standing_words": pull_rules.STANDING_WORDS,
            "gate_words": pull_rules.GATE_WORDS,
        }
        return templates

    def _render(self, name: str, **values: Any) -> str:
        return self._templates.get_template(name).render(version=prow.__version__, **values)

    @cached_property
    def _rows(self) -> Any:
        return self._templates.get_template("rows.html").module

    def jobs(self, wanted: Filter, jobs: Sequence[JobView]) -> str:
        """The front page: the newest jobs that the filter shows, `rules.MOST_ROWS` at most."""
        shown = rules.newest_first(job for job in jobs if rules.matches(wanted, job))[: rules.MOST_ROWS]
        nothing = (
            "No job matches this filter."
            if jobs
            else "No job has run yet. Jobs appear here as soon as they are created."
        )
        return self._render(
            "jobs.html",
            jobs=shown,
            total=len(jobs),
            filter=wanted,
            selects=rules.selects(wanted, jobs),
            bar=rules.counts(wanted, jobs),
            nothing=nothing,
        )

    def row(self, job: JobView) -> str:
        return str(self._rows.row(job))

    def counts(self, wanted: Filter, jobs: Sequence[JobView]) -> str:
        return str(self._rows.counts(rules.counts(wanted, jobs)))

    def job(self, page: JobPage) -> str:
        import markupsafe  # noqa: PLC0415 - comes with jinja2

        fields = {f: getattr(page, f) for f in page.__struct_fields__}
        fields |= {"log": markupsafe.Markup(page.log), "clone_log": markupsafe.Markup(page.clone_log)}  # noqa: S704 - made by ansi.py
        return self._render("job.html", **fields)

    def head(self, job: JobView, token: str) -> str:
        return self._render("head.html", job=job, token=token)

    def pull(self, look: PullLook, now: datetime) -> str:
        return self._render("pull.html", look=look, now=now)

    def pull_parts(self, look: PullLook, now: datetime) -> str:
        """What of the page changes: elements with an id, each replaced where it differs (`static/live.js`)."""
        return self._render("pull_parts.html", look=look, now=now)

    def tide(self, look: TideLook, requirements: Sequence[Requirement], now: datetime) -> str:
        return self._render("tide.html", look=look, requirements=requirements, now=now)

    def tide_parts(self, look: TideLook, now: datetime) -> str:
        return self._render("tide_parts.html", look=look, now=now)

    def tide_history(self, look: HistoryLook, now: datetime) -> str:
        return self._render("tide_history.html", look=look, now=now)

    def tide_history_parts(self, look: HistoryLook, now: datetime) -> str:
        return self._render("tide_history_parts.html", look=look, now=now)

    def message(self, title: str, text: str) -> str:
        return self._render("message.html", title=title, text=text)


def size(count: int) -> str:
    if count < 1024:
        return f"{count} bytes"
    if count < 1024 * 1024:
        return f"{count / 1024:.0f} KiB"
    return f"{count / 1024 / 1024:.1f} MiB"
