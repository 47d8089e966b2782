"""GitHub Apps: what they are, where they are installed, how they prove who they are. Rules are values in, verdicts out.

An app signs a JSON web token with its private key; GitHub keeps public keys only. With it the app gets tokens of its installations.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from prow.sim.errors import Refused
from prow.sim.state import Hook, Org, User

LONGEST_JWT = 600
"""Seconds from now at which the web token of an app may end, at most."""
TOKEN_LIFE = 3600
"""Seconds for which an installation's token is good."""
_SKEW = 60
LEVELS = ("none", "read", "write", "admin")
_NOT_DECODED = "A JSON web token could not be decoded"
_EXP_ODD = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
_EXP_FAR = "'Expiration time' claim ('exp') is too far in the future"
_IAT_ODD = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"


_TALK = ("issues", "pull_requests")
_EVENTS = {
    "check_run": ("checks",),
    "check_suite": ("checks",),
    "create": ("contents",),
    "delete": ("contents",),
    "fork": ("contents",),
    "issue_comment": _TALK,
    "issues": ("issues",),
    "label": _TALK,
    "member": ("members",),
    "membership": ("members",),
    "milestone": _TALK,
    "organization": ("members",),
    "pull_request": ("pull_requests",),
    "pull_request_review": ("pull_requests",),
    "pull_request_review_comment": ("pull_requests",),
    "pull_request_review_thread": ("pull_requests",),
    "push": ("contents",),
    "status": ("statuses",),
    "team": ("members",),
    "workflow_run": ("actions",),
}
"""Permissions of which an app needs one to hear of an event; of the others everybody may hear."""


@dataclass(eq=False)
class App:
    """`bot`: the user as whom its installations act. `public_keys`: PEM. `hook`: where it is told of `events`."""

    id: int
    slug: str
    owner: User | Org
    bot: User
    created_at: datetime
    permissions: dict[str, str] = field(default_factory=dict)
    events: tuple[str, ...] = ()
    public_keys: list[str] = field(default_factory=list)
    hook: Hook | None = None

    @property
    def client_id(self) -> str:
        return f"Iv23li{self.id:014d}"


@dataclass(eq=False)
class Installation:
    """`repos`: ids of the repositories it was given; None: all of the account."""

    id: int
    app: App
    account: User | Org
    permissions: dict[str, str]
    created_at: datetime
    updated_at: datetime
    repos: set[int] | None = None
    suspended_at: datetime | None = None
    suspended_by: User | None = None

    def grants(self, permission: str, level: str) -> bool:
        return allows(self.permissions, permission, level)

    def hears(self, event: str) -> bool:
        """Whether its app is told of this: what it asked for and may read, and of checks in any case who may make them."""
        own = event in {"check_run", "check_suite"} and self.grants("checks", "write")
        return self.suspended_at is None and (own or (event in self.app.events and may_hear(self.permissions, event)))


def allows(granted: Mapping[str, str], permission: str, level: str) -> bool:
    """Metadata can always be read."""
    have = "read" if permission == "metadata" else granted.get(permission, "none")
    return LEVELS.index(have) >= LEVELS.index(level)


def may_hear(granted: Mapping[str, str], event: str) -> bool:
    """Whether these permissions are enough to be told of this event."""
    return any(allows(granted, name, "read") for name in _EVENTS.get(event, ("metadata",)))


_NAMES = """
actions administration artifact_metadata attestations checks code_quality codespaces contents
custom_properties_for_organizations dependabot_secrets deployments discussions email_addresses
enterprise_custom_properties_for_organizations environments followers git_ssh_keys gpg_keys interaction_limits
issues members merge_queues metadata organization_administration organization_announcement_banners
organization_copilot_agent_settings organization_copilot_seat_management organization_custom_org_roles
organization_custom_properties organization_custom_roles organization_events organization_hooks
organization_packages organization_personal_access_token_requests organization_personal_access_tokens
organization_plan organization_projects organization_secrets organization_self_hosted_runners
organization_user_blocking packages pages profile pull_requests repository_custom_properties repository_hooks
repository_projects secret_scanning_alerts secrets security_events single_file starring statuses
vulnerability_alerts workflows
"""
PERMISSIONS = frozenset(_NAMES.split())
"""Names of permissions of apps and of fine-grained tokens."""


def check_permissions(wanted: Mapping[str, str]) -> None:
    """Refuse what GitHub has no name for."""
    for name, level in wanted.items():
        if name not in PERMISSIONS:
            near = difflib.get_close_matches(name, PERMISSIONS, 1)
            raise Refused(422, f"{name!r} is no permission" + (f": did you mean {near[0]!r}?" if near else ""))
        if level not in LEVELS[1:]:
            raise Refused(422, f"{name}: {level!r} is no level: say {', '.join(LEVELS[1:])}")


_EVENT_NAMES = """
branch_protection_configuration branch_protection_rule check_run check_suite code_scanning_alert commit_comment create
custom_property custom_property_values delete dependabot_alert deploy_key deployment deployment_protection_rule deployment_review
deployment_status discussion discussion_comment fork github_app_authorization gollum installation installation_repositories
installation_target issue_comment issue_dependencies issues label marketplace_purchase member membership merge_group meta
milestone org_block organization package page_build personal_access_token_request ping project project_card project_column
projects_v2 projects_v2_item projects_v2_status_update public pull_request pull_request_review pull_request_review_comment
pull_request_review_thread push registry_package release repository repository_advisory repository_dispatch repository_import
repository_ruleset repository_vulnerability_alert secret_scanning_alert secret_scanning_alert_location secret_scanning_scan
security_advisory security_and_analysis sponsorship star status sub_issues team team_add watch workflow_dispatch workflow_job
workflow_run
"""
EVENTS = frozenset(_EVENT_NAMES.split())
_UNASKED = frozenset({"github_app_authorization", "installation", "installation_repositories", "ping"})


def check_event_names(events: Iterable[str]) -> None:
    """Refuse what GitHub sends no webhooks of."""
    for event in events:
        if event not in EVENTS and event != "*":
            near = difflib.get_close_matches(event, EVENTS, 1)
            raise Refused(422, f"there is no event {event!r}" + (f": did you mean {near[0]!r}?" if near else ""))


def check_events(permissions: Mapping[str, str], events: Sequence[str]) -> None:
    """Refuse events that an app with these permissions may not hear of."""
    check_event_names(events)
    for event in events:
        if event in _UNASKED or event == "*":
            raise Refused(
                422, f"{event!r} cannot be asked for: of itself an app hears in any case, of the rest one by one"
            )
        if not may_hear(permissions, event):
            raise Refused(422, f"to hear of {event!r} an app needs the permission {' or '.join(_EVENTS[event])}: read")


def narrowed(granted: Mapping[str, str], wanted: Mapping[str, Any]) -> dict[str, str] | None:
    """The permissions of a token that asks for less; None when it asks for more than is granted."""
    fine = all(str(level) in LEVELS and allows(granted, name, str(level)) for name, level in wanted.items())
    return {name: str(level) for name, level in wanted.items()} if fine else None


def new_key() -> tuple[str, str]:
    """A private and its public key as PEM, as the button "Generate a private key" makes them."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def public_of(pem: bytes) -> str:
    """The public half of a private key, or a public key as it is."""
    try:
        key = load_pem_private_key(pem, None).public_key() if b"PRIVATE KEY" in pem else load_pem_public_key(pem)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Refused(422, "that is no private or public key as PEM") from error


def is_jwt(token: str) -> bool:
    return token.count(".") == 2 and token.startswith("ey")


def authenticate(token: str, apps: Iterable[App], now: float) -> App:
    """The app that signed this web token. Refused in GitHub's words: 401, or 404 for an issuer nobody knows."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise Refused(401, _NOT_DECODED) from error
    app = next((a for a in apps if str(claims.get("iss")) in {str(a.id), a.client_id}), None)
    if app is None:
        raise Refused(404, "Integration not found")
    if not any(_signed_with(token, key) for key in app.public_keys):
        raise Refused(401, _NOT_DECODED)
    _check_times(claims, now)
    return app


def _signed_with(token: str, key: str) -> bool:
    try:
        jwt.decode(token, key, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False})
    except jwt.InvalidTokenError:
        return False
    return True


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, int | float) or expires <= now:
        raise Refused(401, _EXP_ODD)
    if expires > now + LONGEST_JWT + 1:
        raise Refused(401, _EXP_FAR)
    if not isinstance(issued, int | float) or issued > now + _SKEW:
        raise Refused(401, _IAT_ODD)
