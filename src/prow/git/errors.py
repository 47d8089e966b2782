"""Errors of the git room, by what the caller does next (`lib.errors`)."""

from __future__ import annotations

from enum import StrEnum

from prow.lib.errors import Denied, Permanent, Retry, Unauthenticated


class BadName(Permanent):
    """An organisation, repository, ref, commit or path that must not reach git."""


class NoSuchRef(Permanent):
    """The repository has no such branch, tag, pull request or commit."""


class EmptyRepository(NoSuchRef):
    """The repository has no commit at all yet."""


class NoSuchFile(Permanent):
    """The commit has no such file or folder."""


class TooLarge(Permanent):
    """An output, a file, a tree or a pack exceeds its bound."""


class UnsafeObjects(Permanent):
    """The repository has objects that git refuses to take, such as a file named `..`."""


class NoAccess(Denied):
    """The server wants other credentials, or says that the repository does not exist."""


class BadCredentials(Unauthenticated):
    """The server does not know the token, and there is no other one: it was revoked or has expired."""


class NoSuchRepository(NoAccess):
    """The server knows no such repository: it is deleted, or nobody told us that we may see it."""


class Refusal(StrEnum):
    """Why a push was not taken."""

    NON_FAST_FORWARD = "non-fast-forward"
    MOVED = "moved"
    PROTECTED = "protected branch"
    NO_PERMISSION = "no permission"
    HOOK_DECLINED = "hook declined"
    OTHER = "refused"


class PushRefused(Denied):
    """The server did not take a push. `MOVED`: the ref is not what the caller expected; look again and decide again."""

    def __init__(self, message: str, *, reason: Refusal) -> None:
        super().__init__(message)
        self.reason = reason


class OtherHashes(Permanent):
    """The repository names its objects by SHA-256; Prow, like GitHub, knows SHA-1 alone."""


class GitFailed(Retry):
    """git ended with an error that may pass: network, server, time. The text is censored."""


class TookTooLong(GitFailed):
    """git was ended because its time was up."""


class LeftLocked(GitFailed):
    """A file that a killed git left behind keeps others out. A mirror removes it once before a caller sees this."""


class InTheWay(GitFailed):
    """A ref that is gone at the server keeps another out, as `a` does `a/b`. A mirror drops it once before a caller sees this."""


class Broken(Retry):
    """The local copy is damaged. A mirror repairs itself once before a caller sees this."""
