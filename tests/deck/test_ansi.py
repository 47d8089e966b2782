from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from prow.deck.ansi import AnsiRenderer, render


def test_a_log_is_text_whatever_it_holds() -> None:
    html = render(b"<script>alert('x')</script>\n")
    assert "<script>" not in html
    assert str(escape("<script>")) in html


def test_colours_become_classes_of_ours() -> None:
    assert '<span class="f2">ok</span> fine' in render(b"\x1b[32mok\x1b[0m fine\n")
    assert '<span class="b f1">bad</span>' in render(b"\x1b[1;31mbad\x1b[m\n")


def test_a_colour_goes_on_over_the_end_of_a_line() -> None:
    assert render(b"\x1b[31mone\ntwo\n").count('class="f1"') == 2


def test_other_control_sequences_are_dropped() -> None:
    html = render(b"\x1b]0;title\x07\x1b[2J\x1b[1;1Hhello\x1b[K\x00\n")
    assert ">hello</span>" in html


def test_a_progress_bar_shows_its_last_state() -> None:
    assert ">100%</span>" in render(b"10%\r50%\r100%\n")


def test_lines_are_numbered_over_pieces_of_a_growing_log() -> None:
    renderer = AnsiRenderer()
    first = renderer.feed(b"one\ntw")
    second = renderer.feed(b"o\nthree\n")
    assert 'id="L1"' in first
    assert "tw" not in first
    assert 'id="L2" data-n="2">two<' in second
    assert 'id="L3"' in second
    assert renderer.feed(b"no end", final=True).endswith(">no end</span>")


def test_an_endless_line_is_cut_and_says_so() -> None:
    assert "more characters in the raw log" in render(b"x" * 50_000)


@given(st.binary(max_size=300), st.integers(0, 300))
def test_no_input_makes_other_tags_than_spans(data: bytes, cut: int) -> None:
    renderer = AnsiRenderer()
    html = renderer.feed(data[:cut]) + renderer.feed(data[cut:], final=True)
    assert html.count("<") == html.count("<span") + html.count("</span>")
    assert html.count("<span") == html.count("</span>")
