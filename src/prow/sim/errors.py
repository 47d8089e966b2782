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


class Moved(Refused):
    """Something has another name now; `location`: below the API's address. `whole`: what follows in the path belongs to the old name."""

    def __init__(self, location: str, full_name: str, *, whole: bool = False) -> None:
        super().__init__(301, "Moved Permanently")
        self.location = location
        self.full_name = full_name
        self.whole = whole
