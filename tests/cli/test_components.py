"""Each component as its own command: upstream's flags start it, what it cannot do is one line, dry runs write nothing."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest

from prow.cli.main import main
from tests.support.processes import Component
from tests.support.sandbox import FLAGS

COMPONENTS = ("hook", "prow-controller-manager", "crier", "tide", "deck", "horologium", "sinker")
CREDENTIALS = {"s3-credentials-file": "s3.json"}
GITHUB = {"github-endpoint": "http://127.0.0.1:1", "github-token-path": "token"}

UPSTREAM: dict[str, dict[str, object]] = {
    "hook": {**GITHUB, "plugin-config": "plugins.yaml", "hmac-secret-file": "hmac", "dry-run": False},
    "prow-controller-manager": {**GITHUB, "enable-controller": "plank", "dry-run": False},
    "crier": {
        **GITHUB,
        **CREDENTIALS,
        "blob-storage-workers": 10,
        "github-workers": 10,
        "kubernetes-blob-storage-workers": 10,
    },
    "tide": {
        **GITHUB,
        **CREDENTIALS,
        "github-graphql-endpoint": "http://127.0.0.1:1/graphql",
        "status-path": "s3://tide/tide-status",
        "history-uri": "s3://tide/tide-history.json",
        "dry-run": False,
    },
    "deck": {
        **GITHUB,
        **CREDENTIALS,
        "plugin-config": "plugins.yaml",
        "tide-url": "http://tide/",
        "hook-url": "http://hook:8888/plugin-help",
        "spyglass": True,
    },
    "horologium": {"dry-run": False},
    "sinker": {"dry-run": False},
}
"""How Metal3 starts them (`spec/deployment` §2.5), with files that are here."""


_NEEDED: dict[str, dict[str, object]] = {
    "hook": {"hmac-secret-file": "hmac", "plugin-config": "plugins.yaml"},
    "crier": {"github-workers": 1},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (
        ("config.yaml", "prowjob_namespace: default\n"),
        ("plugins.yaml", "plugins: {}\n"),
        ("hmac", "secret-secret"),
        ("token", "ghp_abcdefgh"),
        ("s3.json", '{"region":"x","access_key":"a","secret_key":"b","endpoint":"http://127.0.0.1:1","insecure":true}'),
    ):
        (tmp_path / name).write_text(text)
    return tmp_path


Prow = Callable[..., tuple[int, str, str]]


@pytest.fixture
def prow(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Prow:
    """Run a command in this process: exit code, standard output, standard error."""
    monkeypatch.chdir(folder)

    def run(name: str, *arguments: str, **flags: object) -> tuple[int, str, str]:
        given = {
            "config-path": "config.yaml",
            "state-dir": "state",
            "health-port": 0,
            "metrics-port": 0,
            "pprof-port": 0,
        }
        given |= _NEEDED.get(name, {}) | {flag.replace("_", "-"): value for flag, value in flags.items()}
        with pytest.raises(SystemExit) as ended:
            main([name, *(f"--{flag}={value}" for flag, value in given.items()), *arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.mark.parametrize("name", COMPONENTS)
async def test_it_starts_with_the_flags_that_operators_have_and_stops_when_told(name: str, folder: Path) -> None:
    flags = {
        flag: folder / str(value) if (folder / str(value)).exists() else value for flag, value in UPSTREAM[name].items()
    }
    if name == "prow-controller-manager":
        flags |= FLAGS
    component = Component(folder, name, {"config-path": folder / "config.yaml", **flags})
    await component.start()
    try:
        await component.ready()
        assert await component.end() == 0
    finally:
        await component.kill()
    assert "Traceback" not in component.log()


@pytest.mark.parametrize("name", COMPONENTS)
def test_help_says_what_it_does(name: str, prow: Prow) -> None:
    code, out, _ = prow(name, "--help")
    assert code == 0
    assert out.startswith(f"Usage: prow {name} [OPTIONS]\n")
    for flag in ("--config-path", "--job-store", "--metrics-port"):
        assert flag in out


@pytest.mark.parametrize("name", ["hook", "prow-controller-manager", "tide", "horologium", "sinker"])
def test_it_is_dry_unless_told_otherwise(name: str, prow: Prow) -> None:
    text = " ".join(prow(name, "--help")[1].split())
    assert "[default: True]" in text.partition(" --dry-run ")[2].partition(" --")[0]


@pytest.mark.parametrize(
    ("name", "flags", "says"),
    [
        *((name, {"config_path": ""}, "--config-path is required") for name in COMPONENTS),
        *((name, {"kubeconfig": "x"}, "--kubeconfig: jobs on Kubernetes come with a later release") for name in COMPONENTS),
        ("hook", {"event_endpoint": "tide"}, "--event-endpoint tide: give NAME=URL"),
        ("hook", {"event_endpoint": "tide=http://127.0.0.1:88899"}, "--event-endpoint tide=http://127.0.0.1:88899: give"),
        ("hook", {"event_endpoint": "trigger=http://x"}, "two consumers of events are called trigger"),
        ("prow-controller-manager", {"enable_controller": "scheduler"}, "--enable-controller=scheduler comes with a later"),
        ("prow-controller-manager", {"enable_controller": "x"}, "--enable-controller=x: there is no such controller"),
        ("prow-controller-manager", {"tot_url": "http://tot"}, "--tot-url: there is no tot"),
        ("prow-controller-manager", {"dry_run": "false", "engine": "magic"}, "there is no such sandbox"),
        ("crier", {"github_workers": 0}, "give --github-workers, --blob-storage-workers, or both"),
        ("crier", {"slack_workers": 1}, "--slack-workers: Slack comes with a later release"),
        ("crier", {"gerrit_workers": 1}, "--gerrit-workers: Gerrit is not part of this Prow"),
        ("crier", {"github_enabled_repo": "acme"}, '"acme" is not of the form org/repo'),
        ("tide", {"provider": "gerrit"}, "--provider=gerrit: only github is here"),
        ("tide", {"max_records_per_pool": 0}, "--max-records-per-pool: give 1 or more"),
        ("tide", {"hmac_secret_file": "/none"}, "--hmac-secret-file /none: cannot read this secret"),
        ("tide", {"github_hourly_tokens": 5}, "unknown flag --github-hourly-tokens"),
        ("deck", {"tide_url": "tide"}, "--tide-url tide: give the address of tide"),
        ("deck", {"tenant_id": "a"}, "--tenant-id: tenants come with a later release"),
        ("deck", {"hidden_only": True, "show_hidden": True}, "--hidden-only and --show-hidden exclude each other"),
        ("deck", {"oauth_url": "x"}, "--oauth-url: login comes with a later release"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(name: str, flags: dict[str, object], says: str, prow: Prow) -> None:
    code, _, text = prow(name, **flags)
    assert code == 2, text
    assert says in text.splitlines()[-1]
    assert "Traceback" not in text


def test_one_look_that_cannot_ask_github_ends_with_an_error_that_says_why(folder: Path, prow: Prow) -> None:
    (folder / "config.yaml").write_text("tide: {queries: [{orgs: [acme], repos: [other/rockets]}]}")
    nobody = {"github_endpoint": "http://127.0.0.1:1", "github_graphql_endpoint": "http://127.0.0.1:1/graphql"}
    code, _, text = prow("tide", "--run-once", "--github-client.max-retries=1", **nobody)
    assert code == 1
    last = text.splitlines()[-1]
    assert last.startswith(
        "prow: not everything could be done: The organisation's repositories cannot be listed (acme): "
    )
    assert "no answer from GitHub" in last
    assert last.endswith("(1 more in the log)")


def test_one_process_runs_the_jobs_of_a_job_store(folder: Path, prow: Prow) -> None:
    (folder / "shared").mkdir()
    with (folder / "shared" / "plank.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, _, text = prow("prow-controller-manager", dry_run="false", job_store="shared")
    assert code == 2
    assert "another process runs plank here" in text.splitlines()[-1]


async def test_the_folder_of_the_job_store_may_be_given_in_place_of_its_file(folder: Path) -> None:
    (folder / "shared").mkdir()
    flags = {"config-path": folder / "config.yaml", "job-store": folder / "shared", "github-workers": 1}
    component = Component(folder, "crier", flags)
    await component.start()
    try:
        await component.ready()
    finally:
        await component.kill()
    assert (folder / "shared" / "jobs.db").exists()
