"""What the recorded answers do not show: bounds, positions, errors that say where."""

import pytest

from prow.lib import goyaml
from prow.lib.goyaml import Positions, YamlError


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
m: &m {x: 1, y: 2}
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
        (("d", "y"), False, (5, 17)),
        ((), False, (1, 1)),
    ],
)
def test_the_position_of_a_path_is_found(path: tuple[str | int, ...], key: bool, place: tuple[int, int]) -> None:
    assert Positions(TEXT).find(path, key=key) == place


def test_numbers_become_text_as_in_go() -> None:
    assert [goyaml.format_float(value) for value in (1.3, 5.319e10, 1e5, 1e6, 1e-5, 100000.5)] == [
        "1.3",
        "5.319e+10",
        "100000",
        "1e+06",
        "1e-05",
        "100000.5",
    ]
