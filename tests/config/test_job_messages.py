"""What a person reads when a job cannot be used: every rule of `spec/config` §2.5, §2.8 and §2.9, where it is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from prow.config.errors import ConfigError
from prow.config.load import load

CONFIG = """\
plank:
  job_queue_capacities: {q: 1}
  default_decoration_configs:
    "*":
      utility_images: {clonerefs: c, initupload: i, entrypoint: e, sidecar: s}
      gcs_configuration: {bucket: s3://b, path_strategy: explicit}
"""
SPEC = "spec: {containers: [{image: x}]}"


def text_of(kind: str, job: str) -> str:
    """A job file. The job is called j and has a spec, unless its lines say something else."""
    if kind == "file":
        return job
    lines = job.split("\n")
    if not lines[0].startswith("name:"):
        lines.insert(0, "name: j")
    if not any(line.startswith(("spec:", "agent:")) for line in lines):
        lines.append(SPEC)
    if kind == "periodic":
        return "periodics:\n- " + "\n  ".join(lines) + "\n"
    return f"{kind}s:\n  o/r:\n  - " + "\n    ".join(lines) + "\n"


def told(folder: Path, config: str, jobs: str) -> str:
    (folder / "config.yaml").write_text(config)
    (folder / "a.yaml").write_text(jobs)
    with pytest.raises(ConfigError) as caught:
        load(folder / "config.yaml", folder / "a.yaml")
    return str(caught.value).replace(f"{folder}/", "").replace("\na.yaml:", "\n")


MESSAGES = [
    ("presubmit", "name: a/b", "3:11: job 'a/b': the name 'a/b' may have only letters, digits, `-`, `.` and `_`"),
    ("presubmit", "name: ''", "3:11: job '': a job needs a name"),
    ("file", "presubmits:\n  o/r:\n  - spec: {containers: [{image: x}]}\n", "3:5: job '': a job needs a name"),
    (
        "presubmit",
        "name: a/\nagent: jenkins",
        "3:11: job 'a/': the name 'a/' may have only letters, digits, `-`, `.`, `_` and `/`, and not begin with `/` or end with `/` or `.`",
    ),
    ("presubmit", "max_concurrency: -1", "4:22: job 'j': max_concurrency -1 must not be negative"),
    (
        "presubmit",
        "agent: jenkins\nspec: {containers: [{image: x}]}",
        "5:11: job 'j': a spec needs the agent kubernetes, this job has 'jenkins'",
    ),
    ("file", "presubmits:\n  o/r:\n  - name: j\n", "3:5: job 'j': a job of the agent kubernetes needs a spec"),
    (
        "presubmit",
        "pipeline_run_spec: {}",
        "4:24: job 'j': a pipeline_run_spec needs the agent tekton-pipeline, this job has 'kubernetes'",
    ),
    (
        "presubmit",
        "agent: tekton-pipeline",
        "3:5: job 'j': a job of the agent tekton-pipeline needs a pipeline_run_spec",
    ),
    (
        "presubmit",
        "agent: jenkins\ndecorate: true",
        "5:15: job 'j': only jobs of the agent kubernetes can be decorated, this job has 'jenkins'; set decorate: false",
    ),
    (
        "presubmit",
        "agent: jenkins\nerror_on_eviction: true",
        "5:24: job 'j': error_on_eviction needs the agent kubernetes, this job has 'jenkins'",
    ),
    ("presubmit", "namespace: mine", "4:16: job 'j': only jobs of the agent tekton-pipeline may choose a namespace"),
    (
        "presubmit",
        "spec: {initContainers: [{name: a}], containers: [{image: x}]}",
        "4:29: job 'j': init containers are not allowed, except with restartPolicy: Always",
    ),
    ("presubmit", "spec: {containers: []}", "4:11: job 'j': a pod spec needs at least one container"),
    (
        "presubmit",
        "spec: {containers: [{name: a}, {name: b}]}",
        "4:24: job 'j': several containers need decorate: true",
    ),
    (
        "presubmit",
        "decorate: true\nspec:\n  containers:\n  - {name: a, args: [x]}\n  - {name: a, args: [x]}\n  - {args: [x]}\n  - {name: sidecar, args: [x]}",
        "8:9: job 'j': another container is named 'a' too\n9:9: job 'j': each of several containers needs a name\n10:9: job 'j': the container name 'sidecar' is one of Prow's own",
    ),
    (
        "presubmit",
        "spec:\n  containers:\n  - env: [{name: A}, {name: A}, {name: CI}, {name: PULL_REFS}, {name: PULL_NUMBER}]",
        "6:26: job 'j': the variable 'A' is there twice\n6:37: job 'j': the variable 'CI' is set by Prow\n6:49: job 'j': the variable 'PULL_REFS' is set by Prow\n6:68: job 'j': the variable 'PULL_NUMBER' is set by Prow",
    ),
    (
        "postsubmit",
        "spec:\n  containers:\n  - env: [{name: CI}, {name: PULL_REFS}, {name: PULL_NUMBER}]",
        "6:15: job 'j': the variable 'CI' is set by Prow\n6:27: job 'j': the variable 'PULL_REFS' is set by Prow",
    ),
    (
        "periodic",
        "interval: 1h\nspec:\n  containers:\n  - env: [{name: BUILD_ID}, {name: PULL_REFS}]",
        "6:13: job 'j': the variable 'BUILD_ID' is set by Prow",
    ),
    (
        "presubmit",
        "spec: {volumes: [{name: v}, {name: v}, {name: logs}], containers: [{image: x}]}",
        "4:33: job 'j': the volume 'v' is there twice\n4:44: job 'j': the volume name 'logs' is one of Prow's own",
    ),
    (
        "presubmit",
        "spec:\n  containers:\n  - volumeMounts: [{name: w, mountPath: /w}, {name: code, mountPath: /c}]",
        "6:24: job 'j': no volume is named 'w'\n6:50: job 'j': the volume 'code' is Prow's own",
    ),
    (
        "presubmit",
        "spec:\n  volumes: [{name: v}]\n  containers:\n  - volumeMounts: [{name: v, mountPath: /tools}]",
        "7:24: job 'j': Prow mounts something at /tools itself",
    ),
    (
        "presubmit",
        "agent: tekton-pipeline\nextra_refs: [{org: o, repo: x}]\npipeline_run_spec: {pipelineSpec: {tasks: [{taskRef: {name: PROW_EXTRA_GIT_REF_1}}]}}",
        "5:17: job 'j': every extra ref needs its PROW_EXTRA_GIT_REF_<n> in the pipeline, and no other",
    ),
    (
        "periodic",
        "agent: tekton-pipeline\ninterval: 1h\npipeline_run_spec: {pipelineSpec: {tasks: [{taskRef: {name: PROW_IMPLICIT_GIT_REF}}]}}",
        "2:3: job 'j': a periodic has no PROW_IMPLICIT_GIT_REF",
    ),
    (
        "presubmit",
        "labels: {created-by-prow: x, a b: c, d: e f, A/b: c}",
        "4:31: job 'j': the label created-by-prow is Prow's own\n4:39: job 'j': label: 'a b' must be at most 63 letters, digits, `-`, `_`, `.`, and begin and end with a letter or digit\n4:45: job 'j': label: 'e f' must be at most 63 letters, digits, `-`, `_`, `.`, and begin and end with a letter or digit\n4:55: job 'j': label: the part before the slash of 'A/b' must be a DNS name",
    ),
    (
        "presubmit",
        "annotations: {a b: x}",
        "4:24: job 'j': annotation: 'a b' must be at most 63 letters, digits, `-`, `_`, `.`, and begin and end with a letter or digit",
    ),
    ("presubmit", "job_queue_name: other", "4:21: job 'j': the queue 'other' is not in plank.job_queue_capacities"),
    (
        "presubmit",
        "rerun_auth_config: {allow_anyone: true, github_users: [me]}",
        "4:24: job 'j': allow_anyone excludes lists of users, teams and orgs",
    ),
    (
        "presubmit",
        "clone_uri: http://h:x/",
        "4:16: job 'j': clone_uri 'http://h:x/' is no URL: the port is not a number",
    ),
    (
        "presubmit",
        "clone_uri: https://h/o/r\nextra_refs: [{org: o, repo: x, clone_uri: 'git@h:o/x'}]\ndecorate: true\ndecoration_config: {oauth_token_secret: {name: t, key: k}}\nspec: {containers: [{args: [a]}]}",
        "5:47: job 'j': clone_uri 'git@h:o/x' must begin with https:// or http://, without a user, where an OAuth token is used",
    ),
    ("presubmit", "decorate: true", "5:25: job 'j': a container of a decorated job needs a command or args"),
    (
        "presubmit",
        "decorate: true\nspec: {containers: [{command: ['']}]}",
        "5:25: job 'j': a container of a decorated job needs a command or args",
    ),
    (
        "presubmit",
        "always_run: true\nrun_if_changed: x",
        "5:21: job 'j': always_run and run_if_changed exclude each other",
    ),
    (
        "presubmit",
        "always_run: true\nskip_if_only_changed: x",
        "5:27: job 'j': always_run and skip_if_only_changed exclude each other",
    ),
    (
        "presubmit",
        "run_if_changed: a\nskip_if_only_changed: b",
        "5:27: job 'j': run_if_changed and skip_if_only_changed exclude each other",
    ),
    ("presubmit", "trigger: /go", "4:14: job 'j': trigger and rerun_command need each other"),
    ("presubmit", "rerun_command: /go", "4:20: job 'j': trigger and rerun_command need each other"),
    (
        "presubmit",
        "trigger: /go\nrerun_command: /run",
        "5:20: job 'j': the rerun_command '/run' does not match the trigger '/go'",
    ),
    (
        "presubmit",
        "trigger: '('\nrerun_command: /go",
        "4:14: job 'j': trigger: not a regular expression (RE2): missing ): (",
    ),
    ("presubmit", "name: j(", "3:11: job 'j(': the name 'j(' may have only letters, digits, `-`, `.` and `_`"),
    (
        "postsubmit",
        "always_run: true\nrun_if_changed: x",
        "5:21: job 'j': always_run and run_if_changed exclude each other",
    ),
    (
        "postsubmit",
        "run_if_changed: a\nskip_if_only_changed: b",
        "5:27: job 'j': run_if_changed and skip_if_only_changed exclude each other",
    ),
    (
        "postsubmit",
        "skip_report: true\nlabels: {prow.k8s.io/gerrit-report-label: x}",
        "5:47: job 'j': a job with skip_report cannot report to Gerrit",
    ),
    (
        "presubmit",
        "branches: [main, '(']",
        "4:22: job 'j': branches: not a regular expression (RE2): missing ): main|(",
    ),
    (
        "presubmit",
        "branches: ['(', ')']\nskip_branches: ['a|(?!b)']",
        "5:21: job 'j': skip_branches: not a regular expression (RE2): invalid perl operator: (?!; there is no look-ahead",
    ),
    (
        "presubmit",
        "skip_branches: ['*']",
        "4:21: job 'j': skip_branches: not a regular expression (RE2): no argument for repetition operator: *; a * that stands for any text is .* here",
    ),
    ("presubmit", "run_if_changed: '['", "4:21: job 'j': run_if_changed: not a regular expression (RE2): missing ]: ["),
    (
        "presubmit",
        "skip_if_only_changed: (a)\\1",
        "4:27: job 'j': skip_if_only_changed: not a regular expression (RE2): invalid escape sequence: \\1; there are no back-references",
    ),
    (
        "file",
        "periodics:\n- name: j\n  spec: {containers: [{image: x}]}\n",
        "2:3: job 'j': a periodic needs cron, interval or minimum_interval",
    ),
    ("periodic", "cron: '@daily'\ninterval: 1h", "4:13: job 'j': cron and interval exclude each other"),
    (
        "periodic",
        "cron: '* * *'",
        "3:9: job 'j': the cron expression '* * *' cannot be used: it has 3 fields, not 5 (or 6 with seconds)",
    ),
    (
        "periodic",
        "cron: 60 * * * *",
        "3:9: job 'j': the cron expression '60 * * * *' cannot be used: minute: '60' is outside of 0-59",
    ),
    (
        "periodic",
        "cron: 0 0 * * 7",
        "3:9: job 'j': the cron expression '0 0 * * 7' cannot be used: day of week: '7' is outside of 0-6; Sunday is 0",
    ),
    (
        "periodic",
        "cron: 0 0 * * sat-sun",
        "3:9: job 'j': the cron expression '0 0 * * sat-sun' cannot be used: day of week: the range 'sat-sun' runs backwards",
    ),
    (
        "periodic",
        "cron: '@hourly '",
        "3:9: job 'j': the cron expression '@hourly ' cannot be used: '@hourly ' is not known",
    ),
    (
        "periodic",
        "cron: TZ=Mars/Base 1 1 * * *",
        "3:9: job 'j': the cron expression 'TZ=Mars/Base 1 1 * * *' cannot be used: the time zone 'Mars/Base' is not known",
    ),
    (
        "periodic",
        "cron: TZ=UTC",
        "3:9: job 'j': the cron expression 'TZ=UTC' cannot be used: nothing stands after the time zone",
    ),
    (
        "periodic",
        "cron: '@every day'",
        "3:9: job 'j': the cron expression '@every day' cannot be used: not a duration: 'day' (write e.g. 90s, 15m or 1h30m)",
    ),
    ("periodic", "interval: 1d", "3:13: job 'j': unknown unit 'd' in duration '1d' (units are ns, us, ms, s, m, h)"),
    ("periodic", "minimum_interval: soon", "3:21: job 'j': not a duration: 'soon' (write e.g. 90s, 15m or 1h30m)"),
    ("periodic", "interval: 5", "3:13: job 'j': the unit is missing in duration '5' (units are ns, us, ms, s, m, h)"),
    (
        "periodic",
        "interval: 1h\nretry: {attempts: 1}",
        "4:10: job 'j': retry needs an interval, such as 1h; it takes the place of the job's own",
    ),
    (
        "periodic",
        "interval: 1h\nretry: {interval: x}",
        "4:21: job 'j': not a duration: 'x' (write e.g. 90s, 15m or 1h30m)",
    ),
    (
        "presubmit",
        "decorate: true\ndecoration_config: {gcs_configuration: {path_strategy: weird}}\nspec: {containers: [{args: [a]}]}",
        "5:60: job 'j': path_strategy 'weird' must be one of legacy, single, explicit",
    ),
    (
        "presubmit",
        "decorate: true\ndecoration_config: {gcs_configuration: {path_strategy: legacy, default_org: o}}\nspec: {containers: [{args: [a]}]}",
        "5:60: job 'j': path_strategy legacy needs default_org and default_repo",
    ),
    (
        "presubmit",
        "decorate: true\ndecoration_config: {gcs_configuration: {bucket: 's3://a b'}}\nspec: {containers: [{args: [a]}]}",
        "5:53: job 'j': the bucket 's3://a b' is no address: the host has a space",
    ),
    (
        "presubmit",
        "decorate: true\ndecoration_config: {gcs_configuration: {mediaTypes: {txt: a b}}}\nspec: {containers: [{args: [a]}]}",
        "5:63: job 'j': 'a b' is not a media type such as text/plain",
    ),
    (
        "presubmit",
        "decorate: true\ndecoration_config: {oauth_token_secret: {name: a, key: b}, ssh_key_secrets: [x]}\nspec: {containers: [{args: [a]}]}",
        "5:81: job 'j': oauth_token_secret and ssh_key_secrets exclude each other",
    ),
    (
        "presubmit",
        "decorate: true\ndecoration_config: {timeout: 5d}\nspec: {containers: [{args: [a]}]}",
        "5:34: presubmits.o/r[0].decoration_config.timeout: unknown unit 'd' in duration '5d' (units are ns, us, ms, s, m, h)",
    ),
    (
        "presubmit",
        "decorate: true\ndecoration_config: {timeout: 1.5}\nspec: {containers: [{args: [a]}]}",
        "5:34: presubmits.o/r[0].decoration_config.timeout: expected a duration such as 15m, or whole nanoseconds, found the number 1.5",
    ),
    (
        "presubmit",
        "decorate: true\ndecoration_config: {pod_pending_timeout: 5}\nspec: {containers: [{args: [a]}]}",
        "5:46: presubmits.o/r[0].decoration_config.pod_pending_timeout: expected a duration such as 15m, found the number 5",
    ),
    (
        "presubmit",
        "decorate: true\ndecoration_config: {default_memory_request: lots}\nspec: {containers: [{args: [a]}]}",
        "5:49: presubmits.o/r[0].decoration_config.default_memory_request: the suffix 'lots' of the quantity 'lots' is not known (write e.g. 100m, 512Mi)",
    ),
    (
        "presubmit",
        "decorate: true\ndecoration_config: {gcs_configuration: {local_output_dir: [x]}}\nspec: {containers: [{args: [a]}]}",
        "5:63: presubmits.o/r[0].decoration_config.gcs_configuration.local_output_dir: expected text, found a list",
    ),
    (
        "presubmit",
        "spec: {containers: [{resources: {requests: {cpu: many}}}]}",
        "4:54: presubmits.o/r[0].spec.containers[0].resources.requests.cpu: the suffix 'many' of the quantity 'many' is not known (write e.g. 100m, 512Mi)",
    ),
    (
        "presubmit",
        "name: y",
        "3:11: presubmits.o/r[0].name: expected text, found true (y, yes, on and true mean that); put it in quotes",
    ),
    ("presubmit", "name: 1.10", "3:11: presubmits.o/r[0].name: expected text, found the number 1.1; put it in quotes"),
    (
        "presubmit",
        "branches: main",
        "4:15: presubmits.o/r[0].branches: expected a list, found the text 'main'; an item begins with `- `",
    ),
    (
        "presubmit",
        "always_run: 'true'",
        "4:17: presubmits.o/r[0].always_run: expected true or false, found the text 'true'; leave the quotes away",
    ),
    (
        "presubmit",
        "max_concurrency: two",
        "4:22: presubmits.o/r[0].max_concurrency: expected a whole number, found the text 'two'",
    ),
    (
        "presubmit",
        "spec: {containers: {image: x}}",
        "4:24: presubmits.o/r[0].spec.containers: expected a list, found a mapping",
    ),
    (
        "presubmit",
        "spec: {containers: [image]}",
        "4:25: presubmits.o/r[0].spec.containers[0]: expected a mapping, found the text 'image'",
    ),
    (
        "file",
        "presubmits:\n  o/r:\n  - {name: j, spec: {containers: [{image: x}]}}\n  - {name: j, branches: [main], spec: {containers: [{image: x}]}}\n",
        "4:5: job 'j': the job 'j' is there twice for the same branches (a.yaml:3)",
    ),
    (
        "file",
        "presubmits:\n  o/r:\n  - {name: j, spec: {containers: [{image: x}]}}\n  - {name: k, context: j, spec: {containers: [{image: x}]}}\n",
        "4:5: job 'k': the job 'j' reports to the context 'j' too",
    ),
    (
        "file",
        "postsubmits:\n  o/r:\n  - {name: j, branches: [main], spec: {containers: [{image: x}]}}\n  - {name: j, skip_branches: [old], spec: {containers: [{image: x}]}}\n",
        "4:5: job 'j': the job 'j' is there twice for the same branches (a.yaml:3)",
    ),
    (
        "file",
        "periodics:\n- {name: j, interval: 1h, spec: {containers: [{image: x}]}}\n- {name: j, cron: '@daily', spec: {containers: [{image: x}]}}\n",
        "3:3: job 'j': another periodic has this name (a.yaml:2)",
    ),
    (
        "file",
        "presets:\n- labels: {p: '1'}\n  env: [{name: A}]\n  volumes: [{name: v}]\n  volumeMounts: [{name: v, mountPath: /v}]\n  tolerations: [{key: t}]\n- labels: {p: '1', q: '2'}\n",
        "7:3: the preset at a.yaml:2 has the label p: 1 too",
    ),
    (
        "file",
        "presets:\n- labels: {p: '1'}\n  env: [{name: A}]\n  volumes: [{name: v}]\n  volumeMounts: [{name: v, mountPath: /v}]\n  tolerations: [{key: t}]\npresubmits:\n  o/r:\n  - {name: j, labels: {p: '1'}, spec: {containers: [{env: [{name: A}]}]}}\n",
        "9:5: job 'j': a preset adds the env var 'A', which is there already",
    ),
    (
        "file",
        "presets:\n- labels: {p: '1'}\n  env: [{name: A}]\n  volumes: [{name: v}]\n  volumeMounts: [{name: v, mountPath: /v}]\n  tolerations: [{key: t}]\npresubmits:\n  o/r:\n  - {name: j, labels: {p: '1'}, spec: {containers: [{image: x}], volumes: [{name: v}]}}\n",
        "9:5: job 'j': a preset adds the volume 'v', which is there already",
    ),
    (
        "file",
        "presets:\n- labels: {p: '1'}\n  env: [{name: A}]\n  volumes: [{name: v}]\n  volumeMounts: [{name: v, mountPath: /v}]\n  tolerations: [{key: t}]\npresubmits:\n  o/r:\n  - {name: j, labels: {p: '1'}, spec: {containers: [{volumeMounts: [{name: v, mountPath: /x}]}], volumes: [{name: w}]}}\n",
        "9:5: job 'j': a preset adds the volume mount 'v', which is there already",
    ),
    (
        "file",
        "presets:\n- labels: {p: '1'}\n  env: [{name: A}]\n  volumes: [{name: v}]\n  volumeMounts: [{name: v, mountPath: /v}]\n  tolerations: [{key: t}]\npresubmits:\n  o/r:\n  - {name: j, labels: {p: '1'}, spec: {containers: [{image: x}], tolerations: [{key: t}]}}\n",
        "9:5: job 'j': a preset adds the toleration {'key': 't'}, which is there already",
    ),
]


@pytest.mark.parametrize(("kind", "job", "said"), MESSAGES)
def test_a_rule_that_is_broken_is_told_where_it_is_broken(kind: str, job: str, said: str, tmp_path: Path) -> None:
    assert told(tmp_path, CONFIG, text_of(kind, job)) == f"a.yaml:{said}"


_DECORATED = "{name: %s, decorate: true, spec: {containers: [{args: [a]}]}%s}"


@pytest.mark.parametrize(
    ("plank", "said"),
    [
        (
            "default_decoration_configs: {'*': {}}",
            ["1:43: decoration needs utility_images (%s)", "1:43: decoration needs gcs_configuration (%s)"],
        ),
        (
            "default_decoration_configs: {'*': {utility_images: {clonerefs: c}, gcs_configuration: {bucket: b}}}",
            [
                "1:60: decoration needs utility_images for initupload, entrypoint, sidecar (%s)",
                "1:95: decoration needs a path_strategy: legacy, single, explicit (%s)",
            ],
        ),
        (
            (
                "default_decoration_config_entries: [{config: {utility_images: {clonerefs: c, initupload: i, entrypoint: e, sidecar: s}}}, "
                "{repo: o, config: {gcs_configuration: {path_strategy: x}}}, {repo: p, config: {gcs_configuration: {path_strategy: z}}}]"
            ),
            ["1:185: path_strategy 'x' must be one of legacy, single, explicit (%s)"],
        ),
    ],
)
def test_what_is_wrong_with_the_defaults_is_told_where_they_stand_once_for_all_jobs(
    plank: str, said: list[str], tmp_path: Path
) -> None:
    config = f"plank: {{{plank}}}\n"
    one = f"presubmits:\n  o/r:\n  - {_DECORATED % ('j', '')}\n"
    assert told(tmp_path, config, one).splitlines() == ["config.yaml:" + line % "job 'j'" for line in said]
    many = one + "".join(f"  - {_DECORATED % (f'j{n}', '')}\n" for n in range(1200))
    heirs = "job 'j' and 1,200 more"
    assert told(tmp_path, config, many).splitlines() == ["config.yaml:" + line % heirs for line in said]


def test_what_a_job_says_itself_is_told_of_the_job(tmp_path: Path) -> None:
    images = "utility_images: {clonerefs: c, initupload: i, entrypoint: e, sidecar: s}"
    config = f"plank: {{default_decoration_configs: {{'*': {{{images}, gcs_configuration: {{path_strategy: explicit}}}}}}}}\n"
    own = _DECORATED % ("j", ", decoration_config: {gcs_configuration: {path_strategy: single}}")
    assert told(tmp_path, config, f"presubmits:\n  o/r:\n  - {own}\n") == (
        "a.yaml:3:121: job 'j': path_strategy single needs default_org and default_repo"
    )
    none = f"periodics:\n- {(_DECORATED % ('j', '')).replace('{name', '{interval: 1h, name')}\n"
    assert told(tmp_path, "", none).splitlines() == [
        "a.yaml:2:3: job 'j': decoration needs utility_images",
        "2:3: job 'j': decoration needs gcs_configuration",
    ]


def test_all_errors_of_all_jobs_are_told_at_once(tmp_path: Path) -> None:
    jobs = "".join(f"- {{name: j{n}, interval: {n}d, {SPEC}}}\n" for n in range(50))
    assert told(tmp_path, "", f"periodics:\n{jobs}").count("unknown unit 'd'") == 50


@pytest.mark.parametrize(
    ("job", "said"),
    [
        # No defaults are merged into it, but it must be whole.
        ("decoration_config: {timeout: 1h}\nspec: {containers: [{args: [a]}]}", "decoration needs utility_images"),
        ("agent: tekton-pipeline\nextra_refs: [{org: o}]\npipeline_run_spec: {pipelineSpec: {tasks: [{taskRef: {name: xPROW_EXTRA_GIT_REF_0y}}]}}", ""),
        ("agent: tekton-pipeline\nextra_refs: [{org: o}]\npipeline_run_spec: {pipelineSpec: {tasks: [{taskRef: {name: PROW_EXTRA_GIT_REF_00}}]}}", "begin with 0"),
        ("agent: tekton-pipeline\nextra_refs: [{org: o}]\npipeline_run_spec: {}", "every extra ref"),
        # Not asked of jobs without a pod.
        ("agent: jenkins\nrerun_auth_config: {allow_anyone: true, github_users: [me]}", ""),
        ("agent: jenkins\nclone_uri: 'http://h:x/'", ""),
        ("clone_uri: 'a:b'", ""),
        ("clone_uri: git@h:o/r", ""),
        # A kind of job that nobody knows is nobody's to check.
        ("agent: none\nmax_concurrency: 1", ""),
    ],
)  # fmt: skip
def test_what_is_asked_of_which_job(job: str, said: str, tmp_path: Path) -> None:
    text = text_of("presubmit", job)
    if said:
        assert said in told(tmp_path, CONFIG, text)
    else:
        (tmp_path / "config.yaml").write_text(CONFIG)
        (tmp_path / "a.yaml").write_text(text)
        load(tmp_path / "config.yaml", tmp_path / "a.yaml")
