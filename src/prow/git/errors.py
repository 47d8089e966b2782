"""Errors of the git room, by what the caller does next (`lib.errors`)."""

from __future__ import annotations

from prow.lib.errors import Denied, Permanent, Retry


class BadName(Permanent):
    """An organisation, repository, ref, commit or path that must not reach git."""


class NoSuchRef(Permanent):
    """The repository has no such branch, tag, pull request or commit."""


class NoSuchFile(Permanent):
    """The commit has no such file or folder."""


class TooLarge(Permanent):
    """An output or a file exceeds its bound."""


class NoAccess(Denied):
    """The server wants other credentials, or says that the repository does not exist."""


class GitFailed(Retry):
    """git ended with an error that may pass: network, server, time. The text is censored."""


class Broken(Retry):
    """The local copy is damaged. A mirror repairs itself once before a caller sees this."""
