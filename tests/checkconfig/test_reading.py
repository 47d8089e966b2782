"""What keeps a configuration from loading is told all at once; what is merely unread is told by the chosen checks."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from prow.checkconfig.reading import own_files
from prow.config.errors import ConfigError
from prow.config.inrepo import MAX_FILE
from tests.support.checkconfig import checked, lines, pointed, written

JOB = "presubmits:\n  acme/rockets:\n  - name: unit\n    optinal: true\n    spec: {containers: [{image: x}]}\n"


def test_errors_of_config_jobs_and_plugins_come_together(tmp_path: Path) -> None:
    paths = written(
        tmp_path,
        {
            "config.yaml": "tide: []\nlog_level: loud\n",
            "jobs/a.yaml": "periodics: 3\n",
            "plugins.yaml": "plugins:\n  acme:\n    plugins: [lgmt, transfer-issue]\nsize: 3\n",
        },
    )
    report = checked(paths)
    assert report.failed
    assert [(finding.name, finding.line, finding.column) for finding in report.findings] == [
        ("config", 1, 7),
        ("config", 2, 12),
        ("config", 1, 12),
        ("plugin-config", 4, 7),
    ]


def test_unknown_plugin_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    """Plugins that are not built yet are known, and so is what upstream has renamed."""
    new = "plugins:\n  acme:\n    plugins: [lgmt, transfer-issue, issue-management, slackevents]\n"
    report = checked(written(tmp_path, {"plugins.yaml": new}), ["validate-urls"])
    assert report.failed
    assert lines(report, tmp_path) == [
        "plugins.yaml:3:15: [unknown-plugin] plugins.acme.plugins[0]: unknown plugin 'lgmt'; did you mean 'lgtm'?"
    ]
    old = "plugins:\n  acme: [trigger]\n  acme/rockets:\n  - holt\n"
    report = checked(written(tmp_path, {"plugins.yaml": old}), ["validate-urls"])
    assert lines(report, tmp_path) == [
        "plugins.yaml:4:5: [unknown-plugin] plugins.acme/rockets[0]: unknown plugin 'holt'; did you mean 'hold'?"
    ]


def test_unknown_keys_that_no_check_tells_are_notes(tmp_path: Path) -> None:
    paths = written(tmp_path, {"config.yaml": "tid: {}\n", "jobs/a.yaml": JOB})
    by_default = checked(paths, excluded=["non-decorated-jobs"], strict=True)
    assert [(found.name, found.level.value) for found in by_default.findings] == [
        ("unknown-fields", "warning"),
        ("unknown-fields-all", "note"),
    ]
    assert pointed(by_default.findings[1]) == "optinal: true"
    others = checked(paths, ["validate-urls"], strict=True)
    assert [found.level.value for found in others.findings] == ["note", "note"]
    assert not others.failed
    assert checked(paths, ["validate-urls"], excluded=["unknown-fields", "unknown-fields-all"]).findings == ()


def test_unknown_key_where_the_original_does_not_look_is_a_note(tmp_path: Path) -> None:
    paths = written(tmp_path, {"plugins.yaml": "config_updater:\n  mapps: {}\n"})
    report = checked(paths, ["unknown-fields"], strict=True)
    assert lines(report, tmp_path) == [
        "plugins.yaml:2:3: [unknown-fields] note: config_updater.mapps: unknown key 'mapps'; did you mean 'maps'?"
    ]
    assert not report.failed


def own(folder: Path, text: str, *, name: str = ".prow.yaml", config: str = "", strict: bool = False) -> list[str]:
    checkout = folder / "checkout"
    (checkout / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / name).write_text(text)
    paths = msgspec.structs.replace(
        written(folder, {"config.yaml": config}), own_repo="acme/rockets", own_folder=str(checkout)
    )
    return lines(checked(paths, ["validate-urls"], strict_own=strict), folder)


def test_keys_that_are_there_twice_and_pitfalls_are_never_refused(tmp_path: Path) -> None:
    files = {
        "config.yaml": "log_level: info\nlog_level: debug\ndefault_job_timeout: 3h\n",
        "plugins.yaml": "heart: {}\nheart: {}\n",
        "labels.yaml": "default: {labels: []}\ndefault: {labels: []}\n",
    }
    report = checked(written(tmp_path, files), strict=True)
    assert not report.failed
    assert lines(report, tmp_path) == [
        "config.yaml:2:1: [duplicate-keys] note: the key 'log_level' is there twice; the last one counts",
        (
            "config.yaml:3:22: [pitfalls] note: default_job_timeout: nothing reads default_job_timeout; set `timeout` in plank's "
            "default decoration (unset: 2h)"
        ),
        "labels.yaml:2:1: [duplicate-keys] note: the key 'default' is there twice; the last one counts",
        "plugins.yaml:2:1: [duplicate-keys] note: the key 'heart' is there twice; the last one counts",
    ]


OWN = "presubmits:\n- name: unit\n  %s\n  spec: {containers: [{image: x}]}\n"


def test_jobs_of_a_repository_itself_are_checked(tmp_path: Path) -> None:
    assert own(tmp_path, OWN % "optional: true") == []
    assert own(tmp_path, OWN % "cluster: secret") == [
        "checkout/.prow.yaml:3:12: [in-repo-config] presubmits[0].cluster: job 'unit': the cluster 'secret' is not allowed for acme/rockets; allowed are: default"
    ]
    (told,) = own(tmp_path, OWN % "optinal: true")
    assert told.startswith(
        "checkout/.prow.yaml:3:3: [unknown-fields] note: presubmits[0].optinal: unknown key 'optinal'"
    )
    (told,) = own(tmp_path, OWN % "optinal: true", strict=True)
    assert told.startswith("checkout/.prow.yaml:3:3: [in-repo-config] presubmits[0].optinal: unknown key 'optinal'")
    rule = "gerrit:\n  allowed_presubmit_trigger_re: ^/go\n"
    (told,) = own(tmp_path, OWN % "optional: true", config=rule)
    assert told.startswith("checkout/.prow.yaml:2: [in-repo-config] the job unit is rerun by '/test unit'")


def test_a_folder_of_own_jobs_goes_before_the_file(tmp_path: Path) -> None:
    assert own(tmp_path, OWN % "cluster: secret") != []
    assert own(tmp_path, OWN % "optional: true", name=".prow/a.yaml") == []


def test_links_do_not_lead_out_of_a_checkout(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("secret: 1\n")
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout/.prow.yaml").symlink_to(tmp_path / "secret.yaml")
    assert own_files(str(tmp_path / "checkout")) == {}


def test_own_file_of_any_size_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".prow.yaml").write_bytes(b"#" * (MAX_FILE + 1))
    with pytest.raises(ConfigError, match="larger than"):
        own_files(str(tmp_path))


def test_notes_can_be_left_out(tmp_path: Path) -> None:
    config = "default_job_timeout: 1h\nplank: {max_concurrency: 1, max_concurrency: 2}\n"
    paths = written(tmp_path, {"config.yaml": config})
    names = {"duplicate-keys", "pitfalls"}
    assert {found.name for found in checked(paths).findings} == names
    for name in names:
        assert {found.name for found in checked(paths, excluded=[name]).findings} == names - {name}
