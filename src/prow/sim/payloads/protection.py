"""The rules of protected branches as REST shows them."""

from __future__ import annotations

from prow.sim.payloads.base import Json
from prow.sim.payloads.orgs import Orgs
from prow.sim.state import Protection, Repo


class Protections(Orgs):
    def protection(self, repo: Repo, branch: str, rules: Protection, restrictions: Json | None) -> Json:
        """`restrictions`: lists of `users`, `teams` and `apps` that may push."""
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
        if restrictions is not None:
            place = f"{url}/restrictions"
            urls = {"url": place, **{f"{kind}_url": f"{place}/{kind}" for kind in ("users", "teams", "apps")}}
            found["restrictions"] = urls | restrictions
        return found
