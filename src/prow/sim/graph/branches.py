"""Mutations that move branches: a commit of several files, the base brought into a pull request, merges that wait."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

from prow.sim.errors import Refused
from prow.sim.graph.mutations import Wanted, may, resolver
from prow.sim.graph.nodes import find_issue
from prow.sim.graph.pages import refused
from prow.sim.graph.reading import Branch, CommitAt, Reading
from prow.sim.graph.resolvers import when
from prow.sim.payloads import Json
from prow.sim.state import AutoMerge, Issue, Pull
from prow.sim.world.views import pull_of

Change = Callable[[Reading, Wanted], Awaitable[Json]]


async def _commit(reading: Reading, wanted: Wanted) -> Json:
    """On top of the head that the caller knows, by whoever calls."""
    full_name, name = (wanted["branch"].get(key) for key in ("repositoryNameWithOwner", "branchName"))
    try:
        repo = reading.world.repo(full_name or "")
    except Refused:
        raise refused("NOT_FOUND", f"Could not resolve to a Repository with the name '{full_name}'.") from None
    if not reading.sees(repo):
        raise refused("NOT_FOUND", f"Could not resolve to a Repository with the name '{full_name}'.")
    may(reading, repo, "write")
    branch = (name or "").removeprefix("refs/heads/")
    said, changes = wanted["message"], wanted.get("fileChanges") or {}
    files: dict[str, bytes | None] = {one["path"]: None for one in changes.get("deletions") or ()}
    for one in changes.get("additions") or ():
        files[one["path"]] = _decoded(one["contents"])
    text = said["headline"] + (f"\n\n{said['body']}" if said.get("body") else "")
    head = wanted["expectedHeadOid"]
    sha = await reading.world.commit_files(repo, reading.who, branch, files, message=text, head=head)
    return {"commit": CommitAt(repo, sha), "ref": Branch(repo, branch, sha)}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise refused("UNPROCESSABLE", "A file's contents are not Base64") from None


async def _update_branch(reading: Reading, wanted: Wanted) -> Json:
    issue = find_issue(reading, wanted["pullRequestId"], pull=True)
    may(reading, issue.repo, "read")
    await reading.world.update_branch(issue, reading.login, wanted.get("expectedHeadOid") or "")
    return {"pullRequest": issue}


async def _enable(reading: Reading, wanted: Wanted) -> Json:
    issue = find_issue(reading, wanted["pullRequestId"], pull=True)
    may(reading, issue.repo, "write")
    if wanted.get("expectedHeadOid") not in {None, pull_of(issue).head_sha}:
        raise refused("UNPROCESSABLE", "The head of this pull request is another one")
    await reading.world.enable_auto_merge(
        issue,
        reading.login,
        method=(wanted.get("mergeMethod") or "MERGE").lower(),
        title=wanted.get("commitHeadline") or "",
        message=wanted.get("commitBody"),
    )
    return {"actor": reading.world.user(reading.login), "pullRequest": issue}


async def _disable(reading: Reading, wanted: Wanted) -> Json:
    issue = find_issue(reading, wanted["pullRequestId"], pull=True)
    own = issue.user.login.lower() == reading.login.lower()
    may(reading, issue.repo, "read" if own else "write")
    await reading.world.disable_auto_merge(issue, reading.login)
    return {"actor": reading.world.user(reading.login), "pullRequest": issue}


def _request(issue: Issue, _: object) -> AutoMerge | None:
    pull: Pull = pull_of(issue)
    return None if pull.merged else pull.auto_merge


_MUTATIONS: dict[str, Change] = {
    "createCommitOnBranch": _commit,
    "disablePullRequestAutoMerge": _disable,
    "enablePullRequestAutoMerge": _enable,
    "updatePullRequestBranch": _update_branch,
}
FIELDS: dict[str, dict[str, Any]] = {
    "Mutation": {name: resolver(name, change) for name, change in _MUTATIONS.items()},
    "PullRequest": {"autoMergeRequest": _request},
    "AutoMergeRequest": {
        "commitBody": lambda one, _: one.message,
        "commitHeadline": lambda one, _: one.title or None,
        "enabledAt": lambda one, _: when(one.enabled_at),
        "enabledBy": lambda one, _: one.user,
        "mergeMethod": lambda one, _: one.method.upper(),
    },
}
