"""Branches, tags and other refs."""

from __future__ import annotations

from prow.sim import gitdata, gitlog, gitrepo
from prow.sim.errors import Moved, Refused, not_found
from prow.sim.gitrepo import NOTHING
from prow.sim.payloads import Json
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login
from prow.sim.state import Repo

HEADS = "refs/heads/"


class Refs(Area):
    def table(self) -> Table:
        return {
            ("GET", f"{REPO}/branches"): self.list_branches,
            ("POST", f"{REPO}/branches/{{branch:path}}/rename"): self.rename_branch,
            ("GET", f"{REPO}/branches/{{branch:path}}"): self.get_branch,
            ("GET", f"{REPO}/git/matching-refs/{{ref:path}}"): self.matching_refs,
            ("GET", f"{REPO}/git/ref/{{ref:path}}"): self.get_ref,
            ("GET", f"{REPO}/git/refs/{{ref:path}}"): self.get_ref_or_those_below,
            ("GET", f"{REPO}/git/refs"): self.matching_refs,
            ("POST", f"{REPO}/git/refs"): self.create_ref,
            ("PATCH", f"{REPO}/git/refs/{{ref:path}}"): self.update_ref,
            ("DELETE", f"{REPO}/git/refs/{{ref:path}}"): self.delete_ref,
            ("GET", f"{REPO}/tags"): self.list_tags,
            ("POST", f"{REPO}/merges"): self.merge,
            ("POST", f"{REPO}/merge-upstream"): self.sync_fork,
        }

    async def list_branches(self, call: Call) -> Answer:
        repo, wanted = self.repo(call), call.query.get("protected", "")
        names = {
            ref.removeprefix(HEADS): sha
            for ref, sha in sorted((await gitrepo.refs(repo.path)).items())
            if ref.startswith(HEADS)
        }
        found = [
            self.world.json.short_branch(repo, name, sha, protected=self.world.protection_of(repo, name) is not None)
            for name, sha in names.items()
        ]
        return Answer(items=[b for b in found if wanted in {"", str(b["protected"]).lower()}])

    async def get_branch(self, call: Call) -> Answer:
        repo, branch, sha = await branch_of(self, call)
        commit = self.world.commit_json(repo, await gitlog.one(repo.path, sha))
        return Answer(self.world.json.full_branch(repo, branch, commit, self.world.protection_of(repo, branch)))

    async def rename_branch(self, call: Call) -> Answer:
        repo, branch, sha = await branch_of(self, call, "write")
        kept = branch == repo.default_branch or self.world.protection_of(repo, branch) is not None
        if kept and not self.world.may(repo, call.login, "admin"):
            raise Refused(403, "Must have admin rights to Repository.")
        new = str(body(call).get("new_name") or "")
        await self.world.rename_branch(repo, login(call), branch, new)
        commit = self.world.commit_json(repo, await gitlog.one(repo.path, sha))
        return Answer(self.world.json.full_branch(repo, new, commit, self.world.protection_of(repo, new)), 201)

    # Refs

    async def _ref_json(self, repo: Repo, ref: str, sha: str) -> Json:
        """An annotated tag is an object of its own."""
        kind = "commit" if ref.startswith(HEADS) else await gitdata.kind_of(repo.path, sha) or "commit"
        return self.world.json.ref(repo, ref, sha, kind)

    async def _refs(self, repo: Repo) -> dict[str, str]:
        found = {r: sha for r, sha in (await gitrepo.refs(repo.path)).items() if not r.startswith("refs/sim/")}
        if not any(ref.startswith(HEADS) for ref in found):
            raise Refused(409, "Git Repository is empty.")
        return found

    async def get_ref(self, call: Call) -> Answer:
        repo, ref = self.repo(call), f"refs/{call.path['ref']}"
        sha = await self._sha(repo, ref)
        if sha is None:
            raise not_found()
        return Answer(await self._ref_json(repo, ref, sha))

    async def _sha(self, repo: Repo, ref: str) -> str | None:
        """What a ref stands for; branches are found without git."""
        sha = gitrepo.stored(repo.path, ref) if ref.startswith(HEADS) else None
        return sha or (await self._refs(repo)).get(ref)

    async def _below(self, repo: Repo, start: str) -> list[Json]:
        found = [(ref, sha) for ref, sha in sorted((await self._refs(repo)).items()) if ref.startswith(start)]
        return [await self._ref_json(repo, ref, sha) for ref, sha in found]

    async def matching_refs(self, call: Call) -> Answer:
        repo = self.repo(call)
        return Answer(items=await self._below(repo, f"refs/{call.path.get('ref', '')}"))

    async def get_ref_or_those_below(self, call: Call) -> Answer:
        """The older address: one ref by its full name, else all whose names begin so."""
        repo, ref = self.repo(call), f"refs/{call.path['ref']}"
        sha = await self._sha(repo, ref)
        if sha is not None:
            return Answer(await self._ref_json(repo, ref, sha))
        found = await self._below(repo, ref)
        if not found:
            raise not_found()
        return Answer(items=found)

    async def create_ref(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "write"), body(call)
        ref, sha = str(wanted.get("ref") or ""), str(wanted.get("sha") or "")
        if ref in await self._refs(repo):
            raise Refused(422, "Reference already exists")
        await self.world.move_ref(repo, call.who, ref, sha)
        return Answer(await self._ref_json(repo, ref, sha), 201)

    async def update_ref(self, call: Call) -> Answer:
        repo, ref = self.repo(call, "write"), f"refs/{call.path['ref']}"
        if ref not in await self._refs(repo):
            raise Refused(422, "Reference does not exist")
        sha = str(body(call).get("sha") or "")
        await self.world.move_ref(repo, call.who, ref, sha, force=bool(body(call).get("force")))
        return Answer(await self._ref_json(repo, ref, sha))

    async def delete_ref(self, call: Call) -> Answer:
        repo = self.repo(call, "write")
        await self.world.move_ref(repo, call.who, f"refs/{call.path['ref']}", NOTHING)
        return Answer(status=204)

    async def list_tags(self, call: Call) -> Answer:
        repo = self.repo(call)
        refs = await gitrepo.refs(repo.path)
        names = [ref.removeprefix("refs/tags/") for ref in refs if ref.startswith("refs/tags/")]
        found = []
        for name in sorted(names, reverse=True):
            sha = await gitrepo.resolve(repo.path, f"refs/tags/{name}")
            if sha is not None:
                found.append(self.world.json.tag(repo, name, sha))
        return Answer(items=found)

    # Merging branches

    async def merge(self, call: Call) -> Answer:
        """204 says that there was nothing to merge."""
        repo, wanted = self.repo(call, "write"), body(call)
        base, head = str(wanted.get("base") or ""), str(wanted.get("head") or "")
        made = await self.world.merge_branches(repo, call.who, base, head, str(wanted.get("commit_message") or ""))
        if made is None:
            return Answer(status=204)
        return Answer(self.world.commit_json(repo, await gitlog.one(repo.path, made)), 201)

    async def sync_fork(self, call: Call) -> Answer:
        repo, branch = self.repo(call, "write"), str(body(call).get("branch") or "")
        kind = await self.world.sync_fork(repo, call.who, branch)
        source = f"{repo.parent.owner if repo.parent is not None else ''}:{branch}"
        words = {
            "none": f"This branch is not behind the upstream {source}.",
            "merge": f"Successfully fetched and merged from upstream {source}.",
            "fast-forward": f"Successfully fetched and fast-forwarded from upstream {source}.",
        }
        return Answer({"message": words[kind], "merge_type": kind, "base_branch": source})


async def branch_of(area: Area, call: Call, needed: str = "read") -> tuple[Repo, str, str]:
    """The branch that a path names, and its commit. A renamed one is found under its new name."""
    repo, branch = area.repo(call, needed), call.path["branch"]
    sha = await gitrepo.resolve(repo.path, f"{HEADS}{branch}")
    if sha is None and branch in repo.renamed_branches:
        raise Moved(f"/repositories/{repo.id}/branches/{repo.renamed_branches[branch]}", repo.full_name, whole=True)
    if sha is None:
        raise Refused(404, "Branch not found")
    return repo, branch, sha
