"""Users and organisations: who they are, who belongs to whom, who is invited."""

from __future__ import annotations

from typing import Any

from prow.sim.apps import allows
from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.payloads import Json
from prow.sim.rest.call import Answer, Area, Call, Table, body, login, number, person
from prow.sim.state import Org, OrgInvitation, Team, User

_ROLES = {"all": {"admin", "member"}, "admin": {"admin"}, "member": {"member"}}


class People(Area):
    def table(self) -> Table:
        return {
            ("GET", "/user"): self.get_user,
            ("GET", "/user/orgs"): self.list_own_orgs,
            ("GET", "/user/memberships/orgs"): self.list_own_memberships,
            ("GET", "/user/memberships/orgs/{org}"): self.own_membership,
            ("PATCH", "/user/memberships/orgs/{org}"): self.accept_membership,
            ("GET", "/users"): self.list_users,
            ("GET", "/users/{login}"): self.get_login,
            ("GET", "/users/{login}/orgs"): self.list_public_orgs,
            ("GET", "/user/teams"): self.list_own_teams,
            ("GET", "/orgs/{org}"): self.get_org,
            ("PATCH", "/orgs/{org}"): self.edit_org,
            ("GET", "/orgs/{org}/members"): self.list_members,
            ("GET", "/orgs/{org}/members/{login}"): self.is_member,
            ("DELETE", "/orgs/{org}/members/{login}"): self.remove_member,
            ("GET", "/orgs/{org}/public_members"): self.list_public_members,
            ("GET", "/orgs/{org}/public_members/{login}"): self.is_public_member,
            ("PUT", "/orgs/{org}/public_members/{login}"): self.publicize,
            ("DELETE", "/orgs/{org}/public_members/{login}"): self.conceal,
            ("GET", "/orgs/{org}/memberships/{login}"): self.membership,
            ("PUT", "/orgs/{org}/memberships/{login}"): self.set_membership,
            ("DELETE", "/orgs/{org}/memberships/{login}"): self.remove_member,
            ("GET", "/orgs/{org}/invitations"): self.list_invitations,
            ("POST", "/orgs/{org}/invitations"): self.invite,
            ("DELETE", "/orgs/{org}/invitations/{invitation}"): self.cancel_invitation,
            ("GET", "/orgs/{org}/invitations/{invitation}/teams"): self.invitation_teams,
            ("GET", "/orgs/{org}/failed_invitations"): self.list_failed_invitations,
            ("GET", "/orgs/{org}/outside_collaborators"): self.list_outside_collaborators,
            ("PUT", "/orgs/{org}/outside_collaborators/{login}"): self.put_outside,
            ("DELETE", "/orgs/{org}/outside_collaborators/{login}"): self.remove_outside,
            ("GET", "/user/{account}"): self.get_by_id,
        }

    async def get_user(self, call: Call) -> Answer:
        return Answer(self.world.json.profile(self.world.user(person(call))))

    async def get_login(self, call: Call) -> Answer:
        """Organisations are accounts, too."""
        name = call.path["login"].lower()
        found = self.world.orgs.get(name) or self.world.users.get(name)
        if found is None:
            raise not_found()
        return Answer(self.world.json.profile(found))

    async def get_by_id(self, call: Call) -> Answer:
        accounts: list[User | Org] = [*self.world.users.values(), *self.world.orgs.values()]
        found = next((one for one in accounts if one.id == number(call, "account")), None)
        if found is None:
            raise not_found()
        return Answer(self.world.json.profile(found))

    async def list_users(self, call: Call) -> Answer:
        """In the order in which they came; `since`: after that number."""
        since = call.query.get("since", "")
        first = int(since) if since.isdecimal() else 0
        found = sorted((one for one in self.world.users.values() if one.id > first), key=lambda one: one.id)
        return Answer(items=found, each=self.world.json.user)

    async def list_own_orgs(self, call: Call) -> Answer:
        name = person(call)
        found = [org for org in self.world.orgs.values() if org.member(name) is not None]
        return Answer(items=[self.world.json.org(org) for org in found])

    async def list_public_orgs(self, call: Call) -> Answer:
        """Where everybody may know of it."""
        user = self.world.users.get(call.path["login"].lower())
        if user is None:
            raise not_found()
        found = [(org, org.member(user.login)) for org in self.world.orgs.values()]
        return Answer(items=[self.world.json.org(org) for org, mine in found if mine is not None and mine.public])

    async def list_own_teams(self, call: Call) -> Answer:
        name = person(call)
        if not call.who.has_scope("user", "repo", "read:org"):
            raise not_found()
        found = [
            self._whole_team(org, team)
            for org in self.world.orgs.values()
            for team in org.teams.values()
            if self.world.is_team_member(org, team, name)
        ]
        return Answer(items=found)

    def _whole_team(self, org: Org, team: Team) -> Json:
        repos = [r for r in self.world.repos.values() if self.world.team_permission(org, team, r) != "none"]
        return self.world.json.team_full(team, org, members=len(self.world.team_members(org, team)), repos=len(repos))

    async def get_org(self, call: Call) -> Answer:
        org = self.org(call)
        public = sum(not r.private for r in self.world.repos.values() if r.owner.lower() == org.login.lower())
        return Answer(self.world.json.org_profile(org, repos=public))

    async def edit_org(self, call: Call) -> Answer:
        org = self.org(call, "admin")
        await self.world.edit_org(org, body(call))
        return await self.get_org(call)

    # Members

    def _sees_members(self, call: Call, org: Org) -> bool:
        """Members and the organisation's apps see everybody, others only who is public."""
        installed = call.who.installation
        if installed is not None:
            return installed.account is org and installed.grants("members", "read")
        if call.who.owner and not (
            call.who.owner == org.login.lower() and allows(call.who.permissions, "members", "read")
        ):
            return False
        return org.member(call.login) is not None and call.who.has_scope("read:org", "repo")

    async def list_members(self, call: Call) -> Answer:
        org, wanted = self.org(call), _ROLES.get(call.query.get("role", "all"))
        if wanted is None:
            raise unprocessable("OrganizationMember", "role", "invalid")
        everybody = self._sees_members(call, org)
        found = [
            m.user
            for m in org.memberships.values()
            if m.state == "active" and m.role in wanted and (everybody or m.public)
        ]
        return Answer(items=[self.world.json.user(user) for user in found])

    async def is_member(self, call: Call) -> Answer:
        """Whoever is no member is sent to the public list."""
        org, name = self.org(call), call.path["login"]
        if not self._sees_members(call, org):
            return Answer(status=302, headers={"location": f"{self.world.base}/orgs/{org.login}/public_members/{name}"})
        if org.member(name) is None:
            raise Refused(404, "User does not exist or is not a member of the organization")
        return Answer(status=204)

    async def remove_member(self, call: Call) -> Answer:
        org = self.org(call, "admin")
        await self.world.remove_member(org, login(call), call.path["login"])
        return Answer(status=204)

    async def list_public_members(self, call: Call) -> Answer:
        found = [m.user for m in self.org(call).memberships.values() if m.state == "active" and m.public]
        return Answer(items=[self.world.json.user(user) for user in found])

    async def is_public_member(self, call: Call) -> Answer:
        found = self.org(call).member(call.path["login"])
        if found is None or not found.public:
            raise not_found()
        return Answer(status=204)

    def _publicity(self, call: Call, *, public: bool) -> Answer:
        org, name = self.org(call, "member"), person(call)
        found = org.member(name)
        if found is None or name.lower() != call.path["login"].lower():
            raise Refused(403, "You can only change your own membership.")
        found.public = public
        return Answer(status=204)

    async def publicize(self, call: Call) -> Answer:
        return self._publicity(call, public=True)

    async def conceal(self, call: Call) -> Answer:
        return self._publicity(call, public=False)

    async def membership(self, call: Call) -> Answer:
        org = self.org(call, "member")
        found = org.memberships.get(call.path["login"].lower())
        if found is None:
            raise not_found()
        return Answer(self.world.json.org_membership(org, found))

    async def set_membership(self, call: Call) -> Answer:
        org, wanted = self.org(call, "admin"), call.body if isinstance(call.body, dict) else {}
        role = str(wanted.get("role") or "member")
        found = await self.world.set_membership(org, login(call), call.path["login"], role)
        return Answer(self.world.json.org_membership(org, found))

    # What concerns oneself

    async def list_own_memberships(self, call: Call) -> Answer:
        name, wanted = person(call).lower(), call.query.get("state", "")
        found = [(org, org.memberships[name]) for org in self.world.orgs.values() if name in org.memberships]
        return Answer(items=[self.world.json.org_membership(o, m) for o, m in found if wanted in {"", m.state}])

    async def own_membership(self, call: Call) -> Answer:
        org, found = self.org(call), self.org(call).memberships.get(person(call).lower())
        if found is None:
            raise not_found()
        return Answer(self.world.json.org_membership(org, found))

    async def accept_membership(self, call: Call) -> Answer:
        org, name = self.org(call), person(call)
        if body(call).get("state") != "active":
            raise unprocessable("OrganizationMembership", "state", "invalid")
        return Answer(self.world.json.org_membership(org, await self.world.accept_membership(org, name)))

    # Invitations

    def _invitations(self, org: Org, found: list[OrgInvitation]) -> list[dict[str, Any]]:
        return [self.world.json.org_invitation(org, one) for one in found]

    async def list_invitations(self, call: Call) -> Answer:
        org = self.org(call, "admin")
        return Answer(items=self._invitations(org, [one for one in org.invitations if one.failed_at is None]))

    async def list_failed_invitations(self, call: Call) -> Answer:
        org = self.org(call, "admin")
        return Answer(items=self._invitations(org, [one for one in org.invitations if one.failed_at is not None]))

    async def invite(self, call: Call) -> Answer:
        org, wanted = self.org(call, "admin"), body(call)
        teams = [self.world.team_by_id(int(n))[1] for n in wanted.get("team_ids") or ()]
        ident, email = wanted.get("invitee_id"), wanted.get("email")
        user = next((u for u in self.world.users.values() if u.id == ident), None)
        if (ident is not None and user is None) or (ident is None and not email):
            raise unprocessable("OrganizationInvitation", "invitee_id", "invalid")
        role = str(wanted.get("role") or "direct_member")
        made = await self.world.invite(org, login(call), user=user, email=email, role=role, teams=teams)
        return Answer(self.world.json.org_invitation(org, made), 201)

    async def cancel_invitation(self, call: Call) -> Answer:
        org = self.org(call, "admin")
        await self.world.cancel_invitation(org, self.world.find_invitation(org, number(call, "invitation")))
        return Answer(status=204)

    async def invitation_teams(self, call: Call) -> Answer:
        org = self.org(call, "admin")
        teams = self.world.find_invitation(org, number(call, "invitation")).teams
        return Answer(items=[self.world.json.team(team, org.login) for team in teams])

    async def list_outside_collaborators(self, call: Call) -> Answer:
        org = self.org(call, "member")
        repos = [r for r in self.world.repos.values() if r.owner.lower() == org.login.lower()]
        names = {name for repo in repos for name in repo.collaborators if org.member(name) is None}
        return Answer(items=[self.world.json.user(self.world.user(name)) for name in sorted(names)])

    async def put_outside(self, call: Call) -> Answer:
        """A member becomes somebody from outside: he keeps the repositories that he is named for."""
        org, name = self.org(call, "admin"), call.path["login"]
        member = org.member(name)
        if member is None:
            raise Refused(404, f"{name} is not a member of the {org.login} organization.")
        if member.role == "admin":
            raise Refused(403, "Cannot convert the last owner to an outside collaborator")
        await self.world.remove_member(org, login(call), name)
        return Answer(status=204)

    async def remove_outside(self, call: Call) -> Answer:
        """From all repositories of the organisation."""
        org, name = self.org(call, "admin"), call.path["login"]
        if org.member(name) is not None:
            message = "You cannot specify an organization member to remove as an outside collaborator."
            raise Refused(422, message)
        for repo in [r for r in self.world.repos.values() if r.owner.lower() == org.login.lower()]:
            await self.world.remove_collaborator(repo, login(call), name)
        return Answer(status=204)
