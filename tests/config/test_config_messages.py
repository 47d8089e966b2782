"""What a person reads when config.yaml cannot be used: every rule of `spec/config` §1, where it is broken."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from prow.config.errors import ConfigError
from prow.config.load import load
from prow.config.supplemental import Supplements
from prow.lib.virtual_clock import VirtualClock

NOW = VirtualClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def told(folder: Path, jobs: str = "") -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder / "config.yaml", folder / jobs if jobs else "", clock=NOW)
    return str(caught.value).replace(f"{folder}/", "").replace("\nconfig.yaml:", "\n")


MESSAGES = [
    (
        "log_level: loud",
        "1:12: log_level: 'loud' is no level; use one of panic, fatal, error, warn, warning, info, debug, trace",
    ),
    ("prowjob_namespace: [a]", "1:20: prowjob_namespace: expected text, found a list"),
    ("github: {link_url: ':x'}", "1:20: ':x' is no URL: the scheme is missing"),
    (
        "default_job_timeout: 1d",
        "1:22: default_job_timeout: unknown unit 'd' in duration '1d' (units are ns, us, ms, s, m, h)",
    ),
    (
        "push_gateway: {interval: 60}",
        "1:26: push_gateway.interval: expected a duration such as 15m, found the number 60",
    ),
    (
        "plank: {max_concurrency: -1, max_goroutines: -1}",
        "1:26: max_concurrency must not be negative\n1:46: max_goroutines must be positive",
    ),
    (
        "plank: {report_template: a, report_templates: {'*': b}}",
        "1:26: report_template and report_templates exclude each other",
    ),
    ("plank: {job_url_template: '{{.Spec'}", "1:27: not a Go template: at 1:1: unclosed action"),
    ("plank: {report_templates: {o/r: '{{if}}'}}", "1:33: not a Go template: at 1:5: missing value for command"),
    (
        "plank: {default_decoration_configs: {'*': {}}, default_decoration_config_entries: [{}]}",
        "1:83: default_decoration_configs and default_decoration_config_entries exclude each other",
    ),
    ("plank: {job_url_prefix_config: {'*': 'http://h:x'}}", "1:38: 'http://h:x' is no URL: the port is not a number"),
    (
        "plank: {pod_pending_timeout: 10}",
        "1:30: plank.pod_pending_timeout: expected a duration such as 15m, found the number 10",
    ),
    (
        "plank: {job_queue_capacities: {q: many}}",
        "1:35: plank.job_queue_capacities.q: expected a whole number, found the text 'many'",
    ),
    ("jenkins_operators: [{label_selector: a=b}]", "1:38: a single jenkins operator must not have a label_selector"),
    (
        "jenkins_operators: [{}, {label_selector: a=b}]",
        "1:21: each of several jenkins operators needs a label_selector",
    ),
    (
        "jenkins_operators: [{label_selector: a=b}, {label_selector: '=='}]",
        "1:61: not a label selector: '==' is no requirement such as a=b, a in (b,c) or !a",
    ),
    (
        "jenkins_operators: [{job_url_template: '{{nope}}'}]",
        "1:40: not a Go template: at 1:3: function 'nope' not defined",
    ),
    ("tide: {max_goroutines: -1}", "1:24: max_goroutines must be positive"),
    ("tide: {target_url: a, target_urls: {'*': b}}", "1:20: target_url and target_urls exclude each other"),
    (
        "tide: {pr_status_base_url: a, pr_status_base_urls: {'*': b}}",
        "1:28: pr_status_base_url and pr_status_base_urls exclude each other",
    ),
    ("tide: {pr_status_base_urls: {o: b}}", "1:29: pr_status_base_urls needs a value for `*`"),
    ("tide: {github_merge_blocks_policy: {'*': allow}}", "1:42: 'allow' must be ignore, permit or block"),
    (
        "tide: {merge_commit_template: {o: {title: '{{', body: '{{end}}'}}}",
        "1:43: not a Go template: at 1:1: unclosed action\n1:55: not a Go template: at 1:1: unexpected end",
    ),
    ("tide: {merge_method: {o: fast}}", "1:26: the merge method 'fast' must be merge, rebase or squash"),
    ("tide: {merge_method: {o: {r: fast}}}", "1:30: the merge method 'fast' must be merge, rebase or squash"),
    (
        "tide: {merge_method: {o: {r: {'(': merge}}}}",
        "1:36: the branch pattern '(' is not a regular expression (RE2): missing ): (",
    ),
    ("tide: {merge_method: {o/r@main: ''}}", "1:33: the merge method '' must be merge, rebase or squash"),
    ("tide: {merge_method: {o: 3}}", "1:26: tide.merge_method.o: expected merge, rebase or squash, found the number 3"),
    ("tide: {merge_method: [merge]}", "1:22: tide.merge_method: expected a mapping, found a list"),
    ("tide: {queries: [{labels: [lgtm]}]}", "1:18: tide query: it needs orgs or repos"),
    ("tide: {queries: [{orgs: [o/r]}]}", "1:26: tide query: 'o/r' is no org"),
    ("tide: {queries: [{orgs: ['']}]}", "1:26: tide query: '' is no org"),
    ("tide: {queries: [{orgs: [o, o]}]}", "1:25: tide query: orgs has o more than once"),
    ("tide: {queries: [{repos: [r]}]}", "1:27: tide query: 'r' is not of the form org/repo"),
    ("tide: {queries: [{orgs: [o], repos: [o/r]}]}", "1:38: tide query: o/r is in already, with its org"),
    (
        "tide: {queries: [{orgs: [o], excludedRepos: [x/y, z]}]}",
        "1:46: tide query: x/y has no effect: the org x is not in orgs\n1:51: tide query: 'z' is not of the form org/repo",
    ),
    (
        "tide: {queries: [{orgs: [o], labels: [a], missingLabels: [a]}]}",
        "1:58: tide query: a cannot be required and forbidden",
    ),
    (
        "tide: {queries: [{orgs: [o], includedBranches: [a], excludedBranches: [b]}]}",
        "1:71: tide query: includedBranches and excludedBranches exclude each other",
    ),
    (
        "tide: {queries: [{orgs: [o], reviewApprovedRequired: 'yes'}]}",
        "1:54: tide.queries[0].reviewApprovedRequired: expected true or false, found the text 'yes'; leave the quotes away",
    ),
    ("deck: {spyglass: {size_limit: -1}}", "1:31: size_limit must not be negative"),
    ("deck: {spyglass: {lenses: [{required_files: ['(']}]}}", "1:46: not a regular expression (RE2): missing ): ("),
    ("deck: {spyglass: {viewers: {'(': [x]}}}", "1:34: not a regular expression (RE2): missing ): ("),
    (
        "deck: {spyglass: {gcs_browser_prefix: a, gcs_browser_prefixes: {'*': b}}}",
        "1:70: gcs_browser_prefix and gcs_browser_prefixes[*] exclude each other",
    ),
    ("deck: {spyglass: {announcement: '{{'}}", "1:33: not a Go template: at 1:1: unclosed action"),
    ("deck: {spyglass: {pr_history_link_template: '{{.}'}}", "1:45: not a Go template: at 1:1: unclosed action"),
    (
        "deck: {external_agent_logs: [{url_template: '{{', selector: '='}]}",
        "1:45: not a Go template: at 1:1: unclosed action\n1:61: not a label selector: '=' is no requirement such as a=b, a in (b,c) or !a",
    ),
    (
        "deck: {rerun_auth_configs: {'*': {}}, default_rerun_auth_configs: [{repo: o}]}",
        "1:67: rerun_auth_configs and default_rerun_auth_configs exclude each other",
    ),
    (
        "deck: {rerun_auth_configs: {o: {allow_anyone: true, github_orgs: [o]}}}",
        "1:32: allow_anyone excludes lists of users, teams and orgs",
    ),
    (
        "deck: {default_rerun_auth_configs: [{rerun_auth_configs: {allow_anyone: true, github_users: [u]}}]}",
        "1:37: allow_anyone excludes lists of users, teams and orgs",
    ),
    (
        "deck: {additional_allowed_buckets: [b]}",
        "1:36: additional_allowed_buckets needs skip_storage_path_validation: false",
    ),
    ("github_reporter: {job_types_to_report: [periodic]}", "1:41: 'periodic' must be presubmit or postsubmit"),
    ("slack_reporter_configs: {o: {}}", "1:29: a slack reporter needs a channel"),
    (
        "slack_reporter_configs: {'*': {channel: c, report_template: '{{.Spec.Refs.Org}}'}}",
        "1:61: the template fails for a job without refs: at 1:3: Org of something that is not there; ask with {{if}} or {{with}} before",
    ),
    (
        "slack_reporter_configs: {'*': {channel: c, report_template: '{{.spec.job}}'}}",
        "1:61: the template fails for a job without refs: at 1:3: there is no field spec; fields have Go's names, such as .Status.BuildID",
    ),
    ("branch-protection: {include: [a], exclude: [b]}", "1:30: include and exclude exclude each other here"),
    (
        "branch-protection: {orgs: {o: {protect: maybe}}}",
        "1:41: branch-protection.orgs.o.protect: expected true or false, found the text 'maybe'",
    ),
    ("gerrit: {allowed_presubmit_trigger_re: '('}", "1:40: not a regular expression (RE2): missing ): ("),
    ("gerrit: {deck_url: 'http://h:x'}", "1:20: 'http://h:x' is no URL: the port is not a number"),
    (
        "pubsub_triggers: [{project: p}]\npubsub_subscriptions: {p: [s]}",
        "2:23: pubsub_subscriptions and pubsub_triggers exclude each other",
    ),
    (
        "managed_webhooks: {org_repo_config: {o: {token_created_after: 2999-01-01T00:00:00Z}}}",
        "1:63: token_created_after must not be in the future",
    ),
    (
        "managed_webhooks: {org_repo_config: {o: {token_created_after: yesterday}}}",
        "1:63: managed_webhooks.org_repo_config.o.token_created_after: expected a time such as 2026-01-02T03:04:05Z, found the text 'yesterday'",
    ),
    (
        "managed_webhooks: {org_repo_config: {o: {token_created_after: 2026-01-02T03:04:05}}}",
        "1:63: managed_webhooks.org_repo_config.o.token_created_after: expected a time such as 2026-01-02T03:04:05Z, found the text '2026-01-02T03:04:05'",
    ),
    ("gangway: {allowed_api_clients: [{}]}", "1:33: a client needs a cloud vendor (gcp)"),
    (
        "gangway: {allowed_api_clients: [{gcp: {endpoint_api_consumer_type: X, endpoint_api_consumer_number: 'a'}}]}",
        "1:68: the type must be PROJECT\n1:101: the number must have digits only\n1:33: a client needs allowed_jobs_filters, each with a tenant_id",
    ),
    (
        "gangway: {allowed_api_clients: [{gcp: {endpoint_api_consumer_type: PROJECT, endpoint_api_consumer_number: '1'}, allowed_jobs_filters: [{tenant_id: t}]}, {gcp: {endpoint_api_consumer_type: PROJECT, endpoint_api_consumer_number: '1'}, allowed_jobs_filters: [{tenant_id: t}]}]}",
        "1:154: the client is there twice",
    ),
    (
        "in_repo_config: {enabled: {o: 'true'}}",
        "1:31: in_repo_config.enabled.o: expected true or false, found the text 'true'; leave the quotes away",
    ),
    ("sinker: 3", "1:9: sinker: expected a mapping, found the number 3"),
    ("- a", "1:1: expected a mapping, found a list"),
    ("just text", "1:1: expected a mapping, found the text 'just text'"),
]


@pytest.mark.parametrize(("text", "said"), MESSAGES)
def test_a_rule_that_is_broken_is_told_where_it_is_broken(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"{text}\n")
    assert told(tmp_path) == f"config.yaml:{said}"


def test_a_time_is_in_the_future_as_long_as_it_is(tmp_path: Path) -> None:
    webhook = "managed_webhooks: {org_repo_config: {o: {token_created_after: 2026-01-02T03:04:06Z}}}"
    (tmp_path / "config.yaml").write_text(webhook)
    assert "must not be in the future" in told(tmp_path)
    load(tmp_path / "config.yaml", clock=VirtualClock(datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)))


FILES: list[tuple[dict[str, bytes], str, str]] = [
    ({}, "", "config.yaml: --config-path cannot be read: No such file or directory"),
    ({"config.yaml/x": b""}, "", "config.yaml: --config-path must be a file, this is a directory"),
    ({"config.yaml": b""}, "none", "none: --job-config-path names nothing that exists"),
    (
        {"config.yaml": b"", "jobs/a.yaml": b"", "jobs/b/a.yaml": b"", "jobs/c/.d/a.yaml": b""},
        "jobs",
        (
            "jobs/b/a.yaml: another job file has the name a.yaml too (jobs/a.yaml); names must be unique in the whole tree\n"
            "jobs/c/.d/a.yaml: another job file has the name a.yaml too (jobs/a.yaml); names must be unique in the whole tree"
        ),
    ),
    (
        {"config.yaml": b"", "jobs/a.yaml": b"periodics: [\n", "jobs/b.yml": b"presets: {}\n"},
        "jobs",
        "jobs/a.yaml:2:1: not YAML: a value was expected; is a `[` or `{` before not closed?\njobs/b.yml:1:10: presets: expected a list, found a mapping",
    ),
    (
        {"config.yaml": b"\x1f\x8bxx"},
        "",
        "config.yaml: not gzip: Error -3 while decompressing data: unknown compression method",
    ),
    ({"config.yaml": gzip.compress(b"a: 1")[:-3]}, "", "config.yaml: not gzip: it is cut off"),
    ({"config.yaml": gzip.compress(b"\0" * (17 * 1024 * 1024))}, "", "config.yaml: larger than 16777216 bytes"),
    ({"config.yaml": b"\n" * (16 * 1024 * 1024 + 1)}, "", "config.yaml: larger than 16777216 bytes"),
]


@pytest.mark.parametrize(("files", "jobs", "said"), FILES)
def test_a_file_that_cannot_be_read_is_named(files: dict[str, bytes], jobs: str, said: str, tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert told(tmp_path, jobs) == said


SHARDS = [
    ("plank: {}\nsinker: {max_pod_age: 1h}", ("2:1: a supplemental config may have branch-protection, slack_reporter_configs, "
     "tide.merge_method and tide.queries alone")),
    ("tide: {queries: [{orgs: [o/r]}]}", "1:26: tide query: 'o/r' is no org"),
    ("tide: {merge_method: {o: merge}}", "1:23: another file has o already"),
    ("slack_reporter_configs: {'*': {channel: c}}", "1:26: another file has * already"),
    ("branch-protection: {protect: true}", "1:1: another file has a policy for everything already"),
    ("branch-protection: {orgs: {o: {protect: true}}}", "1:28: another file has a policy for o already"),
    ("branch-protection: {orgs: {o: {repos: {r: {protect: true}}}}}", "1:40: another file has a policy for o/r already"),
    (
        "branch-protection: {orgs: {o: {repos: {r: {branches: {b: {protect: true}}}}}}}",
        "1:55: another file has a policy for the branch b of o/r already",
    ),
    ("branch-protection: {allow_disabled_policies: true}", "1:21: another file sets allow_disabled_policies already"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), SHARDS)
def test_what_supplemental_files_say_twice_is_told_of_the_later_one(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("""\
slack_reporter_configs: {"*": {channel: c}}
tide: {merge_method: {o: merge}}
branch-protection:
  protect: false
  allow_disabled_policies: true
  orgs: {o: {protect: true, repos: {r: {protect: true, branches: {b: {protect: true}}}}}}
""")
    folder = tmp_path / "shards"
    folder.mkdir()
    (folder / "a_prowconfig.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.yaml", supplemental=Supplements((str(folder),)))
    assert str(caught.value).replace(f"{folder}/", "") == f"a_prowconfig.yaml:{said}"
