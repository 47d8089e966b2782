"""Pull requests: opened, edited, moved, and found to merge or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prow.sim import gitmerge, gitrepo
from prow.sim.errors import Refused, unprocessable
from prow.sim.payloads import Json
from prow.sim.state import Issue, Pull, Repo, User
from prow.sim.world.issues import check_text, check_title
from prow.sim.world.reviews import Reviews
from prow.sim.world.views import pull_of


class Pulls(Reviews):
    async def open_pull(
        self, repo: Repo, login: str, *, title: str, head: str, base: str = "", body: str = "", draft: bool = False,
        maintainers: bool | None = None,
    ) -> Issue:  # fmt: skip
        """`head`: a branch, or `owner:branch` of a fork. `maintainers`: they may push to the head; None: from a fork they may."""
        check_title(title)
        check_text("Issue", body)
        head_repo, head_ref = self._head(repo, head)
        base = base or repo.default_branch
        head_sha = await gitrepo.resolve(head_repo.path, f"refs/heads/{head_ref}")
        base_sha = await gitrepo.resolve(repo.path, f"refs/heads/{base}")
        if head_sha is None or base_sha is None:
            raise unprocessable("PullRequest", "head" if head_sha is None else "base", "invalid")
        if head_repo is repo and await gitrepo.is_ancestor(repo.path, head_sha, base_sha):
            raise _custom(f"No commits between {base} and {head_ref}")
        if head_repo is not repo:
            async with self.lock(repo):
                await gitrepo.fetch(repo.path, head_repo.path, head_sha)
        self._check_single(repo, head_repo, head_ref, base)
        issue = self.new_issue(repo, login, title, body)
        pull = issue.pull = Pull(head_repo, head_ref, head_sha, base, base_sha, draft=draft, last_pusher=issue.user)
        pull.maintainer_can_modify = (
            head_repo is not repo if maintainers is None else maintainers and head_repo is not repo
        )
        await self.take_head(issue, head_sha)
        await self.pull_event(issue, issue.user, "opened")
        await self.request_owners(issue)
        return issue

    def _head(self, repo: Repo, head: str) -> tuple[Repo, str]:
        """The repository and the branch that `branch` or `owner:branch` mean."""
        owner, colon, branch = head.rpartition(":")
        if not colon or owner.lower() == repo.owner.lower():
            return repo, branch
        found = next((r for r in self.repos.values() if r.owner.lower() == owner.lower() and _related(r, repo)), None)
        if found is None:
            raise unprocessable("PullRequest", "head", "invalid")
        return found, branch

    @staticmethod
    def _check_single(repo: Repo, head_repo: Repo, head_ref: str, base: str, own: Issue | None = None) -> None:
        """One open pull request for a head and a base."""
        for other in repo.issues.values():
            pull = other.pull
            if other is own or other.state != "open" or pull is None or pull.base_ref != base:
                continue
            if pull.head_repo is head_repo and pull.head_ref == head_ref:
                raise _custom(f"A pull request already exists for {head_repo.owner}:{head_ref}.")

    async def synchronize(self, issue: Issue, sender: User, before: str, after: str) -> None:
        """The head branch has moved."""
        pull = pull_of(issue)
        pull.last_pusher = sender
        await self.take_head(issue, after)
        if not await gitrepo.is_ancestor(issue.repo.path, before, after):
            self.record(issue, sender, "head_ref_force_pushed", commit_id=after)
        issue.updated_at = self.clock.now()
        await self.pull_event(issue, sender, "synchronize", before=before, after=after)
        await self.dismiss_stale_reviews(issue, sender)

    async def take_head(self, issue: Issue, head: str) -> None:
        """Bring the head's commits into the base repository, where its branch may have moved on already; then find out whether they merge."""
        pull = pull_of(issue)
        target = f"refs/pull/{issue.number}/head"
        async with self.lock(issue.repo):
            if pull.head_repo is not None and pull.head_repo is not issue.repo:
                await gitrepo.fetch(issue.repo.path, pull.head_repo.path, head, target)
            else:
                await gitrepo.update_ref(issue.repo.path, target, head)
        if head != pull.head_sha:
            pull.head_sha, pull.files = head, None
        self.recompute(issue)

    async def update_branch(self, issue: Issue, login: str, expected: str) -> None:
        """Merge the base into the head, as the button does; the pull request moves when it is done."""
        pull = pull_of(issue)
        if expected not in {"", pull.head_sha}:
            raise Refused(422, f"expected_head_sha {expected} is not the head of the pull request")
        head_repo = pull.head_repo
        if head_repo is None or issue.state != "open":
            raise Refused(422, "The head of the pull request is gone or it is closed.")
        if not self.may(head_repo, login, "write") and not (
            pull.maintainer_can_modify and self.may(issue.repo, login, "write")
        ):
            raise Refused(403, "You cannot push to the head of this pull request.")
        if await gitrepo.is_ancestor(issue.repo.path, pull.base_sha, pull.head_sha):
            raise Refused(422, "There are no new commits on the base branch.")
        message = f"Merge branch '{pull.base_ref}' into {pull.head_ref}"
        author = gitmerge.Person.of(login)
        made = await gitmerge.merge(
            issue.repo.path, pull.head_sha, pull.base_sha, message=message, author=author, when=self.seconds
        )
        if made is None:
            raise Refused(422, "merge conflict between base and head")
        self.spawn(self._push_update(issue, head_repo, login, pull.head_sha, made))

    async def _push_update(self, issue: Issue, head_repo: Repo, login: str, before: str, made: str) -> None:
        pull = pull_of(issue)
        ref = f"refs/heads/{pull.head_ref}"
        async with self.lock(head_repo):
            if await gitrepo.resolve(head_repo.path, ref) != before:
                return
            if head_repo is issue.repo:
                await gitrepo.update_ref(head_repo.path, ref, made)
            else:
                await gitrepo.fetch(head_repo.path, issue.repo.path, made, ref)
        await self.pushed(head_repo, login, ref, before, made)

    async def pushed(self, repo: Repo, login: str, ref: str, before: str, after: str) -> None:
        """Told by whoever moved a ref; what follows is in `branches`."""
        raise NotImplementedError

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
        rebases = made is not None
        if rebases and not (compared.linear and len(compared.commits) == 1):
            rebases = await gitmerge.rebases(issue.repo.path, base, compared, when=self.seconds)

        def outdated() -> bool:
            return (pull.base_sha, pull.head_sha) != (base, head) or issue.state != "open"

        async with self.lock(issue.repo):
            if made is not None and not outdated():
                await gitrepo.update_ref(issue.repo.path, f"refs/pull/{issue.number}/merge", made)
        await self.look_up_owners(issue)
        if outdated():
            return
        pull.compared = ((base, head), compared)
        pull.merge_commit_sha = made
        pull.mergeable = made is not None
        pull.rebaseable = rebases
        pull.checking = False
        await self.changed([issue])

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
            await self.set_labels(
                issue, login, [str(n["name"] if isinstance(n, dict) else n) for n in changes["labels"]]
            )
        if changes.get("assignees") is not None:
            names = [str(n) for n in changes["assignees"]]
            gone = [u.login for u in issue.assignees if u.login.lower() not in {n.lower() for n in names}]
            await self.assign(issue, login, gone, remove=True)
            await self.assign(issue, login, names)
        state = changes.get("state")
        if state not in {None, "open", "closed"}:
            raise unprocessable("Issue", "state", "invalid")
        reason = changes.get("state_reason")
        if state is not None and (
            state != issue.state or (reason is not None and reason != issue.state_reason and state == "closed")
        ):
            await self.set_state(issue, sender, str(state), reason=str(reason) if reason is not None else None)

    async def _change_texts(self, issue: Issue, sender: User, changes: Mapping[str, Any]) -> Json:
        """What was there before, as the `edited` event tells it."""
        before: Json = {}
        if changes.get("title") not in {None, issue.title}:
            title = str(changes["title"])
            check_title(title)
            before["title"] = {"from": issue.title}
            self.record(issue, sender, "renamed", rename={"from": issue.title, "to": title})
            issue.title = title
        if "body" in changes and (changes["body"] or "") != issue.body:
            check_text("Issue", str(changes["body"] or ""))
            before["body"] = {"from": issue.body}
            issue.body = str(changes["body"] or "")
        pull = issue.pull
        if pull is not None and changes.get("maintainer_can_modify") is not None:
            pull.maintainer_can_modify = bool(changes["maintainer_can_modify"]) and pull.head_repo is not issue.repo
        if pull is not None and changes.get("base") not in {None, pull.base_ref}:
            before["base"] = await self._change_base(issue, sender, str(changes["base"]))
        return before

    async def _change_base(self, issue: Issue, sender: User, base: str) -> Json:
        pull = pull_of(issue)
        sha = await gitrepo.resolve(issue.repo.path, f"refs/heads/{base}")
        if sha is None or issue.state != "open":
            raise unprocessable("PullRequest", "base", "invalid")
        if pull.head_repo is not None:
            self._check_single(issue.repo, pull.head_repo, pull.head_ref, base, issue)
        before: Json = {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}
        self.record(issue, sender, "base_ref_changed")
        pull.base_ref, pull.base_sha = base, sha
        self.recompute(issue)
        return before

    async def set_state(self, issue: Issue, sender: User, state: str, *, reason: str | None = None) -> None:
        """Close or reopen. What is merged stays closed; without its branches, or beside another of the same, it is not reopened."""
        pull = issue.pull
        if pull is not None and state == "open":
            await self._prepare_reopening(issue, pull)
        await self.close_or_reopen(issue, sender, state, reason)

    async def _prepare_reopening(self, issue: Issue, pull: Pull) -> None:
        if pull.merged:
            raise unprocessable("PullRequest", "state", "invalid")
        base = await gitrepo.resolve(issue.repo.path, f"refs/heads/{pull.base_ref}")
        head = await gitrepo.resolve(pull.head_repo.path, f"refs/heads/{pull.head_ref}") if pull.head_repo else None
        if base is None:
            raise _unchanged(f"The {pull.base_ref} branch has been deleted.")
        if head is None or pull.head_repo is None:
            raise _unchanged(f"The {pull.head_ref} branch has been deleted." if pull.head_repo else "The repository that submitted this pull request has been deleted.")  # fmt: skip
        if head != pull.head_sha and not await self._follows(pull, head):
            raise _unchanged(f"The {pull.head_ref} branch was force-pushed or recreated.")
        try:
            self._check_single(issue.repo, pull.head_repo, pull.head_ref, pull.base_ref, issue)
        except Refused as refused:
            raise _unchanged(
                f"There is already an open pull request from {pull.head_ref} to {pull.base_ref}."
            ) from refused
        issue.state = "open"
        pull.base_sha = base
        await self.take_head(issue, head)

    @staticmethod
    async def _follows(pull: Pull, head: str) -> bool:
        repo = pull.head_repo
        return repo is not None and await gitrepo.is_ancestor(repo.path, pull.head_sha, head)

    async def set_draft(self, issue: Issue, login: str, *, draft: bool) -> None:
        if issue.pull is not None and issue.pull.draft is not draft:
            issue.pull.draft = draft
            action = "converted_to_draft" if draft else "ready_for_review"
            self.record(issue, self.user(login), "convert_to_draft" if draft else action)
            await self.touched(issue, self.user(login), action)
            await self.request_owners(issue)


def _related(repo: Repo, other: Repo) -> bool:
    """Of one network of forks."""
    return _source(repo) is _source(other)


def _source(repo: Repo) -> Repo:
    return _source(repo.parent) if repo.parent is not None else repo


def _custom(text: str) -> Refused:
    return Refused(422, "Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": text}])


def _unchanged(why: str) -> Refused:
    """A pull request that cannot be opened again."""
    return _custom(f"state cannot be changed. {why}")
