"""What an answer, or the lack of one, means: take it, wait and repeat, or give up with which error.

Pure functions. They follow `spec/plugins-other` §13.4 with differences in the caller's favour: a 404 is repeated only where a
replica may lag, a 429 is a limit like a 403, an answer that is no JSON counts as none, GraphQL is repeated like REST, and a write
that must not happen twice is never repeated blindly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from prow.github.call import GRAPHQL, Answer, Call, Cost
from prow.github.errors import BadCredentials, MaybeDone, NotFound, Refused, ServerBroken, Unprocessable
from prow.lib.errors import ProwError

_SECONDARY_WAIT = 60
"""Seconds that GitHub asks for when it names a secondary limit but no time."""
_LONGEST_AFTER = 600
_SHOWN = 300
_LIMITED = "rate limit"
_NOBODY = ("Requires authentication", "This endpoint requires you to be authenticated.")
"""What a 401 says to whoever showed no credentials: of REST, of GraphQL."""
_STUMBLED = "Something went wrong while executing your query"
_RATE_LIMITED = "RATE_LIMITED"
_SECONDARY = "secondary rate limit"
_TROUBLES = tuple(words.encode() for words in (_STUMBLED, _RATE_LIMITED, _SECONDARY))
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
    largest_answer: int = 32 << 20
    """Bytes of one answer; ours, since GitHub's are smaller."""


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


class _GraphQLError(msgspec.Struct):
    message: str = ""
    type: str = ""

    @property
    def limited(self) -> bool:
        return self.type == _RATE_LIMITED or _SECONDARY in self.message

    @property
    def stumbled(self) -> bool:
        return _STUMBLED in self.message


class _GraphQLErrors(msgspec.Struct):
    errors: list[_GraphQLError] = []


class _Trouble(msgspec.Struct):
    message: str | None = None
    errors: list[_Details | str] | str | None = None


_TALK = re.compile(r"/(statuses|labels|comments|assignees|requested_reviewers|reactions|reviews)(/:[A-Za-z]+)?$")
_OF_COMMITS = re.compile(r"/pulls/[0-9]+/(files|commits)$|/(git|contents|compare)/")


def outdates(write: Call, read: str) -> bool:
    """Whether what a read of this path is about to be told may be wrong after the write. What people say changes no commits."""
    talk = _TALK.search(write.template)
    return not (talk and _OF_COMMITS.search(read.partition("?")[0]))


def judge(call: Call, answer: Answer, *, now: datetime, attempt: int, options: Options) -> Verdict:
    """`attempt` counts from 0."""
    status = answer.status
    if status in call.ok:
        return Take()
    if 200 <= status < 300:
        return _taken(call, answer, now=now, attempt=attempt, options=options)
    text = message_of(answer)
    if status in {403, 429}:
        limited = _limit(answer, text, now)
        if limited is not None:
            return limited
    said = f"{call.what}: GitHub answered {status}: {text}"
    if status == 401 and text not in _NOBODY:
        return GiveUp(BadCredentials(said))
    if status in {401, 403, 451}:
        return GiveUp(Refused(f"{said}{_scopes(answer.headers)}"))
    if status in {404, 410}:
        error = NotFound(said, message=text)
        return Again(_backoff(attempt, options), error) if _may_lag(call, status, attempt, options) else GiveUp(error)
    if status >= 500:
        return _broken(call, said, attempt=attempt, options=options, after=_whole(answer.headers.get("retry-after")))
    refusal = Unprocessable(said, status=status, message=text)
    if status == 422 and call.template == GRAPHQL and call.reads and attempt < options.max_404_retries:
        return Again(_backoff(attempt, options), refusal)
    if 300 <= status < 400:
        moved = _one_line(answer.headers.get("location", "")) or "nowhere"
        return GiveUp(Unprocessable(f"{call.what}: GitHub sends us to {moved}, which we do not follow", status=status))
    return GiveUp(refusal)


def _taken(call: Call, answer: Answer, *, now: datetime, attempt: int, options: Options) -> Verdict:
    """A 2xx, if it is what it says it is. GraphQL says 502 and that a limit is reached with a 200."""
    trouble = answer.trouble
    if not trouble and call.template == GRAPHQL and any(words in answer.body for words in _TROUBLES):
        errors = _graphql_errors(answer.body)
        limited = next((error for error in errors if error.limited), None)
        verdict = None if limited is None else _limit(answer, f"{_LIMITED}: {limited.message}", now)
        if verdict is not None:
            return verdict
        trouble = next((_one_line(error.message) for error in errors if error.stumbled), "")
    if not trouble:
        return Take()
    said = f"{call.what}: GitHub's answer cannot be used: {trouble}"
    return _broken(call, said, attempt=attempt, options=options)


def unreadable(call: Call, status: int, content_type: str, body: bytes) -> str:
    """`Answer.trouble`. The body is checked for JSON, not for a type."""
    if not 200 <= status < 300 or not body or not call.accept.endswith("json") or "raw" in call.accept:
        return ""
    if "html" in content_type:
        return "an HTML page, not an answer of the API"
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"malformed JSON: {_one_line(str(error))}"
    return ""


def _graphql_errors(body: bytes) -> list[_GraphQLError]:
    """What GraphQL says went wrong; the same words may stand in somebody's comment."""
    try:
        return msgspec.json.decode(body, type=_GraphQLErrors).errors
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []


def judge_dropped(call: Call, reason: str, *, sent: bool, attempt: int, options: Options) -> Verdict:
    """The connection failed. `sent`: GitHub may have got the request."""
    said = f"{call.what}: no answer from GitHub: {reason}"
    if sent:
        return _broken(call, said, attempt=attempt, options=options)
    wait = _backoff(attempt, options)
    return Again(wait, ServerBroken(said, after=wait))


def _broken(call: Call, said: str, *, attempt: int, options: Options, after: int | None = None) -> Verdict:
    wait = max(_backoff(attempt, options), float(min(after or 0, _LONGEST_AFTER)))
    if call.once:
        return GiveUp(MaybeDone(f"{said} (it may have taken effect)", after=wait))
    return Again(wait, ServerBroken(said, after=wait))


def _may_lag(call: Call, status: int, attempt: int, options: Options) -> bool:
    return call.lags and status == 404 and attempt < options.max_404_retries


def _backoff(attempt: int, options: Options) -> float:
    return float(options.initial_delay * 2.0**attempt)


def _limit(answer: Answer, text: str, now: datetime) -> Limited | None:
    headers = answer.headers
    lower = text.lower()
    if headers.get("x-ratelimit-remaining") == "0" and (answer.status == 429 or _LIMITED in lower):
        reset = _whole(headers.get("x-ratelimit-reset"))
        if reset is not None:
            return Limited(max(now, moment(reset)) + timedelta(seconds=1), secondary=False)
    after = headers.get("retry-after", "")
    if after and after != "0":
        wait = _whole(after)
        return Limited(
            now + timedelta(seconds=_SECONDARY_WAIT if wait is None else min(wait, 86_400) + 1), secondary=True
        )
    if answer.status == 429 or _LIMITED in lower or "abuse detection" in lower:
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
