"""What one OWNERS file says, and that no file can do harm (`spec/plugins-review` §2.1-2.3)."""

from __future__ import annotations

import gzip
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prow.lib import regex
from prow.owners import parse, rules
from prow.owners.model import Layout, Options, OwnersFile
from prow.owners.queries import RepoOwners
from tests.support.data import DATA, needs_data


def of(text: str) -> RepoOwners:
    return RepoOwners(files={"a": parse.owners_file(text.encode(), {"team": frozenset({"x", "y"})})})


@pytest.mark.parametrize(
    ("text", "approvers"),
    [
        ("approvers: [Bob, '@Ann']", {"bob", "ann"}),
        ("APPROVERS: [bob]", {"bob"}),
        ("approvers: [team, bob]", {"x", "y", "bob"}),
        ("approvers: [bob]\nemeritus_approvers: [old]\nnonsense: 3", {"bob"}),
        ('{"approvers": ["bob"]}', {"bob"}),
        ("approvers: [123]", set()),
        ("approvers: bob", set()),
        ("approvers: [bob]\nfilters: {'.*': {approvers: [eve]}}", {"bob"}),
        ("filters: {'.*': {approvers: [123, yes]}}", {"123", "true"}),
        (r"filters: {'\.go$': {approvers: [bob]}}", {"bob"}),
        (r"filters: {'^b/x\.go$': {approvers: [bob]}}", {"bob"}),
        (r"filters: {'^a/': {approvers: [bob]}}", set()),
        ("filters: {'(': {approvers: [eve]}, 'x': {approvers: [bob]}}", {"bob"}),
        ("filters: {'x': bob}", set()),
        ("approvers: [bob]\noptions: [3]", set()),
        ("- approvers", set()),
        ("approvers: [", set()),
        ("", set()),
    ],
)
def test_who_approves(text: str, approvers: set[str]) -> None:
    assert of(text).approvers("a/b/x.go") == approvers


def test_a_file_may_hold_options_alone() -> None:
    assert of("options: {no_parent_owners: true}").is_no_parent_owners("a")
    # The spoilt list spoils the simple form, but not the options.
    assert of("approvers: [1]\noptions: {no_parent_owners: true}").is_no_parent_owners("a")
    assert not of("approvers: [1]\noptions: {no_parent_owners: 3}").is_no_parent_owners("a")


def test_a_folder_without_parents_owners_falls_through_where_it_names_nobody() -> None:
    child = parse.owners_file(rb"{filters: {'\.md$': {approvers: [mia]}}, options: {no_parent_owners: true}}", {})
    owners = RepoOwners(files={"": parse.owners_file(b"approvers: [root]", {}), "a": child})
    assert owners.approvers("a/x.md") == {"mia"}
    assert owners.approvers("a/x.go") == {"root"}


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("aliases: {Team: [Ann, '@bob']}", {"team": {"ann", "bob"}}),
        ("aliases:\n  team: {ann, bob}\n  nobody:\n", {"team": {"ann", "bob"}, "nobody": set()}),
        ("aliases: {team: [other], other: [ann]}", {"team": {"other"}, "other": {"ann"}}),
        ("aliases: {team: ann}", {}),
        ("aliases: {team: [ann], other: [3]}", {}),
        ("aliases: [team]", {}),
        ("[", {}),
        ("", {}),
    ],
)
def test_groups(text: str, groups: dict[str, set[str]]) -> None:
    assert parse.owners_aliases(text.encode()) == groups


@pytest.mark.parametrize(
    ("text", "owned"),
    [
        ("---\napprovers: [ann]\n---\ntext\n---\nmore", True),
        ("---\n\n---\n", False),
        ("---\napprovers: [ann]\n", False),
        ("\n---\napprovers: [ann]\n---\n", False),
        ("---\ntitle: x\napprovers: [ann]\n---", True),
        ("---\nfilters: {'.*': {approvers: [ann]}}\n---\n", False),
    ],
)
def test_front_matter(text: str, owned: bool) -> None:
    assert bool(parse.front_matter(text.encode(), {}).entries) is owned


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("OWNERS", True),
        ("a/OWNERS", True),
        ("OWNERS_ALIASES", True),
        ("a/OWNERS_ALIASES", False),
        ("a/OWNERS.md", False),
        ("vendor/OWNERS", True),
        ("vendor/x/OWNERS", True),
        ("vendor/x/y/OWNERS", False),
        ("vendor/x/y/z/OWNERS", False),
        ("_output/OWNERS", False),
        ("a_output/b/OWNERS", False),
    ],
)
def test_which_files_count(path: str, counts: bool) -> None:
    assert rules.wanted(Layout(denied=(r"\.git$", "_output$", "vendor/.*/.*", "(")))(path) is counts


def test_names_that_the_config_leaves_empty_are_no_files() -> None:
    wanted = rules.wanted(Layout(owners="PEOPLE", aliases=""))
    assert wanted("a/PEOPLE")
    assert not wanted("OWNERS")
    assert not wanted("")


def test_a_tree_of_any_depth_is_walked() -> None:
    wanted = rules.wanted(Layout(denied=("x$",)))
    assert wanted("a/" * 2_000 + "OWNERS")
    assert not wanted("a/" * 2_000 + "x/OWNERS")
    assert not wanted("a/" * 50_000 + "OWNERS")


@needs_data
def test_both_forms_decode_as_in_the_original() -> None:
    with gzip.open(DATA / "golden" / "yaml-structs.jsonl.gz") as lines:
        cases = [
            case
            for line in lines
            if (case := msgspec.json.decode(line))["in"]["into"] in {"SimpleConfig", "FullConfig"}
        ]
    assert len(cases) > 80
    for case in cases:
        good = case["out"]["lenient"].get("ok")
        if case["in"]["into"] == "FullConfig" and "filters" not in (good or {"filters": {}}):
            continue  # recorded as if the simple form did not exist
        found = parse.owners_file(case["in"]["text"].encode(), {})
        assert _said(found) == (_recorded(good) if good is not None else set()), (case["case"], case["in"]["text"])


def _recorded(value: dict[str, Any]) -> set[tuple[str, str]]:
    lists = [("", value)] if "filters" not in value else list(value["filters"].items())
    return {
        ("" if pattern == ".*" else pattern, parse.login_of(name))
        for pattern, part in lists
        if regex.check(pattern) is None
        for role in ("approvers", "reviewers", "required_reviewers", "labels")
        for name in part.get(role) or ()
    }


def _said(file: OwnersFile) -> set[tuple[str, str]]:
    return {
        (entry.pattern.pattern if entry.pattern is not None else "", name)
        for entry in file.entries
        for names in msgspec.structs.astuple(entry.people)
        for name in names or ()
    }


WORDS = st.sampled_from(
    ["approvers", "reviewers", "filters", "options", "no_parent_owners", "aliases", ".*", "(", "[", "]", "{", "}", ":", "-", "bob", "@", "&a", "*a", "<<", "\n", "  ", "---", "3", "yes", "null", "!!binary", "\t", "'"]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=200), st.lists(WORDS, max_size=30).map(lambda words: " ".join(words).encode())))
@settings(max_examples=300, deadline=None)
def test_no_file_can_do_harm(data: bytes) -> None:
    aliases = parse.owners_aliases(data)
    for file in (parse.owners_file(data, aliases), parse.front_matter(data, aliases)):
        owners = RepoOwners(files={"": file, "a": file})
        assert owners.approvers("a/b.go") <= owners.all_approvers()
        assert owners.leaf_approvers("a/b.go") <= owners.approvers("a/b.go")


def test_bombs_say_nothing() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert parse.owners_file("\n".join([*lines, "approvers: [eve]"]).encode(), {}) == OwnersFile()
    assert parse.owners_file(b"[" * 100_000, {}) == OwnersFile()
    assert parse.owners_file(b"approvers: [eve]\n#" + b"x" * parse.LARGEST, {}) == OwnersFile(options=Options())
