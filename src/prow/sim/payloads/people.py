"""Users, organisations, teams."""

from __future__ import annotations

from prow.sim.payloads.base import Base, Json, node
from prow.sim.state import Org, User


class People(Base):
    def user(self, user: User) -> Json:
        return {
            "login": user.login,
            "id": user.id,
            "node_id": node("U", user.id),
            "type": user.type,
            "site_admin": False,
            "html_url": f"{self.base}/{user.login}",
            "url": f"{self.base}/users/{user.login}",
            "avatar_url": "",
        }

    def org(self, org: Org) -> Json:
        return {"login": org.login, "id": org.id, "node_id": node("O", org.id), "url": f"{self.base}/orgs/{org.login}"}

    def owner(self, owner: User | Org) -> Json:
        person = User(owner.login, owner.id, "Organization" if isinstance(owner, Org) else owner.type)
        return self.user(person)

    def team(self, slug: str) -> Json:
        return {"name": slug, "slug": slug, "node_id": f"T_sim{slug}"}
