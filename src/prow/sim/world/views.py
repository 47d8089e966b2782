"""A pull request as others see it: how it stands, its JSON, its history, its events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from prow.sim import gitdiff, gitlog, gitrepo, references, rules
from prow.sim.errors import not_found
from prow.sim.gitrepo import Compared
from prow.sim.payloads import Json, Payloads
from prow.sim.state import Issue, IssueEvent, Protection, Pull, Repo, User
from prow.sim.world.protection import Protections

_MOST_EVENTS = 5_000


class Views(Protections):
    # How it stands

    def protection(self, issue: Issue) -> Protection | None:
        return self.protection_of(issue.repo, issue.pull.base_ref) if issue.pull is not None else None

    def verdicts(self, issue: Issue) -> rules.Verdicts:
        """What those who may write say about it."""
        pull, repo = issue.pull, issue.repo
        reviews = pull.reviews if pull is not None else []
        writers = {r.user.login.lower(): self.may(repo, r.user.login, "write") for r in reviews}
        found = rules.Verdicts.of(reviews, writers)
        protection = self.protection(issue)
        if pull is None or protection is None:
            return found
        approvals = {n: r for n, r in rules.opinions(reviews).items() if r.state == "APPROVED" and writers.get(n)}
        if protection.code_owners and pull.owners is not None:
            said = {name: self.approves_as(repo, name) for name in approvals}
            found = replace(found, owners=rules.waiting_owners(pull.owners[1], said))
        if protection.last_push:
            pusher = (pull.last_pusher or issue.user).login.lower()
            fresh = any(n != pusher and r.commit_id == pull.head_sha for n, r in approvals.items())
            found = replace(found, last_push=fresh)
        threads = [comment.id for comment in pull.review_comments if comment.in_reply_to is None]
        return replace(found, unresolved=sum(thread not in pull.resolved for thread in threads))

    def review_decision(self, issue: Issue) -> str | None:
        return rules.review_decision(self.protection(issue), self.verdicts(issue))

    def rules_refusal(self, issue: Issue, login: str = "") -> str:
        """Why the rules of the base branch forbid to merge it, this user or anybody; empty when they allow it."""
        pull = pull_of(issue)
        protection = self.protection(issue)
        if protection is not None and login:
            protection = self.as_it_binds(issue.repo, protection, login)
        states = self.required_states(issue.repo, pull.head_sha, protection)
        return rules.refusal(protection, self.verdicts(issue), states)

    def merge_state(self, issue: Issue) -> str:
        pull = issue.pull
        if pull is None or issue.state != "open":
            return "UNKNOWN"
        behind = pull.compared is not None and pull.compared[1].behind
        return rules.merge_state(
            mergeable=pull.mergeable,
            draft=pull.draft,
            refused=self.rules_refusal(issue),
            behind=behind,
            protection=self.protection(issue),
            states=self.states(issue.repo, pull.head_sha),
        )

    async def compared(self, issue: Issue) -> Compared:
        """The way from base to head, as it was when it was merged."""
        pull = pull_of(issue)
        key = (pull.base_sha, pull.head_sha)
        if pull.compared is None or (pull.compared[0] != key and not pull.merged):
            pull.compared = (key, await gitrepo.compare(issue.repo.path, *key))
        return pull.compared[1]

    async def pulls_with(self, repo: Repo, sha: str) -> list[Issue]:
        """Pull requests that brought the commit, or want to."""
        found = []
        for issue in repo.issues.values():
            if issue.pull is not None:
                own = {commit for commit, _ in (await self.compared(issue)).commits} | {issue.pull.head_sha}
                if sha in own or (issue.pull.merged and issue.pull.merge_commit_sha == sha):
                    found.append(issue)
        return found

    async def files(self, issue: Issue) -> list[dict[str, object]]:
        pull = pull_of(issue)
        key = (pull.base_sha, pull.head_sha)
        if pull.files is None or (pull.files[0] != key and not pull.merged):
            pull.files = (key, await gitdiff.changed_files(issue.repo.path, *key))
        return pull.files[1]

    # Its JSON

    async def pull_json(
        self, issue: Issue, *, full: bool = True, webhook: bool = False, told: Payloads | None = None
    ) -> Json:
        """GitHub's pull request. Numbers of lines are there only when it is asked for alone. `told`: one for a whole list."""
        pull = pull_of(issue)
        owner = self.owner(issue.repo.owner)
        head_owner = self.owner(pull.head_repo.owner) if pull.head_repo else None
        found = (told or self.json).pull(issue, pull, owner, head_owner, webhook=webhook)
        if full:
            files = await self.files(issue)
            found |= {
                "merged": pull.merged,
                "mergeable": pull.mergeable if issue.state == "open" else None,
                "mergeable_state": self.merge_state(issue).lower(),
                "rebaseable": pull.rebaseable if pull.mergeable is not None and issue.state == "open" else None,
                "merged_by": self.json.user(pull.merged_by) if pull.merged_by else None,
                "comments": len(issue.comments),
                "review_comments": len(pull.review_comments),
                "maintainer_can_modify": pull.maintainer_can_modify,
                "commits": len((await self.compared(issue)).commits),
                "additions": sum(int(str(f["additions"])) for f in files),
                "deletions": sum(int(str(f["deletions"])) for f in files),
                "changed_files": len(files),
            }
        return found

    # Its history and events

    def record(self, issue: Issue, actor: User, event: str, **details: Any) -> None:
        """An entry of `GET …/issues/N/events`."""
        entry = IssueEvent(self.new_id(), event, actor, self.clock.now(), details)
        issue.events.append(entry)
        self.journal.note_entry(issue, entry)
        del issue.events[:-_MOST_EVENTS]

    async def timeline(self, issue: Issue, sees: Callable[[Repo], bool]) -> list[Json]:
        """Everything that happened to it, as it came. `sees`: of which repositories the reader may know."""
        found = [(e.created_at, e.id, self.json.issue_event(issue, e)) for e in issue.events]
        found += [(c.created_at, c.id, self._said(self.json.comment(issue, c), c.user)) for c in issue.comments]
        for review in issue.pull.reviews if issue.pull is not None else ():
            if review.state != "PENDING":
                told = self.json.review(issue, review)
                told |= {"event": "reviewed", "state": review.state.lower()}
                found.append((review.submitted_at, review.id, told))
        if issue.pull is not None:
            shas = [sha for sha, _ in (await self.compared(issue)).commits]
            for one in await gitlog.of(issue.repo.path, shas):
                told = self.json.git_commit(issue.repo, one) | {"event": "committed"}
                found.append((datetime.fromisoformat(one.committer.date), 0, told))
        found += [
            (when, source.id, self.json.cross_reference(source, user, when))
            for when, source, user in self._naming(issue, sees)
        ]
        return [told for _, _, told in sorted(found, key=lambda entry: entry[:2])]

    def _naming(self, issue: Issue, sees: Callable[[Repo], bool]) -> list[tuple[datetime, Issue, User]]:
        """Where else it is named first: when, where, by whom."""
        wanted = (issue.repo.full_name.lower(), issue.number)
        found = []
        for source in (
            one for repo in self.repos.values() if sees(repo) for one in repo.issues.values() if one is not issue
        ):
            name = source.repo.full_name
            texts = [(source.created_at, source.user, source.body)]
            texts += [(said.created_at, said.user, said.body) for said in source.comments]
            first = next(
                ((when, user) for when, user, text in texts if wanted in references.named_in(text, name)), None
            )
            if first is not None:
                found.append((first[0], source, first[1]))
        return found

    def _said(self, comment: Json, user: User) -> Json:
        return comment | {"event": "commented", "actor": self.json.user(user)}

    async def pull_event(self, issue: Issue, sender: User, action: str, **extra: Any) -> None:
        self.journal.note_pull(issue, sender.login, action)
        payload = {
            "action": action,
            "number": issue.number,
            "pull_request": await self.pull_json(issue, webhook=True),
            **extra,
        }
        await self.emit(issue.repo, "pull_request", sender, payload)

    async def touched(self, issue: Issue, sender: User, action: str, **extra: Any) -> None:
        """An event of the issue or of the pull request, whichever it is."""
        issue.updated_at = self.clock.now()
        if issue.pull is not None:
            await self.pull_event(issue, sender, action, **extra)
        else:
            await self.emit(issue.repo, "issues", sender, {"action": action, "issue": self.json.issue(issue), **extra})


def pull_of(issue: Issue) -> Pull:
    """Its pull request side; GitHub knows no pull request of this number when it is an issue."""
    if issue.pull is None:
        raise not_found()
    return issue.pull
