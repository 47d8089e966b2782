"""`prow checkconfig`, as people and CI call it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

from prow.cli.checkconfig import Progress
from prow.cli.main import main
from tests.support.sarif import SARIF

CONFIG = "tide:\n  queries:\n  - orgs: [acme]\n    labels: [lgtm]\n"
PLUGINS = "plugins:\n  acme:\n    plugins: [lgtm, trigger]\n"
JOBS = "periodics:\n- name: nightly\n  interval: 1h\n  spec: {containers: [{image: x}]}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "plugins.yaml").write_text(PLUGINS)
    (tmp_path / "jobs/nightly.yaml").write_text(JOBS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*more: str) -> int:
    files = ["--config-path=config.yaml", "--plugin-config=plugins.yaml", "--job-config-path=jobs"]
    with pytest.raises(SystemExit) as ended:
        main(["checkconfig", *files, *more])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_warnings_fail_only_when_strict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = (
        "jobs/nightly.yaml:2:3: [non-decorated-jobs] periodics[0].decorate: the job nightly is not decorated: its log and "
        "artifacts are not uploaded; say decorate: true\n"
    )
    assert check() == 0
    assert capsys.readouterr() == (said + "checkconfig: 1 job, 1 warning\n", "")
    assert check("-strict") == 1
    assert capsys.readouterr().out == said + "checkconfig: 1 job, 1 warning; with --strict they are errors\n"
    assert check("--strict", "--exclude-warning=non-decorated-jobs") == 0
    assert capsys.readouterr().out == "checkconfig: 1 job, nothing to say\n"


def test_what_cannot_be_loaded_always_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "config.yaml").write_text("tide: [\n")
    (folder / "plugins.yaml").write_text("plugins: {acme: [lgmt]}\n")
    assert check("--warnings=validate-urls") == 1
    out = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[0].partition(":")[0] for line in out] == ["config.yaml", "plugins.yaml", "checkconfig"]
    assert "did you mean 'lgtm'?" in out[1]


def test_only_named_warnings_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--strict", "--warnings=validate-urls", "--warnings=missing-trigger") == 0
    assert check("--strict", "--warnings=validate-urls", "--include-default-warnings") == 1


def test_annotations_must_be_there_when_they_are_required(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--strict", "--warnings=required-job-annotations", "--required-job-annotations=team") == 1
    assert "the job nightly lacks the annotations team" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            ["--warnings=missing-triger"],
            "--warnings=missing-triger: there is no such warning; did you mean missing-trigger?",
        ),
        (["--format=xml"], "--format=xml: say text or json or github or sarif"),
        (["--prow-yaml-path=x/.prow.yaml"], "--prow-yaml-path needs --prow-yaml-repo-name"),
        (["--warnings=verify-owners-presence"], "verify-owners-presence asks GitHub: give --github-token-path"),
        (["--expensive-checks"], "verify-owners-presence asks GitHub: give --github-token-path"),
        (["--warnings=validate-github-app-installation"], "asks GitHub as a GitHub App: give --github-app-id"),
        (["--strickt"], "unknown flag --strickt; did you mean --strict?"),
        (["--config-path="], "--config-path is required"),
    ],
)
def test_flags_that_cannot_be_followed_are_refused_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    assert check(*flags) == (2 if flags == ["--strickt"] else 1)  # as Go's flags, and as upstream
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_machines_get_json_sarif_and_annotations(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check("--format=json", "--strict")
    found = json.loads(capsys.readouterr().out)
    assert (found["failed"], [each["name"] for each in found["findings"]]) == (True, ["non-decorated-jobs"])
    check("--format=sarif")
    assert json.loads(capsys.readouterr().out)["runs"][0]["results"][0]["ruleId"] == "non-decorated-jobs"
    check("--format=github")
    assert capsys.readouterr().out.startswith(
        "::warning file=jobs/nightly.yaml,line=2,col=3,title=non-decorated-jobs::"
    )


def test_own_jobs_are_found_where_the_path_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "checkout/.prow").mkdir(parents=True)
    own = folder / "checkout/.prow/unit.yaml"
    own.write_text("presubmits:\n- name: unit\n  cluster: secret\n  spec: {containers: [{image: x}]}\n")
    for path in ("checkout/.prow.yaml", "checkout/.prow/unit.yaml"):
        assert check("--warnings=validate-urls", "--prow-yaml-repo-name=acme/rockets", f"--prow-yaml-path={path}") == 1
        assert capsys.readouterr().out.startswith("checkout/.prow/unit.yaml:3:12: [in-repo-config] ")


def test_a_terminal_sees_what_is_done_and_a_log_gets_a_sign_of_life(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(terminal=True)
    progress("reading config.yaml")
    progress.done()
    assert capsys.readouterr().err == "\r\x1b[Kreading config.yaml …\r\x1b[K"
    moments = iter([0.0, 9.9, 10.0, 10.0, 12.0, 21.0, 21.0])
    progress = Progress(terminal=False, now=lambda: next(moments))
    for name in ("a", "b", "c", "d"):
        progress(f"looking for OWNERS in acme/{name}")
    progress.done()
    told = capsys.readouterr().err.splitlines()
    assert told == [f"checkconfig: looking for OWNERS in acme/{name} …" for name in ("b", "d")]


def test_labels_and_an_autobumper_are_checked_beside_or_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "labels.yaml").write_text("default: {labels: [{name: lgtm}, {name: LGTM}]}\n")
    (folder / "bump.yaml").write_text("prefixes: [{name: a}]\n")
    files = ["--labels-config=labels.yaml", "--autobumper-config=bump.yaml"]
    assert check("--warnings=validate-urls", *files) == 1
    beside = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in beside[:-1]] == ["[autobumper-config]"] * 2 + ["[labels-config]"]
    with pytest.raises(SystemExit) as ended:
        main(["checkconfig", *files])
    assert ended.value.code == 1
    assert capsys.readouterr().out.splitlines() == beside
    assert check("--warnings=validate-urls", "--labels-config=nothing.yaml") == 1
    assert capsys.readouterr().out.startswith(
        "nothing.yaml: [labels-config] --labels-config cannot be read: No such file"
    )


def test_sarif_is_what_its_schema_asks_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    valid = jsonschema_rs.validator_for(SARIF, validate_formats=True)
    (folder / "a b é.yaml").write_text("default: {labels: [{name: lgtm, colour: x}]}\n")
    assert check("--strict", "--format=sarif", "--labels-config=a b é.yaml") == 1
    found = json.loads(capsys.readouterr().out)
    valid.validate(found)
    (run,) = found["runs"]
    uris = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in run["results"]]
    assert uris == ["a%20b%20%C3%A9.yaml", "jobs/nightly.yaml"]
    assert {each["ruleId"] for each in run["results"]} == {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert [each["level"] for each in run["results"]] == ["error", "error"]
    (folder / "config.yaml").write_text("tide: [")
    check("--format=sarif")
    valid.validate(json.loads(capsys.readouterr().out))
    (folder / "config.yaml").write_text("{}")
    check("--format=sarif", "--warnings=validate-urls")
    valid.validate(json.loads(capsys.readouterr().out))


def test_expensive_checks_leave_out_what_nobody_can_be_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check("--expensive-checks", "--exclude-warning=verify-owners-presence")
    said = capsys.readouterr()
    assert said.err == "checkconfig: validate-github-app-installation is left out: there is no GitHub App to ask as\n"
    assert "non-decorated-jobs" in said.out
