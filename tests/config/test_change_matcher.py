"""Asked about all paths at once, a matcher says what it says path by path."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from prow.config.job import ChangedPaths, ChangeMatcher
from prow.lib.regex import RegexError

PARTS = [
    "^", "$", "a", "b/", "[^a]", ".", r"\.go", ".*", "(?:a|b)", "|", "(a)", r"\s", r"\b", r"\B", r"\A", r"\z", "(?s).", "(?-m)$",
    "[^/]*", r"\Qa", r"\n", "$^", "(?i)A", "a$",
]  # fmt: skip
PATHS = st.lists(st.text(alphabet="ab/.go\né ", max_size=6), min_size=16, max_size=40)


@example(parts=["a$"], paths=["" for _ in range(15)] + ["a\n"], skips=False)
@given(parts=st.lists(st.sampled_from(PARTS), max_size=5), paths=PATHS, skips=st.booleans())
@settings(max_examples=400, deadline=None)
def test_all_at_once_is_one_by_one(parts: list[str], paths: list[str], skips: bool) -> None:
    try:
        matcher = ChangeMatcher("".join(parts), skips=skips)
    except RegexError:
        return
    assert matcher.matches(ChangedPaths(paths)) is matcher.matches(paths)


def test_a_pattern_that_reaches_over_the_end_of_a_line_finds_nothing_there() -> None:
    paths = ChangedPaths(f"dir/{n}" for n in range(40))
    assert not ChangeMatcher(r"^dir/1[^x]dir", skips=False).matches(paths)
    assert ChangeMatcher("^dir/39$", skips=False).matches(paths)
    assert ChangeMatcher("^dir/0$", skips=False).matches(paths)


def test_no_changed_files_start_nothing() -> None:
    for skips in (False, True):
        assert not ChangeMatcher("", skips=skips).matches(ChangedPaths())


def test_both_kinds_of_matcher_keep_their_own_answer() -> None:
    paths = ChangedPaths(["docs/a.md"] * 20)
    assert ChangeMatcher("^docs/", skips=False).matches(paths)
    assert not ChangeMatcher("^docs/", skips=True).matches(paths)
