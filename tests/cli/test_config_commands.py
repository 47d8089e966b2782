"""`prow config` and `prow jobs`, on files as people write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prow.cli.main import main

CONFIG = """\
pod_namespace: test-pods
plank:
  max_concurrency: 20
  default_decoration_config_entries:
  - config:
      timeout: 30m
      gcs_configuration: {bucket: s3://logs, path_strategy: explicit, mediaTypes: {log: text/plain}}
      utility_images: {clonerefs: c, initupload: i, entrypoint: e, sidecar: s}
  - repo: acme
    cluster: build
    config: {timeout: 1h}
tide:
  target_url: https://prow.example.org/tide
  queries:
  - orgs: [acme]
    labels: [lgtm]
  - repos: [other/thing]
    labels: [lgtm]
presets:
- env: [{name: EVERYWHERE, value: "1"}]
"""
JOBS = """\
presets:
- labels: {cache: "true"}
  env:
  - {name: CACHE, value: /cache}
  volumes:
  - {name: cache, emptyDir: {}}
presubmits:
  acme/rockets.io:
  - name: unit
    labels: {cache: "true"}
    branches: [^main$]
    skip_if_only_changed: \\.md$
    decorate: true
    cluster: build
    spec:
      containers:
      - image: golang
        command: [make]
        env:
        - {name: OWN, value: x}
  - name: unit
    branches: [^release-]
    always_run: true
    spec:
      containers:
      - image: golang
  - name: lint
    optional: true
    always_run: true
    spec:
      containers:
      - image: golang
postsubmits:
  acme/rockets.io:
  - name: publish
    run_if_changed: ^docs/
    branches: [^main$]
    spec:
      containers:
      - image: golang
periodics:
- name: nightly
  interval: 24h
  extra_refs:
  - {org: acme, repo: rockets.io, base_ref: main}
  spec:
    containers:
    - image: golang
"""
PLUGINS = "plugins:\n  acme: [lgtm, size]\nblunderbuss:\n  request_count: 3\n"
FILES = ("--config-path=config.yaml", "--job-config-path=jobs")
REPO = "--repo=acme/rockets.io"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/rockets.yaml").write_text(JOBS)
    (tmp_path / "plugins.yaml").write_text(PLUGINS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Prow:
    """Runs commands and keeps what they said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.code = 0
        self.errors = ""

    def __call__(self, *arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        self.code = int(ended.value.code or 0)
        said = self._capsys.readouterr()
        self.errors = said.err
        assert "Traceback" not in said.err
        return said.out

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--format=json"))

    def origins(self, *arguments: str) -> dict[str, str]:
        """`explain`: path → origin."""
        lines = [line.split("  # ") for line in self("config", "explain", *arguments).splitlines()]
        return {text.split(": ")[0]: origin for text, origin in (line for line in lines if len(line) == 2)}


@pytest.fixture
def prow(capsys: pytest.CaptureFixture[str]) -> Prow:
    return Prow(capsys)


def test_a_value_is_shown_with_its_defaults(prow: Prow) -> None:
    assert prow("config", "show", "plank.max_concurrency", *FILES) == "20\n"
    assert prow("config", "show", "plank.pod_pending_timeout", *FILES) == "10m0s\n"
    assert prow("config", "show", "sinker", *FILES) == (
        "max_pod_age: 24h0m0s\nmax_prowjob_age: 168h0m0s\nresync_period: 1h0m0s\nterminated_pod_ttl: 24h0m0s\n"
    )
    assert prow.json("config", "show", "tide.queries[0].orgs", *FILES) == ["acme"]
    assert prow("config", "show", "tide.blocker_label", *FILES) == '""\n'


def test_keys_with_dots_need_no_quotes_where_they_are_clear(prow: Prow) -> None:
    quoted = prow("config", "show", 'presubmits["acme/rockets.io"][2].name', *FILES)
    assert quoted == prow("config", "show", "presubmits.acme/rockets.io[2].name", *FILES) == "lint\n"


def test_the_whole_config_is_shown_with_its_jobs(prow: Prow) -> None:
    text = prow("config", "show", *FILES)
    assert text.startswith("branch-protection: {}\ndeck:\n")
    assert "    name: publish\n" in text


def test_a_job_is_shown_as_it_takes_effect(prow: Prow) -> None:
    job = prow.json("config", "show", "--job=unit", "--branch=main", *FILES)
    assert job["decoration_config"]["timeout"] == "1h0m0s"
    assert [each["name"] for each in job["spec"]["containers"][0]["env"]] == ["OWN", "EVERYWHERE", "CACHE"]
    assert job["rerun_command"] == "/test unit"


def test_a_name_that_several_jobs_have_is_asked_about(prow: Prow) -> None:
    prow("config", "show", "--job=unit", *FILES)
    assert prow.code == 2
    assert "2 jobs are named unit; give --repo, --branch, or one of these paths" in prow.errors
    assert 'presubmits["acme/rockets.io"][1]  jobs/rockets.yaml:' in prow.errors
    assert prow.errors.splitlines()[1].endswith("  on ^main$")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tide.queris",), "tide has no queris; did you mean queries?"),
        (("tide.queries[7]",), "tide.queries has 1 item; there is no [7]"),
        (("plank.max_concurrency.x",), "plank.max_concurrency has nothing below it"),
        (("tide[",), "not a path such as"),
        (("--job=unt",), "there is no job unt; did you mean unit?"),
        (("--job=unit", "--repo=acme"), 'is not of the form "org/repo"'),
        (("--repo=a/b",), "--repo and --branch need --job"),
        (("--format=xml",), "say yaml or json"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(prow: Prow, arguments: tuple[str, ...], message: str) -> None:
    prow("config", "show", *arguments, *FILES)
    assert prow.code == 2
    assert message in prow.errors


def test_every_setting_says_where_it_comes_from(prow: Prow) -> None:
    origins = prow.origins("plank", *FILES)
    assert origins["plank.max_concurrency"] == "config.yaml:3:20"
    assert origins["plank.max_goroutines"] == "default"
    tide = prow.origins("tide", *FILES)
    assert tide['tide.target_urls["*"]'] == "config.yaml:13:15 (as tide.target_url)"
    assert tide["tide.status_update_period"] == "default (as tide.sync_period)"
    assert tide["tide.queries[0].labels"] == "config.yaml:16:13, config.yaml:18:13 (several queries made one)"
    assert tide["tide.queries[0].repos"] == "config.yaml:17:12"


def test_every_part_of_a_job_says_where_it_comes_from(prow: Prow) -> None:
    parts = prow.origins("--job=unit", "--branch=main", *FILES)
    assert parts["name"] == "jobs/rockets.yaml:9:11"
    assert parts["namespace"] == "config.yaml:1:16 (as pod_namespace)"
    assert parts["context"] == "default (the job's name)"
    assert parts["decoration_config.timeout"] == "config.yaml:11:23 (default of jobs)"
    assert parts["decoration_config.gcs_configuration.bucket"] == "config.yaml:7:35 (default of jobs)"
    assert parts["spec.containers[0].env[0].name"] == "jobs/rockets.yaml:20:18"
    assert parts["spec.containers[0].env[1].name"] == "config.yaml:20:16 (preset of every job)"
    assert parts["spec.containers[0].env[2].value"] == "jobs/rockets.yaml:4:26 (preset cache=true)"
    assert parts["spec.volumes[0].name"] == "jobs/rockets.yaml:6:12 (preset cache=true)"


def test_the_plugin_config_is_shown_and_explained_too(prow: Prow) -> None:
    assert prow("config", "show", "plugins.acme.plugins", "--plugin-config=plugins.yaml") == "- lgtm\n- size\n"
    origins = prow.origins("blunderbuss", "--plugin-config=plugins.yaml")
    assert origins == {"blunderbuss.request_count": "plugins.yaml:4:18"}
    assert prow.origins("plugins", "--plugin-config=plugins.yaml") == {"plugins.acme.plugins": "plugins.yaml:2:9"}


def test_supplemental_files_are_named_where_they_say_it(prow: Prow, folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more/a_prowconfig.yaml").write_text("tide:\n  queries:\n  - repos: [third/one]\n    labels: [lgtm]\n")
    (folder / "more/a_pluginconfig.yaml").write_text("lgtm:\n- repos: [third]\n  store_tree_hash: true\n")
    shards = "--supplemental-prow-config-dir=more"
    tide = prow.origins("tide.queries", *FILES, shards)
    assert tide["tide.queries[0].repos"] == "config.yaml:17:12, more/a_prowconfig.yaml:3:12 (several queries made one)"
    plugins = ("--plugin-config=plugins.yaml", "--supplemental-plugin-config-dir=more")
    assert prow.origins("lgtm", *plugins)["lgtm[0].store_tree_hash"] == "more/a_pluginconfig.yaml:3:20"
    old(folder)
    found = prow.json("config", "diff", *OLD, *FILES, shards, *plugins)
    assert [each["path"] for each in found["settings"]] == ["tide.queries[0].repos[1]"]
    assert [each["path"] for each in found["plugins"]] == ["lgtm"]


def test_explain_wants_to_know_what(prow: Prow) -> None:
    prow("config", "explain", *FILES)
    assert "give a PATH" in prow.errors


OLD = ("--old-config-path=old/config.yaml", "--old-job-config-path=old/jobs", "--old-plugin-config=old/plugins.yaml")


def old(folder: Path, config: str = CONFIG, jobs: str = JOBS, plugins: str = PLUGINS) -> None:
    (folder / "old/jobs").mkdir(parents=True)
    (folder / "old/config.yaml").write_text(config)
    (folder / "old/jobs/rockets.yaml").write_text(jobs)
    (folder / "old/plugins.yaml").write_text(plugins)


def test_two_equal_configs_do_not_differ(prow: Prow, folder: Path) -> None:
    old(folder, config="# another comment\n" + CONFIG)
    assert prow("config", "diff", *OLD, *FILES, "--plugin-config=plugins.yaml") == "The same.\n"
    assert prow.code == 0


def test_a_difference_is_told_as_jobs_and_settings(prow: Prow, folder: Path) -> None:
    old(
        folder,
        config=CONFIG.replace("max_concurrency: 20", "max_concurrency: 10").replace("timeout: 1h", "timeout: 2h"),
        jobs=JOBS.replace("name: lint", "name: links").replace("value: x", "value: z"),
        plugins=PLUGINS.replace("lgtm, size", "lgtm"),
    )
    told = prow("config", "diff", *OLD, *FILES, "--plugin-config=plugins.yaml")
    assert prow.code == 1, prow.errors
    assert told == (
        "~ presubmit acme/rockets.io unit on ^main$  # jobs/rockets.yaml:9\n"
        '    ~ spec.containers[0].env.OWN.value: "z" -> "x"\n'
        '    ~ decoration_config.timeout: "2h0m0s" -> "1h0m0s"\n'
        "- presubmit acme/rockets.io links  # old/jobs/rockets.yaml:27\n"
        "+ presubmit acme/rockets.io lint  # jobs/rockets.yaml:27\n"
        "Settings:\n"
        "    ~ plank.max_concurrency: 10 -> 20\n"
        '    ~ plank.default_decoration_config_entries[1].config.timeout: "2h0m0s" -> "1h0m0s"\n'
        "Plugins:\n"
        '    + plugins.acme.plugins[1]: "size"\n'
        "Jobs: 1 added, 1 removed, 1 changed. Settings: 3 changed.\n"
    )
    found = prow.json("config", "diff", *OLD, *FILES)
    assert [job["change"] for job in found["jobs"]] == ["changed", "removed", "added"]
    assert found["settings"][0] == {"path": "plank.max_concurrency", "old": 10, "new": 20}


def test_jobs_that_change_alike_are_told_together(prow: Prow, folder: Path) -> None:
    job = "- {name: job-%d, interval: %s, spec: {containers: [{image: x}]}}\n"
    many = "periodics:\n" + "".join(job % (number, "%s") for number in range(12))
    (folder / "jobs/many.yaml").write_text(many % (("1h",) * 11 + ("3h",)))
    old(folder)
    (folder / "old/jobs/many.yaml").write_text(many % (("2h",) * 12))
    told = prow("config", "diff", *OLD, *FILES, "--plugin-config=plugins.yaml")
    assert told == (
        "~ 11 jobs\n"
        '    ~ interval: "2h" -> "1h"\n'
        "      periodic job-0  # jobs/many.yaml:2\n"
        "      periodic job-1  # jobs/many.yaml:3\n"
        "      periodic job-2  # jobs/many.yaml:4\n"
        "      and 8 more; --format=json names all\n"
        "~ periodic job-11  # jobs/many.yaml:13\n"
        '    ~ interval: "2h" -> "3h"\n'
        "Jobs: 0 added, 0 removed, 12 changed. Settings: 0 changed.\n"
    )
    assert len(prow.json("config", "diff", *OLD, *FILES)["jobs"]) == 12


def test_a_config_that_does_not_load_is_no_difference(prow: Prow, folder: Path) -> None:
    old(folder, config="plank: {max_concurrency: many}\n")
    prow("config", "diff", *OLD, *FILES)
    assert prow.code == 2
    assert "old/config.yaml:1:26: plank.max_concurrency: expected a whole number" in prow.errors


def test_all_jobs_are_listed(prow: Prow) -> None:
    lines = prow("jobs", *FILES).splitlines()
    assert lines[0].split() == ["TYPE", "REPO", "JOB", "MERGE", "RUNS", "BRANCHES"]
    assert [line.split()[0] for line in lines[1:]] == ["presubmit"] * 3 + ["postsubmit", "periodic"]
    assert "every 24h" in lines[-1]


def test_long_conditions_are_cut_short_unless_all_is_wanted(prow: Prow, folder: Path) -> None:
    paths = "|".join(f"folder-{number}/" for number in range(20))
    (folder / "jobs/rockets.yaml").write_text(JOBS.replace("run_if_changed: ^docs/", f"run_if_changed: {paths}"))
    narrow = prow("jobs", REPO, *FILES)
    assert paths not in narrow
    assert "…" in narrow
    assert "acme/rockets.io" not in narrow  # it was asked about
    assert paths in prow("jobs", REPO, *FILES, "--format=wide")


def test_the_jobs_of_a_branch_are_listed(prow: Prow) -> None:
    found = prow.json("jobs", REPO, "--branch=release-1", *FILES)
    assert [(job["type"], job["name"], job.get("standing")) for job in found] == [
        ("presubmit", "unit", "required"),
        ("presubmit", "lint", "optional"),
    ]


def ran(prow: Prow, *arguments: str) -> dict[str, str]:
    """Name → reason of the jobs of the branch that would run."""
    answers = prow.json("jobs", REPO, *arguments, *FILES)
    return {each["job"]["name"]: each["reason"] for each in answers if each["runs"] and each["of_branch"]}


def test_changed_files_choose_jobs(prow: Prow, folder: Path) -> None:
    assert ran(prow, "--changed-files=main.go,README.md") == {
        "unit": "a change is outside \\.md$",
        "lint": "always runs",
    }
    assert ran(prow, "--changed-files=README.md") == {"lint": "always runs"}
    (folder / "changed").write_text("README.md\nmain.go\n")
    assert "unit" in ran(prow, "--changed-files-from=changed")
    assert ran(prow, "--event=push", "--changed-files=docs/a.md") == {"publish": "a change matches ^docs/"}


def test_comments_choose_jobs(prow: Prow) -> None:
    assert ran(prow, "--comment=/test unit") == {"unit": "asked for by /test unit"}
    assert ran(prow, "--comment=/retest", "--failed-contexts=lint", "--passed-contexts=unit") == {"lint": "lint failed"}
    assert ran(prow, "--comment=thank you") == {}
    prow("jobs", REPO, "--comment=/test unti", *FILES)
    assert prow.errors == "prow: acme/rockets.io has no job unti; did you mean unit?\n"
    prow("jobs", REPO, "--comment=/test something-else", *FILES)
    assert prow.errors == ""


def test_a_choice_that_needs_the_changed_files_says_so(prow: Prow) -> None:
    told = prow("jobs", REPO, "--event=pull_request", *FILES)
    assert "name them by --changed-files" in prow.errors
    assert told.splitlines()[-1] == "1 of 2 jobs would run; 1 more are for other branches."


def test_a_checkout_brings_jobs_of_its_own(prow: Prow, folder: Path) -> None:
    (folder / "checkout/.prow").mkdir(parents=True)
    (folder / "checkout/.prow/jobs.yaml").write_text(
        "presubmits:\n- {name: own, always_run: true, spec: {containers: [{image: x}]}}\n"
    )
    assert "own" in ran(prow, "--checkout=checkout", "--changed-files=README.md")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--repo=acme/rockets",), "acme/rockets has no jobs; did you mean acme/rockets.io?"),
        (("--comment=/test all",), "--repo is required"),
        ((REPO, "--event=release"), "say pull_request or push"),
        ((REPO, "--event=push", "--comment=x"), "exclude each other"),
        ((REPO, "--changed-files-from=nothing"), "No such file"),
        ((REPO, "--checkout=nothing"), "is no folder"),
        ((REPO, "--format=yaml"), "say text or wide or json"),
    ],
)
def test_a_wrong_question_is_told(prow: Prow, arguments: tuple[str, ...], message: str) -> None:
    prow("jobs", *arguments, *FILES)
    assert prow.code == 2
    assert message in prow.errors


def test_schemas_are_printed_and_written(prow: Prow, folder: Path) -> None:
    assert "config.yaml" in prow("schema")
    assert json.loads(prow("schema", "jobs"))["title"] == "Prow job file"
    prow("schema", "--output=schemas")
    assert (folder / "schemas/plugins.json").exists()
    assert prow("schema", "owners", "--format=markdown").startswith("# OWNERS\n")
    prow("schema", "owner")
    assert "there is no schema owner" in prow.errors
    prow("schema", "--output=config.yaml")
    assert prow.code == 2
