"""GitHub's own examples of webhooks: each field of ours has what the payload says. https://github.com/octokit/webhooks"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from prow.github.decoding import decoded
from prow.github.payloads import WIRES, decode, generic_comment

EXAMPLES = Path(__file__).parents[1] / "foreign/node_modules/@octokit/webhooks-examples/api.github.com/index.json"
PAYLOADS = 329
NOT_READ = [
    "branch_protection_rule",
    "check_suite",
    "code_scanning_alert",
    "commit_comment",
    "create",
    "delete",
    "dependabot_alert",
    "deploy_key",
    "deployment",
    "deployment_review",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "fork",
    "github_app_authorization",
    "gollum",
    "installation",
    "installation_repositories",
    "label",
    "marketplace_purchase",
    "member",
    "membership",
    "merge_group",
    "meta",
    "milestone",
    "org_block",
    "organization",
    "package",
    "page_build",
    "ping",
    "project",
    "project_card",
    "project_column",
    "projects_v2_item",
    "public",
    "pull_request_review_thread",
    "release",
    "repository",
    "repository_dispatch",
    "repository_import",
    "repository_vulnerability_alert",
    "security_advisory",
    "sponsorship",
    "star",
    "team",
    "team_add",
    "watch",
    "workflow_dispatch",
    "workflow_job",
]
"""Events that no part of this Prow reads; hook forwards them to external plugins as they are."""

needs_examples = pytest.mark.skipif(not EXAMPLES.exists(), reason="run `npm ci` in tests/foreign")


def examples() -> list[tuple[str, Any]]:
    kinds = msgspec.json.decode(EXAMPLES.read_bytes())
    return [(kind["name"], example) for kind in kinds for example in kind["examples"]]


def lost(said: Any, read: Any, where: str) -> Iterator[str]:
    """Where a decoded value has something else than the payload."""
    if isinstance(read, msgspec.Struct):
        for field in msgspec.structs.fields(read):
            if isinstance(said, dict) and said.get(field.encode_name) is not None:
                yield from lost(said[field.encode_name], getattr(read, field.name), f"{where}.{field.encode_name}")
    elif isinstance(read, (tuple, list)):
        if len(said) != len(read):
            yield f"{where}: {len(said)} are {len(read)}"
        for index, (one, other) in enumerate(zip(said, read, strict=False)):
            yield from lost(one, other, f"{where}[{index}]")
    elif isinstance(read, datetime):
        if datetime.fromisoformat(said) != read:
            yield f"{where}: {said} is {read}"
    elif said != read or type(said) is not type(read):
        yield f"{where}: {said!r:.80} is {read!r:.80}"


@needs_examples
def test_every_example_is_read_without_losing_a_field_that_we_have() -> None:
    found = examples()
    assert len(found) == PAYLOADS
    wrong = []
    for name, example in found:
        wire = WIRES.get(name)
        if wire is None:
            continue
        body = msgspec.json.encode(example)
        read = decoded(body, wire)
        wrong += list(lost(example, read, f"{name}.{example.get('action', '')}"))
        event = decode(name, body, "guid")
        assert event is not None
        assert event.guid == "guid"
        assert event.action == example.get("action", "")
        comment = generic_comment(event)
        if comment is not None:
            assert comment.number > 0
    assert wrong == []


@needs_examples
def test_the_events_that_nobody_reads_are_known_by_name() -> None:
    names = {name for name, _ in examples()}
    assert sorted(names - set(WIRES)) == sorted(NOT_READ)
    assert set(WIRES) <= names
    assert all(
        decode(name, msgspec.json.encode(example), "guid") is None for name, example in examples() if name in NOT_READ
    )


@needs_examples
def test_a_lost_field_would_be_seen() -> None:
    """The judge itself: a struct that renames a field or cuts a list is told."""
    name, example = next((name, example) for name, example in examples() if name == "push" and example["commits"])
    read = decoded(msgspec.json.encode(example), WIRES[name])
    assert list(lost(example, read, "push")) == []
    assert list(lost(example | {"ref": "refs/heads/else"}, read, "push")) == [
        f"push.ref: 'refs/heads/else' is {example['ref']!r}"
    ]
    assert list(lost(example | {"commits": []}, read, "push")) == [f"push.commits: 0 are {len(example['commits'])}"]


NEVER_THERE = {
    "Issue.state_reason": "younger than the examples",
    "Review.body": "no example has a review with a text",
    "_PullRequest.changes": "no example of an edit has them",
    "_Push.action": "pushes have no action",
    "_Status.action": "statuses have no action",
    "_Status.description": "no example has one",
    "_Status.target_url": "no example has one",
}


def seen(said: Any, read: Any) -> Iterator[tuple[str, bool]]:
    """Each field of ours, and whether the payload has it."""
    if isinstance(read, msgspec.Struct):
        for field in msgspec.structs.fields(read):
            there = isinstance(said, dict) and said.get(field.encode_name) is not None
            yield f"{type(read).__name__}.{field.encode_name}", there
            if there:
                yield from seen(said[field.encode_name], getattr(read, field.name))
    elif isinstance(read, (tuple, list)):
        for one, other in zip(said, read, strict=True):
            yield from seen(one, other)


@needs_examples
def test_each_field_of_ours_is_githubs() -> None:
    """A field that no payload has would be a misspelt one."""
    fields: dict[str, bool] = {}
    for name, example in examples():
        if name in WIRES:
            for field, there in seen(example, decoded(msgspec.json.encode(example), WIRES[name])):
                fields[field] = fields.get(field, False) or there
    assert sorted(name for name, there in fields.items() if not there) == sorted(NEVER_THERE)
