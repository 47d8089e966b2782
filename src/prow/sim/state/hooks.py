"""Webhooks, and what was delivered to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(eq=False)
class Delivery:
    """One attempt to deliver one event. `status`: the answer's code, 0: none yet or no answer; `answer`: how its body begins."""

    id: int
    guid: str
    event: str
    action: str
    body: bytes
    delivered_at: datetime
    status: int = 0
    redelivery: bool = False
    repository_id: int | None = None
    installation_id: int | None = None
    duration: float = 0.0
    answer: str = ""


@dataclass(eq=False)
class Hook:
    """`target`: the kind and the id of what it belongs to, as its deliveries tell it. `form`: payloads are sent as a form's field."""

    id: int
    url: str
    secret: str
    events: tuple[str, ...] = ("*",)
    active: bool = True
    deliveries: list[Delivery] = field(default_factory=list)
    target: tuple[str, int] = ("repository", 0)
    form: bool = False
    insecure: bool = False

    def wants(self, event: str) -> bool:
        return self.active and ("*" in self.events or event in self.events)
