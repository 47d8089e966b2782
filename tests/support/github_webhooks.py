"""GitHub's published schemas of webhooks, as a judge of what the simulator sends."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec

from prow.sim.state import Delivery
from prow.sim.world import World
from tests.support.github_description import OCTOKIT, is_uri, refs, told

_FILE = OCTOKIT / "webhooks-schemas" / "schema.json"
installed = _FILE.exists()


@cache
def _definitions() -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(_FILE.read_bytes())["definitions"]
    return found


@cache
def _validator(name: str) -> jsonschema_rs.Validator:
    definitions = _definitions()
    needed: dict[str, Any] = {}
    todo = [name]
    while todo:
        one = todo.pop()
        if one not in needed:
            needed[one] = definitions[one]
            todo += refs(definitions[one])
    schema = {"$ref": f"#/definitions/{name}", "definitions": needed}
    return jsonschema_rs.Draft7Validator(schema, validate_formats=True, formats={"uri": is_uri})


ERRATA = (
    # event and what a judge who believes its schema would say, as regular expressions
    (
        r"repository\$transferred",
        r"changes/owner/from: ",
    ),  # an organisation may own it before, as the OpenAPI description says
    (r"ping\$event", r"hook/events: .*_dispatch"),  # which its list of an app's events has not
    (r"pull_request.*", r"pull_request/head/user: null "),  # an account that was deleted
)


def _erratum(name: str, wrong: str) -> bool:
    return any(re.fullmatch(event, name) and re.match(what, wrong) for event, what in ERRATA)


def wrong_webhook(event: str, payload: Any) -> str:
    """What is wrong with the body of an event; empty when it is as GitHub describes it."""
    names = (f"{event}${payload.get('action')}", f"{event}$event")
    name = next((name for name in names if name in _definitions()), None)
    if name is None:
        return "GitHub describes no such event"
    validator = _validator(name)
    if validator.is_valid(payload):
        return ""
    wrong = [one for one in map(told, validator.iter_errors(payload)) if not _erratum(name, one)]
    return "; ".join(wrong[:4])


def deliveries(world: World) -> list[Delivery]:
    """Everything that any hook was sent or was to be sent."""
    return [delivery for hook in world.all_hooks() for delivery in hook.deliveries]


def wrong_deliveries(world: World) -> list[str]:
    found = set()
    for delivery in deliveries(world):
        wrong = wrong_webhook(delivery.event, msgspec.json.decode(delivery.body))
        if wrong:
            found.add(f"webhook {delivery.event} {delivery.action}: {wrong}")
    return sorted(found)
