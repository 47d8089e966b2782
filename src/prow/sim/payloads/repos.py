"""Repositories, protection of branches, hooks and their deliveries."""

from __future__ import annotations

import json
from functools import lru_cache

from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.people import People
from prow.sim.state import Delivery, Hook, Org, Repo, User
from prow.sim.webhooks import headers

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
_SHORT = ("id", "node_id", "name", "full_name", "private", "owner", "html_url", "description", "fork", "url")
_MERGING = frozenset(
    {
        "allow_auto_merge",
        "allow_update_branch",
        "squash_merge_commit_title",
        "squash_merge_commit_message",
        "merge_commit_title",
        "merge_commit_message",
        "use_squash_pr_title_as_default",
    }
)
"""Settings that only those see who may push."""

_EPOCH = "2011-01-25T18:44:36Z"


@lru_cache(maxsize=1024)
def _urls(url: str) -> dict[str, str]:
    return {name: url + path for name, path in _URLS.items()}


class Repos(People):
    def repo(self, repo: Repo, owner: User | Org) -> Json:
        if repo.id not in self.repos:
            self.repos[repo.id] = self._repo(repo, owner)
        return dict(self.repos[repo.id])

    def _repo(self, repo: Repo, owner: User | Org) -> Json:
        link = f"{self.base}/{repo.full_name}"
        url = f"{self.base}/repos/{repo.full_name}"
        opened = sum([issue.state == "open" for issue in repo.issues.values()])
        made = stamp(repo.created_at)
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
            **_urls(url),
            "created_at": made,
            "updated_at": made,
            "pushed_at": stamp(repo.pushed_at) if repo.pushed_at is not None else made,
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
            "custom_properties": {},
            **{name: value for name, value in repo.settings.items() if name not in _MERGING},
        }

    def short_repo(self, repo: Repo, owner: User | Org) -> Json:
        """Who it is and where, without how it is doing."""
        whole = self.repo(repo, owner)
        return {name: whole[name] for name in (*_SHORT, *_URLS) if name not in {"git_url", "mirror_url"}}

    def merge_settings(self, repo: Repo) -> Json:
        """What whoever may push sees beside the rest of a repository."""
        return {
            "allow_merge_commit": repo.allow_merge_commit,
            "allow_squash_merge": repo.allow_squash_merge,
            "allow_rebase_merge": repo.allow_rebase_merge,
            "allow_auto_merge": False,
            "allow_update_branch": False,
            "delete_branch_on_merge": repo.delete_branch_on_merge,
            "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
            "squash_merge_commit_message": "COMMIT_MESSAGES",
            "merge_commit_title": "MERGE_MESSAGE",
            "merge_commit_message": "PR_TITLE",
            "use_squash_pr_title_as_default": False,
            **{name: value for name, value in repo.settings.items() if name in _MERGING},
        }

    def hook(self, where: str, hook: Hook) -> Json:
        """`where`: the path of what it belongs to; an app has one hook only."""
        last = hook.deliveries[-1].status if hook.deliveries else 0
        url = f"{self.base}/app/hook" if where == "app" else f"{self.base}/{where}/hooks/{hook.id}"
        code = {"code": last, "status": "active" if 200 <= last < 300 else "misconfigured", "message": "OK"}
        config = {
            "url": hook.url,
            "content_type": "form" if hook.form else "json",
            "insecure_ssl": str(int(hook.insecure)),
        }
        found: Json = {
            "id": hook.id,
            "type": "Organization" if where.startswith("orgs/") else "Repository",
            "name": "web",
            "active": hook.active,
            "events": list(hook.events),
            "config": config | ({"secret": "********"} if hook.secret else {}),
            "url": url,
            "ping_url": f"{url}/pings",
            "deliveries_url": f"{url}/deliveries",
            "created_at": _EPOCH,
            "updated_at": _EPOCH,
        }
        if not where.startswith("orgs/"):
            found |= {"test_url": f"{url}/test"}
            found["last_response"] = code if last else {"code": None, "status": "unused", "message": None}
        return found

    def delivery(self, delivery: Delivery) -> Json:
        return {
            "id": delivery.id,
            "guid": delivery.guid,
            "delivered_at": stamp(delivery.delivered_at),
            "redelivery": delivery.redelivery,
            "duration": delivery.duration,
            "status": _outcome(delivery.status),
            "status_code": delivery.status,
            "event": delivery.event,
            "action": delivery.action or None,
            "installation_id": delivery.installation_id,
            "repository_id": delivery.repository_id,
            "throttled_at": None,
        }

    def full_delivery(self, hook: Hook, delivery: Delivery) -> Json:
        """With what was sent and what was answered."""
        found = headers(hook, delivery, delivery.body)
        return self.delivery(delivery) | {
            "url": hook.url,
            "request": {"headers": found, "payload": json.loads(delivery.body)},
            "response": {"headers": {}, "payload": delivery.answer},
        }


def _outcome(status: int) -> str:
    if not status:
        return "failed to connect to host"
    return "OK" if 200 <= status < 300 else f"Invalid HTTP Response: {status}"
