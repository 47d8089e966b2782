"""Organisations: who belongs to them and to their teams, who is invited, and what teams may do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.payloads import Json
from prow.sim.state import Membership, Org, OrgInvitation, Repo, RepoInvitation, Team, User
from prow.sim.world.installations import Installations

ROLES = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
"""A permission as REST takes it → as it is kept."""
_PROFILE = ("name", "description", "company", "blog", "location", "email", "billing_email", "twitter_username")
_SWITCHES = ("has_organization_projects", "has_repository_projects", "members_can_create_repositories")


class Orgs(Installations):
    async def edit_org(self, org: Org, changes: Mapping[str, Any]) -> None:
        default = changes.get("default_repository_permission")
        if default is not None:
            if default not in {"none", "read", "write", "admin"}:
                raise unprocessable("Organization", "default_repository_permission", "invalid")
            org.default_permission = str(default)
        org.settings |= {key: changes[key] for key in (*_PROFILE, *_SWITCHES) if key in changes}
        await self.changed()

    # Members of an organisation

    async def set_membership(self, org: Org, actor: str, login: str, role: str) -> Membership:
        """Change a member's role, or invite who is none: it stays pending until it is accepted."""
        if role not in {"admin", "member"}:
            raise unprocessable("OrganizationMembership", "role", "invalid")
        user = self._known(login)
        found = org.memberships.get(login.lower())
        if found is not None:
            if found.role == "admin" and role != "admin":
                self._keep_an_owner(org, user)
            found.role = role
            await self.changed()
            return found
        made = org.memberships[login.lower()] = Membership(user, role, "pending")
        await self.invite(org, actor, user=user, role="admin" if role == "admin" else "direct_member")
        return made

    async def invite(
        self, org: Org, actor: str, *, user: User | None, email: str | None = None, role: str = "direct_member",
        teams: Sequence[Team] = (),
    ) -> OrgInvitation:  # fmt: skip
        """Somebody by name or by e-mail."""
        if user is not None:
            if org.member(user.login) is not None:
                raise Refused(422, "Validation Failed", [_custom("OrganizationInvitation", "Invitee is already a part of this organization")])  # fmt: skip
            kept = "admin" if role == "admin" else "member"
            org.memberships.setdefault(user.login.lower(), Membership(user, kept, "pending"))
            for team in teams:
                team.memberships.setdefault(user.login.lower(), Membership(user, state="pending"))
        made = OrgInvitation(self.new_id(), user, email, role, self.user(actor), self.clock.now(), list(teams))
        org.invitations.append(made)
        invitation = self.json.org_invitation(org, made)
        del invitation["invitation_source"]  # REST alone tells it
        payload: Json = {"action": "member_invited", "invitation": invitation}
        if user is not None:
            payload["user"] = self.json.user(user)
        await self.emit_org(org, "organization", made.inviter, payload)
        return made

    def find_invitation(self, org: Org, number: int) -> OrgInvitation:
        found = next((one for one in org.invitations if one.id == number), None)
        if found is None:
            raise not_found()
        return found

    async def cancel_invitation(self, org: Org, invitation: OrgInvitation) -> None:
        org.invitations.remove(invitation)
        if invitation.invitee is not None:
            self._forget_pending(org, invitation.invitee.login)
        await self.changed()

    def fail_invitation(self, org: Org, invitation: OrgInvitation, reason: str) -> None:
        """As when an invitation has expired."""
        invitation.failed_at, invitation.failed_reason = self.clock.now(), reason
        if invitation.invitee is not None:
            self._forget_pending(org, invitation.invitee.login)

    def _forget_pending(self, org: Org, login: str) -> None:
        for memberships in (org.memberships, *(team.memberships for team in org.teams.values())):
            found = memberships.get(login.lower())
            if found is not None and found.state == "pending":
                del memberships[login.lower()]

    async def accept_membership(self, org: Org, login: str) -> Membership:
        """What was pending becomes active, in the organisation and in its teams."""
        found = org.memberships.get(login.lower())
        if found is None:
            raise not_found()
        if found.state == "pending":
            found.state = "active"
            for team in org.teams.values():
                if login.lower() in team.memberships:
                    team.memberships[login.lower()].state = "active"
            org.invitations = [one for one in org.invitations if one.invitee is not found.user or one.failed_at]
            await self._member_event(org, found.user, found, "member_added")
        return found

    async def remove_member(self, org: Org, actor: str, login: str) -> None:
        """He leaves all teams, too."""
        found = org.memberships.get(login.lower())
        if found is None:
            raise not_found()
        if found.role == "admin" and found.state == "active":
            self._keep_an_owner(org, found.user)
        self._forget_pending(org, login)
        org.invitations = [one for one in org.invitations if one.invitee is not found.user]
        org.memberships.pop(login.lower(), None)
        for team in org.teams.values():
            team.memberships.pop(login.lower(), None)
        if found.state == "active":
            await self._member_event(org, self.user(actor), found, "member_removed")

    def _keep_an_owner(self, org: Org, user: User) -> None:
        owners = [m.user for m in org.memberships.values() if m.role == "admin" and m.state == "active"]
        if owners == [user]:
            raise Refused(403, "Cannot demote or remove the last owner of the organization")

    async def _member_event(self, org: Org, sender: User, membership: Membership, action: str) -> None:
        found = self.json.org_membership(org, membership)
        del found["organization"]  # it stands beside
        await self.emit_org(org, "organization", sender, {"action": action, "membership": found})

    def find_users(self, query: str) -> list[User]:
        """By login, or by the address that the simulator gives everybody."""
        words = [word.lower().partition("@")[0] for word in query.split() if ":" not in word]
        return [user for user in self.users.values() if all(word in user.login.lower() for word in words)]

    def _known(self, login: str) -> User:
        found = self.users.get(login.lower())
        if found is None:
            raise not_found()
        return found

    # Teams

    def add_team(
        self, org: Org, name: str, *, members: Sequence[str] = (), parent: Team | None = None, description: str = "",
        privacy: str = "closed",
    ) -> Team:  # fmt: skip
        """`members`: active at once."""
        slug = slug_of(name)
        if not slug or slug in org.teams:
            text = "Name must be unique for this org" if slug else "Name cannot be blank"
            raise Refused(422, "Validation Failed", [_custom("Team", text)])
        if privacy not in {"closed", "secret"} or (privacy == "secret" and parent is not None):
            raise unprocessable("Team", "privacy", "invalid")
        made = org.teams[slug] = Team(self.new_id(), slug, name, self.clock.now(), description, privacy, parent)
        for login in members:
            made.memberships[login.lower()] = Membership(self.user(login))
        return made

    async def edit_team(self, org: Org, actor: str, team: Team, changes: Mapping[str, Any]) -> None:
        """A new name is a new slug, too."""
        before: Json = {}
        if changes.get("name") and slug_of(str(changes["name"])) != team.slug:
            slug = slug_of(str(changes["name"]))
            if slug in org.teams:
                raise Refused(422, "Validation Failed", [_custom("Team", "Name must be unique for this org")])
            before["name"] = {"from": team.name}
            for repo in self.repos.values():
                if repo.owner.lower() == org.login.lower() and team.slug in repo.teams:
                    repo.teams[slug] = repo.teams.pop(team.slug)
            del org.teams[team.slug]
            team.slug = slug
            org.teams[slug] = team
        if changes.get("name"):
            team.name = str(changes["name"])
        if changes.get("description") is not None:
            before["description"] = {"from": team.description}
            team.description = str(changes["description"])
        if changes.get("privacy") is not None:
            before["privacy"] = {"from": team.privacy}
            team.privacy = str(changes["privacy"])
        if "parent_team_id" in changes:
            team.parent = self._new_parent(org, team, changes["parent_team_id"])
        payload = {"action": "edited", "team": self.json.team(team, org.login, webhook=True), "changes": before}
        await self.emit_org(org, "team", self.user(actor), payload)

    def _new_parent(self, org: Org, team: Team, wanted: Any) -> Team | None:
        if wanted is None:
            return None
        parent = self.team_by_id(int(wanted))[1]
        if parent not in org.teams.values() or team in parent.lineage:
            raise unprocessable("Team", "parent_team_id", "invalid")
        return parent

    def team_by_id(self, number: int) -> tuple[Org, Team]:
        """The old way to name a team."""
        for org in self.orgs.values():
            for team in org.teams.values():
                if team.id == number:
                    return org, team
        raise not_found()

    async def delete_team(self, org: Org, actor: str, team: Team) -> None:
        """Its child teams go with it."""
        for child in self.children(org, team):
            await self.delete_team(org, actor, child)
        org.teams.pop(team.slug, None)
        for repo in self.repos.values():
            if repo.owner.lower() == org.login.lower():
                repo.teams.pop(team.slug, None)
        await self.emit_org(
            org, "team", self.user(actor), {"action": "deleted", "team": self.json.team(team, org.login, webhook=True)}
        )

    async def add_to_team(self, org: Org, actor: str, team: Team, login: str, role: str = "member") -> Membership:
        """Who does not belong to the organisation yet is invited to it, and pending here meanwhile."""
        if role not in {"member", "maintainer"}:
            raise unprocessable("TeamMembership", "role", "invalid")
        user = self._known(login)
        known = team.memberships.get(login.lower())
        if known is not None:
            known.role = role
            return known
        if org.member(login) is None:
            made = team.memberships[login.lower()] = Membership(user, role, "pending")
            if login.lower() not in org.memberships:
                await self.invite(org, actor, user=user, teams=[team])
            return made
        made = team.memberships[login.lower()] = Membership(user, role)
        await self._team_event(org, self.user(actor), team, user, "added")
        return made

    async def remove_from_team(self, org: Org, actor: str, team: Team, login: str) -> None:
        found = team.memberships.pop(login.lower(), None)
        if found is None:
            raise not_found()
        if found.state == "active":
            await self._team_event(org, self.user(actor), team, found.user, "removed")

    async def _team_event(self, org: Org, sender: User, team: Team, user: User, action: str) -> None:
        payload = {
            "action": action,
            "scope": "team",
            "member": self.json.user(user),
            "team": self.json.team(team, org.login, webhook=True),
        }
        await self.emit_org(org, "membership", sender, payload)

    def team_permission(self, org: Org, team: Team, repo: Repo) -> str:
        """What the team may do there, by itself or by a parent; `none`: nothing."""
        if repo.owner.lower() != org.login.lower():
            return "none"
        found = [repo.teams[one.slug] for one in team.lineage if one.slug in repo.teams]
        return max(found, key=self.rank, default="none")

    async def set_team_repo(self, org: Org, actor: str, team: Team, repo: Repo, permission: str | None) -> None:
        """`permission` None takes the repository away from the team."""
        if repo.owner.lower() != org.login.lower():
            raise Refused(422, "Validation Failed", [_custom("TeamMember", "The repository is not of this organization")])  # fmt: skip
        if permission is None:
            repo.teams.pop(team.slug, None)
            action = "removed_from_repository"
        else:
            repo.teams[team.slug] = role_of(permission, "Team")
            action = "added_to_repository"
        payload = {"action": action, "team": self.json.team(team, org.login, webhook=True)}
        await self.emit(repo, "team", self.user(actor), payload)

    # Collaborators of a repository

    async def add_collaborator(self, repo: Repo, actor: str, login: str, permission: str) -> RepoInvitation | None:
        """Members of the organisation are added at once, others are invited. None: no invitation was needed."""
        kept, user = role_of(permission, "Repository"), self._known(login)
        if login.lower() == repo.owner.lower():
            raise Refused(422, "Validation Failed", [_custom("Repository", "Repository owner cannot be a collaborator")])  # fmt: skip
        named = next((name for name in repo.collaborators if name.lower() == login.lower()), None)
        if named is not None or self.is_member(repo.owner, login):
            await self._set_collaborator(repo, self.user(actor), user, kept, known=named is not None)
            return None
        known = next((one for one in self.repo_invitations if one.repo is repo and one.invitee is user), None)
        if known is not None:
            known.permission = kept
            return known
        made = RepoInvitation(self.new_id(), repo, user, self.user(actor), kept, self.clock.now())
        self.repo_invitations.append(made)
        await self.changed()
        return made

    async def _set_collaborator(self, repo: Repo, sender: User, user: User, kept: str, *, known: bool) -> None:
        before = next((p for name, p in repo.collaborators.items() if name.lower() == user.login.lower()), None)
        repo.collaborators[user.login] = kept
        changes = {"permission": {"from": before, "to": kept} if known else {"to": kept}}
        payload = {"action": "edited" if known else "added", "member": self.json.user(user), "changes": changes}
        await self.emit(repo, "member", sender, payload)

    async def remove_collaborator(self, repo: Repo, actor: str, login: str) -> None:
        """Nothing happens to who is none."""
        name = next((name for name in repo.collaborators if name.lower() == login.lower()), None)
        if name is not None:
            del repo.collaborators[name]
            await self.emit(repo, "member", self.user(actor), {"action": "removed", "member": self.json.user(self.user(name))})  # fmt: skip

    def find_repo_invitation(self, number: int) -> RepoInvitation:
        found = next((one for one in self.repo_invitations if one.id == number), None)
        if found is None:
            raise not_found()
        return found

    async def accept_repo_invitation(self, invitation: RepoInvitation) -> None:
        self.repo_invitations.remove(invitation)
        user = invitation.invitee
        await self._set_collaborator(invitation.repo, user, user, invitation.permission, known=False)


def slug_of(name: str) -> str:
    """A team's name as it stands in addresses."""
    return re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")


def role_of(permission: str, resource: str) -> str:
    """REST says pull and push where else it is read and write; both are taken."""
    if permission not in ROLES and permission not in ROLES.values():
        raise unprocessable(resource, "permission", "invalid")
    return ROLES.get(permission, permission)


def _custom(resource: str, message: str) -> Json:
    return {"resource": resource, "code": "custom", "message": message}
