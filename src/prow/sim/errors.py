"""What the simulated GitHub answers when it refuses."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """An HTTP answer with GitHub's error body. `errors`: the list of a 422, of objects or of texts."""

    def __init__(self, status: int, message: str, errors: list[Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


def not_found() -> Refused:
    return Refused(404, "Not Found")


def unprocessable(resource: str, name: str, code: str, message: str = "Validation Failed") -> Refused:
    return Refused(422, message, [{"resource": resource, "field": name, "code": code}])
