"""What kind of value each property of a body is: what is of another kind is refused at the door, as GitHub does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from prow.sim.errors import Refused

_REPO = "/repos/{owner}/{repo}"
_STRINGS = """
accept base base_tree body color commit_id commit_message commit_title conclusion content content_type context default_branch
default_repository_permission description details_url due_on email encoding environment environment_url event event_type
expected_head_sha external_id head head_sha label lock_reason log_url merge_commit_message merge_commit_title merge_method
message name new_name new_owner object organization path permission privacy ref role secret sha side squash_merge_commit_message
squash_merge_commit_title start_side state state_reason status tag tag_name target_commitish target_url task tree type url
visibility
"""
_NUMBERS = "in_reply_to invitee_id line parent_team_id position required_approving_review_count start_line"
_OBJECTS = """
author bypass_pull_request_allowances client_payload committer config dismissal_restrictions inputs output required_pull_request_reviews required_status_checks
restrictions tagger
"""
_LISTS = {
    "add_events": str,
    "assignees": str,
    "checks": dict,
    "comments": dict,
    "contexts": str,
    "events": str,
    "apps": str,
    "labels": (str, dict),
    "maintainers": str,
    "names": str,
    "parents": str,
    "remove_events": str,
    "repo_names": str,
    "repositories": str,
    "required_contexts": str,
    "repository_ids": int,
    "reviewers": str,
    "team_ids": int,
    "team_reviewers": str,
    "teams": str,
    "users": str,
}
_Kind = type | tuple[type, ...]
_PROPERTIES: dict[str, _Kind] = {
    **dict.fromkeys(_STRINGS.split(), str),
    **dict.fromkeys(_NUMBERS.split(), int),
    **dict.fromkeys(_OBJECTS.split(), dict),
    **dict.fromkeys(_LISTS, list),
    "milestone": (int, str),
    "title": (str, int),
}
_OF_ROUTE: dict[str, dict[str, _Kind]] = {
    f"{_REPO}/git/trees": {"tree": list},
    f"{_REPO}/invitations/{{invitation}}": {"permissions": str},
    "/app/installations/{installation}/access_tokens": {"permissions": dict},
}
_ITEMS_OF_ROUTE: dict[str, dict[str, _Kind]] = {f"{_REPO}/git/trees": {"tree": dict}}
_WORDS = {str: "a string", int: "an integer", list: "an array", dict: "an object"}


def check(template: str, body: Mapping[str, Any]) -> None:
    """Refuse a body with a value of another kind than GitHub's description says. Null is as good as nothing."""
    own, items = _OF_ROUTE.get(template, {}), _ITEMS_OF_ROUTE.get(template, {})
    for name, value in body.items():
        kind = own.get(name) or _PROPERTIES.get(name)
        if kind is None or value is None:
            continue
        if not _is(value, kind):
            raise _wrong(name, value, kind)
        inside = items.get(name) or _LISTS.get(name)
        for one in value if kind is list and inside is not None else ():
            if not _is(one, inside) or (
                isinstance(one, dict) and name == "labels" and not isinstance(one.get("name"), str)
            ):
                raise _wrong(f"{name}/items", one, inside)


def _is(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _wrong(name: str, value: Any, kind: Any) -> Refused:
    shown = "nil" if value is None else msgspec.json.encode(value).decode()[:100]
    words = " or ".join(_WORDS[one] for one in (kind if isinstance(kind, tuple) else (kind,)))
    return Refused(422, f"Invalid request.\n\nFor 'properties/{name}', {shown} is not {words}.")
