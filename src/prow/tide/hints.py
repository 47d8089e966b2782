"""Who can do what about a pull request, by name: from OWNERS, for its changed files. Without names the roles of `status.HINTS` stand."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from prow.lib import logs
from prow.lib.errors import ProwError
from prow.model.explanation import NextStep
from prow.model.forge import PullKey
from prow.model.pull_facts import PullFacts
from prow.tide.knowledge import Knowledge
from prow.tide.ports import NamesPeople
from prow.tide.status import HINTS

_log = logs.get("tide")
_MOST_NAMES = 3
_MOST_KEPT = 5_000
_LGTM, _APPROVED = "lgtm", "approved"


class Hints:
    """Names are found once for a head commit and a base commit."""

    def __init__(self, people: NamesPeople | None, knowledge: Knowledge) -> None:
        self._people = people
        self._knowledge = knowledge
        self._known: OrderedDict[tuple[PullKey, str, str], Mapping[str, NextStep]] = OrderedDict()

    async def of(self, pull: PullFacts) -> Mapping[str, NextStep]:
        """For labels, and for what else the explanation asks for; never fails."""
        if self._people is None or (pull.has_label(_LGTM) and pull.has_label(_APPROVED)):
            return HINTS
        key = (pull.key, pull.head_sha, pull.base_sha)
        known = self._known.get(key)
        if known is None:
            try:
                known = await self._found(self._people, pull)
            except ProwError as error:
                _log.info("Who can review is not known now.", pr=str(pull.key), error=str(error))
                return HINTS
            self._known[key] = known
            while len(self._known) > _MOST_KEPT:
                self._known.popitem(last=False)
        return known

    async def _found(self, people: NamesPeople, pull: PullFacts) -> Mapping[str, NextStep]:
        files = await self._knowledge.files(pull)
        where = (pull.org, pull.repo, pull.base_ref, files)
        hints = dict(HINTS)
        for label, names in (
            (_LGTM, await people.reviewers(*where)),
            (_APPROVED, await people.approvers(*where)),
        ):
            others = [name for name in names if name.lower() != pull.author.lower()]
            if others and label in hints:
                hints[label] = NextStep(who=_listed(others), what=hints[label].what)
        return hints


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} or others"
