"""Bodies of the wrong kind: refused at the door, whatever the call; nothing that is sent is a fault of the simulator's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from prow.sim import rest
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from prow.sim.world.lines import Spot
from tests.sim.callers import expect
from tests.sim.support import client
from tests.support.github_description import Operation, description, needs_foreign

WRONG: tuple[Any, ...] = (True, [{}])


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("labels", {"labels": "bug"}, "For 'properties/labels', \"bug\" is not an array."),
        ("labels", {"labels": [7]}, "For 'properties/labels/items', 7 is not a string or an object."),
        ("comments", {"body": {"a": 1}}, "For 'properties/body', {\"a\":1} is not a string."),
        ("assignees", {"assignees": [None]}, "For 'properties/assignees/items', nil is not a string."),
    ],
)
async def test_github_tells_what_is_of_the_wrong_kind(
    sim: Sim, repo: RepoStory, path: str, body: dict[str, Any], told: str
) -> None:
    issue = await repo.open_issue("mia", title="Help")
    async with client(sim, "prow-bot") as bot:
        refused = await expect(bot.post(f"/repos/acme/widgets/issues/{issue.number}/{path}", json=body), 422)
    assert refused["message"] == f"Invalid request.\n\n{told}"


def _properties(operation: Operation | None) -> dict[str, Any]:
    schema = (operation.request if operation is not None else None) or {}
    found: dict[str, Any] = {}
    for one in (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        found |= one.get("properties", {})
    return found


def _fine(schema: Any) -> Any:
    kind = schema.get("type")
    return {"integer": 1, "boolean": True, "array": [], "object": {}}.get(kind if isinstance(kind, str) else "", "x")


@needs_foreign
async def test_nothing_that_is_sent_is_a_fault_of_the_simulator(tmp_path: Path) -> None:
    """Every call of the API, each property in turn with what does not belong there."""
    sim = Sim(tmp_path / "sim")
    sim.world.budgets.secondary = False
    sim.world.budgets.limit = 100_000
    sim.faults.lose_webhooks()
    acme = sim.world.org("acme", owners=["boss"], members=["wernher"])
    sim.world.add_team(acme, "crew")
    repo = await RepoStory.create(sim, "acme/widgets", files={"a": "b"})
    hook = sim.world.add_hook(repo.repo, url="http://nobody.invalid/", secret="")
    pr = await repo.open_pull_request("wernher", title="Fix it", files={"new": "1"})
    said, review = await pr.comment("boss", "Hm"), await pr.review("boss", "COMMENTED", "Hm")
    on_line = await sim.world.review_comment(pr.issue, "boss", body="Hm", spot=Spot("new"))
    sim.world.create_milestone(repo.repo, "boss", "v1")
    await sim.world.create_label(repo.repo, "boss", "bug")
    named = {
        "owner": "acme", "repo": "widgets", "org": "acme", "number": pr.number, "comment": said.id, "line_comment": on_line.id,
        "login": "wernher", "branch": "main", "ref": "heads/main", "sha": await repo.tip(), "label": "bug", "name": "bug",
        "slug": "crew", "file": "a", "review": review.id, "hook": hook.id, "span": "main...main", "milestone": 1,
    }  # fmt: skip
    calls = [call for call in rest.table(sim.world) if call[0] != "DELETE"]
    async with client(sim, "boss") as boss:
        sent = 0
        for method, template in calls:
            path = re.sub(r"\{(\w+)(:path)?\}", lambda part: str(named.get(part[1], 1)), template)
            fine = {name: _fine(one) for name, one in _properties(description().operation(method, path)).items()}
            bodies: list[Any] = [fine | {name: wrong} for name in fine for wrong in WRONG]
            for body in [[1], "x", {}, *bodies] if method != "GET" else [None]:
                sent += 1
                await _send(boss, method, path, body)
                repo.repo.archived = repo.repo.private = False
                if repo.repo.name != "widgets":
                    await sim.world.rename(repo.repo, "boss", "widgets")
    assert sent > 400
    await sim.world.close()


async def _send(caller: httpx2.AsyncClient, method: str, path: str, body: Any) -> None:
    """An exception would come through."""
    answer = await caller.request(method, path, json=body)
    assert answer.status_code < 500


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("POST", "git/blobs", {"content": "x", "encoding": "base64"}, "content is not valid Base64"),
        ("PUT", "contents/a", {"message": "m", "content": "é"}, "content is not valid Base64"),
        ("POST", "git/trees", {"base_tree": "main", "tree": [{"path": "gone", "mode": "100644", "sha": None}]}, "GitRPC::BadObjectState"),
        ("POST", "git/trees", {"tree": [{"path": "a/../b", "mode": "100644", "content": "x"}]}, "tree.path contains a malformed path component"),
        ("POST", "commits/main/comments", {"body": "x"}, "No commit found for SHA: main"),
        ("PATCH", "git/refs/heads/main", {"sha": "main"}, "The sha parameter must be exactly 40 characters and contain only [0-9a-f]."),
        ("POST", "git/tags", {"tag": "v1", "object": "main", "type": "commit", "message": "x"}, "Validation Failed"),
        ("GET", "git/commits/main", None, "Not Found"),
        ("PUT", "contents/.git/config", {"message": "m", "content": "eA=="}, "the commit was not made: invalid path: '.git/config'"),
    ],
)  # fmt: skip
async def test_what_git_would_not_take_is_refused(
    sim: Sim, repo: RepoStory, method: str, path: str, body: Any, told: str
) -> None:
    repo.collaborator("prow-bot", "write")
    async with client(sim, "prow-bot") as bot:
        answer = await bot.request(method, f"/repos/acme/widgets/{path}", json=body)
    assert (answer.status_code in {404, 422}, answer.json()["message"]) == (True, told)
