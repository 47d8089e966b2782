"""Pull requests: opened, edited, moved, and found to merge or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prow.sim import gitmerge, gitrepo
from prow.sim.errors import Refused, unprocessable
from prow.sim.payloads import Json
from prow.sim.state import Issue, Pull, Repo, User
from prow.sim.world.reviews import Reviews
from prow.sim.world.views import pull_of, short


class Pulls(Reviews):
    async def open_pull(
        self, repo: Repo, login: str, *, title: str, head: str, base: str = "", body: str = "", draft: bool = False
    ) -> Issue:
        """`head`: a branch, or `owner:branch` of a fork."""
        head_owner, colon, head_ref = head.rpartition(":")
        head_repo = repo
        if colon and head_owner.lower() != repo.owner.lower():
            forks = (r for r in self.repos.values() if r.parent is repo and r.owner.lower() == head_owner.lower())
            found = next(forks, None)
            if found is None:
                raise unprocessable("PullRequest", "head", "invalid")
            head_repo = found
        base = base or repo.default_branch
        head_sha = await gitrepo.resolve(head_repo.path, f"refs/heads/{head_ref}")
        base_sha = await gitrepo.resolve(repo.path, f"refs/heads/{base}")
        if head_sha is None or base_sha is None:
            raise unprocessable("PullRequest", "head" if head_sha is None else "base", "invalid")
        for other in repo.issues.values():
            if other.state == "open" and other.pull and (other.pull.head_repo, other.pull.head_ref) == (head_repo, head_ref) and other.pull.base_ref == base:  # fmt: skip
                text = f"A pull request already exists for {head_repo.owner}:{head_ref}."
                raise Refused(
                    422, "Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": text}]
                )
        issue = self.new_issue(repo, login, title, body)
        issue.pull = Pull(head_repo, head_ref, head_sha, base, base_sha, draft=draft)
        await self.take_head(issue)
        await self.pull_event(issue, issue.user, "opened")
        return issue

    async def synchronize(self, issue: Issue, sender: User, before: str, after: str) -> None:
        """The head branch has moved."""
        pull = pull_of(issue)
        pull.head_sha = after
        pull.files = None
        await self.take_head(issue)
        if not await gitrepo.is_ancestor(issue.repo.path, before, after):
            self.record(issue, sender, "head_ref_force_pushed", commit_id=after)
        issue.updated_at = self.clock.now()
        await self.pull_event(issue, sender, "synchronize", before=before, after=after)
        await self.dismiss_stale_reviews(issue, sender)

    async def take_head(self, issue: Issue) -> None:
        """Bring the head's commits into the base repository and find out whether they merge."""
        pull = pull_of(issue)
        target = f"refs/pull/{issue.number}/head"
        async with self.lock(issue.repo):
            if pull.head_repo is not None and pull.head_repo is not issue.repo:
                await gitrepo.fetch(issue.repo.path, pull.head_repo.path, f"refs/heads/{pull.head_ref}", target)
            else:
                await gitrepo.update_ref(issue.repo.path, target, pull.head_sha)
        self.recompute(issue)

    # Whether it merges

    def recompute(self, issue: Issue) -> None:
        """Mergeability is computed in the background: unknown first, as at GitHub."""
        pull = pull_of(issue)
        pull.mergeable = None
        pull.rebaseable = False
        pull.merge_commit_sha = None
        pull.checking = False
        self.look(issue)

    def look(self, issue: Issue) -> None:
        """Somebody looks at it: what is unknown is computed now."""
        pull = pull_of(issue)
        if self.compute_mergeable and pull.mergeable is None and not pull.checking and issue.state == "open":
            pull.checking = True
            self.spawn(self._merge_check(issue, pull, pull.base_sha, pull.head_sha))

    async def _merge_check(self, issue: Issue, pull: Pull, base: str, head: str) -> None:
        if self.mergeable_delay:
            await self.clock.sleep(self.mergeable_delay)
        made = await gitmerge.preview(issue.repo.path, base, head, when=self.seconds)
        compared = await gitrepo.compare(issue.repo.path, base, head)
        rebased = made
        if made is not None and not (compared.linear and len(compared.commits) == 1):
            rebased = await gitmerge.rebase(issue.repo.path, base, compared, when=self.seconds)

        def outdated() -> bool:
            return (pull.base_sha, pull.head_sha) != (base, head) or issue.state != "open"

        if made is not None and not outdated():
            await gitrepo.update_ref(issue.repo.path, f"refs/pull/{issue.number}/merge", made)
        if outdated():
            return
        pull.compared = ((base, head), compared)
        pull.merge_commit_sha = made
        pull.mergeable = made is not None
        pull.rebaseable = rebased is not None
        pull.checking = False
        await self.changed()

    # Changes by people

    async def edit(self, issue: Issue, login: str, changes: Mapping[str, Any]) -> None:
        """Title, body, state, base, milestone, labels, assignees, as `PATCH` takes them."""
        sender = self.user(login)
        before = await self._change_texts(issue, sender, changes)
        if before:
            await self.touched(issue, sender, "edited", changes=before)
        if "milestone" in changes:
            await self.set_milestone(issue, login, changes["milestone"])
        if changes.get("labels") is not None:
            names = [str(n["name"] if isinstance(n, dict) else n) for n in changes["labels"]]
            wanted = {name.lower() for name in names}
            for label in [found for found in issue.labels if found.name.lower() not in wanted]:
                await self.remove_label(issue, login, label.name)
            await self.add_labels(issue, login, names)
        if changes.get("assignees") is not None:
            names = [str(n) for n in changes["assignees"]]
            gone = [u.login for u in issue.assignees if u.login.lower() not in {n.lower() for n in names}]
            await self.assign(issue, login, gone, remove=True)
            await self.assign(issue, login, names)
        state = changes.get("state")
        if state not in {None, issue.state}:
            if state not in {"open", "closed"}:
                raise unprocessable("Issue", "state", "invalid")
            await self.set_state(issue, sender, str(state))

    async def _change_texts(self, issue: Issue, sender: User, changes: Mapping[str, Any]) -> Json:
        """What was there before, as the `edited` event tells it."""
        before: Json = {}
        if changes.get("title") not in {None, issue.title}:
            before["title"] = {"from": issue.title}
            self.record(issue, sender, "renamed", rename={"from": issue.title, "to": str(changes["title"])})
            issue.title = str(changes["title"])
        if "body" in changes and (changes["body"] or "") != issue.body:
            before["body"] = {"from": issue.body}
            issue.body = short(str(changes["body"] or ""))
        pull = issue.pull
        if pull is not None and changes.get("base") not in {None, pull.base_ref}:
            sha = await gitrepo.resolve(issue.repo.path, f"refs/heads/{changes['base']}")
            if sha is None or issue.state != "open":
                raise unprocessable("PullRequest", "base", "invalid")
            before["base"] = {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}
            self.record(issue, sender, "base_ref_changed")
            pull.base_ref, pull.base_sha = str(changes["base"]), sha
            self.recompute(issue)
        return before

    async def set_state(self, issue: Issue, sender: User, state: str) -> None:
        """Close or reopen. What is merged stays closed."""
        pull = issue.pull
        if pull is not None and state == "open":
            if pull.merged:
                raise unprocessable("PullRequest", "state", "invalid")
            head = await gitrepo.resolve(pull.head_repo.path, f"refs/heads/{pull.head_ref}") if pull.head_repo else None
            if head is None:
                raise unprocessable("PullRequest", "state", "invalid")
            if head != pull.head_sha:
                pull.head_sha, pull.files = head, None
        issue.state = state
        issue.closed_at = self.clock.now() if state == "closed" else None
        if pull is not None and state == "open":
            pull.base_sha = await gitrepo.resolve(issue.repo.path, f"refs/heads/{pull.base_ref}") or pull.base_sha
            await self.take_head(issue)
        action = "closed" if state == "closed" else "reopened"
        self.record(issue, sender, action)
        await self.touched(issue, sender, action)

    async def set_draft(self, issue: Issue, login: str, *, draft: bool) -> None:
        if issue.pull is not None and issue.pull.draft is not draft:
            issue.pull.draft = draft
            action = "converted_to_draft" if draft else "ready_for_review"
            self.record(issue, self.user(login), "convert_to_draft" if draft else action)
            await self.touched(issue, self.user(login), action)
