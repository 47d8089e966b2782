"""Memberships, invitations, teams and collaborators."""

from __future__ import annotations

from prow.sim.payloads.apps import Apps
from prow.sim.payloads.base import Json, node, stamp
from prow.sim.state import Membership, Org, OrgInvitation, Repo, RepoInvitation, Team, User

_LEVELS = (("pull", "read"), ("triage", "triage"), ("push", "write"), ("maintain", "maintain"), ("admin", "admin"))
_ORDER = ("none", "read", "triage", "write", "maintain", "admin")


def permissions(kept: str) -> dict[str, bool]:
    """A permission as the switches that REST shows."""
    return {name: _ORDER.index(kept) >= _ORDER.index(level) for name, level in _LEVELS}


class Orgs(Apps):
    def org_membership(self, org: Org, membership: Membership) -> Json:
        return {
            "url": f"{self.base}/orgs/{org.login}/memberships/{membership.user.login}",
            "state": membership.state,
            "role": membership.role,
            "organization_url": f"{self.base}/orgs/{org.login}",
            "organization": self.org(org),
            "user": self.user(membership.user),
        }

    def org_invitation(self, org: Org, invitation: OrgInvitation) -> Json:
        failed_at = invitation.failed_at
        return {
            "id": invitation.id,
            "node_id": node("OI", invitation.id),
            "login": invitation.invitee.login if invitation.invitee is not None else None,
            "email": invitation.email,
            "role": invitation.role,
            "created_at": stamp(invitation.created_at),
            "failed_at": stamp(failed_at) if failed_at is not None else None,
            "failed_reason": invitation.failed_reason or None,
            "inviter": self.user(invitation.inviter),
            "team_count": len(invitation.teams),
            "invitation_teams_url": f"{self.base}/organizations/{org.id}/invitations/{invitation.id}/teams",
            "invitation_source": "member",
        }

    def team_full(self, team: Team, org: Org, *, members: int, repos: int) -> Json:
        """What is told about one team when it is asked for alone."""
        return self.team(team, org.login) | {
            "created_at": stamp(team.created_at),
            "updated_at": stamp(team.created_at),
            "members_count": members,
            "repos_count": repos,
            "organization": self.org_profile(org),
        }

    def team_membership(self, team: Team, org: Org, membership: Membership) -> Json:
        path = f"{org.login}/team/{team.slug}/memberships/{membership.user.login}"
        return {
            "url": f"{self.base}/organizations/{path}",
            "role": membership.role,
            "state": membership.state,
        }

    def repo_invitation(self, invitation: RepoInvitation, owner: User | Org) -> Json:
        repo, words = invitation.repo, {"read": "read", "write": "write"}
        return {
            "id": invitation.id,
            "node_id": node("RI", invitation.id),
            "repository": self.repo(repo, owner),
            "invitee": self.user(invitation.invitee),
            "inviter": self.user(invitation.inviter),
            "permissions": words.get(invitation.permission, invitation.permission),
            "created_at": stamp(invitation.created_at),
            "expired": False,
            "url": f"{self.base}/user/repository_invitations/{invitation.id}",
            "html_url": f"{self.base}/{repo.full_name}/invitations",
        }

    def collaborator(self, user: User, kept: str) -> Json:
        return self.user(user) | {"permissions": permissions(kept), "role_name": kept}

    def team_repo(self, repo: Repo, owner: User | Org, kept: str) -> Json:
        """A repository as a team has it."""
        return self.repo(repo, owner) | {"permissions": permissions(kept), "role_name": kept}
