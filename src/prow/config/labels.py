"""labels.yaml as types: which labels repositories have (`spec/config` §5.1)."""

from __future__ import annotations

from datetime import datetime

from prow.model.base import Noun


class Label(Noun, frozen=True, rename={"prow_plugin": "prowPlugin", "is_external_plugin": "isExternalPlugin",
                                       "added_by": "addedBy", "delete_after": "deleteAfter"}):  # fmt: skip
    """One label. Names are compared without regard to case."""

    name: str = ""
    """What it is called. Unique among the labels of a repository, former names included."""
    color: str = ""
    """Six hexadecimal digits without `#`. Put them in quotes: `000000` is a number otherwise."""
    description: str = ""
    """What it says, 100 bytes at most."""
    target: str = ""
    """What it is for: prs, issues or both."""
    prow_plugin: str = ""
    """Plugin that sets it, for the page about labels."""
    is_external_plugin: bool = False
    """Whether that is an external plugin."""
    added_by: str = ""
    """Who sets it, for the page about labels."""
    previously: tuple[Label, ...] = ()
    """Former names: labels that are renamed to this one, or whose issues are moved to it."""
    delete_after: datetime | None = None
    """Moment from which the label is deleted, RFC 3339."""


class LabelList(Noun, frozen=True):
    labels: tuple[Label, ...] = ()
    """The labels."""


class LabelsFile(Noun, frozen=True):
    """Labels of every repository, and further ones by org and by repository; they add up."""

    default: LabelList = LabelList()
    """Labels of every repository."""
    orgs: dict[str, LabelList] = {}
    """Organisation → further labels of its repositories."""
    repos: dict[str, LabelList] = {}
    """`org/repo` → its further labels."""

    def of_org(self, org: str) -> tuple[Label, ...]:
        """The labels that repositories of the organisation may have: for all, for the org, for single repositories of it."""
        own = (labels for repo, labels in self.repos.items() if repo.partition("/")[0] == org)
        return (
            *self.default.labels,
            *self.orgs.get(org, LabelList()).labels,
            *(each for labels in own for each in labels.labels),
        )

    def of_repo(self, org: str, repo: str) -> tuple[Label, ...]:
        """The labels of one repository."""
        own = self.repos.get(f"{org}/{repo}", LabelList())
        return (*self.default.labels, *self.orgs.get(org, LabelList()).labels, *own.labels)
