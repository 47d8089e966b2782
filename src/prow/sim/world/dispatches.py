"""Events that somebody asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prow.sim import gitrepo
from prow.sim.errors import Refused, not_found
from prow.sim.state import Repo
from prow.sim.world.commit_comments import CommitComments


class Dispatches(CommitComments):
    async def dispatch(self, repo: Repo, login: str, event: str, client_payload: Mapping[str, Any]) -> None:
        """Apps hear of it alone, and workflows, which nobody runs here."""
        payload = {"action": event, "branch": repo.default_branch, "client_payload": dict(client_payload)}
        await self.emit(repo, "repository_dispatch", self.user(login), payload, hooks=False)

    async def dispatch_workflow(
        self, repo: Repo, login: str, name: str, ref: str, inputs: Mapping[str, Any] | None
    ) -> None:
        """`name`: the number of a workflow that has run, or a file's name, of one that has run or stands at that ref."""
        sha = await self._commit_at(repo, ref) if ref else None
        if sha is None:
            raise Refused(422, f"No ref found for: {ref}")
        known = next((one for one in self.workflows(repo) if name in {str(one["id"]), _file(one["path"])}), None)
        path = known["path"] if known is not None else f".github/workflows/{name}"
        if await gitrepo.read_file(repo.path, sha, path) is None and known is None:
            raise not_found()
        payload = {"inputs": dict(inputs) if inputs else None, "ref": f"refs/heads/{ref}", "workflow": path}
        await self.emit(repo, "workflow_dispatch", self.user(login), payload)
        word = known["name"] if known is not None else name.rpartition(".")[0]
        await self.start_workflow(
            repo, login, sha, name=word, event="workflow_dispatch", branch=ref, status="queued", path=path
        )


def _file(path: str) -> str:
    return path.rpartition("/")[2]
