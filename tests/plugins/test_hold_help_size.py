"""The small plugins, told as what people do; and how `size` reads what is generated (`spec/plugins-review` §12.1)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from prow.config.config import Config
from prow.config.plugin_options import HelpConfig, SizeConfig
from prow.config.plugins import PluginsConfig
from prow.lib.errors import Permanent
from prow.model.events import IssueEvent
from prow.plugins import help as help_plugin
from prow.plugins import hold, size
from tests.plugins.world import Story, World

HOLD = "do-not-merge/hold"


def told(world: World, *plugins: Any, config: PluginsConfig | None = None) -> Story:
    return Story(world, Config(), config or PluginsConfig(), enabled=plugins)


async def test_hold_costs_two_calls_and_nothing_when_it_is_held() -> None:
    world = World()
    story = told(world, hold.PLUGIN)
    await story.comment("anyone", "/hold until monday")
    assert world.calls == ["list_issue_labels", "add_labels"]
    await story.comment("anyone", "/HOLD")
    assert world.calls == ["list_issue_labels", "add_labels", "list_issue_labels"]
    assert world.labels == [HOLD]


@pytest.mark.parametrize(
    "words", ["/hold cancel", "/unhold", "/remove-hold", "/hold\n/hold cancel", "x\r\n/unhold\r\n"]
)
async def test_letting_go_wins(words: str) -> None:
    world = World({"labels": [HOLD]})
    await told(world, hold.PLUGIN).comment("anyone", words)
    assert world.labels == []


@pytest.mark.parametrize("words", ["> /hold", "/holdon", "/removehold", "/remove - hold", "please /hold", " /hold"])
async def test_what_only_looks_like_hold_costs_nothing(words: str) -> None:
    world = World()
    await told(world, hold.PLUGIN).comment("anyone", words)
    assert not world.calls


@pytest.mark.parametrize("more", [{"is_pr": False}, {"action": "edited"}, {"action": "deleted"}])
async def test_only_new_comments_on_pull_requests_hold(more: dict[str, Any]) -> None:
    world = World()
    await told(world, hold.PLUGIN).comment("anyone", "/hold", **more)
    assert not world.calls


async def test_a_closed_pull_request_can_be_held() -> None:
    world = World({"state": "closed"})
    await told(world, hold.PLUGIN).comment("anyone", "/hold")
    assert world.labels == [HOLD]


async def test_help_is_asked_for_and_taken_back() -> None:
    world = World()
    story = told(world, help_plugin.PLUGIN)
    await story.comment("ann", "/help", is_pr=False)
    assert world.labels == ["help wanted"]
    assert help_plugin.HELP_MARK in world.said[0]
    await story.comment("ann", "/remove-help", is_pr=False)
    assert world.labels == []
    assert not world.said


async def test_a_good_first_issue_also_wants_help_and_both_go_together() -> None:
    world = World()
    summary = HelpConfig(help_guidelines_url="https://x.example/g", help_guidelines_summary="Be kind.")
    story = told(world, help_plugin.PLUGIN, config=PluginsConfig(help=summary))
    await story.comment("ann", "/good-first-issue", is_pr=False)
    assert world.labels == ["good first issue", "help wanted"]
    assert "https://x.example/g#good-first-issue" in world.said[0]
    assert "### Guidelines\nBe kind." in world.said[0]
    await story.comment("ann", "/remove-help", is_pr=False)
    assert world.labels == []
    assert not world.said


async def test_only_the_first_label_goes_with_remove_good_first_issue() -> None:
    world = World({"labels": ["good first issue", "help wanted"]})
    await told(world, help_plugin.PLUGIN).comment("ann", "/remove-good-first-issue", is_pr=False)
    assert world.labels == ["help wanted"]


@pytest.mark.parametrize("more", [{"is_pr": True}, {"is_pr": False, "issue_state": "closed"}])
async def test_help_is_for_open_issues(more: dict[str, Any]) -> None:
    world = World()
    await told(world, help_plugin.PLUGIN).comment("ann", "/help", **more)
    assert not world.calls


async def test_a_hostile_call_for_help_is_quoted_and_not_obeyed() -> None:
    world = World()
    words = f"/help\n@org/team <!-- test report --> {help_plugin.GOOD_FIRST_MARK}"
    await told(world, help_plugin.PLUGIN).comment("eve", words, is_pr=False)
    assert "@org" not in world.said[0]
    assert world.said[0].count("<!--") == 1
    await told(world, help_plugin.PLUGIN).comment("eve", "/good-first-issue\n/remove-good-first-issue", is_pr=False)
    assert len(world.said) == 2


async def test_plugins_ignore_events_that_are_not_theirs() -> None:
    world = World()
    ctx = told(world).context("any", "guid", effects=None, view=None)  # type: ignore[arg-type]
    for plugin in (hold, help_plugin, size):
        await plugin.handle(ctx, IssueEvent())
    assert not world.calls


@pytest.mark.parametrize(
    ("lines", "label"),
    [
        (0, "XS"),
        (9, "XS"),
        (10, "S"),
        (29, "S"),
        (30, "M"),
        (99, "M"),
        (100, "L"),
        (499, "L"),
        (500, "XL"),
        (1000, "XXL"),
    ],
)
def test_where_the_sizes_begin(lines: int, label: str) -> None:
    assert size.label_for(lines, size.bounds(SizeConfig())) == f"size/{label}"


def test_bounds_that_are_not_given_are_the_usual_ones() -> None:
    assert size.bounds(SizeConfig(s=1, xl=900)) == (1, 30, 100, 900, 1000)


async def test_a_pull_request_has_one_size_and_costs_five_calls_at_most() -> None:
    world = World({"labels": ["size/XL", "size/odd", "x"], "files": ["a", "b"], "additions": [20, 15]})
    await told(world, size.PLUGIN).pull("opened")
    assert world.labels == ["x", "size/M"]
    assert world.calls.count("list_files") == world.calls.count("list_issue_labels") == 1
    world.calls.clear()
    await told(world, size.PLUGIN).pull("synchronize")
    assert sorted(world.calls) == ["get_file", "get_file", "list_files", "list_issue_labels"]


async def test_other_things_that_happen_to_a_pull_request_cost_nothing() -> None:
    world = World()
    await told(world, size.PLUGIN).pull("labeled", label="x")
    assert not world.calls


GENERATED = """
# what machines write
path-prefix vendor/
prefix third_party/
file-prefix zz_generated.
file-name go.sum
path docs/never.md
a line of many words
alone
paths-from-repo .listed
"""


async def test_generated_files_do_not_count() -> None:
    files = [
        "vendor/a",
        "third_party/b",
        "pkg/zz_generated.x.go",
        "pkg/go.sum",
        "docs/never.md",
        "listed.txt",
        "x.pb.go",
    ]
    world = World(
        {
            "files": [*files, "real.go"],
            "additions": [1000] * 4 + [7] + [1000] * 2 + [4],
            "repo_files": {
                ".generated_files": GENERATED,
                ".listed": "listed.txt\n",
                ".gitattributes": "*.pb.go linguist-generated=true\n*.go linguist-generated=false\n*.go text\n# no\n\n",
            },
        }
    )
    await told(world, size.PLUGIN).pull("opened")
    assert world.labels == ["size/S"], "11 lines: docs/never.md, since `path` is compared with base names, and real.go"


async def test_many_files_are_compared_off_the_loop() -> None:
    names = [f"gen/{i}.go" for i in range(300)]
    world = World(
        {
            "files": names,
            "additions": [10] * 300,
            "repo_files": {".gitattributes": "\n".join(f"/gen/{i}* linguist-generated=true" for i in range(250))},
        }
    )
    await told(world, size.PLUGIN).pull("opened")
    assert world.labels == ["size/XS"]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({".generated_files": "paths-from-repo missing"}, "missing"),
        ({".gitattributes": "!x linguist-generated=true"}, "negative"),
        ({".gitattributes": "gen/ linguist-generated=true"}, "folders"),
        ({".gitattributes": "[z-a] linguist-generated=true"}, "character class"),
        ({".gitattributes": "x" * 300_000}, "larger than"),
    ],
)
async def test_rules_that_cannot_be_followed_are_an_error_that_says_so(files: dict[str, str], why: str) -> None:
    with pytest.raises(Permanent, match=why):
        await told(World({"repo_files": files}), size.PLUGIN).pull("opened")


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.pb.go", ["a.pb.go", "x/y/a.pb.go"], ["a.go", "a.pb.go.x"]),
        ("gen", ["gen", "gen/a", "x/gen/a"], ["generated", "x/agen"]),
        ("gen/**", ["gen/a", "gen/a/b"], ["x/gen/a", "agen/a"]),
        ("**/gen/*.go", ["gen/a.go", "x/y/gen/a.go"], ["gen/x/a.go"]),
        ("/doc?.md", ["docs.md"], ["doc/.md", "x/docs.md"]),
        ("[!a-c]x", ["dx"], ["ax"]),
        ("[^a]x", ["dx"], ["ax"]),
        ("[a\\d]x", ["ax", "dx", "\\x"], ["1x"]),
        ("[x", ["[x"], ["x"]),
        ("a.b+(c|d)", ["a.b+(c|d)"], ["aab+(c|d)", "a.bc"]),
    ],
)
def test_globs_of_gitattributes(pattern: str, yes: list[str], no: list[str]) -> None:
    generated = size.linguist_generated(f"{pattern} linguist-generated=true")
    assert [path for path in yes if not generated(path)] == []
    assert [path for path in no if generated(path)] == []


def test_a_hostile_glob_cannot_explode() -> None:
    generated = size.linguist_generated(f"{'*a' * 40}b linguist-generated=true")
    began = time.perf_counter()  # a guard: a backtracking engine would not come back
    assert not generated("a" * 3_000)
    assert time.perf_counter() - began < 1


def test_what_the_help_page_says_of_the_config() -> None:
    assert size.PLUGIN.config_help is not None
    assert size.PLUGIN.config_help(PluginsConfig()) == {
        "": "By changed lines: S from 10, M from 30, L from 100, XL from 500, XXL from 1000."
    }
    assert help_plugin.PLUGIN.config_help is not None
    assert "help-wanted.md" in help_plugin.PLUGIN.config_help(PluginsConfig())[""]
