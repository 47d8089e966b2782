"""What GitHub makes of reviews, checks and protection: values in, verdicts out. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from prow.sim.state import CheckRun, Protection, Review, Status

FINE_CONCLUSIONS = frozenset({"success", "neutral", "skipped"})
CONCLUSIONS = FINE_CONCLUSIONS | {"failure", "cancelled", "timed_out", "action_required", "stale", "startup_failure"}
RUN_STATUSES = frozenset({"queued", "in_progress", "completed", "waiting", "requested", "pending"})


def run_state(run: CheckRun) -> str:
    """A check run as one of a status' words: success, pending or failure."""
    if run.status != "completed":
        return "pending"
    return "success" if run.conclusion in FINE_CONCLUSIONS else "failure"


def combined_state(states: Iterable[str]) -> str:
    """One word for all of a commit's statuses and runs; pending when there are none."""
    found = set(states)
    return "failure" if found & {"error", "failure"} else "success" if found == {"success"} else "pending"


def states_by_name(statuses: Iterable[Status], runs: Iterable[CheckRun]) -> dict[str, str]:
    """The newest word for each name; where a status and a run share a name, the worse one."""
    found = {status.context: status.state for status in statuses}
    for run in runs:
        found[run.name] = combined_state({found.get(run.name, "success"), run_state(run)})
    return found


def opinions(reviews: Sequence[Review]) -> dict[str, Review]:
    """The newest review with an opinion of each reviewer, by lower-case login; comments are none, nor is what was not submitted, a dismissed one is empty."""
    latest = {review.user.login.lower(): review for review in reviews if review.state not in {"COMMENTED", "PENDING"}}
    return {login: review for login, review in latest.items() if review.state != "DISMISSED"}


@dataclass(frozen=True)
class Verdicts:
    """What reviewers with write access say: how many approve, whether somebody wants changes.

    `owners`: code owners of whom nobody has approved yet, one text for each group. `last_push`: somebody else than who pushed last has
    approved what was pushed. `unresolved`: conversations that are open.
    """

    approvals: int
    changes_requested: bool
    owners: tuple[str, ...] = ()
    last_push: bool = True
    unresolved: int = 0

    @classmethod
    def of(cls, reviews: Sequence[Review], writers: Mapping[str, bool]) -> Verdicts:
        """`writers`: by lower-case login, whether this reviewer may write."""
        states = [review.state for login, review in opinions(reviews).items() if writers.get(login)]
        return cls(states.count("APPROVED"), "CHANGES_REQUESTED" in states)


def waiting_owners(groups: Iterable[frozenset[str]], approvers: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Groups of owners (of one file each) in which nobody has approved. `approvers`: login → what he approves as: himself, his teams."""
    said = frozenset(name for names in approvers.values() for name in names)
    return tuple(sorted({", ".join(sorted(group)) for group in groups if group and not group & said}))


def review_decision(protection: Protection | None, verdicts: Verdicts) -> str | None:
    """GraphQL's `reviewDecision`: None where the branch requires no reviews."""
    if protection is None or protection.reviews is None:
        return None
    if not protection.reviews and not protection.code_owners:
        return None
    if verdicts.changes_requested:
        return "CHANGES_REQUESTED"
    return "REVIEW_REQUIRED" if _reviews_refusal(protection, verdicts) else "APPROVED"


def search_review(protection: Protection | None, verdicts: Verdicts) -> str:
    """The word of the `review:` qualifier."""
    if verdicts.changes_requested:
        return "changes_requested"
    if verdicts.approvals:
        return "approved"
    return "required" if protection is not None and protection.reviews else "none"


def _reviews_refusal(protection: Protection, verdicts: Verdicts) -> str:
    if protection.reviews is None:
        return ""
    if verdicts.changes_requested and (protection.reviews or protection.code_owners):
        return "Changes have been requested by reviewers with write access."
    texts = []
    if verdicts.approvals < protection.reviews:
        count, some = protection.reviews, "approving review is" if protection.reviews == 1 else "approving reviews are"
        texts.append(f"At least {count} {some} required by reviewers with write access.")
    if protection.code_owners and verdicts.owners:
        texts.append(f"Waiting on code owner review from {'; '.join(verdicts.owners)}.")
    if protection.last_push and not verdicts.last_push:
        texts.append("New changes require approval from someone other than the last pusher.")
    return " ".join(texts)


_WORDS = {"": "expected", "pending": "pending", "failure": "failing", "error": "failing"}


def _checks_refusal(protection: Protection, states: Mapping[str, str]) -> str:
    """A context that never reported is expected."""
    contexts = protection.contexts or ()
    wrong = {context: _WORDS[states.get(context, "")] for context in contexts if states.get(context) != "success"}
    if not wrong:
        return ""
    kinds = sorted(set(wrong.values()))
    if len(contexts) == 1:
        return f'Required status check "{contexts[0]}" is {kinds[0]}.'
    start = f"{len(wrong)} of {len(contexts)} required status checks"
    if kinds == ["expected"]:
        return f"{start} are expected."
    counts = " and ".join(f"{list(wrong.values()).count(kind)} {kind}" for kind in kinds)
    return f"{start} have not succeeded: {counts}."


def refusal(protection: Protection | None, verdicts: Verdicts, states: Mapping[str, str]) -> str:
    """Why the branch's rules forbid a merge, in GitHub's words; empty when they allow it. Being behind is not looked at."""
    if protection is None:
        return ""
    unresolved = "A conversation must be resolved before this pull request can be merged."
    texts = (
        "This branch is locked and cannot be changed." if protection.locked else "",
        _checks_refusal(protection, states),
        _reviews_refusal(protection, verdicts),
        unresolved if protection.conversations and verdicts.unresolved else "",
    )
    return " ".join(text for text in texts if text)


SIGNATURES = "Commits must have verified signatures."
MERGE_COMMITS = "This branch must not contain merge commits."
NOT_AUTHORIZED = "You're not authorized to push to this branch."


def push_refusal(
    protection: Protection | None, *, change: str, spared: bool, allowed: bool, states: Mapping[str, str], merges: bool
) -> str:
    """Why a push to a protected branch is refused; empty when it is not.

    `change`: create, update, force or delete. `spared`: an administrator where that helps. `allowed`: among those who may push.
    `states`: of the pushed commit. `merges`: merge commits are among what is pushed. Nobody is spared force and deletion.
    """
    if protection is None:
        return ""
    if change == "delete" and not protection.deletions:
        return "Cannot delete this protected branch"
    if change == "force" and not protection.force_pushes:
        return "Cannot force-push to this protected branch"
    if spared or change == "delete":
        return ""
    if protection.locked:
        return "This branch is locked and cannot be changed."
    if not allowed:
        return NOT_AUTHORIZED
    texts = [
        "Changes must be made through a pull request." if protection.reviews is not None else "",
        _checks_refusal(protection, states),
        MERGE_COMMITS if protection.linear and merges else "",
        SIGNATURES if protection.signatures and change != "create" else "",
    ]
    return " ".join(text for text in texts if text)


def behind_refusal(protection: Protection | None) -> str:
    """The words for a head without the newest base where that is required: its checks count as not reported."""
    if protection is None or not protection.strict or not protection.contexts:
        return ""
    return _checks_refusal(protection, {})


def merge_state(
    *, mergeable: bool | None, draft: bool, refused: str, behind: bool, protection: Protection | None, states: Mapping[str, str]
) -> str:  # fmt: skip
    """GraphQL's `mergeStateStatus` of an open pull request; REST says the same in lower case."""
    if mergeable is None:
        return "UNKNOWN"
    if not mergeable:
        return "DIRTY"
    if draft:
        return "DRAFT"
    if refused:
        return "BLOCKED"
    if behind and protection is not None and protection.strict and protection.contexts is not None:
        return "BEHIND"
    return "CLEAN" if combined_state({"success", *states.values()}) == "success" else "UNSTABLE"
