"""Issues pinned, unpinned, and moved to another repository: only GraphQL can."""

from __future__ import annotations

import msgspec

from prow.github.graphql import GraphQL

_PIN = "mutation($input: PinIssueInput!) { pinIssue(input: $input) { issue { id } } }"
_UNPIN = "mutation($input: UnpinIssueInput!) { unpinIssue(input: $input) { issue { id } } }"
_TRANSFER = "mutation($input: TransferIssueInput!) { transferIssue(input: $input) { issue { url } } }"


class _Anything(msgspec.Struct):
    pass


class _Url(msgspec.Struct):
    url: str = ""


class _Issue(msgspec.Struct):
    issue: _Url | None = None


class _Transferred(msgspec.Struct, rename="camel"):
    transfer_issue: _Issue | None = None


class IssueMoves(GraphQL):
    """`issue`, `repo`: node ids. `org` chooses the credentials."""

    async def pin_issue(self, issue: str, *, org: str) -> None:
        """Raises Unprocessable when three are pinned already."""
        await self.mutate(_Anything, _PIN, {"input": {"issueId": issue}}, instead=_Anything(), org=org)

    async def unpin_issue(self, issue: str, *, org: str) -> None:
        await self.mutate(_Anything, _UNPIN, {"input": {"issueId": issue}}, instead=_Anything(), org=org)

    async def transfer_issue(self, issue: str, repo: str, *, org: str) -> str:
        """Gives the issue's new address; empty in a dry run. Both repositories must be of one owner."""
        variables = {"input": {"issueId": issue, "repositoryId": repo}}
        moved = (await self.mutate(_Transferred, _TRANSFER, variables, instead=_Transferred(), org=org)).transfer_issue
        return moved.issue.url if moved is not None and moved.issue is not None else ""
