"""What an answer, or the lack of one, means: take it, wait and repeat, or give up with which error.

Pure functions. They follow `spec/plugins-other` §13.4 with three differences in the caller's favour: a 404 is repeated only
where a replica may lag, a 429 is a limit like a 403, and a write that must not happen twice is never repeated blindly.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from prow.github.call import Answer, Call, Cost
from prow.github.errors import MaybeDone, NotFound, Refused, ServerBroken, Unprocessable
from prow.lib.errors import ProwError

_SECONDARY_WAIT = 60
"""Seconds that GitHub asks for when it names a secondary limit but no time."""
_SHOWN = 300
PATIENCE = {Cost.INTERACTIVE: 20.0, Cost.MERGE: 60.0, Cost.BACKGROUND: None}
"""Seconds a call may spend waiting before its caller hears of it: a queue with its own backoff stands behind the first two."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How stubborn the client is. Fields are upstream's `--github-client.*` flags; seconds."""

    max_retries: int = 8
    """Attempts in all."""
    max_404_retries: int = 2
    initial_delay: float = 2.0
    backoff_timeout: float = 120.0
    """The longest wait for a limit that is accepted."""
    request_timeout: float = 120.0


class Take(msgspec.Struct, frozen=True):
    """It is an answer."""


class Again(msgspec.Struct, frozen=True):
    """Repeat after `wait` seconds; `instead` is raised when that is too long or too often."""

    wait: float
    instead: ProwError


class Limited(msgspec.Struct, frozen=True):
    """A limit of GitHub is reached. `secondary`: it holds for everything this token does, not for one budget."""

    until: datetime
    secondary: bool


class GiveUp(msgspec.Struct, frozen=True):
    error: ProwError


Verdict = Take | Again | Limited | GiveUp


class _Details(msgspec.Struct):
    message: str | None = None
    code: str | None = None
    field: str | None = None
    resource: str | None = None


class _Trouble(msgspec.Struct):
    message: str | None = None
    errors: list[_Details | str] | str | None = None


def judge(call: Call, answer: Answer, *, now: datetime, attempt: int, options: Options) -> Verdict:
    """`attempt` counts from 0."""
    status = answer.status
    if 200 <= status < 300 or status in call.ok:
        return Take()
    text = message_of(answer)
    if status in {403, 429}:
        limited = _limit(answer, text, now)
        if limited is not None:
            return limited
    said = f"{call.what}: GitHub answered {status}: {text}"
    if status in {401, 403, 451}:
        return GiveUp(Refused(f"{said}{_scopes(answer.headers)}"))
    if status in {404, 410}:
        error = NotFound(said, message=text)
        return Again(_backoff(attempt, options), error) if _may_lag(call, status, attempt, options) else GiveUp(error)
    if status >= 500:
        return _broken(call, said, attempt=attempt, options=options)
    return GiveUp(Unprocessable(said, status=status, message=text))


def judge_dropped(call: Call, reason: str, *, sent: bool, attempt: int, options: Options) -> Verdict:
    """The connection failed. `sent`: GitHub may have got the request."""
    said = f"{call.what}: no answer from GitHub: {reason}"
    if sent:
        return _broken(call, said, attempt=attempt, options=options)
    wait = _backoff(attempt, options)
    return Again(wait, ServerBroken(said, after=wait))


def _broken(call: Call, said: str, *, attempt: int, options: Options) -> Verdict:
    wait = _backoff(attempt, options)
    if call.once:
        return GiveUp(MaybeDone(f"{said} (it may have taken effect)", after=wait))
    return Again(wait, ServerBroken(said, after=wait))


def _may_lag(call: Call, status: int, attempt: int, options: Options) -> bool:
    return call.lags and status == 404 and attempt < options.max_404_retries


def _backoff(attempt: int, options: Options) -> float:
    return float(options.initial_delay * 2.0**attempt)


def _limit(answer: Answer, text: str, now: datetime) -> Limited | None:
    headers = answer.headers
    if headers.get("x-ratelimit-remaining") == "0":
        reset = _whole(headers.get("x-ratelimit-reset"))
        if reset is not None:
            return Limited(max(now, moment(reset)) + timedelta(seconds=1), secondary=False)
    after = headers.get("retry-after", "")
    if after and after != "0":
        wait = _whole(after)
        return Limited(
            now + timedelta(seconds=_SECONDARY_WAIT if wait is None else min(wait, 86_400) + 1), secondary=True
        )
    lower = text.lower()
    if answer.status == 429 or "rate limit" in lower or "abuse detection" in lower:
        return Limited(now + timedelta(seconds=_SECONDARY_WAIT), secondary=True)
    return None


def moment(unix: int) -> datetime:
    """A Unix time from a header; one that no calendar has becomes the last one that it has."""
    try:
        return datetime.fromtimestamp(unix, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime(9999, 1, 1, tzinfo=UTC)


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 15 else None


def _scopes(headers: Mapping[str, str]) -> str:
    wanted = _scope_set(headers.get("x-accepted-oauth-scopes", ""))
    has = _scope_set(headers.get("x-oauth-scopes", ""))
    if not wanted or wanted & has:
        return ""
    return (
        f" (the token needs one of the scopes {', '.join(sorted(wanted))}; it has {', '.join(sorted(has)) or 'none'})"
    )


def _scope_set(text: str) -> set[str]:
    return {scope.strip() for scope in text.split(",") if scope.strip()}


def message_of(answer: Answer) -> str:
    """What GitHub says is wrong, for a person, in one line. Error pages of proxies in between are named as what they are."""
    body = answer.body[:100_000]
    if "html" in answer.headers.get("content-type", ""):
        return "an HTML page, not an answer of the API"
    try:
        trouble = msgspec.json.decode(body, type=_Trouble)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _one_line(body.decode("utf-8", "replace")) or "no text"
    texts = [trouble.message or ""]
    errors = [trouble.errors] if isinstance(trouble.errors, str) else trouble.errors or []
    texts += [error if isinstance(error, str) else _detail(error) for error in errors]
    return _one_line("; ".join(filter(None, texts))) or "no text"


def _detail(error: _Details) -> str:
    return error.message or " ".join(filter(None, (error.resource, error.field, error.code)))


def _one_line(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"
