"""Pure: lanes, duplicates, who consumes what, and when to try again."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from prow.config.config import Config
from prow.lib.errors import Permanent, RateLimited, Retry, Unauthenticated
from prow.model.events import EventKind, GenericComment
from prow.plugin.model import Plugin

ATTEMPTS = 12
"""Of a handler that fails by itself; it is tried for half an hour."""
ATTEMPTS_PASSING = 150
"""Of one that met a passing fault of somebody else, such as a GitHub that is down: it is tried for a day."""
_FIRST = 1.0
_LAST = 600.0


class Unreachable(Retry):
    """Nobody is there: no fault of the delivery, so attempts are not counted."""


class _Number(msgspec.Struct, gc=False):
    number: int = 0


class _Head(msgspec.Struct, gc=False):
    head_sha: str = ""


class _Lane(msgspec.Struct, gc=False):
    """The few fields that name a lane."""

    number: int = 0
    issue: _Number | None = None
    pull_request: _Number | None = None
    ref: str = ""
    sha: str = ""
    check_run: _Head | None = None
    workflow_run: _Head | None = None


_decoder = msgspec.json.Decoder(_Lane)
_BY_COMMIT = frozenset({"status", "check_run", "workflow_run"})


def lane_of(event: str, org: str, repo: str, body: bytes) -> str:
    """What is kept in order: the pull request or issue; a push's branch; a status' commit; else the repository."""
    where = f"{org}/{repo}"
    try:
        found = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return where
    number = found.number or (found.issue or found.pull_request or _Number()).number
    if number and event not in _BY_COMMIT:
        return f"{where}#{number}"
    if event == "push":
        return f"{where}@{found.ref}"
    if event in _BY_COMMIT:
        return f"{where}@{found.sha or (found.check_run or found.workflow_run or _Head()).head_sha}"
    return where


class _Thing(msgspec.Struct, gc=False):
    id: int = 0
    number: int = 0
    name: str = ""
    updated_at: str = ""
    pushed_at: int | str | None = None


class _Cause(msgspec.Struct, gc=False):
    """The few fields that tell one event from all others."""

    action: str = ""
    ref: str = ""
    before: str = ""
    after: str = ""
    issue: _Thing | None = None
    pull_request: _Thing | None = None
    comment: _Thing | None = None
    review: _Thing | None = None
    label: _Thing | None = None
    repository: _Thing | None = None


_causes = msgspec.json.Decoder(_Cause)
_ONCE = {"issues": {"opened"}, "pull_request": {"opened"}}
_ONCE_A_SECOND = {"pull_request": {"synchronize", "reopened", "ready_for_review", "labeled"}}
_ONCE_OF = {
    "issue_comment": ("comment", {"created"}),
    "pull_request_review_comment": ("comment", {"created"}),
    "pull_request_review": ("review", {"submitted", "dismissed"}),
}


def cause_of(event: str, org: str, repo: str, body: bytes) -> str:
    """What happened, by a name that is the same when GitHub tells it again under another GUID: redelivered after its time, or because
    the organisation and the repository have a webhook each. Empty for events that nothing tells from another like them."""
    try:
        found = _causes.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    action, about = found.action, found.issue or found.pull_request or _Thing()
    thing, actions = _ONCE_OF.get(event, ("", set[str]()))
    said = {"comment": found.comment, "review": found.review}.get(thing)
    which: tuple[object, ...]
    if event == "push" and found.repository is not None and found.repository.pushed_at:
        which = (found.ref, found.before, found.after, found.repository.pushed_at)
    elif action in _ONCE.get(event, ()) and about.number:
        which = (about.number,)
    elif action in _ONCE_A_SECOND.get(event, ()) and about.number and about.updated_at:
        label = found.label.name if found.label is not None else ""
        which = (about.number, found.before, found.after, label, about.updated_at)
    elif action in actions and about.number and said is not None and said.id:
        which = (about.number, said.id)
    else:
        return ""
    return "/".join(str(part) for part in (org, repo, event, action, *which) if part)


def is_duplicate(*, finished: bool, age: float, window: float) -> bool:
    """Whether a GUID that was seen `age` seconds ago is the same delivery again, or a person's redelivery."""
    return not finished or age < window


KINDS: dict[str, EventKind] = {
    "issues": EventKind.ISSUES,
    "issue_comment": EventKind.ISSUE_COMMENT,
    "pull_request": EventKind.PULL_REQUEST,
    "pull_request_review": EventKind.REVIEW,
    "pull_request_review_comment": EventKind.REVIEW_COMMENT,
    "push": EventKind.PUSH,
    "status": EventKind.STATUS,
    "check_run": EventKind.CHECK_RUN,
    "workflow_run": EventKind.WORKFLOW_RUN,
}


class Work(msgspec.Struct, frozen=True):
    """One handler that has to run: of this plugin, for the event itself or for the comment in it."""

    plugin: Plugin
    kind: EventKind
    commands: tuple[str, ...] = ()


def work_for(
    plugins: Iterable[Plugin],
    *,
    config: Config,
    kind: EventKind | None,
    comment: GenericComment | None,
    commands: dict[str, tuple[str, ...]],
) -> tuple[Work, ...]:
    """The handlers of a delivery. `commands`: plugin → its commands in the comment."""
    found: list[Work] = []
    for plugin in plugins:
        if kind is not None and kind in plugin.handlers:
            found.append(Work(plugin, kind))
        if comment is not None and EventKind.GENERIC_COMMENT in plugin.handlers:
            called = commands.get(plugin.name, ())
            if called or (plugin.concerns is not None and plugin.concerns(config, comment)):
                found.append(Work(plugin, EventKind.GENERIC_COMMENT, called))
    return tuple(found)


def pause_after(error: BaseException, attempt: int, *, now: float) -> float | None:
    """Seconds until a failed handler is tried again; None: never. `attempt` counts from 1, `now` is Unix time."""
    if isinstance(error, RateLimited):
        return max(1.0, error.until.timestamp() - now)
    if isinstance(error, Unreachable) and error.after is not None:
        return error.after
    if isinstance(error, Unauthenticated):  # no fault of the delivery, so attempts are not counted
        return float(min(_FIRST * 2 ** min(attempt - 1, 20), error.longest))
    if isinstance(error, Permanent) or attempt >= (ATTEMPTS_PASSING if isinstance(error, Retry) else ATTEMPTS):
        return None
    own = float(min(_FIRST * 2 ** min(attempt - 1, 20), _LAST))
    return max(own, error.after) if isinstance(error, Retry) and error.after is not None else own
