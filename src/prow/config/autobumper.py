"""The file of the generic autobumper as types (`spec/config` §5.2)."""

from __future__ import annotations

from prow.model.base import Noun


class Prefix(Noun, frozen=True, rename="camel"):
    """Images whose tags are raised together."""

    name: str = ""
    """What the images are called in the pull request."""
    prefix: str = ""
    """Start of the images' names."""
    ref_config_file: str = ""
    """File of the upstream repository that tells the wanted tag, for targetVersion upstream."""
    staging_ref_config_file: str = ""
    """The same for targetVersion upstream-staging."""
    repo: str = ""
    """Address of the sources, for links to what has changed."""
    summarise: bool = False
    """Whether changes are told in short instead of one by one."""
    consistent_images: bool = False
    """Whether all images must end up with the same tag."""
    consistent_image_exceptions: tuple[str, ...] = ()
    """Images that may differ; needs consistentImages."""


class GerritTarget(Noun, frozen=True, rename={"autobump_pr_identifier": "autobumpPRIdentifier", "cookie_file": "cookieFile",
                                              "host_repo": "hostRepo"}):  # fmt: skip
    autobump_pr_identifier: str = ""
    """Text by which the open change is found again."""
    author: str = ""
    """Author of the commit."""
    email: str = ""
    """Address of the author."""
    cookie_file: str = ""
    """Path of git's cookie file."""
    host_repo: str = ""
    """Address of the project."""


class AutobumperFile(
    Noun,
    frozen=True,
    rename={
        "git_hub_org": "gitHubOrg", "git_hub_repo": "gitHubRepo", "git_hub_base_branch": "gitHubBaseBranch",
        "git_hub_login": "gitHubLogin", "git_hub_token": "gitHubToken", "git_name": "gitName", "git_email": "gitEmail",
        "remote_name": "remoteName", "head_branch_name": "headBranchName", "pr_source_mode": "prSourceMode",
        "skip_pull_request": "skipPullRequest", "included_config_paths": "includedConfigPaths",
        "excluded_config_paths": "excludedConfigPaths", "extra_files": "extraFiles", "target_version": "targetVersion",
        "upstream_url_base": "upstreamURLBase", "on_call_address": "onCallAddress", "on_call_group": "onCallGroup",
        "skip_if_no_oncall": "skipIfNoOncall", "skip_oncall_assignment": "skipOncallAssignment",
        "self_assign": "selfAssign", "additional_pr_body": "additionalPRBody", "image_registry_auth": "imageRegistryAuth",
    },
):  # fmt: skip
    """Which images are raised in which files, and where the pull request is opened."""

    git_hub_org: str = ""
    """Organisation of the repository that gets the pull request."""
    git_hub_repo: str = ""
    """Repository that gets it."""
    git_hub_base_branch: str = ""
    """Its branch. Unset: the default branch."""
    git_hub_login: str = ""
    """Login of the bot. Unset: the token's user."""
    git_hub_token: str = ""
    """Path of the file with the token. Required when the pull request comes from a fork."""
    git_name: str = ""
    """Name of the committer; with gitEmail. Unset: the token's user."""
    git_email: str = ""
    """Address of the committer; with gitName."""
    remote_name: str = ""
    """Name of the fork. Required when the pull request comes from one."""
    head_branch_name: str = ""
    """Branch of the change. Unset: autobump."""
    assign_to: str = ""
    """Login that is assigned."""
    labels: tuple[str, ...] = ()
    """Labels of the pull request."""
    pr_source_mode: str = ""
    """Where the branch is pushed: fork or branch. Unset: by the credentials."""
    skip_pull_request: bool = False
    """Not read: the flag --skip-pullrequest says it."""
    signoff: bool = False
    """Not read: the flag --signoff says it."""
    gerrit: GerritTarget | None = None
    """Set when the change goes to Gerrit."""
    included_config_paths: tuple[str, ...] = ()
    """Files and folders whose .yaml files are changed. Required."""
    excluded_config_paths: tuple[str, ...] = ()
    """Files and folders that are left alone."""
    extra_files: tuple[str, ...] = ()
    """Further files to change, of any kind."""
    target_version: str = ""
    """Wanted tag: latest, upstream, upstream-staging, or one such as v20260102-abcdef0."""
    upstream_url_base: str = ""
    """Where upstream's files are. Unset: kubernetes/test-infra at GitHub."""
    prefixes: tuple[Prefix, ...] = ()
    """Which images are raised; one at least."""
    on_call_address: str = ""
    """Address that tells who is on call and is assigned."""
    on_call_group: str = ""
    """Group whose on-call is asked for. Unset: testinfra."""
    skip_if_no_oncall: bool = False
    """Whether nothing is done when nobody is on call."""
    skip_oncall_assignment: bool = False
    """Whether nobody who is on call is assigned."""
    self_assign: bool = False
    """Whether the bot assigns itself."""
    additional_pr_body: str = ""
    """Text at the end of the pull request."""
    image_registry_auth: str = ""
    """How to log in at the registry: google, or empty for not at all."""
