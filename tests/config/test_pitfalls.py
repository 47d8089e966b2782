"""What is easy to get wrong (`spec/config` §10) is told: as an error, or as a note where the original loads it too."""

from __future__ import annotations

from pathlib import Path

import pytest

from prow.checkconfig.reading import unknown_plugins
from prow.config.documents import Document, Findings
from prow.config.errors import ConfigError
from prow.config.load import load
from prow.config.plugins import PluginsConfig
from tests.config.test_job_messages import SPEC, text_of

DECORATED = """\
decorate_all_jobs: true
plank:
  default_decoration_configs:
    "*":
      utility_images: {clonerefs: c, initupload: i, entrypoint: e, sidecar: s}
      gcs_configuration: {bucket: s3://b, path_strategy: explicit}
"""


def noted(folder: Path, config: str, jobs: str = "") -> list[str]:
    """What is odd about files that load."""
    (folder / "config.yaml").write_text(config)
    (folder / "a.yaml").write_text(jobs)
    return [text.replace(f"{folder}/", "") for text in load(folder / "config.yaml", folder / "a.yaml").warnings]


def refused(folder: Path, config: str, jobs: str = "") -> str:
    with pytest.raises(ConfigError) as caught:
        noted(folder, config, jobs)
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("config", "note"),
    [
        # 1: plain text, no patterns
        (
            "plank: {default_decoration_config_entries: [{repo: '*'}, {repo: 'o/.*', cluster: 'b?'}]}",
            (
                "1:65: repo 'o/.*' is compared as plain text; there are no patterns here, only `*` alone\n"
                "1:82: cluster 'b?' is compared as plain text; there are no patterns here, only `*` alone"
            ),
        ),
        (
            "deck: {default_rerun_auth_configs: [{repo: '^o'}]}",
            "1:44: repo '^o' is compared as plain text; there are no patterns here, only `*` alone",
        ),
        (
            "prowjob_default_entries: [{cluster: 'a|b'}]",
            "1:37: cluster 'a|b' is compared as plain text; there are no patterns here, only `*` alone",
        ),
        # 3: no effect
        (
            "default_job_timeout: 3h",
            "1:22: nothing reads default_job_timeout; set `timeout` in plank's default decoration (unset: 2h)",
        ),
        # 12: keys twice
        ("log_level: info\nlog_level: debug", "2:1: the key 'log_level' is there twice; the last one counts"),
        # 13: names of Go
        (
            "plank: {job_url_template: 'https://x/{{.status.build_id}}'}",
            "1:27: a ProwJob has no field .status: fields have Go's names, such as .Spec.Job and .Status.BuildID",
        ),
        (
            "jenkins_operators: [{report_templates: {o: '{{if .Spec.Refs}}{{printf \"%s\" .spec}}{{end}}'}}]",
            "1:44: a ProwJob has no field .spec: fields have Go's names, such as .Spec.Job and .Status.BuildID",
        ),
    ],
)
def test_what_has_no_effect_in_config_yaml_is_noted(config: str, note: str, tmp_path: Path) -> None:
    assert noted(tmp_path, config) == [f"config.yaml:{line}" for line in note.split("\n")]


@pytest.mark.parametrize(
    ("kind", "job", "note"),
    [
        # 8: schedules are in UTC
        (
            "periodic",
            "cron: TZ=Europe/Berlin 0 1 * * *",
            "3:9: job 'j': the job never runs: schedules are in UTC and take no time zone; leave it away",
        ),
        # 9: two intervals
        (
            "periodic",
            "interval: 24h\nretry: {attempts: 2, interval: 10m}",
            "4:34: job 'j': it takes the place of the job's own interval: the job runs every 10m, not 24h",
        ),
        # a number counts nanoseconds
        (
            "presubmit",
            "decorate: true\ndecoration_config: {timeout: 3600}\nspec: {containers: [{args: [a]}]}",
            "5:34: job 'j': timeout is 3.6µs: a number without unit counts nanoseconds; write e.g. 15m",
        ),
        # a template that is asked for when it is too late
        (
            "presubmit",
            "reporter_config: {slack: {report_template: '{{if}}'}}",
            "4:48: job 'j': nothing is told to Slack, this is no Go template: at 1:5: missing value for command",
        ),
        # 12: an unknown key, and one that is there twice
        ("presubmit", "brances: [main]", "4:5: unknown key 'brances'; did you mean 'branches'?"),
        ("presubmit", "labels: {a: b}\nlabels: {c: d}", "5:5: the key 'labels' is there twice; the last one counts"),
    ],
)
def test_what_a_job_does_not_do_is_noted(kind: str, job: str, note: str, tmp_path: Path) -> None:
    config = DECORATED.removeprefix("decorate_all_jobs: true\n")
    assert noted(tmp_path, config, text_of(kind, job)) == [f"a.yaml:{note}"]


def test_what_is_meant_so_is_not_noted(tmp_path: Path) -> None:
    config = """\
default_job_timeout: 24h
plank:
  default_decoration_config_entries: [{repo: kubernetes-sigs/cluster.api, cluster: k8s-infra-prow-build, config: {}}]
  job_url_template: 'https://x/{{if index .Labels "a.b/c"}}{{.Spec.Job}}{{end}}/{{with .Spec.Refs}}{{.Org}}{{end}}'
"""
    job = "interval: 1h\nretry: {interval: 60m}"
    merged = f"prow_ignored: &common {{max_concurrency: 1, labels: {{a: b}}}}\n{text_of('periodic', job)}  <<: *common\n  labels: {{c: d}}\n"
    assert noted(tmp_path, config, merged) == []


def test_2_branches_are_compared_as_they_are_written(tmp_path: Path) -> None:
    jobs = f"""\
presubmits:
  o/r:
  - {{name: j, branches: [^main$], {SPEC}}}
  - {{name: j, branches: [main], {SPEC}}}
  - {{name: j, branches: [main, old], {SPEC}}}
"""
    assert (
        refused(tmp_path, "", jobs)
        == "a.yaml:5:5: job 'j': the job 'j' is there twice for the same branches (a.yaml:4)"
    )


def test_4_buckets_are_looked_at_only_when_asked_for(tmp_path: Path) -> None:
    said = "config.yaml:1:36: additional_allowed_buckets needs skip_storage_path_validation: false"
    assert refused(tmp_path, "deck: {additional_allowed_buckets: [b]}") == said


def test_5_a_trigger_needs_its_command(tmp_path: Path) -> None:
    said = "a.yaml:4:14: job 'j': trigger and rerun_command need each other"
    assert refused(tmp_path, "", text_of("presubmit", "trigger: /go")) == said


def test_6_decorating_all_jobs_breaks_those_of_jenkins(tmp_path: Path) -> None:
    said = "a.yaml:3:5: job 'j': only jobs of the agent kubernetes can be decorated, this job has 'jenkins'; set decorate: false"
    assert refused(tmp_path, DECORATED, text_of("presubmit", "agent: jenkins")) == said
    assert noted(tmp_path, DECORATED, text_of("presubmit", "agent: jenkins\ndecorate: false")) == []


def test_7_queries_are_named_by_their_place_in_the_file(tmp_path: Path) -> None:
    queries = "tide:\n  queries:\n  - {orgs: [z], labels: [b]}\n  - {orgs: [a], labels: [a]}\n  - {orgs: [a, a]}\n"
    assert refused(tmp_path, queries) == "config.yaml:5:12: tide query: orgs has a more than once"


def test_10_job_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("jobs/a/x.yaml", "jobs/b/x.yaml", "jobs/..data/x.yaml", "jobs/.git/y.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "config.yaml").write_text("")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.yaml", tmp_path / "jobs")
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        "jobs/b/x.yaml: another job file has the name x.yaml too (jobs/a/x.yaml); names must be unique in the whole tree"
    )


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ("name: y", "3:11: presubmits.o/r[0].name: expected text, found true (y, yes, on and true mean that); put it in quotes"),
        (
            "context: no",
            "4:14: presubmits.o/r[0].context: expected text, found false (n, no, off and false mean that); put it in quotes",
        ),
        ("labels: {mode: 0644}", "4:20: presubmits.o/r[0].labels.mode: expected text, found the number 420; put it in quotes"),
        ("branches: [1.30]", "4:16: presubmits.o/r[0].branches[0]: expected text, found the number 1.3; put it in quotes"),
        ("max_concurrency: 1:30", "4:22: presubmits.o/r[0].max_concurrency: expected a whole number, found the text '1:30'"),
        ("max_concurrency: 1.5", "4:22: presubmits.o/r[0].max_concurrency: expected a whole number, found the number 1.5"),
        ("optional: 1", "4:15: presubmits.o/r[0].optional: expected true or false, found the number 1"),
        ("spec: {containers: [{args: [y]}]}", ("4:33: presubmits.o/r[0].spec.containers[0].args[0]: expected text, "
         "found true (y, yes, on and true mean that); put it in quotes")),
    ],
)  # fmt: skip
def test_12_yaml_has_its_own_mind_about_words_and_numbers(job: str, said: str, tmp_path: Path) -> None:
    assert refused(tmp_path, "", text_of("presubmit", job)) == f"a.yaml:{said}"


def test_13_a_slack_template_is_tried_on_a_job_without_refs(tmp_path: Path) -> None:
    config = "slack_reporter_configs: {'*': {channel: c, report_template: '{{.spec.job}}'}}"
    assert refused(tmp_path, config) == (
        "config.yaml:1:61: the template fails for a job without refs: at 1:3: there is no field spec; "
        "fields have Go's names, such as .Status.BuildID"
    )


def test_14_a_plugin_that_is_not_there_is_told_with_the_one_that_may_be_meant() -> None:
    document = Document("plugins.yaml", b"plugins: {o: {plugins: [trigger, lgmt, transfer-issue]}}\n")
    document.decode(PluginsConfig, Findings(), coerce=True)
    (found,) = unknown_plugins(document)
    assert (found.line, found.column, found.message) == (1, 34, "unknown plugin 'lgmt'; did you mean 'lgtm'?")
