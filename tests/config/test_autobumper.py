"""The generic autobumper's file: its defaults, what it refuses, and what it only seems to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from prow.config.documents import Document, Findings
from prow.config.errors import ConfigError
from prow.config.load_autobumper import UPSTREAM_URL, assemble_autobumper, load_autobumper

PULL = "gitHubOrg: acme\ngitHubRepo: infra\ngitHubToken: /etc/github/token\nremoteName: infra\n"
IMAGES = "includedConfigPaths: [prow]\ntargetVersion: latest\nprefixes:\n- {name: Prow, prefix: example.org/prow/}\n"


def told(text: str, *, skip: bool | None = None, app: bool | None = None) -> list[str]:
    """Errors, else warnings."""
    findings = Findings()
    try:
        assemble_autobumper(Document("bump.yaml", text.encode()), findings, skip_pull_request=skip, app=app)
    except ConfigError as error:
        return str(error).splitlines()
    return [str(warning) for warning in findings.warnings]


def test_what_is_not_set_has_its_default(tmp_path: Path) -> None:
    path = tmp_path / "bump.yaml"
    path.write_text(PULL + IMAGES)
    file = load_autobumper(path)
    assert (file.head_branch_name, file.on_call_group, file.upstream_url_base) == ("autobump", "testinfra", "")
    path.write_text(
        "GITHUBORG: a\ngithubrepo: b\n"  # keys in any case
        "headBranchName: bump\nonCallGroup: us\ntargetVersion: upstream\nincludedConfigPaths: [prow]\n"
        "prefixes: [{name: x, prefix: y, refConfigFile: z}]\n"
    )
    file = load_autobumper(path, app=True)
    assert (file.git_hub_org, file.git_hub_repo, file.head_branch_name, file.on_call_group) == ("a", "b", "bump", "us")
    assert file.upstream_url_base == UPSTREAM_URL


def test_a_good_file_is_fine() -> None:
    assert told(PULL + IMAGES) == []
    assert told(IMAGES, skip=True) == []
    assert told("gitHubOrg: acme\ngitHubRepo: infra\n" + IMAGES, app=True) == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (PULL, ["1:1: prefixes: one at least is needed", "1:1: includedConfigPaths: name the files and folders to change"]),
        (
            PULL + IMAGES.replace("prow/}", "prow/, consistentImageExceptions: [a]}"),
            ["8:70: consistentImageExceptions needs consistentImages: true"],
        ),
        (
            PULL + IMAGES.replace("latest", "upstream"),
            ["8:3: targetVersion: upstream needs refConfigFile here, the file that tells the tag"],
        ),
        (
            PULL + IMAGES.replace("latest", "upstream-staging"),
            ["8:3: targetVersion: upstream-staging needs stagingRefConfigFile here, the file that tells the tag"],
        ),
        (
            PULL + IMAGES + "imageRegistryAuth: gogle\n",
            ["9:20: imageRegistryAuth: 'gogle' must be google or empty"],
        ),
        (
            PULL + IMAGES + "prSourceMode: forks\n",
            ["9:15: prSourceMode: 'forks' must be fork or branch; did you mean fork?"],
        ),
        (
            PULL.replace("remoteName: infra\n", "") + IMAGES,
            ["1:1: a pull request from a fork needs remoteName"],
        ),
        (
            IMAGES + "prSourceMode: fork\n",
            [
                "1:1: a pull request from a fork needs gitHubToken and remoteName",
                "1:1: a pull request needs gitHubOrg and gitHubRepo",
            ],
        ),
        (PULL + IMAGES + "gitName: Bot\n", ["9:10: gitName and gitEmail must be set together"]),
        (
            IMAGES + "gerrit: {author: me}\n",
            ["5:9: a change at Gerrit needs autobumpPRIdentifier, hostRepo, cookieFile"],
        ),
        (PULL + IMAGES + "skipPullRequest: y3s\n", ["9:18: skipPullRequest: expected true or false, found the text 'y3s'"]),
    ],
)  # fmt: skip
def test_what_it_refuses_is_told_where_it_stands(text: str, lines: list[str]) -> None:
    assert told(text) == [f"bump.yaml:{line}" for line in lines]


def test_the_command_line_decides_what_a_pull_request_needs() -> None:
    only = "gitHubOrg: acme\ngitHubRepo: infra\n" + IMAGES
    assert told(only, app=False) == ["bump.yaml:1:1: a pull request from a fork needs gitHubToken and remoteName"]
    branch = only + "prSourceMode: branch\n"
    assert told(branch, app=True) == []
    assert told(branch, app=False) == [
        "bump.yaml:7:15: prSourceMode: branch needs --github-app-id and --github-app-private-key-path"
    ]
    assert told("skipPullRequest: true\n" + IMAGES, skip=False, app=False)[-1].endswith(
        "needs gitHubOrg and gitHubRepo"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            IMAGES.replace("latest", "lastest"),
            "2:16: targetVersion: 'lastest' is no version that is known; did you mean latest?",
        ),
        (
            IMAGES.replace("latest", "v1"),
            "2:16: targetVersion: 'v1' is no version that is known; say latest, upstream, upstream-staging or a tag such as v20260102-abcdef0",
        ),
        (
            IMAGES + "skipPullRequest: true\n",
            "5:18: skipPullRequest: not read from the file; give the flag --skip-pullrequest",
        ),
        (IMAGES + "signoff: true\n", "5:10: signoff: not read from the file; give the flag --signoff"),
        (IMAGES + "prefixs: []\n", "5:1: unknown key 'prefixs'; did you mean 'prefixes'?"),
    ],
)
def test_what_only_seems_to_be_said_is_a_warning(text: str, line: str) -> None:
    assert told(text, skip=True) == [f"bump.yaml:{line}"]


def test_a_tag_is_a_version() -> None:
    assert told(IMAGES.replace("latest", "v20260102-abcdef0"), skip=True) == []
