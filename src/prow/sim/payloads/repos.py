"""Repositories, protection of branches, hooks and their deliveries."""

from __future__ import annotations

from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.people import People
from prow.sim.state import Delivery, Hook, Org, Protection, Repo, User

_URLS = {
    "forks_url": "/forks",
    "keys_url": "/keys{/key_id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "teams_url": "/teams",
    "hooks_url": "/hooks",
    "issue_events_url": "/issues/events{/number}",
    "events_url": "/events",
    "assignees_url": "/assignees{/user}",
    "branches_url": "/branches{/branch}",
    "tags_url": "/tags",
    "blobs_url": "/git/blobs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "trees_url": "/git/trees{/sha}",
    "statuses_url": "/statuses/{sha}",
    "languages_url": "/languages",
    "stargazers_url": "/stargazers",
    "contributors_url": "/contributors",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "commits_url": "/commits{/sha}",
    "git_commits_url": "/git/commits{/sha}",
    "comments_url": "/comments{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "contents_url": "/contents/{+path}",
    "compare_url": "/compare/{base}...{head}",
    "merges_url": "/merges",
    "archive_url": "/{archive_format}{/ref}",
    "downloads_url": "/downloads",
    "issues_url": "/issues{/number}",
    "pulls_url": "/pulls{/number}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "labels_url": "/labels{/name}",
    "releases_url": "/releases{/id}",
    "deployments_url": "/deployments",
}


class Repos(People):
    def repo(self, repo: Repo, owner: User | Org) -> Json:
        link = f"{self.base}/{repo.full_name}"
        url = f"{self.base}/repos/{repo.full_name}"
        opened = sum(issue.state == "open" for issue in repo.issues.values())
        return {
            "id": repo.id,
            "node_id": node("R", repo.id),
            "name": repo.name,
            "full_name": repo.full_name,
            "private": repo.private,
            "owner": self.owner(owner),
            "html_url": link,
            "description": None,
            "fork": repo.parent is not None,
            "url": url,
            **{name: url + path for name, path in _URLS.items()},
            "created_at": stamp(repo.created_at),
            "updated_at": stamp(repo.created_at),
            "pushed_at": stamp(repo.created_at),
            "git_url": f"git://{self.base.partition('//')[2]}/{repo.full_name}.git",
            "ssh_url": f"git@sim:{repo.full_name}.git",
            "clone_url": f"{link}.git",
            "svn_url": link,
            "homepage": None,
            "size": 0,
            "stargazers_count": 0,
            "watchers_count": 0,
            "language": None,
            "has_issues": True,
            "has_projects": False,
            "has_downloads": True,
            "has_wiki": False,
            "has_pages": False,
            "has_discussions": False,
            "forks_count": 0,
            "mirror_url": None,
            "archived": repo.archived,
            "disabled": False,
            "open_issues_count": opened,
            "license": None,
            "allow_forking": True,
            "is_template": False,
            "web_commit_signoff_required": False,
            "topics": [],
            "visibility": "private" if repo.private else "public",
            "forks": 0,
            "open_issues": opened,
            "watchers": 0,
            "default_branch": repo.default_branch,
        }

    def repo_in_event(self, repo: Repo, owner: User | Org) -> Json:
        """Beside an event's subject."""
        return self.repo(repo, owner) | {"custom_properties": {}}

    def merge_settings(self, repo: Repo) -> Json:
        """What whoever may push sees beside the rest of a repository."""
        return {
            "allow_merge_commit": repo.allow_merge_commit,
            "allow_squash_merge": repo.allow_squash_merge,
            "allow_rebase_merge": repo.allow_rebase_merge,
            "allow_auto_merge": False,
            "allow_update_branch": False,
            "delete_branch_on_merge": False,
            "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
            "squash_merge_commit_message": "COMMIT_MESSAGES",
            "merge_commit_title": "MERGE_MESSAGE",
            "merge_commit_message": "PR_TITLE",
            "use_squash_pr_title_as_default": False,
        }

    def protection(self, repo: Repo, branch: str, rules: Protection) -> Json:
        url = f"{self.base}/repos/{repo.full_name}/branches/{branch}/protection"
        found: Json = {"url": url, "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": rules.enforce_admins}}
        if rules.contexts is not None:
            found["required_status_checks"] = {
                "url": f"{url}/required_status_checks",
                "strict": rules.strict,
                "contexts": list(rules.contexts),
                "contexts_url": f"{url}/required_status_checks/contexts",
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
            found["restrictions"] = {
                "url": f"{url}/restrictions",
                "users_url": f"{url}/restrictions/users",
                "teams_url": f"{url}/restrictions/teams",
                "apps_url": f"{url}/restrictions/apps",
                "users": users,
                "teams": [],
                "apps": [],
            }
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
