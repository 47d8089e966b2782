"""What GraphQL can change: each mutation finds its subject, asks whether the caller may, and does what the world does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim.apps import allows
from prow.sim.errors import Refused
from prow.sim.graph.nodes import find, find_all, find_any, find_issue, find_said
from prow.sim.graph.pages import cursor, refused
from prow.sim.graph.reading import Reading, Said
from prow.sim.payloads import Json
from prow.sim.rest.call import not_granted
from prow.sim.state import Issue, Label, Milestone, Org, Repo, Team, User
from prow.sim.world.views import pull_of

Wanted = dict[str, Any]
Info = GraphQLResolveInfo[Reading]


def may(reading: Reading, repo: Repo, needed: str, *, archived: bool = False) -> None:
    """`archived`: it may be archived even for a change."""
    if not reading.world.covers(repo, reading.who) or not reading.world.may(repo, reading.login, needed):
        raise refused("FORBIDDEN", f"{reading.login} does not have the correct permissions to execute this call.")
    if repo.archived and not archived:
        raise refused("UNPROCESSABLE", "Repository was archived so is read-only.")


def _issue(reading: Reading, wanted: str, needed: str, *, own: bool = True, pull: bool | None = None) -> Issue:
    """The issue or pull request of that id; `own`: its author may, too; `pull`: which of the two it has to be."""
    issue = find_issue(reading, wanted, pull=pull)
    author = own and issue.user.login.lower() == reading.login.lower()
    may(reading, issue.repo, "read" if author else needed)
    return issue


async def _create_issue(reading: Reading, wanted: Wanted) -> Json:
    repo = find(reading, wanted["repositoryId"], Repo)
    may(reading, repo, "read")
    issue = await reading.world.open_issue(repo, reading.login, title=wanted["title"], body=wanted.get("body") or "")
    await _set(reading, issue, {k: v for k, v in wanted.items() if k not in {"title", "body"}})
    return {"issue": issue}


async def _create_pull(reading: Reading, wanted: Wanted) -> Json:
    repo = find(reading, wanted["repositoryId"], Repo)
    may(reading, repo, "read")
    head = wanted["headRefName"]
    if wanted.get("headRepositoryId") is not None:
        head = f"{find(reading, wanted['headRepositoryId'], Repo).owner}:{head.rpartition(':')[2]}"
    issue = await reading.world.open_pull(
        repo,
        reading.login,
        title=wanted["title"],
        head=head,
        base=wanted["baseRefName"].removeprefix("refs/heads/"),
        body=wanted.get("body") or "",
        draft=bool(wanted.get("draft")),
    )
    return {"pullRequest": issue}


async def _create_repository(reading: Reading, wanted: Wanted) -> Json:
    owner = find_any(reading, wanted["ownerId"]) if wanted.get("ownerId") else reading.world.user(reading.login)
    if not isinstance(owner, User | Org):
        raise refused("NOT_FOUND", "Could not resolve the owner.")
    own = owner.login.lower() == reading.login.lower()
    if not own and not reading.world.is_member(owner.login, reading.login):
        raise refused("FORBIDDEN", f"{reading.login} cannot create a repository for {owner.login}.")
    repo = await reading.world.create_repo(f"{owner.login}/{wanted['name']}")
    repo.private = wanted["visibility"] != "PUBLIC"
    repo.collaborators[reading.login] = "admin"
    return {"repository": repo}


def _archive(*, archived: bool) -> Callable[[Reading, Wanted], Awaitable[Json]]:
    async def change(reading: Reading, wanted: Wanted) -> Json:
        repo = find(reading, wanted["repositoryId"], Repo)
        may(reading, repo, "admin", archived=True)
        if repo.archived is not archived:
            await reading.world.change_settings(repo, reading.login, {"archived": archived})
        return {"repository": repo}

    return change


async def _comment(reading: Reading, wanted: Wanted) -> Json:
    issue = _issue(reading, wanted["subjectId"], "read")
    comment = await reading.world.comment(issue, reading.login, wanted["body"])
    return {"commentEdge": {"cursor": cursor(comment.id), "node": Said(issue, comment)}, "subject": issue}


async def _merge(reading: Reading, wanted: Wanted) -> Json:
    issue = _issue(reading, wanted["pullRequestId"], "write", pull=True, own=False)
    await reading.world.merge(
        issue,
        reading.login,
        method=(wanted.get("mergeMethod") or "MERGE").lower(),
        sha=wanted.get("expectedHeadOid") or "",
        title=wanted.get("commitHeadline") or "",
        message=wanted.get("commitBody"),
    )
    return {"actor": reading.world.user(reading.login), "pullRequest": issue}


def _state(subject: str, state: str) -> Callable[[Reading, Wanted], Awaitable[Json]]:
    """Close or reopen the issue or pull request that the input names as `subject`Id."""

    async def change(reading: Reading, wanted: Wanted) -> Json:
        issue = _issue(reading, wanted[f"{subject}Id"], "triage", pull=subject == "pullRequest")
        reason = {"state_reason": wanted["stateReason"].lower()} if wanted.get("stateReason") else {}
        await reading.world.edit(issue, reading.login, {"state": state} | reason)
        return {subject: issue}

    return change


def _draft(*, draft: bool) -> Callable[[Reading, Wanted], Awaitable[Json]]:
    async def change(reading: Reading, wanted: Wanted) -> Json:
        issue = _issue(reading, wanted["pullRequestId"], "write", pull=True)
        await reading.world.set_draft(issue, reading.login, draft=draft)
        return {"pullRequest": issue}

    return change


async def _request_reviews(reading: Reading, wanted: Wanted) -> Json:
    """In place of those who are asked, or beside them with `union`."""
    issue = _issue(reading, wanted["pullRequestId"], "triage", pull=True)
    people = [user.login for user in find_all(reading, wanted.get("userIds"), User)]
    teams = [team.slug for team in find_all(reading, wanted.get("teamIds"), Team)]
    pull, world = pull_of(issue), reading.world
    if not wanted.get("union"):
        gone = [user.login for user in pull.requested_reviewers if user.login not in people]
        gone_teams = [team.slug for team in pull.requested_teams if team.slug not in teams]
        await world.remove_reviewers(issue, reading.login, gone, gone_teams)
    await world.request_reviewers(issue, reading.login, people, teams)
    return {"actor": world.user(reading.login), "pullRequest": issue}


async def _set(reading: Reading, issue: Issue, wanted: Wanted) -> None:
    """Title, text, base, state, labels, assignees and milestone, as far as they are given."""
    changes: Wanted = {name: wanted[name] for name in ("title", "body") if wanted.get(name) is not None}
    if wanted.get("baseRefName"):
        changes["base"] = wanted["baseRefName"].removeprefix("refs/heads/")
    if wanted.get("state"):
        changes["state"] = wanted["state"].lower()
    if wanted.get("labelIds") is not None:
        changes["labels"] = [label.name for label in find_all(reading, wanted["labelIds"], Label)]
    if wanted.get("assigneeIds") is not None:
        changes["assignees"] = [user.login for user in find_all(reading, wanted["assigneeIds"], User)]
    if wanted.get("milestoneId"):
        changes["milestone"] = find(reading, wanted["milestoneId"], Milestone).number
    if changes:
        await reading.world.edit(issue, reading.login, changes)


async def _update_issue(reading: Reading, wanted: Wanted) -> Json:
    issue = _issue(reading, wanted["id"], "triage", pull=False)
    await _set(reading, issue, wanted)
    return {"actor": reading.world.user(reading.login), "issue": issue}


async def _update_pull(reading: Reading, wanted: Wanted) -> Json:
    issue = _issue(reading, wanted["pullRequestId"], "triage", pull=True)
    await _set(reading, issue, wanted)
    return {"actor": reading.world.user(reading.login), "pullRequest": issue}


async def _add_labels(reading: Reading, wanted: Wanted) -> Json:
    issue = _issue(reading, wanted["labelableId"], "triage", own=False)
    names = [label.name for label in find_all(reading, wanted["labelIds"], Label)]
    await reading.world.add_labels(issue, reading.login, names)
    return {"labelable": issue}


async def _remove_labels(reading: Reading, wanted: Wanted) -> Json:
    issue = _issue(reading, wanted["labelableId"], "triage", own=False)
    for label in find_all(reading, wanted["labelIds"], Label):
        if label in issue.labels:
            await reading.world.remove_label(issue, reading.login, label.name)
    return {"labelable": issue}


def _minimize(*, hidden: bool) -> Callable[[Reading, Wanted], Awaitable[Json]]:
    """Hide what somebody has said, for a reason, or show it again."""

    async def change(reading: Reading, wanted: Wanted) -> Json:
        said = find_said(reading, wanted["subjectId"])
        may(reading, said.issue.repo, "write")
        said.comment.minimized = wanted["classifier"].lower().replace("_", "-") if hidden else ""
        await reading.world.changed()
        return {"minimizedComment" if hidden else "unminimizedComment": said}

    return change


def _pin(*, pinned: bool) -> Callable[[Reading, Wanted], Awaitable[Json]]:
    async def change(reading: Reading, wanted: Wanted) -> Json:
        issue = _issue(reading, wanted["issueId"], "write", pull=False, own=False)
        await reading.world.pin(issue, reading.login, pinned=pinned)
        return {"issue": issue}

    return change


async def _transfer(reading: Reading, wanted: Wanted) -> Json:
    issue = _issue(reading, wanted["issueId"], "write", pull=False, own=False)
    target = find(reading, wanted["repositoryId"], Repo)
    may(reading, target, "write")
    labels = bool(wanted.get("createLabelsIfMissing"))
    return {"issue": await reading.world.transfer_issue(issue, reading.login, target, labels=labels)}


_MUTATIONS: dict[str, Callable[[Reading, Wanted], Awaitable[Json]]] = {
    "addComment": _comment,
    "addLabelsToLabelable": _add_labels,
    "archiveRepository": _archive(archived=True),
    "closeIssue": _state("issue", "closed"),
    "closePullRequest": _state("pullRequest", "closed"),
    "convertPullRequestToDraft": _draft(draft=True),
    "createIssue": _create_issue,
    "createPullRequest": _create_pull,
    "createRepository": _create_repository,
    "markPullRequestReadyForReview": _draft(draft=False),
    "mergePullRequest": _merge,
    "minimizeComment": _minimize(hidden=True),
    "pinIssue": _pin(pinned=True),
    "removeLabelsFromLabelable": _remove_labels,
    "reopenIssue": _state("issue", "open"),
    "reopenPullRequest": _state("pullRequest", "open"),
    "requestReviews": _request_reviews,
    "transferIssue": _transfer,
    "unarchiveRepository": _archive(archived=False),
    "unminimizeComment": _minimize(hidden=False),
    "unpinIssue": _pin(pinned=False),
    "updateIssue": _update_issue,
    "updatePullRequest": _update_pull,
}


_NEEDS = {
    "createCommitOnBranch": ("contents",),
    "createIssue": ("issues",),
    "disablePullRequestAutoMerge": ("contents",),
    "enablePullRequestAutoMerge": ("contents",),
    "updatePullRequestBranch": ("contents",),
    "createPullRequest": ("pull_requests",),
    "archiveRepository": ("administration",),
    "createRepository": ("administration",),
    "unarchiveRepository": ("administration",),
    "mergePullRequest": ("contents",),
    "addPullRequestReview": ("pull_requests",),
    "addPullRequestReviewThread": ("pull_requests",),
    "addPullRequestReviewThreadReply": ("pull_requests",),
    "submitPullRequestReview": ("pull_requests",),
    "dismissPullRequestReview": ("pull_requests",),
    "requestReviews": ("pull_requests",),
    "resolveReviewThread": ("contents",),
    "unresolveReviewThread": ("contents",),
}
"""Permissions of an app for a mutation, of which one is enough; the others talk about issues and pull requests alike."""
_TALK = ("issues", "pull_requests")


def _check_token(reading: Reading, name: str) -> None:
    """What the token allows, whoever it belongs to."""
    who = reading.who
    if who.granular:
        if not any(allows(who.permissions, needed, "write") for needed in _NEEDS.get(name, _TALK)):
            raise refused("FORBIDDEN", not_granted(who).message)
    elif not who.has_scope("repo", "public_repo"):
        text = "Your token has not been granted the required scopes to execute this query."
        raise refused("INSUFFICIENT_SCOPES", f"{text} It requires one of the following scopes: ['public_repo'].")


def resolver(name: str, change: Callable[[Reading, Wanted], Awaitable[Json]]) -> Callable[..., Awaitable[Json]]:
    """The mutation of that name; what the world refuses is told as GraphQL tells it."""

    async def resolve(_: object, info: Info, *, input: Wanted) -> Json:  # noqa: A002 - GitHub's word
        _check_token(info.context, name)
        try:
            made = await change(info.context, input)
        except Refused as error:
            details = [one if isinstance(one, str) else one.get("message") for one in error.errors or ()]
            texts = [text for text in details if text]
            raise refused(
                "NOT_FOUND" if error.status == 404 else "UNPROCESSABLE", ", ".join(texts) or error.message
            ) from error
        return made | {"clientMutationId": input.get("clientMutationId")}

    return resolve


FIELDS = {"Mutation": {name: resolver(name, change) for name, change in _MUTATIONS.items()}}
