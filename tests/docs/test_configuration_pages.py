"""The page about configuration, as a newcomer reads it: its first configuration works, and each mistake in it is told so that it can be mended."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prow.cli.main import COMMANDS, NOT_PLANNED, NOT_YET
from prow.cli.schema import KINDS, schema_for
from prow.lib import goyaml
from tests.support.checkconfig import checked, lines, written
from tests.support.json_schema import problems
from tests.support.pages import ROOT, blocks

GUIDE = ROOT / "docs/configuration/README.md"
UPSTREAM = ROOT / "docs/coming-from-upstream.md"
FIRST = dict(zip(("config.yaml", "jobs/rockets.yaml", "plugins.yaml"), blocks(GUIDE, "yaml"), strict=False))


def told(folder: Path, *changes: tuple[str, str, str]) -> list[str]:
    """What checkconfig says about the first configuration with these changes: (file, what stands there, what is written instead)."""
    files = dict(FIRST)
    for file, before, after in changes:
        assert before in files[file]
        files[file] = files[file].replace(before, after, 1)
    return lines(checked(written(folder, files), strict=True), folder)


def test_the_first_configuration_has_nothing_to_tell(tmp_path: Path) -> None:
    assert told(tmp_path) == []


def test_a_broken_configuration_is_told_as_the_page_says(tmp_path: Path) -> None:
    said = told(
        tmp_path,
        ("config.yaml", "timeout: 30m", "timeout: half an hour"),
        ("config.yaml", "missingLabels", "missinglabel"),
    )
    (text,) = blocks(GUIDE, "text")
    assert said == text.splitlines()


MISTAKES = [
    # A key, a value or a kind of value that cannot be.
    ("config.yaml", "timeout: 30m", "timout: 30m", "config.yaml:4:7: [unknown-fields]", "did you mean 'timeout'?"),
    ("config.yaml", "timeout: 30m", "timeout: 30 minutes", "config.yaml:4:16: [config]", "units are ns, us, ms, s, m, h"),
    ("config.yaml", "orgs: [acme]", "orgs: acme", "config.yaml:15:11: [config]", "expected a list"),
    ("jobs/rockets.yaml", "optional: true", "optional: 'yes'", "jobs/rockets.yaml:13:15: [config]", "expected true or false"),
    ("jobs/rockets.yaml", "command: [make]", "command: make", "jobs/rockets.yaml:9:18: [config]", "expected a list"),
    ("jobs/rockets.yaml", "optional: true", "optinal: true", "jobs/rockets.yaml:13:5: [unknown-fields-all]", "did you mean 'optional'?"),
    # YAML.
    ("config.yaml", "  queries:", "\tqueries:", "config.yaml:14:1: [config]", "a tab cannot indent; use blanks"),
    ("jobs/rockets.yaml", "  - name: docs", "  name: docs", "jobs/rockets.yaml:12:19: [config]", "look at the indentation"),
    # Rules.
    ("config.yaml", "path_strategy: explicit", "path_strategy: explict", "config.yaml:7:24: [config]", "must be one of legacy, single, explicit"),
    ("jobs/rockets.yaml", "optional: true", "always_run: true", "jobs/rockets.yaml:12:21: [config]", "always_run and run_if_changed exclude each other"),
    ("jobs/rockets.yaml", "name: docs", "name: unit", "jobs/rockets.yaml:11:5: [config]", "(jobs/rockets.yaml:3)"),
    ("jobs/rockets.yaml", "name: unit", "name: unit tests", "jobs/rockets.yaml:3:11: [config]", "only letters, digits, `-`, `.` and `_`"),
    ("jobs/rockets.yaml", '"0 3 * * *"', '"0 25 * * *"', "jobs/rockets.yaml:22:9: [config]", "'25' is outside of 0-23"),
    ("jobs/rockets.yaml", r"_changed: \.md$", "_changed: (?!docs)", "jobs/rockets.yaml:4:27: [config]", "not a regular expression (RE2)"),
    # Names.
    ("plugins.yaml", "trigger,", "triger,", "plugins.yaml:3:15: [unknown-plugin]", "did you mean 'trigger'?"),
    ("config.yaml", "approved]", "aproved]", "config.yaml:16:20: [unknown-label]", "did you mean 'approved'?"),
    ("jobs/rockets.yaml", "  acme/rockets:", "  rockets:", "jobs/rockets.yaml:3:5: [unknown-repo]", "'rockets' is not of the form org/repo"),
    # What does not go together.
    ("plugins.yaml", "lgtm, ", "", "config.yaml:16:14: [mismatched-tide]", "the plugin lgtm is not on there"),
    ("plugins.yaml", "verify-owners, ", "", "plugins.yaml:2:3: [validate-owners]", "verify-owners is not on there"),
    ("plugins.yaml", "trigger, ", "", "jobs/rockets.yaml:3:5: [missing-trigger]", "has jobs, but the plugin trigger"),
    ("jobs/rockets.yaml", "decorate: true\n", "decorate: false\n", "jobs/rockets.yaml:5:15: [non-decorated-jobs]", "say decorate: true"),
    ("config.yaml", "        bucket: s3://prow-logs\n", "", "jobs/rockets.yaml:3:5: [missing-bucket]", "gcs_configuration.bucket"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "before", "after", "place", "hint"), MISTAKES)
def test_a_newcomers_mistake_is_told_with_what_to_do(
    file: str, before: str, after: str, place: str, hint: str, tmp_path: Path
) -> None:
    """At its place, in words that say what to do. What the page has is the mended form: with it there is nothing to tell."""
    said = told(tmp_path, (file, before, after))
    assert [line for line in said if line.startswith(place) and hint in line], said


@pytest.mark.parametrize(("name", "kind"), list(zip(FIRST, ("config", "jobs", "plugins"), strict=True)))
def test_the_first_configuration_is_what_the_schemas_describe(name: str, kind: str) -> None:
    assert list(problems(goyaml.load(FIRST[name]), schema_for(KINDS[kind]))) == []


def test_the_pages_name_what_is_missing_and_nothing_that_is_here() -> None:
    text = UPSTREAM.read_text()
    later, never = (re.search(rf"\| commands that {what} \|(.*)\|", text) for what in ("come later", "are not planned"))
    assert later is not None
    assert never is not None
    assert set(re.findall(r"`([^`]+)`", never[1])) == set(NOT_PLANNED)
    assert set(NOT_YET) == set(re.findall(r"`([^`]+)`", later[1])) - set(COMMANDS)


def test_every_kind_of_file_has_its_page() -> None:
    for name in KINDS:
        assert f"({name}.md)" in GUIDE.read_text()
