"""A pull request as others see it: how it stands, its JSON, its history, its events."""

from __future__ import annotations

from typing import Any

from prow.sim import gitrepo, rules
from prow.sim.errors import not_found
from prow.sim.gitrepo import Compared
from prow.sim.payloads import Json
from prow.sim.state import Issue, IssueEvent, Protection, Pull, User
from prow.sim.world.checks import Checks

_LONGEST_BODY = 65_536


class Views(Checks):
    # How it stands

    def protection(self, issue: Issue) -> Protection | None:
        return issue.repo.protections.get(issue.pull.base_ref) if issue.pull is not None else None

    def verdicts(self, issue: Issue) -> rules.Verdicts:
        """What those who may write say about it."""
        reviews = issue.pull.reviews if issue.pull is not None else []
        writers = {r.user.login.lower(): self.may(issue.repo, r.user.login, "write") for r in reviews}
        return rules.Verdicts.of(reviews, writers)

    def review_decision(self, issue: Issue) -> str | None:
        return rules.review_decision(self.protection(issue), self.verdicts(issue))

    def rules_refusal(self, issue: Issue) -> str:
        """Why the rules of the base branch forbid to merge it; empty when they allow it."""
        pull = pull_of(issue)
        return rules.refusal(self.protection(issue), self.verdicts(issue), self.states(issue.repo, pull.head_sha))

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

    async def files(self, issue: Issue) -> list[dict[str, object]]:
        pull = pull_of(issue)
        key = (pull.base_sha, pull.head_sha)
        if pull.files is None or (pull.files[0] != key and not pull.merged):
            pull.files = (key, await gitrepo.changed_files(issue.repo.path, *key))
        return pull.files[1]

    # Its JSON

    async def pull_json(self, issue: Issue, *, full: bool = True, webhook: bool = False) -> Json:
        """GitHub's pull request. Numbers of lines are there only when it is asked for alone."""
        pull = pull_of(issue)
        owner = self.owner(issue.repo.owner)
        head_owner = self.owner(pull.head_repo.owner) if pull.head_repo else None
        found = self.json.pull(issue, pull, owner, head_owner, webhook=webhook)
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
                "maintainer_can_modify": False,
                "commits": len((await self.compared(issue)).commits),
                "additions": sum(int(str(f["additions"])) for f in files),
                "deletions": sum(int(str(f["deletions"])) for f in files),
                "changed_files": len(files),
            }
        return found

    # Its history and events

    def record(self, issue: Issue, actor: User, event: str, **details: Any) -> None:
        """An entry of `GET …/issues/N/events`."""
        issue.events.append(IssueEvent(self.new_id(), event, actor, self.clock.now(), details))

    async def pull_event(self, issue: Issue, sender: User, action: str, **extra: Any) -> None:
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


def short(text: str) -> str:
    return text[:_LONGEST_BODY]
