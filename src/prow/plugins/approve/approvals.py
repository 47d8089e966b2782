"""Who approves, as the texts under a pull request say (`spec/plugins-review` §5.2, §5.3). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple

import msgspec

from prow.lib import regex

_COMMAND = regex.compile(r"(?m)^/([^\s]+)[\t ]*([^\n\r]*)")
_COUNTING = frozenset({"APPROVED", "CHANGES_REQUESTED", "DISMISSED"})
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class How(Enum):
    """The words stand in the notification, as in upstream's."""

    SELF = "Author self-approved"
    APPROVED = "Approved"
    LGTM = "LGTM"


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """What someone wrote: a comment, a comment on a line, or a review. `state`: of a review, in upper case.

    `author` is empty when the account is deleted; `app`: GitHub says that the author is an app.
    """

    author: str
    body: str = ""
    at: datetime | None = None
    link: str = ""
    state: str = ""
    app: bool = False


class Approval(msgspec.Struct, frozen=True):
    """`login`: as its owner spells it. `no_issue`: also says that no issue is needed."""

    login: str
    how: How
    link: str
    no_issue: bool = False


class Verb(Enum):
    APPROVE = "APPROVE"
    REMOVE = "REMOVE-APPROVE"
    LGTM = "LGTM"


class Said(NamedTuple):
    """One command: what it asks for, whether it takes that back, and whether it does without an issue."""

    verb: Verb
    withdrawn: bool
    no_issue: bool


class Counting(msgspec.Struct, frozen=True, kw_only=True):
    """Which texts count. `bot`: our login, empty while unknown. `lgtm`: `/lgtm` alone makes a text count; `reviews`: so does a
    review's state."""

    bot: str = ""
    lgtm: bool = False
    reviews: bool = True


def commands(body: str) -> Iterator[Said]:
    """The commands of this plugin, in order."""
    for found in _COMMAND.finditer(body):
        word, rest = (found.group(1) or "").upper(), (found.group(2) or "").strip().lower()
        try:
            verb = Verb(word)
        except ValueError:
            continue
        yield Said(verb, verb is Verb.REMOVE or "cancel" in rest, rest == "no-issue")


def has_command(text: Text, counting: Counting) -> bool:
    """Whether someone else than the bot gives a command that decides about approval."""
    if counting.bot and text.author == counting.bot:
        return False
    return any(said.verb is not Verb.LGTM or counting.lgtm for said in commands(text.body))


def has_state(text: Text, counting: Counting) -> bool:
    """Whether it is a review whose state decides about approval."""
    if counting.bot and text.author == counting.bot:
        return False
    return counting.reviews and text.state.upper() in _COUNTING


def in_order(texts: Iterable[Text]) -> list[Text]:
    """By time; where that is the same, as given."""
    return sorted(texts, key=lambda text: text.at or _LONG_AGO)


def collect(
    texts: Iterable[Text], counting: Counting, *, author: str, author_link: str, self_approval: bool
) -> dict[str, Approval]:
    """Approvals by login in lower case. `texts`: all of them, in order; `self_approval`: the author's is implied.

    The last word of each person counts; a review's commands come after its state.
    """
    given: dict[str, Approval] = {}
    if self_approval:
        _approve(given, Approval(author, How.SELF, author_link))
    texts = list(texts)
    apps = {text.author for text in texts if text.app}
    for text in _that_count(texts, counting, apps):
        key = text.author.lower()
        if counting.reviews and text.state == "APPROVED":
            _approve(given, Approval(text.author, How.APPROVED, text.link))
        elif counting.reviews and text.state == "CHANGES_REQUESTED":
            given.pop(key, None)
        for said in commands(text.body):
            if said.withdrawn:
                given.pop(key, None)
                continue
            # `/lgtm` approves in every text that counts, whatever makes it count: so it is in the original.
            how = How.LGTM if said.verb is Verb.LGTM else How.APPROVED
            _approve(given, Approval(text.author, how, text.link, said.no_issue))
    return given


def _that_count(texts: Iterable[Text], counting: Counting, apps: Collection[str]) -> Iterator[Text]:
    for text in texts:
        if text.author and text.author not in apps and (has_command(text, counting) or has_state(text, counting)):
            yield text


def _approve(given: dict[str, Approval], approval: Approval) -> None:
    """The newer replaces the older, unless only the older does without an issue."""
    before = given.get(approval.login.lower())
    if before is None or approval.no_issue or not before.no_issue:
        given[approval.login.lower()] = approval
