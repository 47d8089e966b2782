"""Sets of repositories are sets: compared with what they say about names one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prow.checkconfig.repo_sets import Item, RepoSet, merged_by, with_external_plugin, with_plugin
from prow.config.plugin_options import ExternalPlugin, RepoPlugins
from prow.config.plugins import PluginsConfig
from prow.config.tide import TideQuery

ORGS = ("a", "b")
# `other` stands for every repository that nobody has named.
REPOS = [f"{org}/{name}" for org in ORGS for name in ("x", "y", "other")]
named = st.lists(st.sampled_from([name for name in REPOS if not name.endswith("other")]), max_size=3)
sets = st.builds(
    lambda orgs, repos, without: RepoSet.of(orgs=orgs, repos=repos, without=without),
    st.lists(st.sampled_from(ORGS), max_size=2),
    named,
    named,
)


def members(repos: RepoSet) -> set[str]:
    return {name for name in REPOS if name in repos}


@given(sets, sets)
def test_operations_are_those_of_sets(one: RepoSet, other: RepoSet) -> None:
    assert members(one | other) == members(one) | members(other)
    assert members(one & other) == members(one) & members(other)
    assert members(one - other) == members(one) - members(other)
    assert bool(one) == bool(members(one))


@given(sets)
def test_items_say_what_is_in(repos: RepoSet) -> None:
    items = list(repos)
    again = RepoSet.of(
        orgs=[item.key for item in items if "/" not in item.key],
        repos=[item.key for item in items if "/" in item.key],
        without=[name for item in items for name in item.without],
    )
    assert again == repos
    assert len({repos, again}) == 1


def test_items_are_shown_as_people_write_them() -> None:
    assert [str(item) for item in RepoSet.of(orgs=["b"], repos=["a/x"], without=["b/y", "b/x"])] == [
        "a/x",
        "b (except b/x, b/y)",
    ]
    assert str(Item("a")) == "a"


def test_a_repository_that_one_query_leaves_out_may_be_in_another() -> None:
    queries = [TideQuery(orgs=("a",), excluded_repos=("a/x", "a/y")), TideQuery(repos=("a/x",))]
    assert members(merged_by(queries)) == {"a/x", "a/other"}


def test_a_repository_turns_on_what_its_org_leaves_out() -> None:
    plugins = PluginsConfig(
        plugins={
            "a": RepoPlugins(plugins=("lgtm",), excluded_repos=("x", "y")),
            "a/x": RepoPlugins(plugins=("lgtm",)),
            "b": RepoPlugins(plugins=("hold",)),
        },
        external_plugins={"b": (ExternalPlugin(name="needs-rebase"),), "a/x": (ExternalPlugin(name="needs-rebase"),)},
    )
    assert members(with_plugin(plugins, "lgtm")) == {"a/x", "a/other"}
    assert members(with_external_plugin(plugins, "needs-rebase")) == {"a/x", "b/x", "b/y", "b/other"}
