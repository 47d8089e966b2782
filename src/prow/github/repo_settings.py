"""Repositories as their owners see them: made, changed, forked, listed with all settings."""

from __future__ import annotations

import msgspec

from prow.github.area import Area, at, given, repo_at
from prow.model.forge import Repo, RepoPermissions, User


class FullRepo(Repo, frozen=True):
    """A repository with what only its own address tells. Merge settings are there only for who may push."""

    node_id: str = ""
    description: str | None = None
    homepage: str | None = None
    visibility: str = ""
    has_issues: bool = False
    has_projects: bool = False
    has_wiki: bool = False
    permissions: RepoPermissions | None = None
    parent: Repo | None = None
    allow_squash_merge: bool | None = None
    allow_merge_commit: bool | None = None
    allow_rebase_merge: bool | None = None
    squash_merge_commit_title: str | None = None
    squash_merge_commit_message: str | None = None


class RepoChange(msgspec.Struct, frozen=True, kw_only=True):
    """A new repository, or what is to be another one. `default_branch` and `archived` are only for one that is there."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET
    homepage: str | msgspec.UnsetType = msgspec.UNSET
    private: bool | msgspec.UnsetType = msgspec.UNSET
    has_issues: bool | msgspec.UnsetType = msgspec.UNSET
    has_projects: bool | msgspec.UnsetType = msgspec.UNSET
    has_wiki: bool | msgspec.UnsetType = msgspec.UNSET
    allow_squash_merge: bool | msgspec.UnsetType = msgspec.UNSET
    allow_merge_commit: bool | msgspec.UnsetType = msgspec.UNSET
    allow_rebase_merge: bool | msgspec.UnsetType = msgspec.UNSET
    squash_merge_commit_title: str | msgspec.UnsetType = msgspec.UNSET
    squash_merge_commit_message: str | msgspec.UnsetType = msgspec.UNSET
    default_branch: str | msgspec.UnsetType = msgspec.UNSET
    archived: bool | msgspec.UnsetType = msgspec.UNSET
    auto_init: bool | msgspec.UnsetType = msgspec.UNSET
    gitignore_template: str | msgspec.UnsetType = msgspec.UNSET
    license_template: str | msgspec.UnsetType = msgspec.UNSET


class RepoSettings(Area):
    async def get_full_repo(self, org: str, repo: str) -> FullRepo:
        return await self._read(FullRepo, repo_at("", org, repo))

    async def list_repos(self, owner: str, *, user: bool = False) -> tuple[FullRepo, ...]:
        """All of an organisation, archived ones too; `user`: of a person."""
        place = (
            at("/users/:username/repos", {"username": owner})
            if user
            else at("/orgs/:orgname/repos", {"orgname": owner})
        )
        return await self._list(FullRepo, place)

    async def create_repo(self, owner: str, repo: RepoChange, *, user: bool = False) -> FullRepo:
        """In an organisation, or (`user`) our own. Raises Unprocessable when the name is taken, MaybeDone when nobody can tell."""
        place = at("/user/repos", {}) if user else at("/orgs/:orgname/repos", {"orgname": owner})
        return await self._write("POST", place, FullRepo, body=repo, instead=_planned(owner, repo), once=True)

    async def edit_repo(self, org: str, repo: str, change: RepoChange) -> FullRepo:
        named = change if change.name is not msgspec.UNSET else msgspec.structs.replace(change, name=repo)
        return await self._write("PATCH", repo_at("", org, repo), FullRepo, body=change, instead=_planned(org, named))

    async def create_fork(self, org: str, repo: str, *, organization: str = "") -> FullRepo:
        """Into our own account, or an organisation. It is filled later: ask for it until it is there."""
        body = {"organization": organization} if organization else {}
        instead = FullRepo(name=repo, full_name=f"{organization}/{repo}" if organization else "", fork=True)
        return await self._write("POST", repo_at("/forks", org, repo), FullRepo, body=body, instead=instead)


def _planned(owner: str, change: RepoChange) -> FullRepo:
    only_asked = ("auto_init", "gitignore_template", "license_template")
    known = given(change, but=only_asked)
    return FullRepo(full_name=f"{owner}/{known.get('name', '')}", owner=User(login=owner), **known)
