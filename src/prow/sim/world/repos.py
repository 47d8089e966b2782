"""Repositories: made, forked, renamed, changed, deleted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prow.sim import gitdata, gitrepo
from prow.sim.errors import Refused, unprocessable
from prow.sim.state import Issue, Repo, User
from prow.sim.world.accounts import check_name
from prow.sim.world.dispatches import Dispatches
from prow.sim.world.views import pull_of

_MERGES = ("allow_merge_commit", "allow_squash_merge", "allow_rebase_merge")
_SETTINGS = (*_MERGES, "archived", "private", "delete_branch_on_merge")
_WORDS = {
    "squash_merge_commit_title": ("PR_TITLE", "COMMIT_OR_PR_TITLE"),
    "squash_merge_commit_message": ("PR_BODY", "COMMIT_MESSAGES", "BLANK"),
    "merge_commit_title": ("PR_TITLE", "MERGE_MESSAGE"),
    "merge_commit_message": ("PR_BODY", "PR_TITLE", "BLANK"),
}
_TOPIC = re.compile(r"[a-z0-9][a-z0-9-]{0,34}")
_MOST_TOPICS = 20
_SHOWN = frozenset(
    {
        "description",
        "homepage",
        "has_issues",
        "has_projects",
        "has_wiki",
        "has_discussions",
        "is_template",
        "allow_auto_merge",
        "allow_update_branch",
        "allow_forking",
        "squash_merge_commit_title",
        "squash_merge_commit_message",
        "merge_commit_title",
        "merge_commit_message",
        "use_squash_pr_title_as_default",
        "web_commit_signoff_required",
    }
)


class Repos(Dispatches):
    fork_delay = 0.0
    """Seconds of the clock until a fork that was asked for has its branches."""

    def _place(self, owner: str, name: str) -> Path:
        """A folder that no repository has or had."""
        path = self.root / "repos" / owner.lower() / f"{name.lower()}.git"
        number = 1
        while path.exists() or any(repo.path == path for repo in self.repos.values()):
            number += 1
            path = path.with_name(f"{name.lower()}-{number}.git")
        return path

    def _new(self, owner: str, name: str, branch: str) -> Repo:
        check_name(owner)
        check_name(name)
        full_name = f"{owner}/{name}"
        if full_name.lower() in self.repos:
            text = "name already exists on this account"
            errors = [{"resource": "Repository", "code": "custom", "field": "name", "message": text}]
            raise Refused(422, "Repository creation failed.", errors)
        repo = Repo(owner, name, self.new_id(), self._place(owner, name), self.clock.now(), default_branch=branch)
        self.former_names.pop(full_name.lower(), None)
        self.repos[full_name.lower()] = repo
        if owner.lower() in self.users:
            repo.collaborators[owner] = "admin"
        return repo

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
        repo = self._new(owner, name, branch)
        if clone is not None:
            try:
                await gitrepo.copy(clone, repo.path)
            except gitrepo.GitFailed:
                del self.repos[full_name.lower()]
                raise
            head = (await gitrepo.git("symbolic-ref", "--short", "HEAD", cwd=repo.path)).decode().strip()
            repo.default_branch = head or branch
        else:
            await gitrepo.create(repo.path, branch)
        if files:
            login = owner if owner.lower() in self.users else "octocat"
            await self.commit(repo, login, branch, files, message="First commit", quiet=True)
        return repo

    async def create_repo_for(self, owner: str, login: str, wanted: Mapping[str, Any]) -> Repo:
        """As REST asks for it; empty unless `auto_init` wants a first commit."""
        name = str(wanted.get("name") or "")
        if not name:
            raise unprocessable("Repository", "name", "missing_field")
        description = str(wanted.get("description") or "")
        readme = f"# {name}\n" + (f"{description}\n" if description else "")
        files = {"README.md": readme} if wanted.get("auto_init") else None
        repo = await self.create_repo(f"{owner}/{name}", files=files)
        repo.private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
        for key in ("delete_branch_on_merge", *_MERGES):
            if wanted.get(key) is not None:
                setattr(repo, key, bool(wanted[key]))
        repo.settings |= {key: wanted[key] for key in _SHOWN if wanted.get(key) is not None}
        await self.emit(repo, "repository", self.user(login), {"action": "created"})
        self.tell_of_new_repo(repo, login)
        return repo

    # Forks

    def existing_fork(self, repo: Repo, owner: str) -> Repo | None:
        owner = owner.lower()
        return next((r for r in self.repos.values() if r.parent is repo and r.owner.lower() == owner), None)

    async def fork(self, repo: Repo, login: str) -> Repo:
        """A copy under the user's name, with its branches; the same one when there is one."""
        found = self.existing_fork(repo, self.user(login).login)
        if found is not None:
            return found
        full_name = self._free_name(self.user(login).login, repo.name)
        fork = self._new(self.user(login).login, full_name.partition("/")[2], repo.default_branch)
        fork.parent = repo
        await gitrepo.create(fork.path, repo.default_branch, family=repo.path)
        await self._copy_branches(fork, repo)
        return fork

    async def fork_later(self, repo: Repo, login: str, *, owner: str = "", name: str = "") -> Repo:
        """As REST does it: the fork is there at once, and empty until its branches have been copied."""
        owner = owner or self.user(login).login
        found = self.existing_fork(repo, owner)
        if found is not None:
            return found
        if repo.owner.lower() == owner.lower():
            raise Refused(403, "You cannot fork a repository into the account that it belongs to.")
        if await gitdata.is_empty(repo.path):
            raise Refused(403, "The repository exists, but it contains no Git content. Empty repositories cannot be forked.")  # fmt: skip
        full_name = self._free_name(owner, name or repo.name)
        fork = self._new(owner, full_name.partition("/")[2], repo.default_branch)
        fork.parent, fork.private = repo, repo.private
        if login.lower() != owner.lower():
            fork.collaborators[login] = "admin"
        await gitrepo.create(fork.path, repo.default_branch, family=repo.path)
        self.spawn(self._fill(fork, repo, self.user(login)))
        return fork

    async def _fill(self, fork: Repo, source: Repo, sender: User) -> None:
        if self.fork_delay:
            await self.clock.sleep(self.fork_delay)
        async with self.lock(fork):
            await self._copy_branches(fork, source)
        await self.emit(source, "fork", sender, {"forkee": self.repo_json(fork)})

    @staticmethod
    async def _copy_branches(fork: Repo, source: Repo) -> None:
        for kind in ("refs/heads/*", "refs/tags/*"):
            await gitrepo.fetch(fork.path, source.path, kind, kind)

    def _free_name(self, owner: str, name: str) -> str:
        taken = (f"{owner}/{name}", *(f"{owner}/{name}-{n}" for n in range(1, len(self.repos) + 2)))
        return next(full_name for full_name in taken if full_name.lower() not in self.repos)

    # Changes

    async def change_settings(self, repo: Repo, login: str, changes: Mapping[str, Any]) -> None:
        """What `PATCH` takes: its name and looks, which merges are allowed, archived or private, its default branch."""
        wanted = {name: bool(changes[name]) for name in _SETTINGS if changes.get(name) is not None}
        if changes.get("visibility") is not None:
            wanted["private"] = changes["visibility"] != "public"
        allowed = [wanted.get(name, getattr(repo, name)) for name in _MERGES]
        if not any(allowed):
            raise unprocessable("Repository", "merge_commit_allowed", "no_merge_method")
        for name, words in _WORDS.items():
            if changes.get(name) not in {None, *words}:
                raise unprocessable("Repository", name, "invalid")
        if repo.archived and wanted.get("archived") is not False:
            raise Refused(403, "Repository was archived so is read-only.")
        branch = changes.get("default_branch")
        if branch and await gitrepo.resolve(repo.path, f"refs/heads/{branch}") is None:
            raise unprocessable("Repository", "default_branch", "invalid")
        before = (repo.archived, repo.private)
        for name, value in wanted.items():
            setattr(repo, name, value)
        repo.settings |= {
            key: changes[key]
            for key in _SHOWN
            if key in changes and (changes[key] is not None or key in {"description", "homepage"})
        }
        told: dict[str, Any] = {}
        if branch and branch != repo.default_branch:
            told["default_branch"] = {"from": repo.default_branch}
            repo.default_branch = str(branch)
            await gitdata.set_head(repo.path, repo.default_branch)
        sender = self.user(login)
        if changes.get("name") and str(changes["name"]) != repo.name:
            await self.rename(repo, login, str(changes["name"]))
        if repo.archived != before[0]:
            await self.emit(repo, "repository", sender, {"action": "archived" if repo.archived else "unarchived"})
        elif repo.private != before[1]:
            await self.emit(repo, "repository", sender, {"action": "privatized" if repo.private else "publicized"})
        else:
            await self.emit(repo, "repository", sender, {"action": "edited", "changes": told})

    async def set_topics(self, repo: Repo, login: str, names: Sequence[str]) -> None:
        check_topics(names)
        before = repo.settings.get("topics", [])
        repo.settings["topics"] = list(dict.fromkeys(names))
        changes = {"topics": {"from": before}}
        await self.emit(repo, "repository", self.user(login), {"action": "edited", "changes": changes})

    async def rename(self, repo: Repo, login: str, name: str) -> None:
        """The old name leads to the new one until somebody else takes it."""
        check_name(name)
        old, new = repo.full_name, f"{repo.owner}/{name}"
        if new.lower() in self.repos and new.lower() != old.lower():
            text = "name already exists on this account"
            raise Refused(422, "Validation Failed", [{"resource": "Repository", "code": "custom", "field": "name", "message": text}])  # fmt: skip
        del self.repos[old.lower()]
        self.former_names[old.lower()] = repo
        self.former_names.pop(new.lower(), None)
        before, repo.name = repo.name, name
        self.repos[new.lower()] = repo
        changes = {"repository": {"name": {"from": before}}}
        await self.emit(repo, "repository", self.user(login), {"action": "renamed", "changes": changes})

    async def transfer(self, repo: Repo, login: str, owner: str) -> None:
        """Another owner; the old name leads there."""
        old, former, target = repo.full_name, self.owner(repo.owner), self.owner(owner)
        if f"{target.login}/{repo.name}".lower() in self.repos:
            raise unprocessable("Repository", "name", "already_exists")
        del self.repos[old.lower()]
        self.former_names[old.lower()] = repo
        repo.owner, repo.teams = target.login, {}
        self.repos[repo.full_name.lower()] = repo
        told = {"user": self.json.user(former)} if isinstance(former, User) else {"organization": self.json.org(former)}
        changes = {"owner": {"from": told}}
        await self.emit(repo, "repository", self.user(login), {"action": "transferred", "changes": changes})

    async def delete_repo(self, repo: Repo, login: str) -> None:
        """Pull requests from it keep their commits and lose their head."""
        await self.emit(repo, "repository", self.user(login), {"action": "deleted"})
        del self.repos[repo.full_name.lower()]
        self.former_names = {name: moved for name, moved in self.former_names.items() if moved is not repo}
        self.repo_invitations = [one for one in self.repo_invitations if one.repo is not repo]
        for other in self.repos.values():
            if other.parent is repo:
                other.parent = repo.parent
            for issue in other.issues.values():
                if issue.pull is not None and issue.pull.head_repo is repo:
                    issue.pull.head_repo = None
                    self.record(issue, self.user(login), "head_ref_deleted")
        async with self.lock(repo):
            gitrepo.remove(repo.path, [other.path for other in self.repos.values()])
        await self.changed()

    async def delete_user(self, login: str) -> None:
        """What he said is `ghost`'s from then on; his repositories, memberships and tokens are gone."""
        user, ghost = self.users[login.lower()], self.user("ghost")
        for repo in [r for r in self.repos.values() if r.owner.lower() == login.lower()]:
            await self.delete_repo(repo, "ghost")
        for org in self.orgs.values():
            for memberships in (org.memberships, *(team.memberships for team in org.teams.values())):
                memberships.pop(login.lower(), None)
        for repo in self.repos.values():
            repo.collaborators = {n: p for n, p in repo.collaborators.items() if n.lower() != login.lower()}
            for issue in repo.issues.values():
                _haunt(issue, user, ghost)
        for token in [t for t, kept in self.tokens.items() if kept.identity.login == user.login]:
            self.revoke(token)
        del self.users[login.lower()]

    # Branches by name

    async def rename_branch(self, repo: Repo, login: str, old: str, new: str) -> None:
        """Its protection and the pull requests into it follow; the old name leads to the new one."""
        if not await gitrepo.valid_branch(new):
            raise Refused(422, "Validation Failed", [f"{new} is not a valid branch name"])
        if await gitrepo.resolve(repo.path, f"refs/heads/{new}") is not None:
            raise Refused(422, "Validation Failed", [f"Branch {new} already exists"])
        async with self.lock(repo):
            await gitdata.rename_ref(repo.path, f"refs/heads/{old}", f"refs/heads/{new}")
        if old in repo.protections:
            repo.protections[new] = repo.protections.pop(old)
        repo.renamed_branches.pop(new, None)
        repo.renamed_branches[old] = new
        sender = self.user(login)
        if repo.default_branch == old:
            repo.default_branch = new
            await gitdata.set_head(repo.path, new)
            changes = {"default_branch": {"from": old}}
            await self.emit(repo, "repository", sender, {"action": "edited", "changes": changes})
        for issue in [i for i in repo.issues.values() if i.pull is not None and i.state == "open"]:
            pull = pull_of(issue)
            if pull.base_ref == old:
                pull.base_ref = new
                self.record(issue, sender, "base_ref_changed")
                await self.touched(issue, sender, "edited", changes={"base": {"ref": {"from": old}, "sha": {"from": pull.base_sha}}})  # fmt: skip
            if pull.head_repo is repo and pull.head_ref == old:
                pull.head_ref = new
                await self.changed()


def _haunt(issue: Issue, user: User, ghost: User) -> None:
    """Put a ghost in the place of a user."""
    pull = issue.pull
    spoken: list[Any] = [issue, *issue.comments]
    if pull is not None:
        spoken += [*pull.reviews, *pull.review_comments]
        pull.requested_reviewers = [one for one in pull.requested_reviewers if one is not user]
        pull.merged_by = ghost if pull.merged_by is user else pull.merged_by
    for one in spoken:
        one.user = ghost if one.user is user else one.user
    for event in issue.events:
        event.actor = ghost if event.actor is user else event.actor
    issue.assignees = [one for one in issue.assignees if one is not user]


def check_topics(names: Sequence[str]) -> None:
    if not all(_TOPIC.fullmatch(name) for name in names):
        text = "Topics must start with a lowercase letter or number, consist of 35 characters or less, and can include hyphens."
        raise Refused(422, "Validation Failed", [text])
    if len(names) > _MOST_TOPICS:
        raise Refused(422, "Validation Failed", [f"A repository cannot have more than {_MOST_TOPICS} topics."])
