"""From the generic autobumper's file to a valid `AutobumperFile` (`spec/config` §5.2). Synchronous."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from msgspec.structs import replace

from prow.config.autobumper import AutobumperFile, GerritTarget
from prow.config.decode import nearest
from prow.config.documents import Document, Findings, read
from prow.config.validate_job import Finding
from prow.lib.goyaml import Path

LATEST, UPSTREAM, STAGING = "latest", "upstream", "upstream-staging"
FORK, BRANCH = "fork", "branch"
UPSTREAM_URL = "https://raw.githubusercontent.com/kubernetes/test-infra/master"
_TAG = re.compile(r"v[0-9]{8}-[a-f0-9]{6,9}")
_VERSIONS = (LATEST, UPSTREAM, STAGING)
_GERRIT = ("author", "autobumpPRIdentifier", "hostRepo", "cookieFile")


def load_autobumper(
    path: str | os.PathLike[str], *, skip_pull_request: bool = False, app: bool = False
) -> AutobumperFile:
    """The file with its defaults. `skip_pull_request`, `app`: what the command line says (`--skip-pullrequest`,
    `--github-app-id`). Raises ConfigError (ConfigErrors when there are several)."""
    document = read(path, what="the autobumper's config", inflate=False)
    return assemble_autobumper(document, Findings(), skip_pull_request=skip_pull_request, app=app)


def assemble_autobumper(
    document: Document, findings: Findings, *, skip_pull_request: bool | None, app: bool | None
) -> AutobumperFile:
    """Of a text that is read already; what is odd goes to the findings' warnings. None: nobody knows that command line, and the
    file may mean what it says. Raises ConfigError."""
    file = document.decode(AutobumperFile, findings, coerce=True) or AutobumperFile()
    findings.check()
    for path, wrong in bump_problems(file):
        findings.wrong(document, path, wrong)
    if not (file.skip_pull_request if skip_pull_request is None else skip_pull_request):
        for path, wrong in pull_request_problems(file, app=app):
            findings.wrong(document, path, wrong)
    findings.check()
    for path, odd in bump_oddities(file):
        findings.warn(document, path, odd)
    return finish_autobumper(file)


def finish_autobumper(file: AutobumperFile) -> AutobumperFile:
    """Every default filled in that does not depend on GitHub's answers. Pure."""
    upstream = file.target_version in {UPSTREAM, STAGING}
    return replace(
        file,
        on_call_group=file.on_call_group or "testinfra",
        head_branch_name=file.head_branch_name or "autobump",
        upstream_url_base=file.upstream_url_base or (UPSTREAM_URL if upstream else ""),
    )


def bump_problems(file: AutobumperFile) -> Iterator[Finding]:
    """What is wrong about images and files. Pure."""
    if not file.prefixes:
        yield ("prefixes",), "prefixes: one at least is needed"
    if not file.included_config_paths:
        yield ("includedConfigPaths",), "includedConfigPaths: name the files and folders to change"
    wanted = {UPSTREAM: "refConfigFile", STAGING: "stagingRefConfigFile"}.get(file.target_version, "")
    for index, prefix in enumerate(file.prefixes):
        path: Path = ("prefixes", index)
        if prefix.consistent_image_exceptions and not prefix.consistent_images:
            yield (*path, "consistentImageExceptions"), "consistentImageExceptions needs consistentImages: true"
        given = {"refConfigFile": prefix.ref_config_file, "stagingRefConfigFile": prefix.staging_ref_config_file}
        if wanted and not given[wanted]:
            yield path, f"targetVersion: {file.target_version} needs {wanted} here, the file that tells the tag"
    if file.image_registry_auth not in {"", "google"}:
        yield ("imageRegistryAuth",), f"imageRegistryAuth: {file.image_registry_auth!r} must be google or empty"


def pull_request_problems(file: AutobumperFile, *, app: bool | None) -> Iterator[Finding]:
    """What is wrong about the pull request, or the change at Gerrit. Pure."""
    if file.gerrit is not None:
        yield from _gerrit_problems(file.gerrit)
        return
    mode = file.pr_source_mode
    if mode not in {"", FORK, BRANCH}:
        near = nearest(mode, (FORK, BRANCH))
        meant = f"; did you mean {near}?" if near else ""
        yield ("prSourceMode",), f"prSourceMode: {mode!r} must be {FORK} or {BRANCH}{meant}"
        return
    told = bool(file.git_hub_token or file.remote_name)
    if mode == FORK or (not mode and (app is False or (app is None and told))):
        missing = [
            name for name, value in (("gitHubToken", file.git_hub_token), ("remoteName", file.remote_name)) if not value
        ]
        if missing:
            yield (), f"a pull request from a fork needs {' and '.join(missing)}"
    if mode == BRANCH and app is False:
        yield ("prSourceMode",), f"prSourceMode: {BRANCH} needs --github-app-id and --github-app-private-key-path"
    if bool(file.git_name) is not bool(file.git_email):
        yield ("gitName" if file.git_name else "gitEmail",), "gitName and gitEmail must be set together"
    missing = [
        name for name, value in (("gitHubOrg", file.git_hub_org), ("gitHubRepo", file.git_hub_repo)) if not value
    ]
    if missing:
        yield (), f"a pull request needs {' and '.join(missing)}"


def _gerrit_problems(gerrit: GerritTarget) -> Iterator[Finding]:
    values = dict(
        zip(_GERRIT, (gerrit.author, gerrit.autobump_pr_identifier, gerrit.host_repo, gerrit.cookie_file), strict=True)
    )
    missing = [name for name, value in values.items() if not value]
    if missing:
        yield ("gerrit",), f"a change at Gerrit needs {', '.join(missing)}"


def bump_oddities(file: AutobumperFile) -> Iterator[Finding]:
    """What loads, and is not what it seems. Pure."""
    version = file.target_version
    if version not in _VERSIONS and not _TAG.search(version):
        near = nearest(version, _VERSIONS)
        meant = (
            f"; did you mean {near}?" if near else f"; say {', '.join(_VERSIONS)} or a tag such as v20260102-abcdef0"
        )
        yield ("targetVersion",), f"targetVersion: {version!r} is no version that is known{meant}"
    for name, flag, given in (
        ("skipPullRequest", "--skip-pullrequest", file.skip_pull_request),
        ("signoff", "--signoff", file.signoff),
    ):
        if given:
            yield (name,), f"{name}: not read from the file; give the flag {flag}"
