"""The rules of the simulated GitHub: what may be done, what changes, and which events follow.

Every way to change something (verbs of a story, REST, a git push) ends in a method here, so that all of them cause the same events.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from prow.lib.clock import Clock
from prow.lib.ids import Ids
from prow.sim import gitrepo
from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.gitrepo import NOTHING
from prow.sim.payloads import Payloads
from prow.sim.state import MOST_STATUSES, Comment, Hook, Issue, Label, Org, Pull, Repo, Review, Status, User
from prow.sim.webhooks import Webhooks

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PERMISSIONS = ("none", "read", "triage", "write", "maintain", "admin")
_STATES = frozenset({"error", "failure", "pending", "success"})
_LONGEST_DESCRIPTION = 140
_LONGEST_BODY = 65_536

Json = dict[str, Any]


class World:
    """All state. `base`: the address people and programs use, set when it is served."""

    def __init__(self, root: Path, *, clock: Clock, ids: Ids) -> None:
        self.root = root
        self.clock = clock
        self.base = "http://sim.invalid"
        self.users: dict[str, User] = {}
        self.orgs: dict[str, Org] = {}
        self.repos: dict[str, Repo] = {}
        self.tokens: dict[str, str] = {}
        self.hooks = Webhooks(clock=clock, ids=ids)
        self.calls: Counter[tuple[str, str]] = Counter()
        """API calls by (method, path template), 304s aside."""
        self.content_writes = 0
        self.compute_mergeable = True
        """False: mergeability stays unknown, as GitHub's does for a while."""
        self._ids = itertools.count(1001)
        self._changed = asyncio.Condition()
        self._locks: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def json(self) -> Payloads:
        return Payloads(self.base)

    def new_id(self) -> int:
        """One sequence for everything, as good as GitHub's many."""
        return next(self._ids)

    # People

    def user(self, login: str, *, type: str = "User") -> User:  # noqa: A002 - GitHub's word
        """The user of that login, made when it is new."""
        _check_name(login.removesuffix("[bot]"))
        found = self.users.get(login.lower())
        if found is None:
            found = self.users[login.lower()] = User(login, self.new_id(), type)
        return found

    def org(self, login: str, *, members: Sequence[str] = ()) -> Org:
        """The organisation of that login, made when it is new; `members` are added."""
        _check_name(login)
        found = self.orgs.get(login.lower())
        if found is None:
            found = self.orgs[login.lower()] = Org(login, self.new_id())
        for member in members:
            found.members.add(self.user(member).login)
        return found

    def token(self, login: str) -> str:
        """A new token of this user."""
        token = f"ghp_{secrets.token_hex(18)}"
        self.tokens[token] = self.user(login).login
        return token

    def owner(self, login: str) -> User | Org:
        return self.orgs.get(login.lower()) or self.user(login)

    def is_member(self, org: str, login: str) -> bool:
        found = self.orgs.get(org.lower())
        return found is not None and any(member.lower() == login.lower() for member in found.members)

    def permission(self, repo: Repo, login: str | None) -> str:
        """What a user may do in a repository."""
        if login is None:
            return "none" if repo.private else "read"
        if repo.owner.lower() == login.lower():
            return "admin"
        own = next((p for name, p in repo.collaborators.items() if name.lower() == login.lower()), None)
        if own is not None:
            return own
        return "none" if repo.private else "read"

    def may(self, repo: Repo, login: str | None, needed: str) -> bool:
        return _PERMISSIONS.index(self.permission(repo, login)) >= _PERMISSIONS.index(needed)

    # Repositories

    def repo(self, full_name: str) -> Repo:
        found = self.repos.get(full_name.lower())
        if found is None:
            raise not_found()
        return found

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
        _check_name(owner)
        _check_name(name)
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
        for login, permission in ((owner, "admin"),):
            if login.lower() in self.users:
                repo.collaborators[login] = permission
        if files:
            await self.commit(
                repo,
                owner if owner.lower() in self.users else "octocat",
                branch,
                files,
                message="First commit",
                quiet=True,
            )
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

    def add_hook(self, where: Repo | Org, *, url: str, secret: str, events: Sequence[str] = ("*",)) -> Hook:
        """A webhook; it is pinged at once."""
        hook = Hook(self.new_id(), url, secret, tuple(events))
        where.hooks.append(hook)
        payload: Json = {"zen": "Keep it logically awesome.", "hook_id": hook.id, "hook": self.json.hook("", hook)}
        if isinstance(where, Repo):
            payload["repository"] = self.json.repo(where, self.owner(where.owner))
        else:
            payload["organization"] = self.json.org(where)
        self.hooks.send(hook, "ping", payload)
        return hook

    async def emit(self, repo: Repo, event: str, sender: User, payload: Json) -> None:
        """Send an event to the repository's and its organisation's hooks, and wake whoever waits for a change."""
        body = dict(payload)
        body["repository"] = self.json.repo(repo, self.owner(repo.owner))
        body["sender"] = self.json.user(sender)
        org = self.orgs.get(repo.owner.lower())
        if org is not None:
            body["organization"] = self.json.org(org)
        for hook in (*repo.hooks, *(org.hooks if org else ())):
            if hook.wants(event):
                self.hooks.send(hook, event, body)
        await self.changed()

    async def changed(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def wait_until(self, holds: Callable[[], bool], *, within: float) -> None:
        """Wait for a change after which `holds`; TimeoutError when none comes."""
        async with self.clock.timeout(within), self._changed:
            await self._changed.wait_for(holds)

    # Git

    async def commit(
        self, repo: Repo, login: str, branch: str, files: Mapping[str, str | bytes | None], *, message: str, quiet: bool = False,
        start: str | None = None,
    ) -> str:  # fmt: skip
        """A commit on `branch` (made from `start`, or the default branch, when it is new) and the push event that follows."""
        async with self._lock(repo):
            before = await gitrepo.resolve(repo.path, f"refs/heads/{branch}")
            parent = before or (await gitrepo.resolve(repo.path, start or f"refs/heads/{repo.default_branch}"))
            when = int(self.clock.now().timestamp())
            after = await gitrepo.commit(
                repo.path, branch, files, message=message, author=login, when=when, parent=parent
            )
        if not quiet:
            await self.pushed(repo, login, f"refs/heads/{branch}", before or NOTHING, after)
        return after

    async def pushed(self, repo: Repo, login: str, ref: str, before: str, after: str) -> None:
        """A ref moved: the push event, and what it means for pull requests."""
        sender = self.user(login)
        deleted = after == NOTHING
        commits = [] if deleted else await gitrepo.commits_between(repo.path, before, after)
        forced = False
        if not deleted and before != NOTHING:
            code, _, _ = await gitrepo.git_code("merge-base", "--is-ancestor", before, after, cwd=repo.path)
            forced = code != 0
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
        branch = ref.removeprefix("refs/heads/")
        for other in tuple(self.repos.values()):
            for issue in tuple(other.issues.values()):
                pull = issue.pull
                if pull is None or issue.state != "open":
                    continue
                if pull.head_repo is repo and pull.head_ref == branch and not deleted:
                    await self._synchronize(issue, sender, before, after)
                elif issue.repo is repo and pull.base_ref == branch and not deleted:
                    pull.base_sha = after
                    self._compute(issue)

    async def _synchronize(self, issue: Issue, sender: User, before: str, after: str) -> None:
        pull = issue.pull
        assert pull is not None
        pull.head_sha = after
        pull.files = None
        await self._take_head(issue)
        issue.updated_at = self.clock.now()
        await self._pull_event(issue, sender, "synchronize", before=before, after=after)

    async def _take_head(self, issue: Issue) -> None:
        """Bring the head's commits into the base repository and find out whether they merge."""
        pull = issue.pull
        assert pull is not None
        target = f"refs/pull/{issue.number}/head"
        async with self._lock(issue.repo):
            if pull.head_repo is not None and pull.head_repo is not issue.repo:
                await gitrepo.fetch(issue.repo.path, pull.head_repo.path, f"refs/heads/{pull.head_ref}", target)
            else:
                await gitrepo.update_ref(issue.repo.path, target, pull.head_sha)
        self._compute(issue)

    def _compute(self, issue: Issue) -> None:
        """Mergeability is computed in the background: unknown first, as at GitHub."""
        pull = issue.pull
        assert pull is not None
        pull.mergeable = None
        pull.merge_commit_sha = None
        if self.compute_mergeable:
            self.spawn(self._merge_check(issue, pull, pull.base_sha, pull.head_sha))

    async def _merge_check(self, issue: Issue, pull: Pull, base: str, head: str) -> None:
        made = await gitrepo.merge(
            issue.repo.path,
            base,
            head,
            message=f"Merge {head} into {base}",
            author="github",
            when=int(self.clock.now().timestamp()),
        )
        if (pull.base_sha, pull.head_sha) != (base, head):
            return
        if made is not None:
            await gitrepo.update_ref(issue.repo.path, f"refs/pull/{issue.number}/merge", made)
        pull.merge_commit_sha = made
        pull.mergeable = made is not None
        await self.changed()

    def spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _lock(self, repo: Repo) -> asyncio.Lock:
        return self._locks.setdefault(repo.full_name.lower(), asyncio.Lock())

    def lock(self, repo: Repo) -> asyncio.Lock:
        """Held while a repository's refs are written."""
        return self._lock(repo)

    # Issues and pull requests

    def issue(self, repo: Repo, number: int) -> Issue:
        found = repo.issues.get(number)
        if found is None:
            raise not_found()
        return found

    async def open_issue(self, repo: Repo, login: str, *, title: str, body: str = "") -> Issue:
        issue = self._new_issue(repo, login, title, body)
        await self.emit(repo, "issues", issue.user, {"action": "opened", "issue": self.json.issue(issue)})
        return issue

    def _new_issue(self, repo: Repo, login: str, title: str, body: str) -> Issue:
        if not title.strip():
            raise unprocessable("Issue", "title", "missing_field")
        now = self.clock.now()
        issue = Issue(repo, self.new_id(), repo.next_number, self.user(login), title, _short(body), now, now)
        repo.next_number += 1
        repo.issues[issue.number] = issue
        return issue

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
        issue = self._new_issue(repo, login, title, body)
        issue.pull = Pull(head_repo, head_ref, head_sha, base, base_sha, draft=draft)
        await self._take_head(issue)
        await self._pull_event(issue, issue.user, "opened")
        return issue

    async def pull_json(self, issue: Issue, *, full: bool = True) -> Json:
        """GitHub's pull request. Numbers of lines are there only when it is asked for alone."""
        pull = issue.pull
        if pull is None:
            raise not_found()
        owner = self.owner(issue.repo.owner)
        head_owner = self.owner(pull.head_repo.owner) if pull.head_repo else None
        base = self.json.issue(issue)
        for key in ("pull_request", "comments"):
            base.pop(key, None)
        api = f"{self.base}/repos/{issue.repo.full_name}/pulls/{issue.number}"
        found = base | {
            "node_id": f"PR_sim{issue.id}",
            "url": api,
            "diff_url": f"{issue.repo.full_name}/pull/{issue.number}.diff",
            "commits_url": f"{api}/commits",
            "head": self.json.branch(pull.head_repo, head_owner, pull.head_ref, pull.head_sha),
            "base": self.json.branch(issue.repo, owner, pull.base_ref, pull.base_sha),
            "draft": pull.draft,
            "merged_at": None,
            "merge_commit_sha": pull.merge_commit_sha,
            "requested_reviewers": [self.json.user(u) for u in pull.requested_reviewers],
            "requested_teams": [],
            "auto_merge": None,
        }
        if full:
            files = await self.files(issue)
            found |= {
                "merged": pull.merged,
                "mergeable": pull.mergeable,
                "mergeable_state": {None: "unknown", True: "clean", False: "dirty"}[pull.mergeable],
                "merged_by": None,
                "comments": len(issue.comments),
                "review_comments": 0,
                "maintainer_can_modify": False,
                "commits": 1,
                "additions": sum(int(str(f["additions"])) for f in files),
                "deletions": sum(int(str(f["deletions"])) for f in files),
                "changed_files": len(files),
            }
        return found

    async def files(self, issue: Issue) -> list[dict[str, object]]:
        pull = issue.pull
        if pull is None:
            raise not_found()
        key = (pull.base_sha, pull.head_sha)
        if pull.files is None or pull.files[0] != key:
            pull.files = (key, await gitrepo.changed_files(issue.repo.path, *key))
        return pull.files[1]

    async def _pull_event(self, issue: Issue, sender: User, action: str, **extra: Any) -> None:
        payload = {"action": action, "number": issue.number, "pull_request": await self.pull_json(issue), **extra}
        await self.emit(issue.repo, "pull_request", sender, payload)

    async def _touched(self, issue: Issue, sender: User, action: str, **extra: Any) -> None:
        """An event of the issue or of the pull request, whichever it is."""
        issue.updated_at = self.clock.now()
        if issue.pull is not None:
            await self._pull_event(issue, sender, action, **extra)
        else:
            await self.emit(issue.repo, "issues", sender, {"action": action, "issue": self.json.issue(issue), **extra})

    async def edit(self, issue: Issue, login: str, changes: Mapping[str, Any]) -> None:
        """Title, body, state, base, as `PATCH` takes them."""
        sender = self.user(login)
        before: Json = {}
        if changes.get("title") not in {None, issue.title}:
            before["title"] = {"from": issue.title}
            issue.title = str(changes["title"])
        if "body" in changes and (changes["body"] or "") != issue.body:
            before["body"] = {"from": issue.body}
            issue.body = _short(str(changes["body"] or ""))
        if issue.pull is not None and changes.get("base") not in {None, issue.pull.base_ref}:
            sha = await gitrepo.resolve(issue.repo.path, f"refs/heads/{changes['base']}")
            if sha is None:
                raise unprocessable("PullRequest", "base", "invalid")
            before["base"] = {"ref": {"from": issue.pull.base_ref}, "sha": {"from": issue.pull.base_sha}}
            issue.pull.base_ref, issue.pull.base_sha = str(changes["base"]), sha
            self._compute(issue)
        if before:
            await self._touched(issue, sender, "edited", changes=before)
        state = changes.get("state")
        if state not in {None, issue.state}:
            if state not in {"open", "closed"}:
                raise unprocessable("Issue", "state", "invalid")
            issue.state = str(state)
            await self._touched(issue, sender, "closed" if state == "closed" else "reopened")

    async def set_draft(self, issue: Issue, login: str, *, draft: bool) -> None:
        if issue.pull is not None and issue.pull.draft is not draft:
            issue.pull.draft = draft
            await self._touched(issue, self.user(login), "converted_to_draft" if draft else "ready_for_review")

    async def comment(self, issue: Issue, login: str, body: str) -> Comment:
        if not body.strip():
            raise unprocessable("IssueComment", "body", "missing_field")
        if len(body) > _LONGEST_BODY:
            raise unprocessable(
                "IssueComment", "body", "custom", f"Body is too long (maximum is {_LONGEST_BODY} characters)"
            )
        now = self.clock.now()
        comment = Comment(self.new_id(), self.user(login), body, now, now)
        issue.comments.append(comment)
        await self._comment_event(issue, comment, comment.user, "created")
        return comment

    async def edit_comment(self, issue: Issue, comment: Comment, login: str, body: str) -> None:
        before, comment.body, comment.updated_at = comment.body, body, self.clock.now()
        await self._comment_event(issue, comment, self.user(login), "edited", changes={"body": {"from": before}})

    async def delete_comment(self, issue: Issue, comment: Comment, login: str) -> None:
        issue.comments.remove(comment)
        await self._comment_event(issue, comment, self.user(login), "deleted")

    async def _comment_event(self, issue: Issue, comment: Comment, sender: User, action: str, **extra: Any) -> None:
        payload = {
            "action": action,
            "issue": self.json.issue(issue),
            "comment": self.json.comment(issue, comment),
            **extra,
        }
        await self.emit(issue.repo, "issue_comment", sender, payload)

    def find_comment(self, repo: Repo, comment_id: int) -> tuple[Issue, Comment]:
        for issue in repo.issues.values():
            for comment in issue.comments:
                if comment.id == comment_id:
                    return issue, comment
        raise not_found()

    async def add_labels(self, issue: Issue, login: str, names: Sequence[str]) -> None:
        """Labels that the repository does not have yet are made, as GitHub does; each that is new here is an event."""
        for name in names:
            if not name or len(name) > 50:
                raise unprocessable("Label", "name", "invalid")
            label = issue.repo.labels.get(name.lower())
            if label is None:
                label = issue.repo.labels[name.lower()] = Label(self.new_id(), name)
            if label not in issue.labels:
                issue.labels.append(label)
                await self._touched(issue, self.user(login), "labeled", label=self.json.label(issue.repo, label))

    async def remove_label(self, issue: Issue, login: str, name: str) -> None:
        label = next((found for found in issue.labels if found.name.lower() == name.lower()), None)
        if label is None:
            raise Refused(404, "Label does not exist")
        issue.labels.remove(label)
        await self._touched(issue, self.user(login), "unlabeled", label=self.json.label(issue.repo, label))

    async def assign(self, issue: Issue, login: str, names: Sequence[str], *, remove: bool = False) -> None:
        for name in names:
            user = self.users.get(name.lower())
            if user is None or not (
                remove or self.may(issue.repo, name, "write") or self.is_member(issue.repo.owner, name)
            ):
                continue
            if remove and user in issue.assignees:
                issue.assignees.remove(user)
                await self._touched(issue, self.user(login), "unassigned", assignee=self.json.user(user))
            elif not remove and user not in issue.assignees:
                issue.assignees.append(user)
                await self._touched(issue, self.user(login), "assigned", assignee=self.json.user(user))

    async def review(self, issue: Issue, login: str, *, state: str, body: str = "") -> Review:
        pull = issue.pull
        if pull is None:
            raise not_found()
        review = Review(self.new_id(), self.user(login), body, state, pull.head_sha, self.clock.now())
        pull.reviews.append(review)
        payload = {
            "action": "submitted",
            "review": self.json.review(issue, review, webhook=True),
            "pull_request": await self.pull_json(issue, full=False),
        }
        await self.emit(issue.repo, "pull_request_review", review.user, payload)
        return review

    # Statuses

    async def set_status(
        self, repo: Repo, login: str, sha: str, *, context: str, state: str, description: str = "", target_url: str = ""
    ) -> Status:
        if state not in _STATES:
            raise unprocessable("Status", "state", "custom", "State is not included in the list")
        if len(description.encode()) > _LONGEST_DESCRIPTION * 4 or len(description) > _LONGEST_DESCRIPTION:
            raise unprocessable(
                "Status", "description", "custom", "description is too long (maximum is 140 characters)"
            )
        if await gitrepo.resolve(repo.path, sha) is None:
            raise Refused(422, f"No commit found for SHA: {sha}")
        all_of_commit = repo.statuses.setdefault(sha, [])
        context = context or "default"
        if sum(s.context == context for s in all_of_commit) >= MOST_STATUSES:
            raise Refused(422, "Validation Failed: This SHA and context has reached the maximum number of statuses.")
        status = Status(self.new_id(), context, state, description, target_url, self.user(login), self.clock.now())
        all_of_commit.append(status)
        found = self.json.status(repo, sha, status)
        await self.emit(repo, "status", status.creator, {**found, "sha": sha, "name": repo.full_name, "branches": []})
        return status

    def combined(self, repo: Repo, sha: str) -> list[Status]:
        """The newest status of each context."""
        return list({status.context: status for status in repo.statuses.get(sha, ())}.values())

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.hooks.close()


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name.endswith(".git"):
        raise Refused(422, f"{name[:80]!r} cannot be a name")


def _short(text: str) -> str:
    return text[:_LONGEST_BODY]
