"""Planned misfortune: what the next calls answer instead of the truth, before or after they take effect."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from prow.sim.accounts import FaultAnswer
from prow.sim.world.merges import BASE_MODIFIED, HEAD_MODIFIED, NOT_MERGEABLE

_TEXTS = {405: NOT_MERGEABLE, 409: HEAD_MODIFIED, 422: "Validation Failed", 502: "Server Error", 500: "Server Error"}


@dataclass
class _Planned:
    method: str
    ending: str
    answer: FaultAnswer
    times: int


class Faults:
    """`sim.faults`: each plan counts down as it strikes; the earliest that fits strikes first."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []

    def next(
        self, method: str, ending: str, status: int, message: str = "", *, after: bool = False, times: int = 1,
        headers: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        """The next calls of this method whose path ends so. `after`: they take effect, and only their answers are replaced."""
        body = {"message": message or _TEXTS.get(status, "Fault"), "status": str(status)}
        self._planned.append(_Planned(method, ending, FaultAnswer(status, body, headers or {}, after=after), times))

    def next_merge(self, status: int, message: str = "", *, after: bool = False, times: int = 1) -> None:
        """The next merges: 405 not mergeable, 409 head modified, 422, 502, or with a text of your own."""
        self.next("PUT", "/merge", status, message, after=after, times=times)

    def next_merge_finds_base_modified(self, *, times: int = 1) -> None:
        """As when somebody else has just merged into the branch."""
        self.next_merge(405, BASE_MODIFIED, times=times)

    def next_graphql(self, status: int = 502, *, times: int = 1) -> None:
        self.next("POST", "/graphql", status, times=times)

    def clear(self) -> None:
        self._planned.clear()

    @property
    def pending(self) -> int:
        """Strikes still to come."""
        return sum(plan.times for plan in self._planned)

    def take(self, request: Request) -> FaultAnswer | None:
        """What strikes this request, if anything."""
        for plan in self._planned:
            if plan.method == request.method and request.url.path.endswith(plan.ending):
                plan.times -= 1
                if plan.times <= 0:
                    self._planned.remove(plan)
                return plan.answer
        return None
