"""What the simulated GitHub answers when it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Refused(Exception):
    """An HTTP answer with GitHub's error body. `errors`: the list of a 422, of objects or of texts. `docs`: the page it names."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: list[Any] | None = None,
        *,
        docs: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.docs = docs
        self.headers = dict(headers or {})


def not_found() -> Refused:
    return Refused(404, "Not Found")


def unprocessable(resource: str, name: str, code: str, message: str = "Validation Failed") -> Refused:
    return Refused(422, message, [{"resource": resource, "field": name, "code": code}])
