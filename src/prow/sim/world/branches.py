"""Repositories and their branches: made, forked, pushed to, moved, protected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prow.sim import gitlog, gitrepo
from prow.sim.errors import Refused, unprocessable
from prow.sim.gitrepo import NOTHING
from prow.sim.state import Issue, Repo, User
from prow.sim.world.accounts import check_name
from prow.sim.world.pulls import Pulls
from prow.sim.world.views import pull_of

_SETTINGS = ("allow_merge_commit", "allow_squash_merge", "allow_rebase_merge", "archived", "private")


class Branches(Pulls):
    async def create_repo(
        self,
        full_name: str,
        *,
        files: Mapping[str, str | bytes | None] | None = None,
        clone: Path | None = None,
        branch: str = "main",
    ) -> Repo:
        """A repository, with a first commit of `files`, or as a copy of the one at `clone`."""
        owner, _, name = full_name.partition("/")
        check_name(owner)
        check_name(name)
        if full_name.lower() in self.repos:
            raise unprocessable("Repository", "name", "already_exists")
        path = self.root / "repos" / owner.lower() / f"{name.lower()}.git"
        if clone is not None:
            await gitrepo.copy(clone, path)
            head = (await gitrepo.git("symbolic-ref", "--short", "HEAD", cwd=path)).decode().strip()
            branch = head or branch
        else:
            await gitrepo.create(path, branch)
        repo = Repo(owner, name, self.new_id(), path, self.clock.now(), default_branch=branch)
        self.repos[full_name.lower()] = repo
        if owner.lower() in self.users:
            repo.collaborators[owner] = "admin"
        if files:
            login = owner if owner.lower() in self.users else "octocat"
            await self.commit(repo, login, branch, files, message="First commit", quiet=True)
        return repo

    async def fork(self, repo: Repo, login: str) -> Repo:
        """A copy under the user's name; the same one when there is one."""
        full_name = f"{self.user(login).login}/{repo.name}"
        existing = self.repos.get(full_name.lower())
        if existing is not None:
            return existing
        fork = await self.create_repo(full_name, clone=repo.path)
        fork.parent = repo
        return fork

    async def change_settings(self, repo: Repo, login: str, changes: Mapping[str, Any]) -> None:
        """Which merges are allowed, whether it is archived or private, its default branch."""
        wanted = {name: bool(changes[name]) for name in _SETTINGS if changes.get(name) is not None}
        allowed = [wanted.get(name, getattr(repo, name)) for name in _SETTINGS[:3]]
        if not any(allowed):
            raise unprocessable("Repository", "merge_commit_allowed", "no_merge_method")
        if repo.archived and wanted.get("archived") is not False:
            raise Refused(403, "Repository was archived so is read-only.")
        branch = changes.get("default_branch")
        if branch and await gitrepo.resolve(repo.path, f"refs/heads/{branch}") is None:
            raise unprocessable("Repository", "default_branch", "invalid")
        archived = repo.archived
        for name, value in wanted.items():
            setattr(repo, name, value)
        if branch:
            repo.default_branch = str(branch)
        action = "edited" if repo.archived == archived else "archived" if repo.archived else "unarchived"
        await self.emit(repo, "repository", self.user(login), {"action": action})

    # Refs

    async def commit(
        self, repo: Repo, login: str, branch: str, files: Mapping[str, str | bytes | None], *, message: str, quiet: bool = False,
        start: str | None = None, force: bool = False,
    ) -> str:  # fmt: skip
        """A commit on `branch` and the push event that follows.

        Its parent is the branch, or `start` (else the default branch) when the branch is new or `force` throws its commits away.
        """
        async with self.lock(repo):
            before = await gitrepo.resolve(repo.path, f"refs/heads/{branch}")
            parent = None if force else before
            parent = parent or await gitrepo.resolve(repo.path, start or f"refs/heads/{repo.default_branch}")
            after = await gitrepo.commit(
                repo.path, branch, files, message=message, author=login, when=self.seconds, parent=parent
            )
        if not quiet:
            await self.pushed(repo, login, f"refs/heads/{branch}", before or NOTHING, after)
        return after

    async def move_ref(self, repo: Repo, login: str, ref: str, sha: str, *, force: bool = False) -> None:
        """Create or move `refs/…` by REST; NOTHING deletes it."""
        branch = ref.removeprefix("refs/heads/")
        if not ref.startswith(("refs/heads/", "refs/tags/")) or not await gitrepo.valid_branch(branch):
            raise Refused(422, "Reference name must start with 'refs/' and be valid")
        async with self.lock(repo):
            before = await gitrepo.resolve(repo.path, ref)
            if sha == NOTHING:
                if before is None:
                    raise Refused(422, "Reference does not exist")
                await gitrepo.delete_ref(repo.path, ref)
            else:
                if await gitrepo.resolve(repo.path, sha) is None:
                    raise Refused(422, "Object does not exist")
                if before is not None and not force and not await gitrepo.is_ancestor(repo.path, before, sha):
                    raise Refused(422, "Update is not a fast forward")
                await gitrepo.update_ref(repo.path, ref, sha)
        await self.pushed(repo, login, ref, before or NOTHING, sha)

    async def pushed(self, repo: Repo, login: str, ref: str, before: str, after: str) -> None:
        """A ref moved: the push event, and what it means for pull requests."""
        sender = self.user(login)
        deleted = after == NOTHING
        commits = (
            []
            if deleted
            else [self.json.pushed_commit(repo, one) for one in await gitlog.pushed(repo.path, before, after)]
        )
        forced = not deleted and before != NOTHING and not await gitrepo.is_ancestor(repo.path, before, after)
        await self.emit(
            repo,
            "push",
            sender,
            {
                "ref": ref,
                "before": before,
                "after": after,
                "created": before == NOTHING,
                "deleted": deleted,
                "forced": forced,
                "base_ref": None,
                "compare": f"{self.base}/{repo.full_name}/compare/{before[:12]}...{after[:12]}",
                "commits": commits,
                "head_commit": commits[-1] if commits else None,
                "pusher": {"name": sender.login, "email": f"{sender.login}@users.noreply.example"},
            },
        )
        if ref.startswith("refs/heads/"):
            await self._move_pulls(repo, sender, ref.removeprefix("refs/heads/"), before, after)

    async def _move_pulls(self, repo: Repo, sender: User, branch: str, before: str, after: str) -> None:
        """Open pull requests from and into a branch that moved."""
        opened = [i for r in self.repos.values() for i in r.issues.values() if i.pull is not None and i.state == "open"]
        heads = [i for i in opened if pull_of(i).head_repo is repo and pull_of(i).head_ref == branch]
        into = [i for i in opened if i.repo is repo and pull_of(i).base_ref == branch and i not in heads]
        if after == NOTHING:
            for issue in heads:
                self.record(issue, sender, "head_ref_deleted")
                await self.set_state(issue, sender, "closed")
            return
        for issue in heads:
            await self.synchronize(issue, sender, before, after)
        if not into:
            return
        contained = await gitrepo.merged_heads(repo.path, after)
        for issue in into:
            if issue.number in contained and issue.state == "open":
                await self.mark_merged(issue, sender, after)
            elif issue.state == "open":
                pull_of(issue).base_sha = after
                self.recompute(issue)

    async def mark_merged(self, issue: Issue, sender: User, result: str) -> None:
        """Its commits are in the base, by whatever way: it is merged, and so it is closed."""
        pull = pull_of(issue)
        await self.compared(issue)
        await self.files(issue)
        if pull.merged:
            return
        now = self.clock.now()
        pull.merged, pull.merged_at, pull.merged_by, pull.merge_commit_sha = True, now, sender, result
        issue.state, issue.closed_at = "closed", now
        self.record(issue, sender, "merged", commit_id=result)
        self.record(issue, sender, "closed")
        await self.touched(issue, sender, "closed")
