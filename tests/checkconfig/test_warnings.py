"""Every warning: a configuration that has it, with the place it is told at, and one that has not."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from prow.checkconfig.model import When
from prow.checkconfig.table import ALWAYS, TABLE
from tests.support.checkconfig import checked, lines, written


class Case(NamedTuple):
    name: str
    bad: dict[str, str]
    told: list[str]
    good: dict[str, str]


QUERY = "tide:\n  queries:\n  - orgs: [acme]\n    labels: [lgtm, approved]\n    missingLabels: [do-not-merge/hold]\n"
PLUGINS = "plugins:\n  acme:\n    plugins: [lgtm, approve, hold, trigger, verify-owners]\n"


def job(kind: str, text: str, *, spec: bool = True) -> str:
    """One job of acme/rockets; `text` are its keys, one a line."""
    head = "periodics:\n- " if kind == "periodics" else f"{kind}:\n  acme/rockets:\n  - "
    indent = "  " if kind == "periodics" else "    "
    keys = [*text.splitlines(), *(["spec: {containers: [{image: x, command: [make]}]}"] if spec else [])]
    return head + f"\n{indent}".join(keys) + "\n"


DECORATED = (
    "plank:\n  default_decoration_config_entries:\n  - config:\n      gcs_configuration: {bucket: b, path_strategy: explicit}\n"
    "      utility_images: {clonerefs: c, initupload: i, entrypoint: e, sidecar: s}\n"
)
PROTECTED = """\
branch-protection:
  orgs:
    acme:
      repos:
        rockets:
          protect: true
          required_status_checks:
            strict: %s
"""
LONG = "x" * 64

CASES = [
    Case(
        "mismatched-tide",
        {"config.yaml": QUERY, "plugins.yaml": PLUGINS.replace("hold", "wip")},
        [
            (
                "config.yaml:5:21: [mismatched-tide] tide.queries[0].missingLabels[0]: tide forbids the label do-not-merge/hold in acme, "
                "but the plugin hold is not on there"
            ),
            (
                "plugins.yaml:2:3: [mismatched-tide] plugins.acme: acme has the plugin wip, but the tide queries there do not forbid the "
                "label do-not-merge/work-in-progress"
            ),
            (
                "plugins.yaml:2:3: [mismatched-tide] plugins.acme: acme has the plugin verify-owners, but the tide queries there do not "
                "forbid the label do-not-merge/invalid-owners-file"
            ),
        ],
        {"config.yaml": QUERY, "plugins.yaml": PLUGINS.replace(", verify-owners", "")},
    ),
    Case(
        "mismatched-tide-lenient",
        {"config.yaml": QUERY, "plugins.yaml": PLUGINS.replace("lgtm", "wip")},
        [
            (
                "config.yaml:4:14: [mismatched-tide-lenient] tide.queries[0].labels[0]: tide requires the label lgtm in acme, but the "
                "plugin lgtm is not on there"
            )
        ],
        {"config.yaml": QUERY, "plugins.yaml": PLUGINS.replace("hold", "wip")},
    ),
    Case(
        "tide-strict-branch",
        {"config.yaml": QUERY + PROTECTED % "true"},
        [
            (
                "config.yaml:13:21: [tide-strict-branch] branch-protection.orgs.acme.repos.rockets.required_status_checks.strict: "
                "acme/rockets has strict protection, and tide merges there: tide would have to bring every pull request up to date "
                "before each merge"
            )
        ],
        {"config.yaml": QUERY + PROTECTED % "false"},
    ),
    Case(
        "tide-context-policy",
        {
            "config.yaml": "tide:\n  context_options:\n    optional-contexts: [unit]\n",
            "jobs/a.yaml": job("presubmits", "name: unit\nalways_run: true"),
        },
        [
            (
                "jobs/a.yaml:3:5: [tide-context-policy] presubmits.acme/rockets[0].context: acme/rockets, branch master: "
                "unit cannot be required and optional"
            )
        ],
        {
            "config.yaml": "tide:\n  context_options:\n    optional-contexts: [lint]\n",
            "jobs/a.yaml": job("presubmits", "name: unit\nalways_run: true"),
        },
    ),
    Case(
        "non-decorated-jobs",
        {"jobs/a.yaml": job("periodics", "name: nightly\ninterval: 1h\ndecorate: false")},
        [
            (
                "jobs/a.yaml:4:13: [non-decorated-jobs] periodics[0].decorate: the job nightly is not decorated: its log and artifacts "
                "are not uploaded; say decorate: true"
            )
        ],
        {"config.yaml": DECORATED, "jobs/a.yaml": job("periodics", "name: nightly\ninterval: 1h\ndecorate: true")},
    ),
    Case(
        "long-job-names",
        {"jobs/a.yaml": job("postsubmits", f"agent: kubernetes\nname: {LONG}")},
        [
            (
                f"jobs/a.yaml:4:11: [long-job-names] postsubmits.acme/rockets[0].name: the name {LONG} has 64 characters; a label of "
                "the pod holds 63"
            )
        ],
        {"jobs/a.yaml": job("postsubmits", f"name: {LONG[1:]}")},
    ),
    Case(
        "duplicate-job-refs",
        {
            "jobs/a.yaml": job(
                "presubmits",
                "name: unit\nextra_refs:\n- {org: acme, repo: rockets}\n- {org: b, repo: c}\n- {org: b, repo: c}",
            )
        },
        [
            (
                "jobs/a.yaml:5:7: [duplicate-job-refs] presubmits.acme/rockets[0].extra_refs[0]: the job unit clones acme/rockets "
                "2 times, once for the repository itself"
            ),
            "jobs/a.yaml:7:7: [duplicate-job-refs] presubmits.acme/rockets[0].extra_refs[2]: the job unit clones b/c 2 times",
        ],
        {"jobs/a.yaml": job("presubmits", "name: unit\nextra_refs:\n- {org: b, repo: c}")},
    ),
    Case(
        "needs-ok-to-test",
        {"config.yaml": QUERY.replace("do-not-merge/hold", "needs-ok-to-test")},
        [
            (
                "config.yaml:5:21: [needs-ok-to-test] tide.queries[0].missingLabels[0]: the query requires lgtm and forbids "
                "needs-ok-to-test: a change that was reviewed need not wait for tests to be allowed, so leave needs-ok-to-test out"
            )
        ],
        {"config.yaml": QUERY},
    ),
    Case(
        "managed-webhooks",
        {
            "config.yaml": "managed_webhooks:\n  org_repo_config:\n    acme: {}\n    acme/rockets: {}\n    other/thing: {}\n"
        },
        [
            (
                "config.yaml:4:5: [managed-webhooks] managed_webhooks.org_repo_config.acme/rockets: acme/rockets has a webhook beside the "
                "one of acme, so every event would come twice"
            )
        ],
        {"config.yaml": "managed_webhooks:\n  org_repo_config:\n    acme: {}\n    other/thing: {}\n"},
    ),
    Case(
        "validate-owners",
        {"plugins.yaml": "plugins:\n  acme/rockets:\n    plugins: [blunderbuss, approve]\n"},
        [
            (
                "plugins.yaml:2:3: [validate-owners] plugins.acme/rockets: acme/rockets uses OWNERS files (approve, blunderbuss), but "
                "verify-owners is not on there to check changes to them"
            )
        ],
        {"plugins.yaml": "plugins:\n  acme/rockets:\n    plugins: [approve]\n  acme:\n    plugins: [verify-owners]\n"},
    ),
    Case(
        "missing-trigger",
        {
            "plugins.yaml": "plugins:\n  acme:\n    plugins: [trigger]\n    excluded_repos: [rockets]\n",
            "jobs/a.yaml": job("postsubmits", "name: publish"),
        },
        [
            (
                "jobs/a.yaml:3:5: [missing-trigger] postsubmits.acme/rockets[0]: acme/rockets has jobs, but the plugin trigger, which "
                "starts them, is not on there"
            )
        ],
        {"plugins.yaml": PLUGINS, "jobs/a.yaml": job("postsubmits", "name: publish")},
    ),
    Case(
        "validate-urls",
        {"config.yaml": 'status_error_link: "http://acme:port/"\n', "plugins.yaml": ""},
        [
            "config.yaml:1:20: [validate-urls] status_error_link: 'http://acme:port/' is no URL: the port is not a number",
        ],
        {"config.yaml": "status_error_link: https://acme.example.org/issues\n", "plugins.yaml": ""},
    ),
    Case(
        "unknown-fields",
        {
            "config.yaml": "tide:\n  sync_perod: 1m\n",
            "plugins.yaml": "lgtm:\n- repos: [acme]\n  review_act_as_lgtm: true\n",
        },
        [
            "config.yaml:2:3: [unknown-fields] tide.sync_perod: unknown key 'sync_perod'; did you mean 'sync_period'?",
            (
                "plugins.yaml:3:3: [unknown-fields] lgtm[0].review_act_as_lgtm: unknown key 'review_act_as_lgtm'; did you mean "
                "'review_acts_as_lgtm'?"
            ),
        ],
        {"config.yaml": "tide:\n  sync_period: 1m\nprow_ignored: {anything: 1}\n"},
    ),
    Case(
        "unknown-fields-all",
        {
            "config.yaml": "tid: {}\n",
            "jobs/a.yaml": job("presubmits", "name: unit\noptinal: true"),
        },
        [
            "config.yaml:1:1: [unknown-fields-all] tid: unknown key 'tid'; did you mean 'tide'?",
            "jobs/a.yaml:4:5: [unknown-fields-all] presubmits.acme/rockets[0].optinal: unknown key 'optinal'; did you mean 'optional'?",
        ],
        {"jobs/a.yaml": job("presubmits", "name: unit\noptional: true")},
    ),
    Case(
        "validate-cluster-field",
        {"jobs/a.yaml": job("presubmits", "name: unit\nagent: jenkins\ncluster: build", spec=False)},
        [
            (
                "jobs/a.yaml:5:14: [validate-cluster-field] presubmits.acme/rockets[0].cluster: the job unit runs at Jenkins, where the "
                "cluster build has no meaning"
            )
        ],
        {"jobs/a.yaml": job("presubmits", "name: unit\nagent: jenkins\ncluster: default", spec=False)},
    ),
    Case(
        "validate-unmanaged-branchconfig-has-no-subconfig",
        {
            "config.yaml": "branch-protection:\n  orgs:\n    acme:\n      unmanaged: true\n      protect: true\n      repos:\n"
            "        rockets: {protect: true}\n"
        },
        [
            (
                "config.yaml:3:5: [validate-unmanaged-branchconfig-has-no-subconfig] branch-protection.orgs.acme: acme is unmanaged, so "
                "its other settings have no effect"
            ),
            (
                "config.yaml:7:18: [validate-unmanaged-branchconfig-has-no-subconfig] branch-protection.orgs.acme.repos.rockets: acme is "
                "unmanaged, so the settings of acme/rockets have no effect; say unmanaged: false there"
            ),
        ],
        {
            "config.yaml": "branch-protection:\n  orgs:\n    acme:\n      unmanaged: true\n      repos:\n"
            "        rockets: {protect: true, unmanaged: false}\n"
        },
    ),
    Case(
        "validate-label",
        {
            "plugins.yaml": "label:\n  additional_labels: [fun]\n  restricted_labels:\n    acme:\n    - label: fun\n"
            "      allowed_users: [ann]\n    - label: ''\n"
        },
        [
            (
                "plugins.yaml:5:14: [validate-label] label.restricted_labels.acme[0].label: the label fun is restricted for acme, but "
                "anybody may set it: it is in additional_labels"
            ),
            "plugins.yaml:7:14: [validate-label] label.restricted_labels.acme[1].label: a restricted label of acme has no name",
        ],
        {"plugins.yaml": "label:\n  additional_labels: [fun]\n  restricted_labels:\n    acme:\n    - label: serious\n"},
    ),
    Case(
        "periodic-default-clone-config",
        {"jobs/a.yaml": job("periodics", "name: nightly\ninterval: 1h\nclone_depth: 3")},
        [
            (
                "jobs/a.yaml:4:16: [periodic-default-clone-config] periodics[0].clone_depth: the periodic nightly sets clone_depth, which "
                "has no effect: it has no repository of its own; set it in extra_refs"
            )
        ],
        {"jobs/a.yaml": job("periodics", "name: nightly\ninterval: 1h")},
    ),
    Case(
        "validate-config-updater-acls",
        {
            "plugins.yaml": "config_updater:\n  maps:\n    a.yaml:\n      name: a\n      allowed_repos: [acme, acme/b/c, /d]\n"
            "      denied_repos: ['']\n"
        },
        [
            (
                "plugins.yaml:5:29: [validate-config-updater-acls] config_updater.maps.a.yaml.allowed_repos[1]: 'acme/b/c' has too many "
                "slashes for an org/repo"
            ),
            "plugins.yaml:5:39: [validate-config-updater-acls] config_updater.maps.a.yaml.allowed_repos[2]: '/d' has no org",
            "plugins.yaml:6:22: [validate-config-updater-acls] config_updater.maps.a.yaml.denied_repos[0]: an org or org/repo is missing",
        ],
        {"plugins.yaml": "config_updater:\n  maps:\n    a.yaml:\n      name: a\n      allowed_repos: [acme, acme/b]\n"},
    ),
    Case(
        "rerun-command",
        {
            "config.yaml": "gerrit:\n  allowed_presubmit_trigger_re: ^/test\n",
            "jobs/a.yaml": job("presubmits", "name: unit\ntrigger: ^/go$\nrerun_command: /go"),
        },
        [
            (
                "jobs/a.yaml:5:20: [rerun-command] presubmits.acme/rockets[0].rerun_command: the job unit is rerun by '/go', which "
                "gerrit.allowed_presubmit_trigger_re (^/test) forbids"
            )
        ],
        {
            "config.yaml": "gerrit:\n  allowed_presubmit_trigger_re: ^/test\n",
            "jobs/a.yaml": job("presubmits", "name: unit"),
        },
    ),
]
# These look at more than files; they have tests of their own below or in other files.
ELSEWHERE = {
    "required-job-annotations",
    "validate-supplemental-prow-config-hierarchy",
    "verify-owners-presence",
    "validate-github-app-installation",
    "valid-decoration-config",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_warning_is_told_at_its_place(case: Case, tmp_path: Path) -> None:
    names = [case.name] if case.name not in {check.name for check in ALWAYS} else ["long-job-names"]
    assert lines(checked(written(tmp_path, case.bad), names), tmp_path) == case.told


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_good_config_has_no_warning(case: Case, tmp_path: Path) -> None:
    names = [case.name] if case.name not in {check.name for check in ALWAYS} else ["long-job-names"]
    assert lines(checked(written(tmp_path, case.good), names), tmp_path) == []


def test_every_warning_has_a_case() -> None:
    assert {case.name for case in CASES} | ELSEWHERE == {check.name for check in (*TABLE, *ALWAYS)}
    counts = {when: sum(check.when is when for check in TABLE) for when in When}
    assert counts == {When.DEFAULT: 20, When.EXPENSIVE: 1, When.OPTIONAL: 3}


def test_required_annotations_are_told_for_each_job(tmp_path: Path) -> None:
    paths = written(tmp_path, {"jobs/a.yaml": job("presubmits", "name: unit\nannotations: {team: core}")})
    names = ["required-job-annotations"]
    assert lines(checked(paths, names), tmp_path) == []
    assert lines(checked(paths, names, required_annotations=("team",)), tmp_path) == []
    assert lines(checked(paths, names, required_annotations=("team", "mail")), tmp_path) == [
        "jobs/a.yaml:4:18: [required-job-annotations] presubmits.acme/rockets[0].annotations: the job unit lacks the annotations mail"
    ]


def test_cluster_that_the_status_file_does_not_know_is_told_with_the_nearest(tmp_path: Path) -> None:
    paths = written(tmp_path, {"jobs/a.yaml": job("presubmits", "name: unit\ncluster: biuld")})
    names = ["validate-cluster-field"]
    assert lines(checked(paths, names, clusters={"build": "Unreachable", "default": "Reachable"}), tmp_path) == [
        (
            "jobs/a.yaml:4:14: [validate-cluster-field] presubmits.acme/rockets[0].cluster: the job unit wants the cluster biuld, which "
            "the status file does not know; did you mean 'build'?"
        )
    ]
    assert lines(checked(paths, names, clusters={"biuld": "Unreachable"}), tmp_path) == []
    assert lines(checked(paths, names), tmp_path) == []


def test_organisation_without_the_app_is_told_once(tmp_path: Path) -> None:
    paths = written(
        tmp_path, {"config.yaml": "tide:\n  queries:\n  - repos: [acme/a, acme/b, other/c]\n    labels: [lgtm]\n"}
    )
    names = ["validate-github-app-installation"]
    assert lines(checked(paths, names, installed=frozenset({"other"})), tmp_path) == [
        (
            "config.yaml:3:5: [validate-github-app-installation] tide.queries[0]: the config is about acme, but the GitHub App is "
            "not installed there, or suspended"
        )
    ]


def test_decoration_of_loaded_jobs_is_complete(tmp_path: Path) -> None:
    """A load refuses what is incomplete, so that the check has nothing to add."""
    paths = written(
        tmp_path, {"config.yaml": DECORATED, "jobs/a.yaml": job("presubmits", "name: unit\ndecorate: true")}
    )
    assert lines(checked(paths, ["valid-decoration-config"]), tmp_path) == []


def test_needs_rebase_is_asked_in_one_direction(tmp_path: Path) -> None:
    query = "tide:\n  queries:\n  - repos: [acme/rockets]\n    missingLabels: [needs-rebase]\n"
    external = "external_plugins:\n  %s:\n  - {name: needs-rebase, events: [pull_request]}\n"
    paths = written(tmp_path, {"config.yaml": query, "plugins.yaml": external % "other"})
    assert lines(checked(paths, ["mismatched-tide"]), tmp_path) == [
        (
            "config.yaml:4:21: [mismatched-tide] tide.queries[0].missingLabels[0]: tide forbids the label needs-rebase in acme/rockets, "
            "but the external plugin needs-rebase is not on there"
        )
    ]
    paths = written(
        tmp_path, {"config.yaml": query.replace("missingLabels", "labels"), "plugins.yaml": external % "acme"}
    )
    assert lines(checked(paths, ["mismatched-tide"]), tmp_path) == []
