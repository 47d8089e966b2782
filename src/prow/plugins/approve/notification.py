"""The one comment that says who approved, and who still can (`spec/plugins-review` §5.5). Pure.

The title, the lines per OWNERS file and the last line are read by programs and are upstream's; the sentences are ours. Paths and
logins come from people, so they are escaped, and everything is bounded: GitHub takes no comment above 65,536 characters.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

import msgspec

from prow.github.pulls import FILES_LISTED
from prow.model.forge import IssueComment
from prow.plugins.approve.approvals import Approval
from prow.plugins.approve.rules import Evaluation
from prow.plugins.approve.suggestion import Suggestion

_TITLE = "[APPROVALNOTIFIER]"
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#+!|~&@]")
_LONGEST_LIST = 40_000
_MOST_PEOPLE = 50
_LONGEST_PATH = 150


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the pull request is and what its links lead to. `filename`: of OWNERS files there."""

    org: str
    repo: str
    branch: str
    filename: str
    link_url: str
    command_help_link: str
    process_link: str


class Plan(msgspec.Struct, frozen=True):
    """What to do with our notifications. `edit`: which one gets the new text; None with `create`: there is none yet."""

    create: bool = False
    edit: int | None = None
    delete: tuple[int, ...] = ()


def is_notification(body: str) -> bool:
    return body[: len(_TITLE)].upper() == _TITLE


def plan(own: Sequence[IssueComment], message: str) -> Plan:
    """Nothing when the newest says it already; else it is edited in place, and older ones go. `own`: the oldest first."""
    if not own:
        return Plan(create=True)
    if message in (own[-1].body or "").replace("\r\n", "\n"):
        return Plan()
    return Plan(edit=own[-1].id, delete=tuple(comment.id for comment in own[:-1]))


def message(found: Evaluation, place: Place, *, cut: bool = False) -> str:
    """The whole text. `cut`: GitHub did not list all files."""
    parts = [f"{_TITLE} This PR is **{'' if found.approved else 'NOT '}APPROVED**"]
    if found.by_label and not found.requirements_met:
        parts.append("Someone set the label `approved` by hand, so it is approved whatever is missing below.")
    parts.append(_approved_by(found))
    if found.waiting:
        parts.append(_whom_to_ask(found.suggestion, place))
    if found.issue_required:
        parts.append(_issue(found))
    if cut:
        parts.append(
            f"GitHub lists only the first {FILES_LISTED:,} files of a pull request. If there are others, nobody is asked to "
            "approve them here: please split this pull request."
        )
    parts.append(
        "The commands that this bot understands are listed "
        f"[here]({place.command_help_link}?repo={quote(place.org, safe='')}%2F{quote(place.repo, safe='')})."
    )
    if not found.waiting:
        parts.append(f"How a pull request gets merged is told [here]({place.process_link}).")
    parts.append(_details(found, place))
    text = "\n\n".join(part for part in parts if part)
    return f"{text}\n{_meta(found.suggestion)}"


def _approved_by(found: Evaluation) -> str:
    if not found.approvals:
        return "Nobody has approved this pull request yet."
    return (
        f"This pull request has been approved by: {_approvals(found.approvals[key] for key in sorted(found.approvals))}"
    )


def _approvals(given: Iterable[Approval]) -> str:
    listed = [_approval(each) for each in given]
    more = len(listed) - _MOST_PEOPLE
    return ", ".join(listed[:_MOST_PEOPLE]) + (f" and {more} more" if more > 0 else "")


def _approval(given: Approval) -> str:
    return f'*<a href="{html.escape(given.link)}" title="{given.how.value}">{html.escape(given.login)}</a>*'


def _whom_to_ask(suggestion: Suggestion, place: Place) -> str:
    asked, others = _people(suggestion.assigned, place), _people(suggestion.others, place)
    process = f"[This guide]({place.process_link}) tells how a review goes."
    if asked and others:
        return f"Once it is reviewed, please ask {asked} for approval, and also assign {others}. {process}"
    if asked:
        return f"Once it is reviewed, please ask {asked} for approval. {process}"
    if others:
        return f"Once it is reviewed, please assign {others} for approval. {process}"
    return ""


def _people(logins: Sequence[str], place: Place) -> str:
    links = [f"[{_visible(login)}]({place.link_url}/{quote(login)})" for login in logins[:_MOST_PEOPLE]]
    return ", ".join(links)


def _issue(found: Evaluation) -> str:
    if found.issue:
        return f"Associated issue: *#{found.issue}*"
    if found.no_issue:
        return f"No issue is needed, says: {_approvals(found.no_issue)}"
    if found.by_label:
        return "*No associated issue*: the label `approved` was set by hand, so none is needed."
    return (
        "*No associated issue*. Name one in the description of the pull request, "
        "or get an approval with `/approve no-issue`."
    )


def _details(found: Evaluation, place: Place) -> str:
    folders = found.coverage.needed
    lines: list[str] = []
    room = _LONGEST_LIST
    for index, folder in enumerate(folders):
        line = _folder(folder, found, place)
        room -= len(line) + 1
        if room < 0:
            lines.append(f"- and {len(folders) - index} more")
            break
        lines.append(line)
    listed = "\n".join(lines)
    return (
        f"<details {'open' if found.waiting else ''}>\n"
        f"Each of these files needs the approval of one of its approvers:\n\n{listed}\n\n"
        "Approvers write `/approve` in a comment to approve, and `/approve cancel` to take it back.\n"
        "</details>"
    )


def _folder(folder: str, found: Evaluation, place: Place) -> str:
    """One line of the list; the form is upstream's."""
    path = folder if folder.endswith(".md") else f"{folder}/{place.filename}" if folder else place.filename
    link = f"{place.link_url}/{place.org}/{place.repo}/blob/{quote(place.branch)}/{_quoted(path)}"
    name = f"[{_visible(path)}]({link})" if len(link) <= 4 * _LONGEST_PATH else _visible(path)
    people = ",".join(_visible(login) for login in found.approved_in(folder)[:_MOST_PEOPLE])
    if folder not in found.uncovered:
        return f"- ~~{name}~~ [{people}]"
    return f"- **{name}** [{people}]\n  > Some files there still lack an approver." if people else f"- **{name}**"


def _quoted(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"))


def _visible(name: str) -> str:
    """Someone's name for something, so that Markdown shows it as it is, and nobody is mentioned."""
    flat = " ".join(name.encode("utf-8", "replace").decode().split())
    short = flat if len(flat) <= _LONGEST_PATH else f"{flat[:_LONGEST_PATH]}…"
    return _SPECIAL.sub(_harmless, short)


def _harmless(found: re.Match[str]) -> str:
    char = found.group()
    if char == "@":
        return "@\u200b"
    # GitHub shows a `_` inside a word as it is; programs look for the plain path.
    return char if char == "_" else f"\\{char}"


def _meta(suggestion: Suggestion) -> str:
    return f"<!-- META={json.dumps({'approvers': list(suggestion.everyone)}, separators=(',', ':'))} -->"
