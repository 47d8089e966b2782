"""What the recorded answers do not show: bounds, positions, errors that say where."""

import pytest

from prow.lib import goyaml
from prow.lib.goyaml import YamlError
from prow.lib.goyaml_positions import Positions


def test_only_the_first_document_is_read() -> None:
    assert goyaml.load("a: 1\n---\nb: [") == {"a": 1}


def test_an_empty_file_is_nothing() -> None:
    assert goyaml.load("") is None
    assert goyaml.load("# only a comment\n") is None


def test_a_syntax_error_says_line_and_column() -> None:
    with pytest.raises(YamlError) as caught:
        goyaml.load("a: 1\nb: [1, 2\nc: 3\n")
    assert (caught.value.line, caught.value.column) == (3, 2)


def test_an_alias_bomb_ends_in_a_clear_error() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(YamlError, match="alias"):
        goyaml.load("\n".join(levels))


def test_an_anchor_cannot_contain_itself() -> None:
    with pytest.raises(YamlError, match="contains itself"):
        goyaml.load("a: &a [*a]")


@pytest.mark.parametrize("depth", [401, 5000])
def test_deep_nesting_ends_in_a_clear_error(depth: int) -> None:
    with pytest.raises(YamlError, match="nest"):
        goyaml.load("[" * depth + "]" * depth)


def test_a_large_file_ends_in_a_clear_error() -> None:
    with pytest.raises(YamlError, match="larger than 10 bytes"):
        goyaml.load("a: 0123456789", max_bytes=10)


def test_bytes_that_are_not_utf8_end_in_a_clear_error() -> None:
    with pytest.raises(YamlError, match="not YAML"):
        goyaml.load(b"a: \xff\xfe\xfd")


def test_lines_of_mappings_are_noted_when_asked_for() -> None:
    lines: dict[int, int] = {}
    tree = goyaml.load("jobs:\n- name: a\n- name: b\n", lines=lines)
    assert [lines[id(job)] for job in tree["jobs"]] == [2, 3]


TEXT = """\
a:
  - b: 1
    c: [1, 2]
yes: 2
m: &m {x: 1, z: 2}
d:
  <<: *m
"""


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        (("a", 0, "c", 1), False, (3, 12)),
        (("a", 0, "c"), True, (3, 5)),
        (("a", 0, "missing"), False, (2, 5)),
        (("true",), True, (4, 1)),
        (("d", "z"), False, (5, 17)),
        ((), False, (1, 1)),
    ],
)
def test_the_position_of_a_path_is_found(path: tuple[str | int, ...], key: bool, place: tuple[int, int]) -> None:
    assert Positions(TEXT).find(path, key=key) == place


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ("a: &x 1\nb: &x 2\nc: {d: *x}\n", ("c", "d"), (2, 4)),
        ("a: 1\nb: 2\na: 3\n", ("a",), (3, 4)),
        ("m: &m {k: 1}\nd:\n  k: 2\n  <<: *m\n", ("d", "k"), (1, 11)),
        ("m: &m {k: 1}\nd:\n  <<: *m\n  k: 2\n", ("d", "k"), (4, 6)),
        ("a: &a {k: 1}\nb: &b {k: 2}\nd: {<<: [*b, *a]}\n", ("d", "k"), (2, 11)),
        ("0644: {x: 1}\n", ("420", "x"), (1, 11)),
        ("\ufeffa: [b]\n", ("a", 0), (1, 5)),
        ("a: 1\n--- \nb: [\n", ("a",), (1, 4)),
        ("a: &a {<<: *a}\n", ("a", "k"), (1, 4)),
        ("", ("a",), (0, 0)),
        ("a: [", ("a",), (0, 0)),
    ],
)
def test_the_position_is_that_of_the_value_that_counts(
    text: str, path: tuple[str | int, ...], place: tuple[int, int]
) -> None:
    assert Positions(text.encode()).find(path) == place


def test_merges_of_merges_are_looked_through_once() -> None:
    text = "a0: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 60))
    assert Positions(text).find(("a59", "k")) == (1, 13)
    assert Positions(text).find(("a59", "missing")) == (60, 6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a: \xff", "1:4: not YAML: byte 0xff is no UTF-8; save the file as UTF-8"),
        ("a: 1\nb: \u00fc\u0001".encode(), "2:5: not YAML: the control character 0x01 is not allowed"),
        (b"a: b\r\nc: \x0b", "2:4: not YAML: the control character 0x0b is not allowed"),
        (b"\x1f\x00", "1:1: not YAML: the control character 0x1f is not allowed; is this a text file?"),
        (b"a:\n\tb: 1\n", "2:1: not YAML: a tab cannot indent; use blanks"),
        (b"a: @x\n", "1:4: not YAML: no text can begin with this character; put it in quotes"),
        (b"a: !x!y z\n", "1:4: not YAML: this tag is not known; put a text that begins with `!` in quotes"),
        (
            b"a: b: c\n",
            "1:5: not YAML: `:` is not allowed here; look at the indentation, and put a text that has `: ` in it in quotes",
        ),
        (
            b"a: [1, 2\nc: 3\n",
            "2:2: not YAML: the list `[\u2026]` that begins at 1:4 is not closed, or a `,` is missing",
        ),
        (
            b"a: {x: 1\nb: 2\n",
            "2:2: not YAML: the mapping `{\u2026}` that begins at 1:4 is not closed, or a `,` is missing",
        ),
        (b'a: "x\nb: 1\n', "3:1: not YAML: the quotes that begin at 1:4 are not closed"),
        (b"a: 'x\n---\n", "2:1: not YAML: the quotes that begin at 1:4 are not closed"),
        (
            b"- a\nb: 1\n",
            "2:1: not YAML: an item (`- \u2026`) was expected; look at the indentation of the list that begins at 1:1",
        ),
        (
            b"a: 1\n- b\n",
            "2:1: not YAML: a key was expected; look at the indentation and the quotes of the block that begins at 1:1",
        ),
        (b"a: - b\n", "1:4: not YAML: an item (`- \u2026`) is not allowed here"),
        (b"a: 1\nb\n", "3:1: not YAML: a `:` after the key is missing, or the text of several lines is not indented"),
        (b"%YAML 1.2\n---\na: 1\n", "1:1: only %YAML 1.1 is understood"),
        (b"a: *x\n", "1:4: the anchor 'x' is not known"),
        (b"[a]: b\n", "1:1: a mapping key must be plain text, not a list or a mapping"),
        (b"~: b\n", "1:1: a mapping key must be plain text, not empty"),
        (b"a: .inf\n", "1:4: .inf is not a number that JSON has"),
        (b"a: !!int x\n", "1:4: 'x' cannot be read as !!int"),
        (b"<<: 3\n", "1:5: `<<` needs a mapping, or a list of mappings"),
    ],
)
def test_what_is_no_yaml_is_told_in_words_that_help(text: bytes, said: str) -> None:
    with pytest.raises(YamlError) as caught:
        goyaml.load(text)
    assert f"{caught.value.line}:{caught.value.column}: {caught.value}" == said


def test_numbers_become_text_as_in_go() -> None:
    assert [goyaml.format_float(value) for value in (1.3, 5.319e10, 1e5, 1e6, 1e-5, 100000.5)] == [
        "1.3",
        "5.319e+10",
        "100000",
        "1e+06",
        "1e-05",
        "100000.5",
    ]
