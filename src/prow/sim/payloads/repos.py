"""Repositories, protection of branches, hooks and their deliveries."""

from __future__ import annotations

from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.people import People
from prow.sim.state import Delivery, Hook, Org, Protection, Repo, User


class Repos(People):
    def repo(self, repo: Repo, owner: User | Org) -> Json:
        link = f"{self.base}/{repo.full_name}"
        return {
            "id": repo.id,
            "node_id": node("R", repo.id),
            "name": repo.name,
            "full_name": repo.full_name,
            "private": repo.private,
            "owner": self.owner(owner),
            "html_url": link,
            "url": f"{self.base}/repos/{repo.full_name}",
            "clone_url": f"{link}.git",
            "git_url": f"{link}.git",
            "ssh_url": f"git@sim:{repo.full_name}.git",
            "description": None,
            "fork": repo.parent is not None,
            "archived": repo.archived,
            "disabled": False,
            "default_branch": repo.default_branch,
            "created_at": stamp(repo.created_at),
            "updated_at": stamp(repo.created_at),
            "pushed_at": stamp(repo.created_at),
            "visibility": "private" if repo.private else "public",
        }

    def merge_settings(self, repo: Repo) -> Json:
        """What whoever may push sees beside the rest of a repository."""
        return {
            "allow_merge_commit": repo.allow_merge_commit,
            "allow_squash_merge": repo.allow_squash_merge,
            "allow_rebase_merge": repo.allow_rebase_merge,
            "allow_auto_merge": False,
            "delete_branch_on_merge": False,
        }

    def protection(self, repo: Repo, branch: str, rules: Protection) -> Json:
        url = f"{self.base}/repos/{repo.full_name}/branches/{branch}/protection"
        found: Json = {"url": url, "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": rules.enforce_admins}}
        if rules.contexts is not None:
            found["required_status_checks"] = {
                "url": f"{url}/required_status_checks",
                "strict": rules.strict,
                "contexts": list(rules.contexts),
                "checks": [{"context": context, "app_id": None} for context in rules.contexts],
            }
        if rules.reviews is not None:
            found["required_pull_request_reviews"] = {
                "url": f"{url}/required_pull_request_reviews",
                "dismiss_stale_reviews": rules.dismiss_stale,
                "require_code_owner_reviews": False,
                "required_approving_review_count": rules.reviews,
            }
        if rules.pushers is not None:
            users = [{"login": login} for login in sorted(rules.pushers)]
            found["restrictions"] = {"url": f"{url}/restrictions", "users": users, "teams": [], "apps": []}
        return found

    def hook(self, where: str, hook: Hook) -> Json:
        return {
            "id": hook.id,
            "type": "Repository",
            "name": "web",
            "active": hook.active,
            "events": list(hook.events),
            "config": {"url": hook.url, "content_type": "json", "secret": "********", "insecure_ssl": "0"},
            "url": f"{self.base}/{where}/hooks/{hook.id}",
            "ping_url": f"{self.base}/{where}/hooks/{hook.id}/pings",
            "deliveries_url": f"{self.base}/{where}/hooks/{hook.id}/deliveries",
            "last_response": {"code": None, "status": "unused", "message": None},
        }

    def delivery(self, delivery: Delivery) -> Json:
        return {
            "id": delivery.id,
            "guid": delivery.guid,
            "delivered_at": stamp(delivery.delivered_at),
            "redelivery": delivery.redelivery,
            "duration": 0.01,
            "status": "OK" if 200 <= delivery.status < 300 else "Invalid HTTP Response",
            "status_code": delivery.status,
            "event": delivery.event,
            "action": delivery.action or None,
        }
