"""What the bot says may quote anything and still pings nobody, hides nothing and commands nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from prow.plugin import text

HOSTILE = [
    "@org/team please",
    "\\@org/team",
    "&#64;org/team",
    "&#x40;org/team",
    "&commat;org/team",
    "&COMMAT;org/team",
    "<!-- prow:effect=1 -->",
    "<!-- test report -->",
    "</details>",
    "<details>",
    "<img src=x>",
    "a\r/override ci",
    "a\u2028/lgtm",
    "a\x0b/hold",
    "```\n@org/team\n```",
]


@pytest.mark.parametrize("body", HOSTILE)
def test_a_quotation_is_only_a_quotation(body: str) -> None:
    quoted = text.quote(body)
    assert all(line.startswith(">") for line in re.split(r"[\r\n]", quoted))
    assert not re.search(r"@[A-Za-z0-9]|&[#A-Za-z]|<[A-Za-z/!?]", quoted)


@given(st.text(alphabet="@&#<!->/\\;6 4\n\r\u2028ab`", max_size=40))
def test_no_spelling_gets_through_a_quotation(body: str) -> None:
    quoted = text.quote(body)
    assert not re.search(r"@[A-Za-z0-9]|&[#A-Za-z]|<[A-Za-z/!?]|(?m:^/)|[\r\u2028]", quoted)
    assert quoted.replace("\u200b", "").replace("\n>", "\n").removeprefix(">").split() == body.split()


def test_a_comparison_stays_as_it_was_written() -> None:
    assert text.quote("/test a && b < c") == ">/test a && b < c"


def test_a_reply_names_the_person_and_folds_away_what_it_answers() -> None:
    assert text.reply(
        "mia", "Not yet.", quoted="/test all\nplease", link="https://github.com/o/r/pull/1#c"
    ) == snapshot(
        """\
@mia: Not yet.

<details>

In response to [this](https://github.com/o/r/pull/1#c):

>/test all
>please

I am a bot. [These commands](https://go.k8s.io/bot-commands) are understood here; \
[this guide](https://git.k8s.io/community/contributors/guide/pull-requests.md) tells how to work with me. \
Something I did looks wrong? [Tell the maintainers](https://github.com/kubernetes-sigs/prow/issues/new?title=Prow%20issue:).
</details>\
"""
    )


def test_an_endless_message_is_cut_between_lines_and_its_block_is_closed() -> None:
    said = text.plain("```\n" + "line\n" * 20_000 + "```")
    assert len(said) < 60_000
    assert said.count("```") == 2
    assert "too long for a comment" in said
    assert said.endswith("</details>")


def test_an_endless_comment_is_quoted_in_part() -> None:
    assert len(text.quote("x" * 60_000)) < 5_000


def test_own_words_leave_out_what_is_quoted() -> None:
    assert text.own_words("@mia: no\n\n>The following\n>rest\nbye") == "@mia: no\n\nbye"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("/test unit", "```\n/test unit\n```"),
        ("/test a\n/override b", "```\n/test a /override b\n```"),
        ("/test ```\n@org/team", "```\n/test ''' @org/team\n```"),
        ("/override ci/everything", "- `/override ci/everything`"),
        ("/hold", "- `/hold`"),
        ("@org/team", "- `@org/team`"),
        ("", "- (empty)"),
    ],
)
def test_a_command_from_a_jobs_config_is_shown_and_not_given(command: str, shown: str) -> None:
    assert text.command_item(command) == shown


def test_others_words_inside_a_sentence_are_one_line_of_code() -> None:
    assert text.code("a`b\nc") == "`a'b c`"
    assert len(text.code("x" * 1_000)) == 202
