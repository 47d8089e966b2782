"""Errors of the GitHub room, by what the caller does next (`lib.errors`)."""

from __future__ import annotations

from prow.lib.errors import Denied, Permanent, Retry, Unauthenticated


class InvalidWebhook(Permanent):
    """The delivery is not GitHub's, as far as can be proved. `reason`: one of the texts of `spec/plugins-review` §1.3."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BadPayload(Permanent):
    """A signed payload does not fit its event's type."""


class BadName(Permanent):
    """An organisation, repository, user, label or path that cannot stand in an address."""


class NotFound(Permanent):
    """404 or 410: it is not there, or the token may not see it. `message`: GitHub's own word."""

    def __init__(self, text: str, *, message: str = "") -> None:
        super().__init__(text)
        self.message = message


class Refused(Denied):
    """401 without a token, 403 or 451: the token is missing, lacks a scope, or the organisation forbids it."""


class BadCredentials(Unauthenticated):
    """401: GitHub does not know the token, or the App's key: it was revoked, has expired, or was never right."""


class Unprocessable(Permanent):
    """409, 422 or another 4xx: GitHub understood and will not do it. `message`: GitHub's own words, for a person."""

    def __init__(self, text: str, *, status: int = 422, message: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.message = message


class ServerBroken(Retry):
    """5xx, a dropped connection, or an answer that is not what GitHub's API sends, after all attempts."""


class MaybeDone(ServerBroken):
    """A write that must not happen twice may have taken effect: look at GitHub before repeating it."""


class AnswerTooLarge(Permanent):
    """An answer exceeded its bound."""


class StateCannotBeChanged(Unprocessable):
    """An issue or pull request cannot be reopened (or closed): its branch is gone or was pushed over, or it is merged."""


class FileNotFound(NotFound):
    """The repository has no such file or folder at that ref."""
