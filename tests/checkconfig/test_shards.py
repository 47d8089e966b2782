"""Supplemental files lie where their settings belong."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from prow.checkconfig.shards import config_shards, plugin_shards
from prow.config.supplemental import PLUGINS_SUFFIX, Supplements
from tests.support.checkconfig import checked, lines, written

NAME = "validate-supplemental-prow-config-hierarchy"
OWN_ORG = "tide:\n  queries:\n  - orgs: [acme]\n    labels: [lgtm]\n"
OWN_REPO = "branch-protection:\n  orgs:\n    acme:\n      repos:\n        rockets: {protect: true}\n"


def told(folder: Path, files: dict[str, str], *, plugins: bool = False) -> list[str]:
    paths = written(folder, files)
    shards = (
        plugin_shards([str(folder / "more")], "_pluginconfig.yaml")
        if plugins
        else config_shards([str(folder / "more")], "_prowconfig.yaml")
    )
    return lines(checked(paths, [NAME], shards=tuple(shards)), folder)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("any_prowconfig.yaml", "log_level: debug\n"),
        ("acme/org_prowconfig.yaml", OWN_ORG),
        ("acme/rockets/repo_prowconfig.yaml", OWN_REPO),
        ("acme/notes.yaml", "log_level: debug\n"),
        ("..data/acme/org_prowconfig.yaml", "log_level: debug\n"),
    ],
)
def test_file_in_its_folder_is_fine(tmp_path: Path, place: str, text: str) -> None:
    assert told(tmp_path, {f"more/{place}": text}) == []


@pytest.mark.parametrize(
    ("place", "text", "said"),
    [
        (
            "acme/a_prowconfig.yaml",
            OWN_ORG + "log_level: debug\n",
            "may have settings for acme alone; it has some for everything",
        ),
        ("other/a_prowconfig.yaml", OWN_ORG, "may have settings for other alone; it has some for acme"),
        ("acme/a_prowconfig.yaml", OWN_REPO, "may have settings for acme alone; it has some for acme/rockets"),
        ("acme/r/a_prowconfig.yaml", OWN_REPO, "may have settings for acme/r alone; it has some for acme/rockets"),
        ("acme/r/a_prowconfig.yaml", "", "must have settings for acme/r; it has none"),
        ("acme/r/s/a_prowconfig.yaml", OWN_REPO, "put it into ORG/ or ORG/REPO/"),
        ("acme/a_prowconfig.yaml", "tide: [", "more/acme/a_prowconfig.yaml: ["),
    ],
)
def test_file_elsewhere_is_told(tmp_path: Path, place: str, text: str, said: str) -> None:
    found = told(tmp_path, {f"more/{place}": text})
    assert len(found) == 1
    assert found[0].startswith(f"more/{place}: [{NAME}] ")
    assert said in found[0]


def test_plugin_files_have_the_same_rule(tmp_path: Path) -> None:
    own = "plugins:\n  acme/rockets:\n    plugins: [lgtm]\nlgtm:\n- repos: [acme/rockets]\n"
    assert told(tmp_path, {"more/acme/rockets/a_pluginconfig.yaml": own}, plugins=True) == []
    (said,) = told(
        tmp_path, {"more/acme/rockets/a_pluginconfig.yaml": own + "owners: {mdyamlrepos: [x]}\n"}, plugins=True
    )
    assert "for acme/rockets alone; it has some for everything" in said
    assert list(plugin_shards([str(tmp_path / "more")], "")) == []


def test_warning_about_a_supplemental_file_is_told_there(tmp_path: Path) -> None:
    strict = OWN_REPO.replace("{protect: true}", "{protect: true, required_status_checks: {strict: true}}")
    files = {
        "config.yaml": "tide:\n  queries:\n  - orgs: [other]\n    labels: [lgtm]\n",
        "plugins.yaml": "plugins:\n  other:\n    plugins: [lgtm]\n",
        "more/acme/org_prowconfig.yaml": OWN_ORG,
        "more/acme/rockets/repo_prowconfig.yaml": strict,
        "more/acme/org_pluginconfig.yaml": "plugins:\n  acme:\n    plugins: [approve]\n",
    }
    folders = (str(tmp_path / "more"),)
    paths = msgspec.structs.replace(
        written(tmp_path, files),
        supplemental=Supplements(paths=folders),
        supplemental_plugins=Supplements(paths=folders, suffix=PLUGINS_SUFFIX),
    )
    found = lines(checked(paths, ["tide-strict-branch", "mismatched-tide", "validate-owners"]), tmp_path)
    assert [line.partition("] ")[0] for line in found] == [
        "more/acme/org_pluginconfig.yaml:2:3: [mismatched-tide",
        "more/acme/org_pluginconfig.yaml:2:3: [validate-owners",
        "more/acme/org_prowconfig.yaml:4:14: [mismatched-tide",
        "more/acme/rockets/repo_prowconfig.yaml:5:67: [tide-strict-branch",
    ]
