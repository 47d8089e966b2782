"""Who is trusted to run code and to decide (`spec/plugins-review` §3)."""

from __future__ import annotations

from typing import Protocol

from prow.config.plugin_options import TriggerConfig
from prow.model.decision import Decision, Reason
from prow.plugin.ports import KnowsPeople

OK_TO_TEST = "ok-to-test"
NEEDS_OK_TO_TEST = "needs-ok-to-test"


class Trusted(Reason, frozen=True):
    why: str

    def __str__(self) -> str:
        return self.why


class NotTrusted(Reason, frozen=True):
    why: str

    def __str__(self) -> str:
        return self.why


class HasLabels(Protocol):
    async def has_label(self, name: str) -> bool: ...


async def trusted_user(
    github: KnowsPeople, trigger: TriggerConfig, user: str, *, org: str, repo: str, bot: str
) -> Decision[bool]:
    """Whether `user` is trusted in org/repo, and by what; the first hit wins."""
    if bot and user == bot:
        return _yes(f"{user} is this bot")
    if user.lower() == org.lower() or await github.is_member(org, user):
        return _yes(f"{user} is a member of {org}")
    reasons: list[Reason] = [NotTrusted(why=f"{user} is not a member of {org}")]
    if not trigger.only_org_members:
        if await github.is_collaborator(org, repo, user):
            return _yes(f"{user} is a collaborator of {org}/{repo}")
        reasons.append(NotTrusted(why=f"{user} is not a collaborator of {org}/{repo}"))
    if user.endswith("[bot]") and user.removesuffix("[bot]") in trigger.trusted_apps:
        return _yes(f"{user} is a trusted app")
    if trigger.trusted_org and trigger.trusted_org != org:
        if await github.is_member(trigger.trusted_org, user):
            return _yes(f"{user} is a member of {trigger.trusted_org}")
        reasons.append(NotTrusted(why=f"{user} is not a member of {trigger.trusted_org}"))
    return Decision(False, tuple(reasons))


async def trusted_pull(
    github: KnowsPeople, trigger: TriggerConfig, labels: HasLabels, author: str, *, org: str, repo: str, bot: str
) -> Decision[bool]:
    """Whether the pull request may be tested: its author is trusted, or a trusted person said so. Labels are read only if needed."""
    return await or_allowed(labels, await trusted_user(github, trigger, author, org=org, repo=repo, bot=bot))


async def or_allowed(labels: HasLabels, author: Decision[bool]) -> Decision[bool]:
    """`trusted_pull` for whoever knows already whether the author is trusted."""
    if not author.verdict and await labels.has_label(OK_TO_TEST):
        return _yes(f"the pull request has the label {OK_TO_TEST}")
    return author


def _yes(why: str) -> Decision[bool]:
    return Decision(True, (Trusted(why=why),))
