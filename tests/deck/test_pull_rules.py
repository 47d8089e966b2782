from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prow.deck import pull_rules
from prow.deck.pull_rules import Piece, Standing
from prow.model.explanation import Explanation, Gate, GateState

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
OPEN, WAITING, CLOSED = GateState.OPEN, GateState.WAITING, GateState.CLOSED


@pytest.mark.parametrize(
    ("state", "gates", "expected"),
    [
        ("open", (), Standing.READY),
        ("open", (OPEN, OPEN), Standing.READY),
        ("open", (OPEN, WAITING), Standing.WAITING),
        ("open", (WAITING, CLOSED), Standing.STOPPED),
        ("merged", (CLOSED,), Standing.MERGED),
        ("closed", (OPEN,), Standing.CLOSED),
    ],
)
def test_a_pull_request_stands_where_its_gates_are(
    state: str, gates: tuple[GateState, ...], expected: Standing
) -> None:
    explanation = Explanation(state=state, gates=tuple(Gate(state=gate) for gate in gates))
    assert pull_rules.standing(explanation) is expected


@pytest.mark.parametrize(
    ("state", "said", "shown"),
    [
        ("merged", "Merged.", "It is in main."),
        ("merged", "Merged into main as 1234567.", "Merged into main as 1234567."),
        ("closed", "Closed.", "It was closed without being merged."),
        ("open", "Not mergeable: it is a draft.", "Not mergeable: it is a draft."),
    ],
)
def test_a_verdict_says_more_than_the_word_above_it(state: str, said: str, shown: str) -> None:
    assert pull_rules.verdict(Explanation(state=state, verdict=said, base_ref="main")) == shown


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("/approve", ["/approve"]),
        ("/hold cancel", ["/hold cancel"]),
        ("/test pull-unit_1.2", ["/test pull-unit_1.2"]),
        ("comment `/hold cancel` when done", ["/hold cancel"]),
        ("/release-note-none or a note", ["/release-note-none"]),
        ("say /lgtm, then /approve.", ["/lgtm", "/approve"]),
        ("(/lgtm)", ["/lgtm"]),
        ("label `lgtm` is there", ["lgtm"]),
        ("see https://github.com/acme and /etc/passwd", []),
        ("a ` alone", []),
        ("and/or", []),
        ("", []),
    ],
)
def test_names_and_commands_stand_out(text: str, code: list[str]) -> None:
    assert [piece.text for piece in pull_rules.pieces(text) if piece.code] == code


@given(st.text())
def test_no_word_of_a_sentence_is_lost(text: str) -> None:
    assert "".join(piece.text for piece in pull_rules.pieces(text)).replace("`", "") == text.replace("`", "")


def test_a_sentence_without_names_is_one_piece() -> None:
    assert pull_rules.pieces("rebase on main") == (Piece("rebase on main"),)


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0s"), (59, "59s"), (61, "1m 1s"), (7380, "2h 3m"), (172799, "47h 59m"), (260000, "3d")]
)
def test_spans_read_as_the_browser_writes_them(seconds: int, text: str) -> None:
    assert pull_rules.ago(NOON - timedelta(seconds=seconds), NOON) == f"{text} ago"


@pytest.mark.parametrize(
    ("name", "number", "path"),
    [
        ("acme/rockets", 1, "/pr/acme/rockets/1"),
        ("acme/.github", 7, "/pr/acme/.github/7"),
        ("acme/rockets", 0, ""),
        ("https://gerrit/repo", 1, ""),
        ("acme/..", 1, ""),
        ("acme", 1, ""),
        ("a b/c", 1, ""),
    ],
)
def test_only_what_github_can_name_has_a_page(name: str, number: int, path: str) -> None:
    assert pull_rules.pull_path(name, number) == path


def test_hidden_repositories_are_named_by_org_or_by_name() -> None:
    assert pull_rules.hidden(("acme",), "acme", "rockets")
    assert pull_rules.hidden(("acme/rockets",), "acme", "rockets")
    assert not pull_rules.hidden(("acme/rockets",), "acme", "engines")


def test_progress_counts_what_has_passed() -> None:
    gates = tuple(Gate(state=state) for state in (OPEN, WAITING, CLOSED, OPEN))
    assert pull_rules.progress(Explanation(gates=gates)) == (2, 4)
