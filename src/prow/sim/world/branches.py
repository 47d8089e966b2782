"""Branches and tags: pushed to, moved, and what that means for pull requests."""

from __future__ import annotations

from collections.abc import Mapping

from prow.sim import gitlib, gitlog, gitrepo, references
from prow.sim.accounts import Identity
from prow.sim.errors import Refused
from prow.sim.gitrepo import NOTHING, GitFailed
from prow.sim.payloads import Json
from prow.sim.state import Issue, Repo, User
from prow.sim.world.pulls import Pulls
from prow.sim.world.views import pull_of


class Branches(Pulls):
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

    async def commit_files(
        self, repo: Repo, who: Identity, branch: str, files: Mapping[str, bytes | None], *, message: str,
        by: tuple[str, str] | None = None, head: str = "",
    ) -> str:  # fmt: skip
        """Files changed at once by the API, or taken away where they are None; `by`: name and address of the author, the caller unless
        told; `head`: what the branch must be."""
        ref, login = f"refs/heads/{branch}", who.login or ""
        async with self.lock(repo):
            before = await gitrepo.resolve(repo.path, ref)
            if head and before != head:
                raise Refused(422, f'Expected branch to point to "{head}" but it did not. Pull and try again.')
            try:
                after = await gitrepo.make_commit(
                    repo.path, files, message=message, author=login, by=by, when=self.seconds, parent=before
                )
            except (GitFailed, *gitlib.MISSING) as failed:
                raise Refused(422, str(failed)) from failed
            refused = await self.push_refusal(repo, who, ref, before or NOTHING, after)
            if refused:
                raise Refused(409, f"Could not update file: {refused}")
            await gitrepo.update_ref(repo.path, ref, after)
        await self.pushed(repo, login, ref, before or NOTHING, after)
        return after

    async def move_ref(self, repo: Repo, who: Identity, ref: str, sha: str, *, force: bool = False) -> None:
        """Create or move `refs/…` by REST; NOTHING deletes it."""
        branch = ref.removeprefix("refs/heads/")
        if not ref.startswith(("refs/heads/", "refs/tags/")) or not await gitrepo.valid_branch(branch):
            raise Refused(422, "Reference name must start with 'refs/' and be valid")
        if not gitrepo.is_sha(sha):
            raise Refused(422, "The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
        async with self.lock(repo):
            before = await gitrepo.resolve(repo.path, ref)
            if sha == NOTHING and before is None:
                raise Refused(422, "Reference does not exist")
            if sha != NOTHING and await gitrepo.resolve(repo.path, sha) is None:
                raise Refused(422, "Object does not exist")
            refused = await self.push_refusal(repo, who, ref, before or NOTHING, sha)
            if refused:
                raise Refused(422, refused)
            if sha == NOTHING and branch == repo.default_branch:
                raise Refused(422, "Cannot delete the default branch")
            if sha == NOTHING:
                await gitrepo.delete_ref(repo.path, ref)
            else:
                if before is not None and not force and not await gitrepo.is_ancestor(repo.path, before, sha):
                    raise Refused(422, "Update is not a fast forward")
                await gitrepo.update_ref(repo.path, ref, sha)
        await self.pushed(repo, who.login or "", ref, before or NOTHING, sha)

    async def _advance(self, repo: Repo, who: Identity, ref: str, before: str, after: str) -> None:
        """Under the repository's lock: the ref moves unless a rule of its forbids it."""
        refused = await self.push_refusal(repo, who, ref, before, after)
        if refused:
            raise Refused(422, refused)
        await gitrepo.update_ref(repo.path, ref, after)

    async def pushed(self, repo: Repo, login: str, ref: str, before: str, after: str) -> None:
        """A ref moved: the push event, and what it means for pull requests. Of one repository in the order in which its refs moved."""
        async with self.aftermath(repo):
            await self._tell_push(repo, login, ref, before, after)

    async def _tell_push(self, repo: Repo, login: str, ref: str, before: str, after: str) -> None:
        sender = self.user(login)
        deleted = after == NOTHING
        repo.pushed_at = self.clock.now()
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
        if NOTHING in {before, after}:
            await self._tell_ref(repo, sender, ref, gone=deleted)
        if ref.startswith("refs/heads/"):
            if not deleted:
                await self.request_suites(repo, sender, after, ref.removeprefix("refs/heads/"))
            await self._move_pulls(repo, sender, ref.removeprefix("refs/heads/"), before, after)
            if ref.removeprefix("refs/heads/") == repo.default_branch:
                for commit in commits:
                    await self._close_named(repo, sender, commit["message"], commit["id"])

    async def _tell_ref(self, repo: Repo, sender: User, ref: str, *, gone: bool) -> None:
        """A branch or a tag that is new or gone."""
        _, kind, name = ref.split("/", 2)
        payload: Json = {"ref": name, "ref_type": "branch" if kind == "heads" else "tag", "pusher_type": "user"}
        if gone:
            await self.emit(repo, "delete", sender, payload)
        else:
            about = {"master_branch": repo.default_branch, "description": repo.settings.get("description") or None}
            await self.emit(repo, "create", sender, payload | about)

    async def _move_pulls(self, repo: Repo, sender: User, branch: str, before: str, after: str) -> None:
        """Open pull requests from and into a branch that moved."""
        opened = [i for r in self.repos.values() for i in r.issues.values() if i.pull is not None and i.state == "open"]
        heads = [i for i in opened if pull_of(i).head_repo is repo and pull_of(i).head_ref == branch]
        into = [i for i in opened if i.repo is repo and pull_of(i).base_ref == branch and i not in heads]
        if after == NOTHING:
            for issue in heads:
                self.record(issue, sender, "head_ref_deleted")
            for issue in (*heads, *into):
                await self.set_state(issue, sender, "closed")
            return
        for issue in heads:
            await self.synchronize(issue, sender, before, after)
        if not into:
            return
        for issue in into:
            if issue.state == "open" and await gitrepo.is_ancestor(repo.path, pull_of(issue).head_sha, after):
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
        issue.closed_by = sender
        self.record(issue, sender, "merged", commit_id=result)
        self.record(issue, sender, "closed")
        await self.touched(issue, sender, "closed")
        for closed in self.closes(issue):
            await self._close(closed, issue.repo, sender)
        if (
            issue.repo.delete_branch_on_merge
            and pull.head_repo is issue.repo
            and pull.head_ref != issue.repo.default_branch
        ):
            self.spawn(self._delete_merged(issue, sender))

    # What else is closed

    def closes(self, issue: Issue) -> list[Issue]:
        """The issues that a pull request closes by its text when it is merged into the default branch."""
        if issue.pull is None or issue.pull.base_ref != issue.repo.default_branch:
            return []
        return [one for one in self._named(issue.repo, issue.body) if one.pull is None]

    def _named(self, repo: Repo, text: str) -> list[Issue]:
        named = references.named_in(text, repo.full_name, closed=True)
        found = [(self.repos.get(one.repo), one.number) for one in named]
        return [where.issues[number] for where, number in found if where is not None and number in where.issues]

    async def _close_named(self, repo: Repo, sender: User, message: str, commit: str) -> None:
        """A commit closes pull requests, too."""
        for issue in self._named(repo, message):
            await self._close(issue, repo, sender, commit)

    async def _close(self, issue: Issue, repo: Repo, sender: User, commit: str = "") -> None:
        """In another repository only who may close there."""
        if issue.state == "open" and (issue.repo is repo or self.may(issue.repo, sender.login, "triage")):
            await self.close_or_reopen(issue, sender, "closed", None, commit=commit)

    async def _delete_merged(self, issue: Issue, sender: User) -> None:
        """The head branch, unless it is protected or has moved on."""
        pull, repo = pull_of(issue), issue.repo
        ref = f"refs/heads/{pull.head_ref}"
        async with self.lock(repo):
            now = await gitrepo.resolve(repo.path, ref)
            if now != pull.head_sha or self.protection_of(repo, pull.head_ref) is not None:
                return
            await gitrepo.delete_ref(repo.path, ref)
        self.record(issue, sender, "head_ref_deleted")
        await self.pushed(repo, sender.login, ref, pull.head_sha, NOTHING)
