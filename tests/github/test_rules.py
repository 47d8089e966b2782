"""What an answer means for the call: every row is a rule."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prow.github.call import GRAPHQL, Answer, Call
from prow.github.errors import BadCredentials, MaybeDone, NotFound, Refused, ServerBroken, Unprocessable
from prow.github.rules import (
    Again,
    GiveUp,
    Limited,
    Options,
    Take,
    Verdict,
    judge,
    judge_dropped,
    message_of,
    moment,
    outdates,
    unreadable,
)

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
OPTIONS = Options()
PATH = "/repos/acme/rockets/issues/1"
READ = Call(method="GET", template="/repos/:owner/:repo/issues/:id", path=PATH)
NEW = Call(method="GET", template="/repos/:owner/:repo/issues/:id", path=PATH, lags=True)
IDEMPOTENT = Call(method="PATCH", template="/repos/:owner/:repo/issues/:id", path=PATH)
ONCE = Call(method="POST", template="/repos/:owner/:repo/issues/:id/comments", path=f"{PATH}/comments", once=True)
QUERY = Call(method="POST", template=GRAPHQL, path="", reads=True)
MUTATION = Call(method="POST", template=GRAPHQL, path="", once=True)
FILE = Call(
    method="GET", template="/repos/:owner/:repo/contents/:path", path="/x", accept="application/vnd.github.raw+json"
)
JSON = {"content-type": "application/json; charset=utf-8"}
HTML = {"content-type": "text/html"}
STUMBLED = (
    b'{"data":null,"errors":[{"message":"Something went wrong while executing your query. Please include `1:2`"}]}'
)
LIMITED = b'{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded for user ID 1."}]}'
HASTE = b'{"errors":[{"message":"You have exceeded a secondary rate limit. Please wait."}]}'
QUOTED_LIMIT = b'{"data":{"body":"RATE_LIMITED: You have exceeded a secondary rate limit"}}'
SPENT = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 900)}
QUOTED = b'{"data":{"body":"Something went wrong while executing your query"}}'
OTHER_ERROR = b'{"errors":[{"message":"no such field"}],"data":"Something went wrong while executing your query"}'


def judged(call: Call, answer: Answer, *, attempt: int = 0) -> Verdict:
    """As the transport does: what came is looked at first."""
    trouble = unreadable(call, answer.status, answer.headers.get("content-type", ""), answer.body)
    return judge(call, msgspec.structs.replace(answer, trouble=trouble), now=NOW, attempt=attempt, options=OPTIONS)


def shown(verdict: Verdict) -> str:
    """One word or two: what happens, and with which error."""
    match verdict:
        case Take():
            return "take"
        case Again(wait, instead):
            return f"again in {wait:g} else {type(instead).__name__}"
        case Limited(until, secondary):
            return f"wait {(until - NOW).total_seconds():g}{' everything' if secondary else ''}"
        case GiveUp(error):
            return type(error).__name__


def told(status: int, text: str = "", **headers: object) -> Answer:
    """An answer of the API with GitHub's message."""
    named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    return Answer(status, f'{{"message": "{text}"}}'.encode(), JSON | named)


@pytest.mark.parametrize(
    ("call", "answer", "verdict"),
    [
        pytest.param(READ, Answer(200, b"{}", JSON), "take", id="a-200"),
        pytest.param(ONCE, Answer(201, b"{}", JSON), "take", id="a-201"),
        pytest.param(IDEMPOTENT, Answer(204), "take", id="a-204-without-a-body"),
        pytest.param(READ, told(500), "again in 2 else ServerBroken", id="500-read"),
        pytest.param(READ, told(503, retry_after=30), "again in 30 else ServerBroken", id="503-says-when"),
        pytest.param(READ, told(503, retry_after=99999), "again in 600 else ServerBroken", id="503-says-far-too-late"),
        pytest.param(IDEMPOTENT, told(502), "again in 2 else ServerBroken", id="502-write-that-may-be-repeated"),
        pytest.param(ONCE, told(502), "MaybeDone", id="502-write-that-must-not"),
        pytest.param(QUERY, told(502), "again in 2 else ServerBroken", id="502-query"),
        pytest.param(MUTATION, told(502), "MaybeDone", id="502-mutation"),
        pytest.param(READ, told(401, "Bad credentials"), "BadCredentials", id="401"),
        pytest.param(READ, told(401, "Requires authentication"), "Refused", id="401-without-a-token"),
        pytest.param(
            QUERY, told(401, "This endpoint requires you to be authenticated."), "Refused", id="401-query-without-a-token"
        ),
        pytest.param(READ, told(403, "Must have admin rights to Repository."), "Refused", id="403"),
        pytest.param(
            READ, told(403, "Must have admin rights.", x_ratelimit_remaining=0, x_ratelimit_reset=int(NOW.timestamp()) + 900),
            "Refused", id="403-that-was-the-last-call-of-the-hour",
        ),
        pytest.param(READ, told(451, "Repository access blocked"), "Refused", id="451"),
        pytest.param(
            READ, told(403, "API rate limit exceeded", x_ratelimit_remaining=0, x_ratelimit_reset=int(NOW.timestamp()) + 900),
            "wait 901", id="primary-limit-403",
        ),
        pytest.param(
            ONCE, told(429, "", x_ratelimit_remaining=0, x_ratelimit_reset=int(NOW.timestamp()) + 900),
            "wait 901", id="primary-limit-429-before-a-write",
        ),
        pytest.param(
            READ, told(403, "API rate limit exceeded", x_ratelimit_remaining=0, x_ratelimit_reset=int(NOW.timestamp()) - 5),
            "wait 1", id="primary-limit-that-is-just-over",
        ),
        pytest.param(
            READ, told(403, "API rate limit exceeded", x_ratelimit_remaining=0), "wait 60 everything", id="primary-limit-without-a-time",
        ),
        pytest.param(READ, told(403, "You have exceeded a secondary rate limit", retry_after=7), "wait 8 everything", id="secondary-limit"),
        pytest.param(READ, told(429, "Too many", retry_after=7), "wait 8 everything", id="secondary-limit-429"),
        pytest.param(READ, told(429, "Too many", retry_after="soon"), "wait 60 everything", id="secondary-limit-at-an-odd-time"),
        pytest.param(READ, told(429, "Too many", retry_after=10**12), "wait 86401 everything", id="secondary-limit-for-ages"),
        pytest.param(READ, told(403, "Must have admin rights.", retry_after=0), "Refused", id="403-that-names-no-time"),
        pytest.param(READ, told(429, "Too many"), "wait 60 everything", id="429-without-a-word"),
        pytest.param(READ, told(403, "You have triggered an abuse detection mechanism"), "wait 60 everything", id="abuse"),
        pytest.param(READ, told(404, "Not Found"), "NotFound", id="404"),
        pytest.param(READ, told(410, "Gone"), "NotFound", id="410"),
        pytest.param(NEW, told(404, "Not Found"), "again in 2 else NotFound", id="404-of-what-may-be-new"),
        pytest.param(NEW, told(410, "Gone"), "NotFound", id="410-of-what-may-be-new"),
        pytest.param(READ, told(409, "Conflict"), "Unprocessable", id="409"),
        pytest.param(READ, told(422, "Validation Failed"), "Unprocessable", id="422"),
        pytest.param(QUERY, told(422, "Timeout"), "again in 2 else Unprocessable", id="422-query"),
        pytest.param(MUTATION, told(422, "Timeout"), "Unprocessable", id="422-mutation"),
        pytest.param(READ, Answer(301, b"", {"location": "https://elsewhere.example/x"}), "Unprocessable", id="redirect-elsewhere"),
        pytest.param(READ, Answer(200, b"<html>", HTML), "again in 2 else ServerBroken", id="html-page-200"),
        pytest.param(READ, Answer(200, b"{}", HTML), "again in 2 else ServerBroken", id="html-page-that-could-be-json"),
        pytest.param(READ, Answer(502, b"<html>", HTML), "again in 2 else ServerBroken", id="html-page-502"),
        pytest.param(READ, Answer(200, b'{"a": ', JSON), "again in 2 else ServerBroken", id="half-json-read"),
        pytest.param(READ, Answer(200, b"[" * 100_000, JSON), "again in 2 else ServerBroken", id="json-without-end"),
        pytest.param(ONCE, Answer(201, b'{"a": ', JSON), "MaybeDone", id="half-json-write"),
        pytest.param(FILE, Answer(200, b"<html>", HTML), "take", id="a-file-that-is-html"),
        pytest.param(FILE, Answer(200, b'{"a": ', JSON), "take", id="a-file-that-is-half-json"),
        pytest.param(QUERY, Answer(200, STUMBLED, JSON), "again in 2 else ServerBroken", id="graphql-stumbles"),
        pytest.param(MUTATION, Answer(200, STUMBLED, JSON), "MaybeDone", id="graphql-mutation-stumbles"),
        pytest.param(QUERY, Answer(200, QUOTED, JSON), "take", id="somebody-quotes-graphql"),
        pytest.param(QUERY, Answer(200, LIMITED, JSON | SPENT), "wait 901", id="graphql-limit"),
        pytest.param(MUTATION, Answer(200, LIMITED, JSON | SPENT), "wait 901", id="graphql-limit-before-a-mutation"),
        pytest.param(QUERY, Answer(200, LIMITED, JSON), "wait 60 everything", id="graphql-limit-without-a-time"),
        pytest.param(QUERY, Answer(200, HASTE, JSON | {"retry-after": "7"}), "wait 8 everything", id="graphql-secondary-limit"),
        pytest.param(QUERY, Answer(200, QUOTED_LIMIT, JSON | SPENT), "take", id="somebody-quotes-a-limit"),
        pytest.param(QUERY, Answer(200, OTHER_ERROR, JSON), "take", id="graphql-error-of-another-kind"),
    ],
)  # fmt: skip
def test_each_answer_has_one_meaning(call: Call, answer: Answer, verdict: str) -> None:
    assert shown(judged(call, answer)) == verdict


@pytest.mark.parametrize(
    ("call", "sent", "verdict"),
    [
        (READ, True, "again in 2 else ServerBroken"),
        (READ, False, "again in 2 else ServerBroken"),
        (IDEMPOTENT, True, "again in 2 else ServerBroken"),
        (ONCE, False, "again in 2 else ServerBroken"),
        (ONCE, True, "MaybeDone"),
        (MUTATION, True, "MaybeDone"),
        (QUERY, True, "again in 2 else ServerBroken"),
    ],
)
def test_a_write_whose_answer_is_lost_is_repeated_only_when_it_was_never_sent(
    call: Call, *, sent: bool, verdict: str
) -> None:
    assert shown(judge_dropped(call, "reset", sent=sent, attempt=0, options=OPTIONS)) == verdict


def test_waits_double_and_what_may_lag_is_looked_for_twice() -> None:
    broken = [judge(READ, told(502), now=NOW, attempt=n, options=OPTIONS) for n in range(4)]
    assert [shown(verdict).split()[2] for verdict in broken] == ["2", "4", "8", "16"]
    missing = [shown(judge(NEW, told(404), now=NOW, attempt=n, options=OPTIONS)) for n in range(3)]
    assert missing == ["again in 2 else NotFound", "again in 4 else NotFound", "NotFound"]
    refused = [shown(judge(QUERY, told(422), now=NOW, attempt=n, options=OPTIONS)) for n in range(3)]
    assert refused[2] == "Unprocessable"


def test_a_status_that_the_caller_asked_for_is_an_answer_whatever_it_is() -> None:
    wants = Call(method="GET", template="/x", path="/x", ok=(404, 302, 500))
    for status in wants.ok:
        assert shown(judge(wants, told(status), now=NOW, attempt=0, options=OPTIONS)) == "take"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer(422, b'{"message":"Validation Failed","errors":[{"resource":"Label","code":"already_exists","field":"name"}]}', JSON),
         "Validation Failed; Label name already_exists"),
        (Answer(422, b'{"message":"No","errors":["one","two"]}', JSON), "No; one; two"),
        (Answer(422, b'{"message":"No","errors":[{"message":"because"}]}', JSON), "No; because"),
        (Answer(422, b'{"errors":"because"}', JSON), "because"),
        (Answer(502, b"<html>", HTML), "an HTML page, not an answer of the API"),
        (Answer(502, b"upstream\nfailed\x1b[0m", {}), "upstream failed [0m"),
        (Answer(502, b"", {}), "no text"),
        (Answer(502, b"{}", JSON), "no text"),
        (Answer(502, b"x" * 1000, {}), "x" * 300 + "…"),
    ],
)  # fmt: skip
def test_github_s_own_words_are_shown_in_one_line(answer: Answer, text: str) -> None:
    assert message_of(answer) == text


def test_a_missing_scope_is_named() -> None:
    answer = told(403, "Resource not accessible", x_accepted_oauth_scopes="repo, admin:org", x_oauth_scopes="gist")
    verdict = judge(READ, answer, now=NOW, attempt=0, options=OPTIONS)
    assert isinstance(verdict, GiveUp)
    assert isinstance(verdict.error, Refused)
    assert "(the token needs one of the scopes admin:org, repo; it has gist)" in str(verdict.error)
    fine = told(403, "Resource protected", x_accepted_oauth_scopes="repo, admin:org", x_oauth_scopes="gist, repo")
    refused = judge(READ, fine, now=NOW, attempt=0, options=OPTIONS)
    assert isinstance(refused, GiveUp)
    assert "scope" not in str(refused.error)


@given(st.integers(400, 599), st.binary(max_size=200), st.booleans(), st.booleans(), st.integers(0, 9))
def test_no_answer_is_too_odd_and_no_write_is_repeated_blindly(
    status: int, body: bytes, once: bool, lags: bool, attempt: int
) -> None:
    call = Call(method="POST", template="/x", path="/x", once=once, lags=lags)
    verdict = judge(call, Answer(status, body, JSON), now=NOW, attempt=attempt, options=OPTIONS)
    if once and status >= 500:
        assert isinstance(verdict, GiveUp)
        assert isinstance(verdict.error, MaybeDone)
    if isinstance(verdict, GiveUp):
        assert isinstance(verdict.error, (BadCredentials, NotFound, Refused, ServerBroken, Unprocessable))
        assert "\n" not in str(verdict.error)


def test_a_time_that_no_calendar_has_is_the_last_one() -> None:
    assert moment(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert moment(10**18) > NOW + timedelta(days=100_000)
    assert re.match("9999", str(moment(10**18)))


_PULL = "/repos/acme/rockets/pulls/1"


@pytest.mark.parametrize(
    ("write", "read", "wrong"),
    [
        ("POST /repos/:owner/:repo/statuses/:sha", f"{_PULL}/files?per_page=100", False),
        ("POST /repos/:owner/:repo/statuses/:sha", "/repos/acme/rockets/commits/abc/status", True),
        ("DELETE /repos/:owner/:repo/issues/:id/labels/:name", f"{_PULL}/files", False),
        ("DELETE /repos/:owner/:repo/issues/:id/labels/:name", _PULL, True),
        ("PATCH /repos/:owner/:repo/issues/comments/:id", f"{PATH}/comments", True),
        ("POST /repos/:owner/:repo/issues/:id/comments", "/repos/acme/rockets/git/ref/heads/main", False),
        ("PUT /repos/:owner/:repo/pulls/:id/merge", f"{_PULL}/files", True),
        ("PUT /repos/:owner/:repo/contents/:path", "/repos/acme/rockets/contents/labels", True),
        (f"POST {GRAPHQL}", f"{_PULL}/files", True),
    ],
)
def test_what_people_say_changes_no_commits(write: str, read: str, *, wrong: bool) -> None:
    method, _, template = write.partition(" ")
    assert outdates(Call(method=method, template=template, path="/x"), read) is wrong
