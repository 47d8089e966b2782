"""Who works on a repository, and who is invited to."""

from __future__ import annotations

from prow.sim.errors import Refused, not_found
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login, number, person
from prow.sim.state import RepoInvitation
from prow.sim.world.orgs import role_of

_SIMPLE = {"maintain": "write", "triage": "read"}


class Collaborators(Area):
    def table(self) -> Table:
        return {
            ("GET", f"{REPO}/collaborators"): self.list_collaborators,
            ("GET", f"{REPO}/collaborators/{{login}}"): self.is_collaborator,
            ("PUT", f"{REPO}/collaborators/{{login}}"): self.add,
            ("DELETE", f"{REPO}/collaborators/{{login}}"): self.remove,
            ("GET", f"{REPO}/collaborators/{{login}}/permission"): self.permission,
            ("GET", f"{REPO}/invitations"): self.list_invitations,
            ("PATCH", f"{REPO}/invitations/{{invitation}}"): self.edit_invitation,
            ("DELETE", f"{REPO}/invitations/{{invitation}}"): self.delete_invitation,
            ("GET", "/user/repository_invitations"): self.list_own,
            ("PATCH", "/user/repository_invitations/{invitation}"): self.accept,
            ("DELETE", "/user/repository_invitations/{invitation}"): self.decline,
        }

    async def list_collaborators(self, call: Call) -> Answer:
        """`affiliation`: all, those named here (`direct`), or those of them from outside of the organisation."""
        repo = self.repo(call, "write")
        org, which = self.world.orgs.get(repo.owner.lower()), call.query.get("affiliation", "all")
        names = [*repo.collaborators]
        if org is None and repo.owner not in names:
            names.append(repo.owner)
        if which == "outside":
            names = [name for name in names if org is not None and org.member(name) is None]
        elif which == "all" and org is not None:
            known = {name.lower() for name in names}
            members = [m.user.login for m in org.memberships.values() if m.user.login.lower() not in known]
            names += [name for name in members if self.world.is_collaborator(repo, name)]
        found = [(self.world.user(name), self.world.permission(repo, name)) for name in names]
        wanted = role_of(call.query["permission"], "Repository") if call.query.get("permission") else "none"
        return Answer(items=[self.world.json.collaborator(u, p) for u, p in found if wanted in {"none", p}])

    async def is_collaborator(self, call: Call) -> Answer:
        repo, name = self.repo(call, "write"), call.path["login"]
        if not self.world.is_collaborator(repo, name):
            raise Refused(404, f"{name} is not a user")
        return Answer(status=204)

    async def permission(self, call: Call) -> Answer:
        repo, user = self.repo(call), self.world.users.get(call.path["login"].lower())
        if user is None:
            raise Refused(404, f"{call.path['login']} is not a user")
        level = self.world.permission(repo, user.login)
        found = self.world.json.collaborator(user, level)
        return Answer({"permission": _SIMPLE.get(level, level), "role_name": level, "user": found})

    async def add(self, call: Call) -> Answer:
        """An invitation, or an empty answer for who did not need one."""
        repo = self.repo(call, "admin")
        wanted = call.body if isinstance(call.body, dict) else {}
        permission = str(wanted.get("permission") or "push")
        made = await self.world.add_collaborator(repo, login(call), call.path["login"], permission)
        if made is None:
            return Answer(status=204)
        return Answer(self.world.json.repo_invitation(made, self.world.owner(repo.owner)), 201)

    async def remove(self, call: Call) -> Answer:
        """Whoever is named here may go by himself."""
        own = call.path["login"].lower() == (call.login or "").lower()
        repo = self.repo(call, "read" if own else "admin")
        await self.world.remove_collaborator(repo, login(call), call.path["login"])
        return Answer(status=204)

    # Invitations

    def _invitation(self, call: Call) -> RepoInvitation:
        repo = self.repo(call, "admin")
        found = self.world.find_repo_invitation(number(call, "invitation"))
        if found.repo is not repo:
            raise not_found()
        return found

    async def list_invitations(self, call: Call) -> Answer:
        repo = self.repo(call, "admin")
        owner = self.world.owner(repo.owner)
        found = [one for one in self.world.repo_invitations if one.repo is repo]
        return Answer(items=[self.world.json.repo_invitation(one, owner) for one in found])

    async def edit_invitation(self, call: Call) -> Answer:
        found = self._invitation(call)
        if body(call).get("permissions"):
            found.permission = role_of(str(body(call)["permissions"]), "RepositoryInvitation")
        return Answer(self.world.json.repo_invitation(found, self.world.owner(found.repo.owner)))

    async def delete_invitation(self, call: Call) -> Answer:
        self.world.repo_invitations.remove(self._invitation(call))
        return Answer(status=204)

    def _own(self, call: Call) -> RepoInvitation:
        found = self.world.find_repo_invitation(number(call, "invitation"))
        if found.invitee.login.lower() != person(call).lower():
            raise not_found()
        return found

    async def list_own(self, call: Call) -> Answer:
        name = person(call).lower()
        found = [one for one in self.world.repo_invitations if one.invitee.login.lower() == name]
        return Answer(items=[self.world.json.repo_invitation(one, self.world.owner(one.repo.owner)) for one in found])

    async def accept(self, call: Call) -> Answer:
        await self.world.accept_repo_invitation(self._own(call))
        return Answer(status=204)

    async def decline(self, call: Call) -> Answer:
        self.world.repo_invitations.remove(self._own(call))
        return Answer(status=204)
