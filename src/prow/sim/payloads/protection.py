"""The rules of protected branches as REST shows them."""

from __future__ import annotations

import zlib
from datetime import datetime

from prow.sim.payloads.base import Json, stamp
from prow.sim.payloads.orgs import Orgs
from prow.sim.state import Protection, Repo

_UNTOLD = frozenset({"require_last_push_approval", "strict_required_status_checks_policy", "create_protected"})
"""Webhooks of changes do not speak of these."""


class Protections(Orgs):
    def protection(
        self, repo: Repo, branch: str, rules: Protection, pushers: Json | None, dismissers: Json | None, bypassers: Json | None
    ) -> Json:  # fmt: skip
        """`pushers`, `dismissers`, `bypassers`: lists of `users`, `teams` and `apps` that may push, dismiss reviews, do without them."""
        url = f"{self.base}/repos/{repo.full_name}/branches/{branch}/protection"
        found: Json = {
            "url": url,
            "required_signatures": {"url": f"{url}/required_signatures", "enabled": rules.signatures},
            "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": rules.enforce_admins},
            "required_linear_history": {"enabled": rules.linear},
            "allow_force_pushes": {"enabled": rules.force_pushes},
            "allow_deletions": {"enabled": rules.deletions},
            "block_creations": {"enabled": rules.block_creations},
            "required_conversation_resolution": {"enabled": rules.conversations},
            "lock_branch": {"enabled": rules.locked},
            "allow_fork_syncing": {"enabled": False},
        }
        if rules.contexts is not None:
            checks = f"{url}/required_status_checks"
            found["required_status_checks"] = {
                "url": checks,
                "strict": rules.strict,
                "contexts": list(rules.contexts),
                "contexts_url": f"{checks}/contexts",
                "checks": [{"context": name, "app_id": rules.apps.get(name)} for name in rules.contexts],
            }
        if rules.reviews is not None:
            found["required_pull_request_reviews"] = {
                "url": f"{url}/required_pull_request_reviews",
                "dismiss_stale_reviews": rules.dismiss_stale,
                "require_code_owner_reviews": rules.code_owners,
                "require_last_push_approval": rules.last_push,
                "required_approving_review_count": rules.reviews,
            }
            if dismissers is not None:
                place = f"{url}/dismissal_restrictions"
                found["required_pull_request_reviews"]["dismissal_restrictions"] = _urls(place, 2) | dismissers
            if bypassers is not None:
                found["required_pull_request_reviews"]["bypass_pull_request_allowances"] = bypassers
        if pushers is not None:
            found["restrictions"] = _urls(f"{url}/restrictions", 3) | pushers
        return found

    def protection_rule(self, repo: Repo, branch: str, rules: Protection, now: datetime) -> Json:
        """The same as webhooks tell it."""
        on = {True: "everyone" if rules.enforce_admins else "non_admins", False: "off"}
        names = (*(rules.pushers or ()), *rules.push_teams, *rules.push_apps)
        return {
            "id": zlib.crc32(f"{repo.id}/{branch}".encode()),
            "repository_id": repo.id,
            "name": branch,
            "created_at": stamp(repo.created_at),
            "updated_at": stamp(now),
            "pull_request_reviews_enforcement_level": on[rules.reviews is not None],
            "required_approving_review_count": rules.reviews or 0,
            "dismiss_stale_reviews_on_push": rules.dismiss_stale,
            "require_code_owner_review": rules.code_owners,
            "authorized_dismissal_actors_only": rules.dismissers is not None,
            "ignore_approvals_from_contributors": False,
            "require_last_push_approval": rules.last_push,
            "required_status_checks": list(rules.contexts or ()),
            "required_status_checks_enforcement_level": on[rules.contexts is not None],
            "strict_required_status_checks_policy": rules.strict,
            "signature_requirement_enforcement_level": on[rules.signatures],
            "linear_history_requirement_enforcement_level": on[rules.linear],
            "admin_enforced": rules.enforce_admins,
            "create_protected": rules.block_creations,
            "allow_force_pushes_enforcement_level": on[rules.force_pushes],
            "allow_deletions_enforcement_level": on[rules.deletions],
            "merge_queue_enforcement_level": "off",
            "required_deployments_enforcement_level": "off",
            "required_conversation_resolution_level": on[rules.conversations],
            "authorized_actors_only": rules.pushers is not None,
            "authorized_actor_names": sorted(names),
        }

    def protection_changes(self, repo: Repo, branch: str, before: Protection, after: Protection) -> Json:
        """What an edit has changed, as far as webhooks have a word for it."""
        old, new = (self.protection_rule(repo, branch, rules, repo.created_at) for rules in (before, after))
        told = {name for name in old if name not in _UNTOLD and old[name] != new[name]}
        return {name: {"from": old[name]} for name in sorted(told)}


def _urls(place: str, kinds: int) -> Json:
    return {"url": place, **{f"{kind}_url": f"{place}/{kind}" for kind in ("users", "teams", "apps")[:kinds]}}
