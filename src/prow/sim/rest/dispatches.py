"""Events that somebody asks for."""

from __future__ import annotations

from prow.sim.errors import Refused, unprocessable
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login

_MOST_PROPERTIES = 10


class Dispatches(Area):
    def table(self) -> Table:
        return {
            ("POST", f"{REPO}/dispatches"): self.dispatch,
            ("POST", f"{REPO}/actions/workflows/{{workflow}}/dispatches"): self.dispatch_workflow,
        }

    async def dispatch(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "write"), body(call)
        event, payload = str(wanted.get("event_type") or ""), wanted.get("client_payload") or {}
        if not 0 < len(event) <= 100:
            raise unprocessable("RepositoryDispatch", "event_type", "invalid")
        if len(payload) > _MOST_PROPERTIES:
            raise Refused(422, f"No more than {_MOST_PROPERTIES} properties are allowed; {len(payload)} were supplied.")
        await self.world.dispatch(repo, login(call), event, payload)
        return Answer(status=204)

    async def dispatch_workflow(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "write"), body(call)
        ref = str(wanted.get("ref") or "").removeprefix("refs/heads/")
        await self.world.dispatch_workflow(repo, login(call), call.path["workflow"], ref, wanted.get("inputs"))
        return Answer(status=204)
