"""Supplemental files: what they add, and what is said of those that exclude each other."""

from pathlib import Path

import pytest

from prow.config.agent import ConfigAgent
from prow.config.cache import Cache
from prow.config.errors import ConfigError
from prow.config.load import Loader, load
from prow.config.load_plugins import load_plugins
from prow.config.supplemental import PLUGINS_SUFFIX, Supplements

MAY_HAVE = (
    "a supplemental config may have branch-protection, slack_reporter_configs, tide.merge_method and tide.queries alone"
)
POLICY = "branch-protection:\n  orgs:\n    o:\n      enforce_admins: true\n"


def written(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        file = folder / (name.replace("__", "/") + ".yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def supplements(folder: Path, **texts: str) -> Supplements:
    return Supplements((str(written(folder / "more", **texts)),))


def problems(folder: Path, config: str, **texts: str) -> list[str]:
    more = supplements(folder, **texts)
    with pytest.raises(ConfigError) as caught:
        load(written(folder, config=config) / "config.yaml", supplemental=more)
    return str(caught.value).replace(f"{folder}/", "").split("\n")


def test_what_may_be_set_in_several_files_adds_up(tmp_path: Path) -> None:
    more = supplements(
        tmp_path,
        o__queries_prowconfig="tide:\n  queries:\n  - orgs: [o]\n  merge_method: {o: squash}\n",
        p__r__all_prowconfig="branch-protection: {orgs: {o: {repos: {r: {protect: true}}}}}\nplanc: 1\n",
        notes="not: [read",
    )
    config = load(written(tmp_path, config=POLICY) / "config.yaml", supplemental=more)
    assert config.tide.queries[0].orgs == ("o",)
    assert config.tide.merge_method_for("o", "x", "main") == "squash"
    assert config.branch_protection.orgs["o"].enforce_admins is True
    assert config.branch_protection.orgs["o"].repos["r"].protect is True
    (warning,) = config.warnings
    assert warning.endswith("all_prowconfig.yaml:2:1: unknown key 'planc'; did you mean 'plank'?")


def test_everything_wrong_with_them_is_told_where_it_stands(tmp_path: Path) -> None:
    assert problems(
        tmp_path,
        POLICY + "slack_reporter_configs: {o: {channel: c}}\n",
        a_prowconfig="plank:\n  max_concurrency: 3\n",
        b_prowconfig=POLICY + "slack_reporter_configs: {o: {channel: c}}\n",
        c_prowconfig="tide:\n  sync_period: 2m\n  merge_method: {o: squash}\n",
        d_prowconfig="tide:\n  merge_method: {o: merge}\n",
    ) == [
        f"more/a_prowconfig.yaml:1:1: {MAY_HAVE}",
        "more/b_prowconfig.yaml:5:26: another file has o already",
        "more/b_prowconfig.yaml:3:5: another file has a policy for o already",
        f"more/c_prowconfig.yaml:2:3: {MAY_HAVE}",
        "more/d_prowconfig.yaml:2:18: another file has o already",
    ]


def test_a_wrong_query_is_told_in_its_own_file(tmp_path: Path) -> None:
    text = "tide:\n  queries:\n  - orgs: [o/r]\n"
    assert problems(tmp_path, "tide: {queries: [{orgs: [o]}]}\n", a_prowconfig=text) == [
        "more/a_prowconfig.yaml:3:12: tide query: 'o/r' is no org"
    ]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    main = written(tmp_path, config="") / "config.yaml"
    with pytest.raises(ConfigError, match="--supplemental-prow-config-dir cannot be read: No such file"):
        load(main, supplemental=Supplements((str(tmp_path / "none"),)))


def test_a_changed_supplemental_file_is_seen_with_and_without_a_cache(tmp_path: Path) -> None:
    main = written(tmp_path, config="") / "config.yaml"
    more = supplements(tmp_path, a_prowconfig="tide: {queries: [{orgs: [o]}]}\n")
    for cache in (None, Cache(tmp_path / "cache")):
        loader = Loader(main, supplemental=more, cache=cache)
        before = loader.load()
        assert loader.load().hash == before.hash
        supplements(tmp_path, a_prowconfig="tide: {queries: [{orgs: [other]}]}\n")
        after = loader.load(distrust=True)
        assert after.hash != before.hash
        assert after.tide.queries[0].orgs == ("other",)
        supplements(tmp_path, a_prowconfig="tide: {queries: [{orgs: [o]}]}\n")


async def test_an_agent_reads_supplemental_plugin_files(tmp_path: Path) -> None:
    main = written(tmp_path, config="", plugins="plugins: {o: [hold]}\n") / "config.yaml"
    folder = written(tmp_path / "more", a_pluginconfig="plugins: {p: [wip]}\n")
    more = Supplements((str(folder),), PLUGINS_SUFFIX)
    agent = ConfigAgent(main, "", tmp_path / "plugins.yaml", supplemental_plugins=more)
    await agent.load()
    assert agent.plugins.plugins_for("p", "r") == ("wip",)
    written(folder, a_pluginconfig="plugins: {p: [wip, size]}\n")
    assert await agent.reload()
    assert agent.plugins.plugins_for("p", "r") == ("wip", "size")


def test_plugin_files_that_exclude_each_other_are_told_where_they_stand(tmp_path: Path) -> None:
    written(tmp_path, plugins="plugins:\n  o: [hold]\nwelcome:\n- repos: [o]\n")
    texts = {
        "a_pluginconfig": "plugins:\n  o: [wip]\nsize: {s: 1}\n",
        "b_pluginconfig": "bugzilla: {orgs: {o: {repos: {r: {branches: {}}}}}}\n",
        "c_pluginconfig": "bugzilla: {orgs: {o: {repos: {r: {branches: {}}}}}}\nlabel: {additional_labels: [x]}\n",
    }
    more = Supplements((str(written(tmp_path / "more", **texts)),), PLUGINS_SUFFIX)
    with pytest.raises(ConfigError) as caught:
        load_plugins(tmp_path / "plugins.yaml", supplemental=more)
    assert [
        line.replace(f"{tmp_path}/more/", "").partition("may have")[0] for line in str(caught.value).split("\n")
    ] == [
        "a_pluginconfig.yaml:3:1: a supplemental plugin config ",
        "a_pluginconfig.yaml:2:3: another file has o already",
        "c_pluginconfig.yaml:2:9: a supplemental plugin config ",
        "c_pluginconfig.yaml:1:31: another file has r already",
    ]


def test_a_repository_with_two_entries_in_different_files_is_told(tmp_path: Path) -> None:
    written(tmp_path, plugins="welcome:\n- repos: [o]\n")
    more = Supplements((str(written(tmp_path / "more", a_pluginconfig="welcome: [{repos: [o]}]\n")),), PLUGINS_SUFFIX)
    with pytest.raises(ConfigError, match="together with the supplemental files: o is listed twice in welcome"):
        load_plugins(tmp_path / "plugins.yaml", supplemental=more)
