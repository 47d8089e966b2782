"""The merge button: GitHub's rules, in the order in which GitHub tells them, over the real repository; and merges without a pull request.

`Merges.merge` is the one way into a branch for a pull request: a merge queue would stand in front of it.
"""

from __future__ import annotations

from prow.sim import gitmerge, gitrepo, rules
from prow.sim.accounts import Identity
from prow.sim.errors import Refused, unprocessable
from prow.sim.gitmerge import Person
from prow.sim.state import Issue, Pull, Repo
from prow.sim.world.repos import Repos
from prow.sim.world.views import pull_of

BASE_MODIFIED = "Base branch was modified. Review and try the merge again."
HEAD_MODIFIED = "Head branch was modified. Review and try the merge again."
NOT_MERGEABLE = "Pull Request is not mergeable"
_METHODS = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}


class Merges(Repos):
    async def merge(
        self, issue: Issue, login: str, *, method: str = "merge", sha: str = "", title: str = "", message: str | None = None
    ) -> str:  # fmt: skip
        """Merge it; gives the SHA of the result. `sha`: the head it must have. `message` None: GitHub's own.

        The base is read before its turn comes: whoever finds it moved by then is refused, as at GitHub.
        """
        pull = pull_of(issue)
        base = await gitrepo.resolve(issue.repo.path, f"refs/heads/{pull.base_ref}")
        await self.clock.sleep(0)  # whoever asks at the same time reads it, too
        async with self.lock(issue.repo):
            if issue.state != "open" or base is None:
                raise Refused(405, NOT_MERGEABLE)
            if sha not in {"", pull.head_sha}:
                raise Refused(409, HEAD_MODIFIED)
            if pull.draft:
                raise Refused(405, "Pull Request is still a draft")
            self._check_method(issue, method)
            if base != await gitrepo.resolve(issue.repo.path, f"refs/heads/{pull.base_ref}"):
                raise Refused(405, BASE_MODIFIED)
            head = pull.head_sha
            await self._check_rules(issue, login, method, base)
            await self.compared(issue)
            await self.files(issue)
            made = await self._make(issue, login, method, base, title, message)
            if made is None:
                raise Refused(405, NOT_MERGEABLE)
            if issue.state != "open" or pull.head_sha != head:
                raise Refused(409, HEAD_MODIFIED)
            await gitrepo.update_ref(issue.repo.path, f"refs/heads/{pull.base_ref}", made)
            await self.mark_merged(issue, self.user(login), made)
        await self.pushed(issue.repo, login, f"refs/heads/{pull.base_ref}", base, made)
        return made

    def _check_method(self, issue: Issue, method: str) -> None:
        repo = issue.repo
        if method not in _METHODS:
            raise unprocessable("PullRequest", "merge_method", "invalid")
        allowed = {
            "merge": repo.allow_merge_commit,
            "squash": repo.allow_squash_merge,
            "rebase": repo.allow_rebase_merge,
        }
        if not allowed[method]:
            raise Refused(405, f"{_METHODS[method]} are not allowed on this repository.")

    async def _check_rules(self, issue: Issue, login: str, method: str, base: str) -> None:
        """Protection binds everybody; administrators only where it says so."""
        protection = self.protection(issue)
        if protection is None or not self.bound_by(issue.repo, protection, login):
            return
        await self.look_up_owners(issue)
        if not self.among_pushers(issue.repo, protection, login):
            raise Refused(405, rules.NOT_AUTHORIZED)
        if protection.linear and method == "merge":
            raise Refused(405, rules.MERGE_COMMITS)
        if (
            protection.signatures and method != "squash"
        ):  # of what is squashed GitHub makes a commit of its own, and signs it
            raise Refused(405, rules.SIGNATURES)
        refused = self.rules_refusal(issue, login)
        if refused:
            raise Refused(405, refused)
        behind = rules.behind_refusal(protection)
        if behind and not await gitrepo.is_ancestor(issue.repo.path, base, pull_of(issue).head_sha):
            raise Refused(405, behind)

    async def _make(
        self, issue: Issue, login: str, method: str, base: str, title: str, message: str | None
    ) -> str | None:
        pull, path = pull_of(issue), issue.repo.path
        when = self.seconds
        if method == "rebase":
            compared = await gitrepo.compare(path, base, pull.head_sha)
            return await gitmerge.rebase(path, base, compared, when=when)
        if method == "squash":
            own_title, own_message = await self._squash_texts(issue, base)
            text = _text(title or own_title, own_message if message is None else message)
            author = Person.of(issue.user.login)
            return await gitmerge.squash(path, base, pull.head_sha, message=text, author=author, when=when)
        own_title, own_message = _merge_texts(issue, pull)
        text = _text(title or own_title, own_message if message is None else message)
        return await gitmerge.merge(path, base, pull.head_sha, message=text, author=Person.of(login), when=when)

    async def _squash_texts(self, issue: Issue, base: str) -> tuple[str, str]:
        """One commit speaks for itself; of several the titles are listed. The repository's settings may want other words."""
        pull, path, settings = pull_of(issue), issue.repo.path, issue.repo.settings
        commits = (await gitrepo.compare(path, base, pull.head_sha)).commits
        told = [await gitmerge.describe(path, commit) for commit, _ in commits]
        alone = len(told) == 1
        by_pull = settings.get("squash_merge_commit_title") == "PR_TITLE" or not alone
        title = f"{issue.title if by_pull else told[0].subject} (#{issue.number})"
        listed = told[0].body if alone else "\n\n".join(f"* {one.message}" for one in told)
        author = Person.of(issue.user.login)
        others = dict.fromkeys(
            f"Co-authored-by: {p.name} <{p.email}>" for p in (one.author for one in told) if p != author
        )
        choice = settings.get("squash_merge_commit_message", "COMMIT_MESSAGES")
        words = {"COMMIT_MESSAGES": listed, "PR_BODY": issue.body, "BLANK": ""}[choice]
        return title, "\n\n".join(text for text in (words, "\n".join(others)) if text)

    # Branches without a pull request

    async def merge_branches(self, repo: Repo, who: Identity, base: str, head: str, message: str) -> str | None:
        """`POST …/merges`: a branch or commit into a branch; the new commit, or None when there was nothing to merge."""
        ref = f"refs/heads/{base}"
        async with self.lock(repo):
            before = await gitrepo.resolve(repo.path, ref)
            after = await gitrepo.resolve(repo.path, head if gitrepo.is_sha(head) else f"refs/heads/{head}")
            if before is None or after is None:
                raise Refused(404, "Base does not exist" if before is None else "Head does not exist")
            if await gitrepo.is_ancestor(repo.path, after, before):
                return None
            text, author = message or f"Merge {head} into {base}", Person.of(who.login or "")
            made = await gitmerge.merge(repo.path, before, after, message=text, author=author, when=self.seconds)
            if made is None:
                raise Refused(409, "Merge conflict")
            await self._advance(repo, who, ref, before, made)
        await self.pushed(repo, who.login or "", ref, before, made)
        return made

    async def sync_fork(self, repo: Repo, who: Identity, branch: str) -> str:
        """Bring a fork's branch up to where it was forked from; says how: merge, fast-forward or none."""
        source, ref = repo.parent, f"refs/heads/{branch}"
        if source is None:
            raise Refused(422, "This repository is not a fork.")
        async with self.lock(repo):
            before, theirs = await gitrepo.resolve(repo.path, ref), await gitrepo.resolve(source.path, ref)
            if before is None or theirs is None:
                raise Refused(404, "Branch not found")
            await gitrepo.fetch(repo.path, source.path, theirs)
            if await gitrepo.is_ancestor(repo.path, theirs, before):
                return "none"
            made: str | None = theirs
            if not await gitrepo.is_ancestor(repo.path, before, theirs):
                text, author = f"Merge branch '{source.full_name}:{branch}' into {branch}", Person.of(who.login or "")
                made = await gitmerge.merge(repo.path, before, theirs, message=text, author=author, when=self.seconds)
            if made is None:
                raise Refused(409, "There are merge conflicts")
            await self._advance(repo, who, ref, before, made)
        await self.pushed(repo, who.login or "", ref, before, made)
        return "fast-forward" if made == theirs else "merge"


def _merge_texts(issue: Issue, pull: Pull) -> tuple[str, str]:
    settings = issue.repo.settings
    owner = pull.head_repo.owner if pull.head_repo is not None else issue.user.login
    title = f"Merge pull request #{issue.number} from {owner}/{pull.head_ref}"
    if settings.get("merge_commit_title") == "PR_TITLE":
        title = f"{issue.title} (#{issue.number})"
    choice = settings.get("merge_commit_message", "PR_TITLE")
    return title, {"PR_TITLE": issue.title, "PR_BODY": issue.body, "BLANK": ""}[choice]


def _text(title: str, message: str) -> str:
    return f"{title}\n\n{message}" if message else title
