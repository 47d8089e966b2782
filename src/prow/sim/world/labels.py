"""Labels and milestones: a repository's own, and on issues and pull requests."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.payloads import Json
from prow.sim.state import Issue, Label, Milestone, Repo
from prow.sim.world.views import Views

_LONGEST_LABEL = 50
_LONGEST_DESCRIPTION = 100
_MOST_LABELS = 100
_COLOR = re.compile(r"[0-9a-fA-F]{6}")


class Labels(Views):
    # A repository's labels

    def find_label(self, repo: Repo, name: str) -> Label:
        found = repo.labels.get(name.lower())
        if found is None:
            raise not_found()
        return found

    async def create_label(
        self, repo: Repo, login: str, name: str, *, color: Any = None, description: str = ""
    ) -> Label:
        """Without a colour it gets one by chance, as at GitHub."""
        if name.lower() in repo.labels:
            raise unprocessable("Label", "name", "already_exists")
        _check_label(name, description)
        label = repo.labels[name.lower()] = Label(self.new_id(), name, _color(color), description)
        await self._label_event(repo, login, label, "created")
        return label

    async def edit_label(self, repo: Repo, login: str, label: Label, changes: Mapping[str, Any]) -> None:
        """A new name is the new name wherever the label is."""
        before: Json = {}
        name, description = changes.get("new_name") or changes.get("name"), changes.get("description")
        if name and name != label.name:
            if name.lower() != label.name.lower() and name.lower() in repo.labels:
                raise unprocessable("Label", "name", "already_exists")
            _check_label(str(name), "")
            before["name"] = {"from": label.name}
            repo.labels = {(str(name).lower() if one is label else key): one for key, one in repo.labels.items()}
            label.name = str(name)
        if changes.get("color"):
            before["color"] = {"from": label.color}
            label.color = _color(changes["color"])
        if description is not None:
            _check_label(label.name, str(description))
            before["description"] = {"from": label.description}
            label.description = str(description)
        await self._label_event(repo, login, label, "edited", changes=before)

    async def delete_label(self, repo: Repo, login: str, label: Label) -> None:
        """It is taken from every issue that has it."""
        del repo.labels[label.name.lower()]
        for issue in [one for one in repo.issues.values() if label in one.labels]:
            issue.labels.remove(label)
            await self._labelled(issue, login, "unlabeled", label)
        await self._label_event(repo, login, label, "deleted")

    async def _label_event(self, repo: Repo, login: str, label: Label, action: str, **extra: Any) -> None:
        payload = {"action": action, "label": self.json.label(repo, label), **extra}
        await self.emit(repo, "label", self.user(login), payload)

    # Labels of an issue

    async def add_labels(self, issue: Issue, login: str, names: Sequence[str]) -> None:
        """Labels that the repository does not have yet are made, as GitHub does; each that is new here is an event."""
        for name in names:
            _check_label(name, "")
        wanted = {name.lower() for name in names} | {label.name.lower() for label in issue.labels}
        if len(wanted) > _MOST_LABELS:
            raise unprocessable("Issue", "labels", "custom", "only 100 labels are allowed on an issue")
        for name in names:
            label = issue.repo.labels.get(name.lower())
            if label is None:
                label = issue.repo.labels[name.lower()] = Label(self.new_id(), name)
            if label not in issue.labels:
                issue.labels.append(label)
                await self._labelled(issue, login, "labeled", label)

    async def remove_label(self, issue: Issue, login: str, name: str) -> None:
        label = next((found for found in issue.labels if found.name.lower() == name.lower()), None)
        if label is None:
            raise Refused(404, "Label does not exist")
        issue.labels.remove(label)
        await self._labelled(issue, login, "unlabeled", label)

    async def set_labels(self, issue: Issue, login: str, names: Sequence[str]) -> None:
        """These and no others."""
        wanted = {name.lower() for name in names}
        for label in [found for found in issue.labels if found.name.lower() not in wanted]:
            await self.remove_label(issue, login, label.name)
        await self.add_labels(issue, login, names)

    async def _labelled(self, issue: Issue, login: str, action: str, label: Label) -> None:
        actor = self.user(login)
        self.record(issue, actor, action, label={"name": label.name, "color": label.color})
        await self.touched(issue, actor, action, label=self.json.label(issue.repo, label))

    # Milestones

    def find_milestone(self, repo: Repo, number: int) -> Milestone:
        found = repo.milestones.get(number)
        if found is None:
            raise not_found()
        return found

    def create_milestone(self, repo: Repo, login: str, title: str) -> Milestone:
        self._check_title(repo, title, None)
        number = repo.next_milestone
        repo.next_milestone += 1
        made = repo.milestones[number] = Milestone(self.new_id(), number, title, self.user(login), self.clock.now())
        return made

    def _check_title(self, repo: Repo, title: str, own: Milestone | None) -> None:
        if not title.strip():
            raise unprocessable("Milestone", "title", "missing_field")
        if any(m.title == title for m in repo.milestones.values() if m is not own):
            raise unprocessable("Milestone", "title", "already_exists")

    async def edit_milestone(
        self, repo: Repo, login: str, milestone: Milestone, changes: Mapping[str, Any], *, action: str = "edited"
    ) -> None:
        """Title, description, state and the day it is due."""
        if changes.get("title") is not None:
            self._check_title(repo, str(changes["title"]), milestone)
            milestone.title = str(changes["title"])
        if "description" in changes:
            milestone.description = str(changes["description"] or "")
        if "due_on" in changes:
            milestone.due_on = changes["due_on"]
        state = changes.get("state")
        if state not in {None, "open", "closed"}:
            raise unprocessable("Milestone", "state", "invalid")
        if state is not None and state != milestone.state:
            milestone.state = str(state)
            milestone.closed_at = self.clock.now() if state == "closed" else None
            action = action if action == "created" else {"open": "opened"}.get(milestone.state, "closed")
        found: Json = {"action": action, "milestone": self.json.milestone(repo, milestone)}
        await self.emit(repo, "milestone", self.user(login), found | ({"changes": {}} if action == "edited" else {}))

    async def delete_milestone(self, repo: Repo, login: str, milestone: Milestone) -> None:
        """Its issues have none then."""
        for issue in [one for one in repo.issues.values() if one.milestone is milestone]:
            await self.set_milestone(issue, login, None)
        del repo.milestones[milestone.number]
        payload = {"action": "deleted", "milestone": self.json.milestone(repo, milestone)}
        await self.emit(repo, "milestone", self.user(login), payload)

    async def set_milestone(self, issue: Issue, login: str, number: int | None) -> None:
        """None takes it away."""
        milestone = issue.repo.milestones.get(number) if number is not None else None
        if number is not None and milestone is None:
            raise unprocessable("Issue", "milestone", "invalid")
        if milestone is issue.milestone:
            return
        before, issue.milestone = issue.milestone, milestone
        actor = self.user(login)
        for event, one in (("demilestoned", before), ("milestoned", milestone)):
            if one is not None:
                self.record(issue, actor, event, milestone={"title": one.title})
                await self.touched(issue, actor, event, milestone=self.json.milestone(issue.repo, one))


def _check_label(name: str, description: str) -> None:
    if not name.strip():
        raise unprocessable("Label", "name", "missing_field")
    if len(name) > _LONGEST_LABEL:
        raise unprocessable("Label", "name", "invalid")
    if len(description) > _LONGEST_DESCRIPTION:
        raise unprocessable("Label", "description", "invalid")


def _color(wanted: Any) -> str:
    """Six hexadecimal digits, without a `#`."""
    if wanted is None:
        return secrets.token_hex(3)
    if not _COLOR.fullmatch(str(wanted)):
        raise unprocessable("Label", "color", "invalid")
    return str(wanted).lower()
