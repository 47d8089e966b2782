"""What merging needs of GitHub: open pull requests with all that is judged about them, a repository's merge settings, the merge.

Pull requests are read by GraphQL *lists*, never by search: a list has no index that lags and no limit of 1,000 (`spec/tide`
§11.1). One query brings a page of pull requests with labels, contexts and the newest commit of their base branch.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec

from prow.github.area import repo_at, typed
from prow.github.errors import NotFound
from prow.github.graphql import GraphQL
from prow.github.statuses import Statuses
from prow.model.pull_facts import ContextState, HeadContext, Mergeable, PullFacts, check_run_state

PAGE = 25
"""Pull requests a query: with 100 contexts each well below GitHub's bound of nodes and of time."""

FIELDS = """
number state title body url isDraft mergeable mergeStateStatus canBeRebased reviewDecision updatedAt
author { login __typename }
baseRefName baseRef { target { oid } }
headRefName headRefOid
labels(first: 100) { nodes { name } }
assignees(first: 20) { nodes { login } }
milestone { title }
commits(last: 1) { nodes { commit { oid statusCheckRollup { contexts(first: 100) {
  pageInfo { hasNextPage }
  nodes {
    __typename
    ... on StatusContext { context state description targetUrl }
    ... on CheckRun { name status conclusion detailsUrl }
  }
} } } } }
"""
METHODS = "mergeCommitAllowed squashMergeAllowed rebaseMergeAllowed"
_LIST = (
    "query($owner: String!, $name: String!, $cursor: String) { rateLimit { cost } repository(owner: $owner, name: $name) { "
    f"nameWithOwner {METHODS} pullRequests(states: OPEN, first: {PAGE}, after: $cursor) {{ "
    f"pageInfo {{ hasNextPage endCursor }} nodes {{ {FIELDS} }} }} }} }}"
)
_ONE = (
    "query($owner: String!, $name: String!, $number: Int!) { rateLimit { cost } repository(owner: $owner, name: $name) { "
    f"{METHODS} pullRequest(number: $number) {{ {FIELDS} }} }} }}"
)


class PullPage(msgspec.Struct, frozen=True):
    """A page of a repository's open pull requests. `methods`: those of merge, squash and rebase that it allows.

    `full_name`: what the repository is called now; GitHub finds it by its former names, too.
    """

    pulls: tuple[PullFacts, ...]
    methods: tuple[str, ...]
    full_name: str = ""


class MergeDetails(msgspec.Struct, frozen=True, kw_only=True):
    """One merge. `sha`: the head it is pinned to. `method`: merge, squash or rebase. Empty texts: GitHub's own."""

    sha: str
    method: str
    title: str = ""
    message: str = ""


class _Merged(msgspec.Struct):
    sha: str = ""
    merged: bool = False


class _Named(msgspec.Struct):
    login: str = ""
    type_: str = msgspec.field(default="User", name="__typename")


class _Name(msgspec.Struct):
    name: str = ""


class _Title(msgspec.Struct):
    title: str = ""


class _Oid(msgspec.Struct):
    oid: str = ""


class _BaseRef(msgspec.Struct):
    target: _Oid | None = None


class _Page(msgspec.Struct, frozen=True, rename="camel"):
    has_next_page: bool = False
    end_cursor: str | None = None


class _Names(msgspec.Struct):
    nodes: list[_Name] = []


class _Logins(msgspec.Struct, frozen=True):
    nodes: list[_Named] = []


class _ContextNode(msgspec.Struct, rename="camel"):
    """A StatusContext, or a CheckRun: then `name` is set."""

    context: str = ""
    state: str = ""
    description: str | None = None
    target_url: str | None = None
    name: str = ""
    status: str = ""
    conclusion: str | None = None
    details_url: str | None = None

    def head_context(self) -> HeadContext:
        if self.name:
            state = check_run_state(self.status, self.conclusion or "")
            return HeadContext(name=self.name, state=state, url=self.details_url or "", check_run=True)
        return HeadContext(
            name=self.context,
            state=ContextState(self.state),
            description=self.description or "",
            url=self.target_url or "",
        )


class _Contexts(msgspec.Struct, rename="camel"):
    page_info: _Page = _Page()
    nodes: list[_ContextNode] = []


class _Rollup(msgspec.Struct):
    contexts: _Contexts


class _Commit(msgspec.Struct, rename="camel"):
    oid: str = ""
    status_check_rollup: _Rollup | None = None


class _CommitNode(msgspec.Struct):
    commit: _Commit


class _Commits(msgspec.Struct, frozen=True):
    nodes: list[_CommitNode] = []


class ListedPull(msgspec.Struct, rename="camel"):
    """What `FIELDS` ask of a pull request."""

    number: int
    state: str
    base_ref_name: str
    head_ref_name: str
    head_ref_oid: str
    title: str = ""
    body: str = ""
    url: str = ""
    is_draft: bool = False
    mergeable: str = "UNKNOWN"
    merge_state_status: str = "UNKNOWN"
    can_be_rebased: bool = False
    review_decision: str | None = None
    updated_at: datetime | None = None
    author: _Named | None = None
    base_ref: _BaseRef | None = None
    labels: _Names | None = None
    assignees: _Logins = _Logins()
    milestone: _Title | None = None
    commits: _Commits = _Commits()

    @property
    def head_contexts(self) -> tuple[HeadContext, ...] | None:
        """None: GitHub shows another commit as the last one, or more contexts than fit."""
        commit = next((node.commit for node in self.commits.nodes if node.commit.oid == self.head_ref_oid), None)
        if commit is None:
            return None
        if commit.status_check_rollup is None:
            return ()
        contexts = commit.status_check_rollup.contexts
        return None if contexts.page_info.has_next_page else tuple(node.head_context() for node in contexts.nodes)


class _Pulls(msgspec.Struct, rename="camel"):
    page_info: _Page
    nodes: list[ListedPull]


class RepoMethods(msgspec.Struct, rename="camel", kw_only=True):
    """What `METHODS` ask of a repository."""

    merge_commit_allowed: bool = True
    squash_merge_allowed: bool = True
    rebase_merge_allowed: bool = True

    @property
    def methods(self) -> tuple[str, ...]:
        allowed = {
            "merge": self.merge_commit_allowed,
            "squash": self.squash_merge_allowed,
            "rebase": self.rebase_merge_allowed,
        }
        return tuple(method for method, yes in allowed.items() if yes)


class _ListRepo(RepoMethods, rename="camel", kw_only=True):
    pull_requests: _Pulls
    name_with_owner: str = ""


class _OneRepo(RepoMethods, rename="camel"):
    pull_request: ListedPull | None = None


class _ListReply(msgspec.Struct):
    repository: _ListRepo | None = None


class _OneReply(msgspec.Struct):
    repository: _OneRepo | None = None


class _Run(msgspec.Struct):
    name: str = ""
    status: str = ""
    conclusion: str | None = None
    details_url: str | None = None


class _Runs(msgspec.Struct):
    check_runs: list[_Run] = []


class Merging(GraphQL, Statuses):
    async def open_pull_pages(self, org: str, repo: str) -> AsyncIterator[PullPage]:
        """All open pull requests of a repository; at least one page. Raises NotFound for a repository that is not there."""
        cursor: str | None = None
        while True:
            variables: dict[str, Any] = {"owner": org, "name": repo, "cursor": cursor}
            reply = await self.graphql(_ListReply, _LIST, variables, org=org)
            if reply.repository is None:
                raise NotFound(f"{org}/{repo} is not there, or the token may not see it")
            page = reply.repository.pull_requests
            methods = reply.repository.methods
            facts = tuple([await self._facts(org, repo, pull, methods) for pull in page.nodes])
            yield PullPage(facts, methods, reply.repository.name_with_owner)
            cursor = page.page_info.end_cursor
            if not page.page_info.has_next_page or cursor is None:
                return

    async def pull_facts(self, org: str, repo: str, number: int) -> PullFacts:
        """One pull request, open or not, as it is now. Raises NotFound."""
        variables = {"owner": org, "name": repo, "number": number}
        reply = await self.graphql(_OneReply, _ONE, variables, org=org)
        if reply.repository is None or reply.repository.pull_request is None:
            raise NotFound(f"{org}/{repo}#{number} is not there, or the token may not see it")
        return await self._facts(org, repo, reply.repository.pull_request, reply.repository.methods)

    async def _facts(self, org: str, repo: str, pull: ListedPull, methods: tuple[str, ...]) -> PullFacts:
        contexts = pull.head_contexts
        if contexts is None:
            contexts = await self._contexts_of(org, repo, pull.head_ref_oid)
        author = pull.author or _Named(login="ghost")
        target = pull.base_ref.target if pull.base_ref is not None else None
        return PullFacts(
            org=org,
            repo=repo,
            number=pull.number,
            state=pull.state,
            title=pull.title,
            body=pull.body,
            url=pull.url,
            author=author.login,
            author_type=author.type_,
            base_ref=pull.base_ref_name,
            base_sha=target.oid if target is not None else "",
            head_ref=pull.head_ref_name,
            head_sha=pull.head_ref_oid,
            draft=pull.is_draft,
            mergeable=Mergeable(pull.mergeable),
            merge_state=pull.merge_state_status,
            can_be_rebased=pull.can_be_rebased,
            review_decision=pull.review_decision or "",
            labels=tuple(label.name for label in pull.labels.nodes) if pull.labels is not None else (),
            assignees=tuple(user.login for user in pull.assignees.nodes),
            milestone=pull.milestone.title if pull.milestone is not None else "",
            contexts=contexts,
            allowed_methods=methods,
            updated_at=pull.updated_at,
        )

    async def _contexts_of(self, org: str, repo: str, sha: str) -> tuple[HeadContext, ...]:
        """Statuses and check runs of a commit by REST, where GraphQL's page does not have them all (§2.5)."""
        combined = await self.get_combined_status(org, repo, sha)
        found = [
            HeadContext(
                name=status.context,
                state=ContextState(status.state.upper()),
                description=status.description or "",
                url=status.target_url or "",
            )
            for status in combined.statuses
        ]
        place = repo_at("/commits/:sha*/check-runs", org, repo, sha=sha)
        for page in await self._pages(place):
            found += [
                HeadContext(
                    name=run.name,
                    state=check_run_state(run.status, run.conclusion or ""),
                    url=run.details_url or "",
                    check_run=True,
                )
                for run in typed(page, _Runs, place).check_runs
            ]
        return tuple(found)

    async def merge_pull_request(self, org: str, repo: str, number: int, details: MergeDetails) -> str:
        """Merge it; gives the SHA of the result. Never repeated blindly.

        Raises Unprocessable (405: GitHub refuses, `message` says why; 409: the head is another one by now), Denied, and
        MaybeDone when nobody can tell whether it was merged.
        """
        place = repo_at("/pulls/:pullId/merge", org, repo, pullId=number)
        body = {"sha": details.sha, "merge_method": details.method}
        if details.title:
            body["commit_title"] = details.title
        if details.message:
            body["commit_message"] = details.message
        answer = await self._ask("PUT", place, body=body, once=True, content=True)
        return "" if answer.suppressed else typed(answer, _Merged, place, once=True).sha
