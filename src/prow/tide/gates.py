"""Since when each gate of each pull request has been as it is. Worked out again only where something changed."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime

import msgspec

from prow.model.explanation import GateState
from prow.model.forge import PullKey
from prow.tide.explain import explain
from prow.tide.model import PoolDecision, PoolSnapshot


class _Gate(msgspec.Struct, frozen=True):
    state: GateState
    since: datetime | None


class Gates:
    """A gate that was found at the start has no `since`: nobody saw it change."""

    def __init__(self) -> None:
        self._known: dict[PullKey, tuple[object, Mapping[str, _Gate]]] = {}

    def note(self, snapshot: PoolSnapshot, decision: PoolDecision) -> None:
        for candidate in snapshot.candidates:
            key = candidate.pull.key
            mark = (candidate, decision.judgements.get(key.number), decision.action, key.number in decision.target)
            known = self._known.get(key)
            if known is not None and known[0] == mark:
                continue
            before = known[1] if known is not None else {}
            now = snapshot.now if known is not None else None
            gates: dict[str, _Gate] = {}
            for gate in explain(snapshot, decision, key.number).gates:
                old = before.get(gate.name)
                gates[gate.name] = old if old is not None and old.state is gate.state else _Gate(gate.state, now)
            self._known[key] = (mark, gates)

    def since(self, key: PullKey) -> Mapping[str, datetime]:
        known = self._known.get(key)
        return {name: gate.since for name, gate in known[1].items() if gate.since is not None} if known else {}

    def forget_all_but(self, keys: Container[PullKey]) -> None:
        for key in [key for key in self._known if key not in keys]:
            del self._known[key]
