"""What an operator decides about hook."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds, sizes in bytes.

    enabled_orgs, enabled_repos: when one is given, only these are handled; disabled ones are taken out of that.
    workers: lanes that are handled at the same time, and as many for each consumer of what waits for it.
    handler_deadline: for one handler and one delivery.
    """

    webhook_path: str = "/hook"
    grace_period: float = 180.0
    enabled_orgs: frozenset[str] = frozenset()
    enabled_repos: frozenset[str] = frozenset()
    disabled_orgs: frozenset[str] = frozenset()
    disabled_repos: frozenset[str] = frozenset()
    workers: int = 32
    handler_deadline: float = 60.0
    duplicate_window: float = 600.0
    largest_body: int = 25 << 20
    body_deadline: float = 30.0

    def accepts(self, org: str, repo: str) -> bool:
        """The repo filter (`spec/plugins-review` §1.1)."""
        name = f"{org}/{repo}"
        if (
            (self.enabled_orgs or self.enabled_repos)
            and org not in self.enabled_orgs
            and name not in self.enabled_repos
        ):
            return False
        return org not in self.disabled_orgs and name not in self.disabled_repos
