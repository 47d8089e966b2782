"""What the proxy decides: headers, conditions, spacing, names of paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prow.ghproxy import rules
from prow.ghproxy.model import Headers, Mode
from prow.ghproxy.paths import template
from prow.ghproxy.rules import Slot

PLAIN: Headers = [(b"host", b"proxy"), (b"accept", b"application/json"), (b"user-agent", b"gh/2")]


def names(headers: Headers) -> set[bytes]:
    return {name for name, _ in headers}


def test_what_concerns_the_connection_to_us_is_not_passed_on() -> None:
    hops: Headers = [
        (b"connection", b"keep-alive, X-Own"), (b"keep-alive", b"5"), (b"te", b"trailers"), (b"upgrade", b"h2c"), (b"x-own", b"1"),
        (b"proxy-authorization", b"Basic x"), (b"transfer-encoding", b"chunked"), (b"x-forwarded-for", b"10.0.0.1"), (b"expect", b"100-continue"),
        (b"x-prow-ghcache-token-budget-identifier", b"prow - acme"), (b"x-prow-token-expires-at", b"2026-11-26T10:00:00Z"),
    ]  # fmt: skip
    request = rules.request_of("GET", "/user", [*PLAIN, *hops, (b"authorization", b"Bearer x"), (b"x-other", b"kept")])
    assert names(request.headers) == {b"accept", b"user-agent", b"authorization", b"x-other", b"accept-encoding"}
    assert (request.budget, request.agent, request.token) == ("prow - acme", "gh/2", "Bearer x")


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [(b"gzip, deflate, br", b"gzip"), (b"br", b"identity"), (b"", b"identity"), (b"*", b"identity")],
)
def test_answers_are_asked_for_in_two_forms_whatever_a_client_can_read(wanted: bytes, asked: bytes) -> None:
    request = rules.request_of("GET", "/user", [*PLAIN, (b"accept-encoding", wanted)])
    assert dict(request.headers)[b"accept-encoding"] == asked


def test_what_the_answer_depends_on_makes_another_variant() -> None:
    def variant(*more: tuple[bytes, bytes]) -> str:
        return rules.request_of("GET", "/user", [*PLAIN, *more]).variant

    assert variant() == variant((b"x-other", b"1"))
    assert len({variant(), variant((b"accept", b"x")), variant((b"x-github-api-version", b"1")), variant((b"accept-encoding", b"gzip"))}) == 4  # fmt: skip


@pytest.mark.parametrize(
    ("header", "whole"),
    [((b"range", b"bytes=0-1"), False), ((b"cookie", b"a=b"), False), ((b"x-github-otp", b"1"), False), ((b"etag", b"1"), True)],
)  # fmt: skip
def test_parts_and_personal_answers_are_not_cached(header: tuple[bytes, bytes], *, whole: bool) -> None:
    assert rules.request_of("GET", "/user", [*PLAIN, header]).whole is whole


@pytest.mark.parametrize(
    ("has", "etag", "knows"),
    [('"1"', '"1"', True), ('W/"1"', '"1"', True), ('"0", W/"1"', 'W/"1"', True), ('"1"', '"2"', False), ("", '"1"', False), ('""', "", False)],
)  # fmt: skip
def test_a_client_that_has_the_answer_already_is_told_so(has: str, etag: str, *, knows: bool) -> None:
    request = rules.request_of("GET", "/user", [(b"if-none-match", has.encode())])
    assert rules.knows_already(request, etag) is knows


@pytest.mark.parametrize(
    ("status", "graphql", "control"),
    [(200, False, b"no-cache"), (301, False, b"no-cache"), (404, False, b"no-store"), (502, False, b"no-store"), (200, True, b"no-store")],
)  # fmt: skip
def test_clients_may_keep_nothing_that_was_not_asked_about_again(status: int, *, graphql: bool, control: bytes) -> None:
    given: Headers = [
        (b"cache-control", b"private, max-age=60"),
        (b"etag", b'"1"'),
        (b"connection", b"close, x-hop"),
        (b"x-hop", b"1"),
    ]
    headers = rules.passed_on(given, status=status, graphql=graphql, mode=Mode.MISS, length=3)
    assert dict(headers) == {
        b"cache-control": control,
        b"etag": b'"1"',
        b"x-cache-mode": b"MISS",
        b"content-length": b"3",
    }


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_has_no_length(status: int) -> None:
    assert b"content-length" not in names(rules.passed_on([], status=status, graphql=False, mode=Mode.SKIP, length=0))


def test_tokens_are_told_apart_and_not_shown() -> None:
    assert rules.token_hash("") == ""
    assert rules.token_hash("Bearer a") != rules.token_hash("Bearer b")
    assert "secret" not in rules.token_hash("Bearer secret")


READ, WRITE = True, False


@pytest.mark.parametrize(
    ("last", "get", "waits"),
    [
        (None, READ, 0.0),
        (Slot(100.0, WRITE), WRITE, 1.0),
        (Slot(99.4, WRITE), WRITE, 0.4),
        (Slot(99.0, WRITE), WRITE, 0.0),
        (Slot(99.95, READ), READ, 0.05),
        (Slot(99.9, READ), READ, 0.0),
        (Slot(99.9, WRITE), READ, 0.0),
        (Slot(99.95, WRITE), READ, 0.05),
        (Slot(99.5, READ), WRITE, 0.5),
        (Slot(100.0, WRITE), READ, 0.1),
        (Slot(103.0, WRITE), WRITE, 4.0),
        (Slot(103.0, WRITE), READ, 3.1),
        (Slot(129.5, WRITE), WRITE, 30.0),
    ],
)
def test_requests_are_spaced(last: Slot | None, *, get: bool, waits: float) -> None:
    slot = rules.next_slot(last, 100.0, get=get, spacing=1.0, get_spacing=0.1, longest=30.0)
    assert (round(slot.at - 100.0, 6), slot.get) == (waits, get)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 3)), max_size=30))
def test_nobody_waits_longer_than_the_longest_delay(requests: list[tuple[bool, float]]) -> None:
    last, now = None, 0.0
    for get, later in requests:
        now += later
        last = rules.next_slot(last, now, get=get, spacing=1.0, get_spacing=0.25, longest=5.0)
        assert now <= last.at <= now + 5.0 + 1e-9


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "/"),
        ("/repos/acme/rockets", "/repos/:owner/:repo"),
        ("/api/v3/repos/acme/rockets", "/repos/:owner/:repo"),
        ("/repos/acme/rockets/issues/12/labels/kind%2Fbug", "/repos/:owner/:repo/issues/:issueId/labels/:labelId"),
        ("/repos/acme/rockets/issues/comments/55", "/repos/:owner/:repo/issues/comments/:commentId"),
        ("/repos/acme/rockets/commits/abc/status", "/repos/:owner/:repo/commits/:sha/status"),
        ("/repos/acme/rockets/contents/docs/issues/comments", "/repos/:owner/:repo/contents/:contentId"),
        ("/repos/acme/rockets/git/refs/heads/main", "/repos/:owner/:repo/git/refs/:ref"),
        ("/repos/acme/rockets/pulls/1/reviews/3/dismissals", "/repos/:owner/:repo/pulls/:pullId/reviews/:reviewId/dismissals"),
        ("/repos/acme/rockets/branches/main/protection", "/repos/:owner/:repo/branches/:branch/protection"),
        ("/repos/issues/comments/labels", "/repos/:owner/:repo/labels"),
        ("/repositories/42/issues/1", "/repositories/:repoId/issues/:issueId"),
        ("/repos/acme/rockets/git/ref/heads/main", "/repos/:owner/:repo/git/ref/:refId"),
        ("/repos/acme/rockets/collaborators/mia/permission", "/repos/:owner/:repo/collaborators/:collaboratorId/permission"),
        ("/orgs/acme/memberships/mia", "/orgs/:orgname/memberships/:login"),
        ("/orgs/acme/teams/crew/memberships/mia", "/orgs/:orgname/teams/:team/memberships/:login"),
        ("/app/installations/4/access_tokens", "/app/installations/:id/access_tokens"),
        ("/api/graphql", "/graphql"),
        ("/wp-admin/setup.php", "/:unknown"),
    ],
)  # fmt: skip
def test_paths_have_names_without_values(path: str, name: str) -> None:
    assert template(path) == name


@given(st.lists(st.sampled_from("abcdefghij"), max_size=12))
def test_values_never_get_into_a_name(segments: list[str]) -> None:
    assert set(template("/repos/" + "/".join(segments)).split("/")) <= {"", "repos", ":owner", ":repo", ":var"}
