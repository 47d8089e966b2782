"""GraphQL: queries and mutations, typed answers, errors by what the caller does next."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from prow.github.area import Area, Place, typed
from prow.github.call import GRAPHQL
from prow.github.decoding import Misfit, decoded
from prow.github.errors import MaybeDone, NotFound, Refused, ServerBroken, Unprocessable

T = TypeVar("T")
_ACCEPT = (
    "application/vnd.github.v3+json, application/vnd.github.antiope-preview+json, "
    "application/vnd.github.merge-info-preview+json"
)
_RATE = b'"rateLimit"'


class _Error(msgspec.Struct):
    message: str = ""
    type: str = ""


class _Reply(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[_Error] = []


class _Cost(msgspec.Struct):
    cost: int = 0


class _Rate(msgspec.Struct, rename="camel"):
    rate_limit: _Cost


class _Costs(msgspec.Struct):
    data: _Rate


class GraphQL(Area):
    async def graphql(self, kind: type[T], query: str, variables: Mapping[str, Any], *, org: str = "") -> T:
        """Run a query (not a mutation); `kind` is the type of `data`. `org` chooses the credentials."""
        return await self._operation(kind, query, variables, org=org, reads=True)

    async def mutate(
        self, kind: type[T], mutation: str, variables: Mapping[str, Any], *, instead: T, org: str = ""
    ) -> T:
        """Change something; `instead`: what a dry run answers. Raises MaybeDone when nobody can tell whether it was done."""
        return await self._operation(kind, mutation, variables, org=org, reads=False, instead=instead)

    async def _operation(
        self,
        kind: type[T],
        text: str,
        variables: Mapping[str, Any],
        *,
        org: str,
        reads: bool,
        instead: T | None = None,
    ) -> T:
        place = Place(GRAPHQL, "", org)
        body = msgspec.json.encode({"query": text, "variables": variables})
        call = self._call("POST", place, body=body, accept=_ACCEPT, reads=reads, once=not reads)
        answer = await self._transport.request(call)
        if answer.suppressed and instead is not None:
            return instead
        if _RATE in answer.body:
            with suppress(Misfit):
                cost = decoded(answer.body, _Costs).data.rate_limit
                self._transport.meter.points(call, cost.cost)
        reply = typed(answer, _Reply, place, once=not reads)
        if reply.errors:
            self._fail(reply.errors)
        try:
            return decoded(bytes(reply.data), kind)
        except Misfit as error:
            raise (ServerBroken if reads else MaybeDone)(
                f"GitHub's answer to a GraphQL query cannot be read: {error}"
            ) from None

    def _fail(self, errors: list[_Error]) -> None:
        text = "; ".join(error.message for error in errors)[:500]
        kinds = {error.type for error in errors}
        if kinds == {"NOT_FOUND"}:
            raise NotFound(f"GraphQL: {text}", message=text)
        if kinds & {"FORBIDDEN", "INSUFFICIENT_SCOPES"}:
            raise Refused(f"GraphQL: {text}")
        raise Unprocessable(f"GraphQL: {text}", status=200, message=text)
