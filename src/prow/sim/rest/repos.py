"""Repositories: what they are, who works on them, refs, files, labels, milestones, protection, hooks."""

from __future__ import annotations

from typing import Any

from prow.sim import gitlog, gitrepo
from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.gitrepo import NOTHING
from prow.sim.payloads import Json
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login, person
from prow.sim.state import Hook, Label, Org, Protection, Repo

_HEADS = "refs/heads/"


class Repos(Area):
    def table(self) -> Table:
        return {
            ("GET", "/orgs/{org}/repos"): self.list_of_org,
            ("GET", "/users/{login}/repos"): self.list_of_user,
            ("GET", "/user/repos"): self.list_own,
            ("GET", REPO): self.get_repo,
            ("PATCH", REPO): self.edit_repo,
            ("POST", f"{REPO}/forks"): self.fork,
            ("GET", f"{REPO}/branches"): self.list_branches,
            ("GET", f"{REPO}/branches/{{branch:path}}/protection"): self.get_protection,
            ("PUT", f"{REPO}/branches/{{branch:path}}/protection"): self.protect,
            ("DELETE", f"{REPO}/branches/{{branch:path}}/protection"): self.unprotect,
            ("GET", f"{REPO}/branches/{{branch:path}}"): self.get_branch,
            ("GET", f"{REPO}/git/ref/{{ref:path}}"): self.get_ref,
            ("GET", f"{REPO}/git/refs/{{ref:path}}"): self.get_ref,
            ("POST", f"{REPO}/git/refs"): self.create_ref,
            ("PATCH", f"{REPO}/git/refs/{{ref:path}}"): self.update_ref,
            ("DELETE", f"{REPO}/git/refs/{{ref:path}}"): self.delete_ref,
            ("GET", f"{REPO}/contents/{{file:path}}"): self.get_file,
            ("GET", f"{REPO}/labels"): self.list_labels,
            ("POST", f"{REPO}/labels"): self.create_label,
            ("GET", f"{REPO}/milestones"): self.list_milestones,
            ("POST", f"{REPO}/milestones"): self.create_milestone,
            ("GET", "/orgs/{org}/hooks"): self.list_hooks,
            ("POST", "/orgs/{org}/hooks"): self.create_hook,
            ("GET", f"{REPO}/hooks"): self.list_hooks,
            ("POST", f"{REPO}/hooks"): self.create_hook,
            ("GET", f"{REPO}/hooks/{{hook}}/deliveries"): self.list_deliveries,
            ("POST", f"{REPO}/hooks/{{hook}}/deliveries/{{delivery}}/attempts"): self.redeliver,
        }

    def _full(self, repo: Repo, viewer: str | None) -> Json:
        """What is told about a repository when it is asked for alone."""
        found = self.repo_json(repo, viewer) | {"network_count": 0, "subscribers_count": 0}
        if repo.parent is not None:
            source = repo.parent
            while source.parent is not None:
                source = source.parent
            found |= {"parent": self.repo_json(repo.parent), "source": self.repo_json(source)}
        return found

    def _listed(self, call: Call, owner: str) -> Answer:
        """Whose repositories the caller sees."""
        kinds = {"private": (True,), "public": (False,)}.get(call.query.get("type", "all"), (True, False))
        found = [r for r in self.world.repos.values() if r.owner.lower() == owner.lower() and r.private in kinds]
        return Answer(items=[self.repo_json(r, call.login) for r in found if self.world.sees(r, call.who)])

    async def list_of_org(self, call: Call) -> Answer:
        return self._listed(call, self.org(call).login)

    async def list_of_user(self, call: Call) -> Answer:
        name = call.path["login"]
        if name.lower() not in {**self.world.users, **self.world.orgs}:
            raise not_found()
        return self._listed(call, name)

    async def list_own(self, call: Call) -> Answer:
        """Where he may push: his own, those he works on, those of his organisations."""
        name = person(call)
        found = [r for r in self.world.repos.values() if self.world.is_collaborator(r, name)]
        return Answer(items=[self.repo_json(r, name) for r in found if self.world.sees(r, call.who)])

    async def get_repo(self, call: Call) -> Answer:
        return Answer(self._full(self.repo(call), call.login))

    async def edit_repo(self, call: Call) -> Answer:
        repo = self.repo(call, "admin", archived=True)
        await self.world.change_settings(repo, login(call), body(call))
        return Answer(self._full(repo, call.login))

    async def fork(self, call: Call) -> Answer:
        return Answer(self._full(await self.world.fork(self.repo(call), login(call)), call.login), 202)

    # Branches, refs, files

    def _branch_json(self, repo: Repo, name: str, sha: str) -> dict[str, Any]:
        return self.world.json.short_branch(repo, name, sha, protected=name in repo.protections)

    async def list_branches(self, call: Call) -> Answer:
        repo, wanted = self.repo(call), call.query.get("protected", "")
        found = [
            self._branch_json(repo, ref.removeprefix(_HEADS), sha)
            for ref, sha in sorted((await gitrepo.refs(repo.path)).items())
            if ref.startswith(_HEADS)
        ]
        return Answer(items=[b for b in found if wanted in {"", str(b["protected"]).lower()}])

    async def _branch(self, call: Call, needed: str = "read") -> tuple[Repo, str, str]:
        repo, branch = self.repo(call, needed), call.path["branch"]
        sha = await gitrepo.resolve(repo.path, f"{_HEADS}{branch}")
        if sha is None:
            raise Refused(404, "Branch not found")
        return repo, branch, sha

    async def get_branch(self, call: Call) -> Answer:
        repo, branch, sha = await self._branch(call)
        commit = self.world.commit_json(repo, await gitlog.one(repo.path, sha))
        return Answer(self.world.json.full_branch(repo, branch, commit, repo.protections.get(branch)))

    async def get_protection(self, call: Call) -> Answer:
        repo, branch, _ = await self._branch(call, "admin")
        rules = repo.protections.get(branch)
        if rules is None:
            raise Refused(404, "Branch not protected")
        return Answer(self.world.json.protection(repo, branch, rules))

    async def protect(self, call: Call) -> Answer:
        repo, branch, _ = await self._branch(call, "admin")
        rules = _protection(body(call))
        repo.protections[branch] = rules
        await self.world.changed()
        return Answer(self.world.json.protection(repo, branch, rules))

    async def unprotect(self, call: Call) -> Answer:
        repo, branch, _ = await self._branch(call, "admin")
        if repo.protections.pop(branch, None) is None:
            raise Refused(404, "Branch not protected")
        await self.world.changed()
        return Answer(status=204)

    def _ref_json(self, repo: Repo, ref: str, sha: str) -> dict[str, Any]:
        return self.world.json.ref(repo, ref, sha)

    async def get_ref(self, call: Call) -> Answer:
        repo, ref = self.repo(call), f"refs/{call.path['ref']}"
        sha = await gitrepo.resolve(repo.path, ref)
        if sha is None:
            raise not_found()
        return Answer(self._ref_json(repo, ref, sha))

    async def create_ref(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "write"), body(call)
        ref, sha = str(wanted.get("ref") or ""), str(wanted.get("sha") or "")
        if ref in await gitrepo.refs(repo.path):
            raise Refused(422, "Reference already exists")
        await self.world.move_ref(repo, login(call), ref, sha)
        return Answer(self._ref_json(repo, ref, sha), 201)

    async def update_ref(self, call: Call) -> Answer:
        repo, ref = self.repo(call, "write"), f"refs/{call.path['ref']}"
        if await gitrepo.resolve(repo.path, ref) is None:
            raise Refused(422, "Reference does not exist")
        sha = str(body(call).get("sha") or "")
        await self.world.move_ref(repo, login(call), ref, sha, force=bool(body(call).get("force")))
        return Answer(self._ref_json(repo, ref, sha))

    async def delete_ref(self, call: Call) -> Answer:
        repo = self.repo(call, "write")
        await self.world.move_ref(repo, login(call), f"refs/{call.path['ref']}", NOTHING)
        return Answer(status=204)

    async def get_file(self, call: Call) -> Answer:
        repo, name = self.repo(call), call.path["file"]
        sha = await gitrepo.resolve(repo.path, call.query.get("ref") or f"{_HEADS}{repo.default_branch}")
        data = await gitrepo.read_file(repo.path, sha, name) if sha else None
        if data is None:
            raise not_found()
        return Answer(self.world.json.file(repo, name, call.query.get("ref") or repo.default_branch, data))

    # Labels and milestones

    async def list_labels(self, call: Call) -> Answer:
        repo = self.repo(call)
        return Answer(items=[self.world.json.label(repo, label) for label in repo.labels.values()])

    async def create_label(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "triage"), body(call)
        name = str(wanted.get("name", ""))
        if not name or name.lower() in repo.labels:
            raise unprocessable("Label", "name", "already_exists" if name else "missing_field")
        color, text = str(wanted.get("color", "ededed")), str(wanted.get("description") or "")
        label = repo.labels[name.lower()] = Label(self.world.new_id(), name, color, text)
        return Answer(self.world.json.label(repo, label), 201)

    async def list_milestones(self, call: Call) -> Answer:
        repo, state = self.repo(call), call.query.get("state", "open")
        found = [m for m in repo.milestones.values() if state in {"all", m.state}]
        return Answer(items=[self.world.json.milestone(repo, m) for m in found])

    async def create_milestone(self, call: Call) -> Answer:
        repo = self.repo(call, "triage")
        made = self.world.create_milestone(repo, login(call), str(body(call).get("title") or ""))
        return Answer(self.world.json.milestone(repo, made), 201)

    # Hooks

    def _hooked(self, call: Call) -> tuple[Repo | Org, str]:
        if "org" in call.path:
            return self.org(call), f"orgs/{call.path['org']}"
        return self.repo(call, "admin"), f"repos/{call.path['owner']}/{call.path['repo']}"

    async def list_hooks(self, call: Call) -> Answer:
        where, path = self._hooked(call)
        return Answer(items=[self.world.json.hook(path, hook) for hook in where.hooks])

    async def create_hook(self, call: Call) -> Answer:
        where, path = self._hooked(call)
        wanted = body(call)
        config = wanted.get("config") or {}
        if not str(config.get("url", "")).startswith(("http://", "https://")):
            raise unprocessable("Hook", "url", "invalid")
        hook = self.world.add_hook(
            where, url=config["url"], secret=str(config.get("secret", "")), events=wanted.get("events") or ("push",)
        )
        return Answer(self.world.json.hook(path, hook), 201)

    def _hook(self, call: Call) -> Hook:
        repo = self.repo(call, "admin")
        found = next((h for h in repo.hooks if str(h.id) == call.path["hook"]), None)
        if found is None:
            raise not_found()
        return found

    async def list_deliveries(self, call: Call) -> Answer:
        return Answer(items=[self.world.json.delivery(d) for d in reversed(self._hook(call).deliveries)])

    async def redeliver(self, call: Call) -> Answer:
        hook = self._hook(call)
        found = next((d for d in hook.deliveries if str(d.id) == call.path["delivery"]), None)
        if found is None:
            raise not_found()
        self.world.hooks.redeliver(hook, found)
        return Answer({}, 202)


def _protection(wanted: dict[str, Any]) -> Protection:
    """GitHub wants all four keys; null means that there is no such rule."""
    for key in ("required_status_checks", "enforce_admins", "required_pull_request_reviews", "restrictions"):
        if key not in wanted:
            raise Refused(422, "Invalid request.", [f'"{key}" wasn\'t supplied.'])
    checks, reviews = wanted["required_status_checks"], wanted["required_pull_request_reviews"]
    restrictions = wanted["restrictions"]
    contexts: list[str] | None = None
    if checks is not None:
        contexts = [str(c) for c in checks.get("contexts") or ()]
        contexts += [str(c.get("context")) for c in checks.get("checks") or () if str(c.get("context")) not in contexts]
    return Protection(
        contexts=tuple(contexts) if contexts is not None else None,
        strict=bool(checks and checks.get("strict")),
        reviews=int(reviews.get("required_approving_review_count", 1)) if reviews is not None else None,
        dismiss_stale=bool(reviews and reviews.get("dismiss_stale_reviews")),
        enforce_admins=bool(wanted["enforce_admins"]),
        pushers=frozenset(str(u).lower() for u in restrictions.get("users") or ())
        if restrictions is not None
        else None,
    )
