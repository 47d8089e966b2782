"""Supplemental files lie where their settings belong."""

from __future__ import annotations

from pathlib import Path

import pytest

from prow.checkconfig.shards import config_shards, plugin_shards
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
