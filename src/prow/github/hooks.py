"""Webhooks of organisations and repositories."""

from __future__ import annotations

import msgspec

from prow.github.area import Area, Place, at, given, repo_at
from prow.model.base import Noun


class HookConfig(Noun, frozen=True):
    """GitHub never gives `secret` back: it answers stars."""

    url: str = ""
    content_type: str | None = None
    secret: str | None = None


class Hook(Noun, frozen=True):
    id: int = 0
    name: str = ""
    events: tuple[str, ...] = ()
    active: bool = True
    config: HookConfig = HookConfig()


class HookChange(msgspec.Struct, frozen=True, kw_only=True):
    """A new hook, or what is to be another one. GitHub wants the whole `config` again when one of its fields changes."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    events: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    active: bool | msgspec.UnsetType = msgspec.UNSET
    config: HookConfig | msgspec.UnsetType = msgspec.UNSET


class Hooks(Area):
    async def list_org_hooks(self, org: str) -> tuple[Hook, ...]:
        return await self._list(Hook, _of_org(org))

    async def list_repo_hooks(self, org: str, repo: str) -> tuple[Hook, ...]:
        return await self._list(Hook, _of_repo(org, repo))

    async def create_org_hook(self, org: str, hook: HookChange) -> Hook:
        """Raises Unprocessable when there is one with that address, MaybeDone when nobody can tell whether it was made."""
        return await self._create(_of_org(org), hook)

    async def create_repo_hook(self, org: str, repo: str, hook: HookChange) -> Hook:
        """Raises as `create_org_hook`."""
        return await self._create(_of_repo(org, repo), hook)

    async def edit_org_hook(self, org: str, hook: int, change: HookChange) -> Hook:
        return await self._edit(_of_org(org, hook), hook, change)

    async def edit_repo_hook(self, org: str, repo: str, hook: int, change: HookChange) -> Hook:
        return await self._edit(_of_repo(org, repo, hook), hook, change)

    async def delete_org_hook(self, org: str, hook: int) -> None:
        """A hook that is not there is gone already."""
        await self._ask("DELETE", _of_org(org, hook), ok=(404,))

    async def delete_repo_hook(self, org: str, repo: str, hook: int) -> None:
        """A hook that is not there is gone already."""
        await self._ask("DELETE", _of_repo(org, repo, hook), ok=(404,))

    async def _create(self, place: Place, hook: HookChange) -> Hook:
        body = msgspec.structs.replace(hook, name="web") if hook.name is msgspec.UNSET else hook
        return await self._write("POST", place, Hook, body=body, instead=_planned(body), once=True)

    async def _edit(self, place: Place, hook: int, change: HookChange) -> Hook:
        return await self._write("PATCH", place, Hook, body=change, instead=_planned(change, id=hook))


def _of_org(org: str, hook: int | None = None) -> Place:
    return (
        at("/orgs/:orgname/hooks", {"orgname": org})
        if hook is None
        else at("/orgs/:orgname/hooks/:hookId", {"orgname": org, "hookId": hook})
    )


def _of_repo(org: str, repo: str, hook: int | None = None) -> Place:
    return repo_at("/hooks", org, repo) if hook is None else repo_at("/hooks/:hookId", org, repo, hookId=hook)


def _planned(change: HookChange, *, id: int = 0) -> Hook:  # noqa: A002 - GitHub's name
    known = given(change)
    return Hook(id=id, **known)
