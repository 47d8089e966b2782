"""Users, organisations, teams."""

from __future__ import annotations

from functools import lru_cache

from prow.sim.payloads.base import Base, Json, node
from prow.sim.state import Org, Team, User

_USER_URLS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_ORG_URLS = {
    "repos_url": "/repos",
    "events_url": "/events",
    "hooks_url": "/hooks",
    "issues_url": "/issues",
    "members_url": "/members{/member}",
    "public_members_url": "/public_members{/member}",
}
_EPOCH = "2011-01-25T18:44:36Z"


class People(Base):
    def user(self, user: User) -> Json:
        return dict(_user(self.base, user.login, user.id, user.type))

    def profile(self, account: User | Org, *, repos: int = 0) -> Json:
        """What is told about one account when it is asked for alone."""
        return self.owner(account) | {
            "name": account.login,
            "company": None,
            "blog": "",
            "location": None,
            "email": None,
            "hireable": None,
            "bio": None,
            "public_repos": repos,
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": _EPOCH,
            "updated_at": _EPOCH,
        }

    def org(self, org: Org) -> Json:
        url = f"{self.base}/orgs/{org.login}"
        return {
            "login": org.login,
            "id": org.id,
            "node_id": node("O", org.id),
            "url": url,
            **{name: url + path for name, path in _ORG_URLS.items()},
            "avatar_url": f"{self.base}/avatars/u/{org.id}",
            "description": None,
        }

    def org_profile(self, org: Org, *, repos: int = 0) -> Json:
        """What is told about one organisation when it is asked for alone."""
        return self.org(org) | {
            "has_organization_projects": False,
            "has_repository_projects": False,
            "public_repos": repos,
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "html_url": f"{self.base}/{org.login}",
            "type": "Organization",
            "created_at": _EPOCH,
            "updated_at": _EPOCH,
            "archived_at": None,
            "default_repository_permission": org.default_permission,
            **org.settings,
        }

    def owner(self, owner: User | Org) -> Json:
        if isinstance(owner, User):
            return self.user(owner)
        return self.user(User(owner.login, owner.id, "Organization")) | {"node_id": node("O", owner.id)}

    def team(self, team: Team, org: str, *, webhook: bool = False) -> Json:
        url = f"{self.base}/organizations/{org}/team/{team.slug}"
        found: Json = {
            "name": team.name,
            "id": team.id,
            "node_id": node("T", team.id),
            "slug": team.slug,
            "description": team.description or None,
            "privacy": team.privacy,
            "notification_setting": "notifications_enabled",
            "url": url,
            "html_url": f"{self.base}/orgs/{org}/teams/{team.slug}",
            "members_url": f"{url}/members{{/member}}",
            "repositories_url": f"{url}/repos",
            "permission": "pull",
        }
        if not webhook:
            found["type"] = "organization"
        parent = self.team(team.parent, org, webhook=webhook) if team.parent is not None else None
        if parent is not None:
            parent.pop("parent")
        return found | {"parent": parent}


@lru_cache(maxsize=4096)
def _user(base: str, login: str, number: int, kind: str) -> Json:
    """The same person is told in nearly every answer."""
    url = f"{base}/users/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": node("U", number),
        "avatar_url": f"{base}/avatars/u/{number}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{base}/{login}",
        **{name: url + path for name, path in _USER_URLS.items()},
        "type": kind,
        "site_admin": False,
    }
