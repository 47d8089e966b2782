"""What each field of each type is. A source is a noun of `state`, or one of `reading`'s."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim import rules, search
from prow.sim.errors import Moved, Refused
from prow.sim.graph.pages import Page, by_key, by_position, refused
from prow.sim.graph.reading import CommitAt, ObjectAt, Reading, Remark, Reviewed, Said
from prow.sim.payloads import Json, node, stamp
from prow.sim.rest.search import fits_repository
from prow.sim.state import CheckRun, Issue, Label, Milestone, Org, Repo, Status, Team, User

Resolver = Callable[..., Any]
Info = GraphQLResolveInfo[Reading]


def _reading(info: Info) -> Reading:
    return info.context


def when(moment: datetime | None) -> str | None:
    return stamp(moment) if moment is not None else None


def living(user: User | None) -> User | None:
    """GraphQL has nobody where REST has the ghost of a deleted user."""
    return None if user is None or user.login == "ghost" else user


# Query


def _repository(_: object, info: Info, *, owner: str, name: str, **__: Any) -> Repo:
    reading = _reading(info)
    try:
        repo = reading.world.repo(f"{owner}/{name}")
    except Moved as moved:  # a former name is as good
        repo = reading.world.repo(moved.full_name)
    except Refused:
        repo = None
    if repo is None or not reading.sees(repo):
        raise refused("NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'.")
    return repo


def _organization(_: object, info: Info, *, login: str) -> Org:
    found = _reading(info).world.orgs.get(login.lower())
    if found is None:
        raise refused("NOT_FOUND", f"Could not resolve to an Organization with the login of '{login}'.")
    return found


def _search(
    _: object, info: Info, *, query: str, type: str = "ISSUE", **wanted: Any  # noqa: A002 - GitHub's word
) -> Json:  # fmt: skip
    reading, part = _reading(info), Page(**wanted)
    if type == "USER":
        people = reading.world.find_users(query)
        page = by_position("search", people[: search.MOST_RESULTS], part)
        return page | {"issueCount": 0, "repositoryCount": 0, "userCount": len(people)}
    if type == "REPOSITORY":
        words = query.lower().split()
        repos = [one for one in reading.world.repos.values() if reading.sees(one) and fits_repository(one, words)]
        page = by_position("search", repos[: search.MOST_RESULTS], part)
        return page | {"issueCount": 0, "repositoryCount": len(repos), "userCount": 0}
    known = {key: pair for key, pair in reading.world.indexed().items() if reading.sees(pair[1].repo)}
    found = search.parse(query).select(entry for entry, _ in known.values())
    issues = [known[entry.id][1] for entry in found]
    page = by_position("search", issues[: search.MOST_RESULTS], part)
    return page | {"issueCount": len(issues), "repositoryCount": 0, "userCount": 0}


# Repository


def _numbered(repo: Repo, number: int, kind: str, *, pull: bool) -> Issue:
    found = repo.issues.get(number)
    if found is None or (found.pull is not None) is not pull:
        raise refused("NOT_FOUND", f"Could not resolve to {kind} with the number of {number}.")
    return found


def _pull_request(repo: Repo, _: Info, *, number: int) -> Issue:
    return _numbered(repo, number, "a PullRequest", pull=True)


def _issue(repo: Repo, _: Info, *, number: int) -> Issue:
    return _numbered(repo, number, "an Issue", pull=False)


def _issue_or_pull(repo: Repo, _: Info, *, number: int) -> Issue:
    found = repo.issues.get(number)
    if found is None:
        raise refused("NOT_FOUND", f"Could not resolve to an issue or pull request with the number of {number}.")
    return found


def _listed(name: str, found: list[Issue], page: Page, order: dict[str, str] | None, labels: list[str] | None) -> Json:
    if labels is not None:
        wanted = {label.lower() for label in labels}
        found = [i for i in found if wanted & {label.name.lower() for label in i.labels}]
    order = order or {"field": "CREATED_AT", "direction": "ASC"}

    def key(issue: Issue) -> list[Any]:
        when = issue.updated_at if order["field"] == "UPDATED_AT" else issue.created_at
        return [when.isoformat(), issue.number]

    return by_key(name, found, page, key, down=order["direction"] == "DESC")


def _pull_requests(
    repo: Repo, _: Info, *, states: list[str] | None = None, labels: list[str] | None = None,
    baseRefName: str | None = None, headRefName: str | None = None, orderBy: dict[str, str] | None = None, **page: Any,  # noqa: N803
) -> Json:  # fmt: skip
    found = [
        issue
        for issue in repo.issues.values()
        if issue.pull is not None
        and (states is None or issue.graph_state in states)
        and baseRefName in {None, issue.pull.base_ref}
        and headRefName in {None, issue.pull.head_ref}
    ]
    return _listed("pullRequests", found, Page(**page), orderBy, labels)


def _issues(
    repo: Repo, _: Info, *, states: list[str] | None = None, labels: list[str] | None = None,
    filterBy: dict[str, Any] | None = None, orderBy: dict[str, str] | None = None, **page: Any,  # noqa: N803
) -> Json:  # fmt: skip
    wanted = {name: value for name, value in (filterBy or {}).items() if value is not None}
    states = wanted.get("states", states)
    found = [i for i in repo.issues.values() if i.pull is None and (states is None or i.graph_state in states)]
    found = [i for i in found if _fits(i, wanted)]
    return _listed("issues", found, Page(**page), orderBy, wanted.get("labels", labels))


def _fits(issue: Issue, wanted: dict[str, Any]) -> bool:
    """GraphQL's `filterBy`: who wrote it, whose it is, who is mentioned, and its milestone by number or by `*` for any."""
    assignees = {user.login.lower() for user in issue.assignees}
    mentioned = f"@{wanted.get('mentioned', '')}".lower()
    milestone = str(issue.milestone.number) if issue.milestone is not None else ""
    return (
        wanted.get("assignee", "*").lower() in {"*", *assignees}
        and wanted.get("createdBy", issue.user.login).lower() == issue.user.login.lower()
        and ("mentioned" not in wanted or mentioned in issue.body.lower())
        and (wanted.get("milestone", milestone) == milestone or (wanted.get("milestone") == "*" and bool(milestone)))
    )


# Issue


def _reason(issue: Issue) -> str | None:
    return issue.state_reason.upper() if issue.state_reason else None


# Commits


def _status(commit: CommitAt, info: Info) -> Json | None:
    statuses = _reading(info).world.combined(commit.repo, commit.sha)
    if not statuses:
        return None
    return {"state": rules.combined_state(s.state for s in statuses).upper(), "contexts": statuses}


def _rollup(commit: CommitAt, info: Info) -> Json | None:
    states = _reading(info).world.states(commit.repo, commit.sha)
    return {"state": rules.combined_state(states.values()).upper(), "commit": commit} if states else None


def _rollup_contexts(rollup: Json, info: Info, **page: Any) -> Json:
    return by_position("contexts", _reading(info).contexts(rollup["commit"]), Page(**page))


# Everything by type


def item(get: Callable[[Any], Any]) -> Resolver:
    return lambda source, _: get(source)


def _url(issue: Issue, info: Info) -> str:
    kind = "pull" if issue.pull is not None else "issues"
    return f"{_reading(info).world.base}/{issue.repo.full_name}/{kind}/{issue.number}"


def _login(actor: User | Org, _: Info) -> str:
    """GraphQL calls bots by their names without the suffix that REST has."""
    return actor.login.removesuffix("[bot]")


def owner_of(repo: Repo | None, info: Info) -> User | Org | None:
    return _reading(info).world.owner(repo.owner) if repo is not None else None


_ACTOR: dict[str, Resolver] = {
    "id": lambda actor, _: node("O" if isinstance(actor, Org) else "U", actor.id),
    "databaseId": item(lambda actor: actor.id),
    "login": _login,
    "url": lambda actor, info: f"{_reading(info).world.base}/{_login(actor, info)}",
}
_BOTH: dict[str, Resolver] = {
    "number": item(lambda i: i.number),
    "title": item(lambda i: i.title),
    "body": item(lambda i: i.body),
    "bodyText": item(lambda i: i.body),
    "databaseId": item(lambda i: i.id),
    "url": _url,
    "state": item(lambda i: i.graph_state),
    "author": item(lambda i: living(i.user)),
    "createdAt": item(lambda i: when(i.created_at)),
    "updatedAt": item(lambda i: when(i.updated_at)),
    "closed": item(lambda i: i.state == "closed"),
    "closedAt": item(lambda i: when(i.closed_at)),
    "labels": lambda issue, _, **page: by_position("labels", issue.labels, Page(**page)),
    "assignees": lambda issue, _, **page: by_position("assignees", issue.assignees, Page(**page)),
    "milestone": item(lambda i: i.milestone),
    "repository": item(lambda i: i.repo),
}

FIELDS: dict[str, dict[str, Resolver]] = {
    "Query": {
        "viewer": lambda _, info: _reading(info).world.user(_reading(info).login),
        "rateLimit": lambda _, info, **__: _reading(info).rate_limit(),
        "repository": _repository,
        "organization": _organization,
        "search": _search,
    },
    "User": _ACTOR,
    "Bot": _ACTOR,
    "Organization": _ACTOR,
    "Repository": {
        "id": item(lambda r: node("R", r.id)),
        "databaseId": item(lambda r: r.id),
        "name": item(lambda r: r.name),
        "nameWithOwner": item(lambda r: r.full_name),
        "owner": owner_of,
        "url": lambda repo, info: f"{_reading(info).world.base}/{repo.full_name}",
        "isArchived": item(lambda r: r.archived),
        "isFork": item(lambda r: r.parent is not None),
        "isPrivate": item(lambda r: r.private),
        "defaultBranchRef": lambda repo, info: _reading(info).branch(repo, repo.default_branch),
        "mergeCommitAllowed": item(lambda r: r.allow_merge_commit),
        "squashMergeAllowed": item(lambda r: r.allow_squash_merge),
        "rebaseMergeAllowed": item(lambda r: r.allow_rebase_merge),
        "issue": _issue,
        "issueOrPullRequest": _issue_or_pull,
        "issues": _issues,
        "pullRequest": _pull_request,
        "pullRequests": _pull_requests,
    },
    "Ref": {
        "name": item(lambda b: b.name),
        "prefix": item(lambda b: b.prefix),
        "target": item(lambda b: CommitAt(b.repo, b.sha)),
    },
    "Issue": _BOTH
    | {"id": item(lambda i: node("I", i.id)), "stateReason": item(_reason), "isPinned": item(lambda i: i.pinned)},
    "PullRequest": _BOTH,
    "Label": {
        "id": item(lambda label: node("LA", label.id)),
        "description": item(lambda label: label.description or None),
    },
    "Milestone": {"id": item(lambda m: node("MI", m.id))},
    "Commit": {"oid": item(lambda c: c.sha), "status": _status, "statusCheckRollup": _rollup},
    "StatusCheckRollup": {"contexts": _rollup_contexts},
    "CheckRun": {
        "id": item(lambda r: node("CR", r.id)),
        "databaseId": item(lambda r: r.id),
        "status": item(lambda r: r.status.upper()),
        "conclusion": item(lambda r: r.conclusion.upper() if r.conclusion else None),
        "detailsUrl": item(lambda r: r.details_url or None),
        "startedAt": item(lambda r: when(r.started_at)),
        "completedAt": item(lambda r: when(r.completed_at)),
    },
    "StatusContext": {
        "id": item(lambda s: node("SC", s.id)),
        "state": item(lambda s: s.state.upper()),
        "description": item(lambda s: s.description or None),
        "targetUrl": item(lambda s: s.target_url or None),
        "createdAt": item(lambda s: when(s.created_at)),
    },
}
"""Fields that are not named here are attributes of the source with the same name."""


def type_of(source: object) -> str:
    """The name of a source's type, where a field may be of several."""
    match source:
        case Org():
            return "Organization"
        case Team():
            return "Team"
        case Repo():
            return "Repository"
        case Label():
            return "Label"
        case Milestone():
            return "Milestone"
        case User(type=kind):
            return "Bot" if kind == "Bot" else "User"
        case Issue(pull=None):
            return "Issue"
        case Issue():
            return "PullRequest"
        case CheckRun():
            return "CheckRun"
        case Status():
            return "StatusContext"
        case CommitAt():
            return "Commit"
        case ObjectAt(kind=kind):
            return kind.capitalize()
        case Said():
            return "IssueComment"
        case Reviewed():
            return "PullRequestReview"
        case Remark():
            return "PullRequestReviewComment"
        case _:
            raise TypeError(f"{type(source).__name__} has no type in the schema")
