"""Repositories: refs, files, labels, collaborators."""

from __future__ import annotations

import binascii

import msgspec

from prow.github.area import Area, Place, repo_at, typed
from prow.github.errors import FileNotFound, NotFound, Refused, ServerBroken, Unprocessable
from prow.model.base import Noun
from prow.model.forge import LabelRef, Repo, User

_RAW = "application/vnd.github.raw+json"


class _Target(msgspec.Struct):
    sha: str


class _Ref(msgspec.Struct):
    ref: str
    object: _Target


class _Commit(msgspec.Struct):
    tree: _Target


class _Content(msgspec.Struct):
    type: str = ""
    encoding: str = ""
    content: str = ""
    size: int = 0


class Entry(Noun, frozen=True):
    """What a folder has. `type`: file, dir, symlink or submodule."""

    type: str = ""
    name: str = ""
    path: str = ""
    sha: str = ""
    size: int = 0


class _Permission(msgspec.Struct):
    permission: str


class Repos(Area):
    async def get_repo(self, org: str, repo: str) -> Repo:
        return await self._read(Repo, repo_at("", org, repo))

    async def get_ref(self, org: str, repo: str, ref: str) -> str:
        """The SHA of `heads/main`, `tags/v1`, … Raises NotFound, also where the repository is empty.

        GitHub's older address, `/git/refs/`, also finds longer names that begin like this one; GitHub describes it no more.
        """
        try:
            found = await self._read(_Ref, repo_at("/git/ref/:refId*", org, repo, refId=ref))
        except Unprocessable as error:
            if error.status == 409:
                raise NotFound(f"{org}/{repo} has no {ref}: it is empty", message=error.message) from error
            raise
        if found.ref != f"refs/{ref}":
            raise NotFound(f"{org}/{repo} has no {ref}")
        return found.object.sha

    async def get_branch_sha(self, org: str, repo: str, branch: str) -> str:
        return await self.get_ref(org, repo, f"heads/{branch}")

    async def get_tree_sha(self, org: str, repo: str, sha: str) -> str:
        """The tree of a commit."""
        return (await self._read(_Commit, repo_at("/git/commits/:sha", org, repo, sha=sha), lags=True)).tree.sha

    async def get_file(self, org: str, repo: str, path: str, ref: str = "") -> bytes:
        """A file's content at a ref (empty: the default branch). Raises FileNotFound; Unprocessable for a folder."""
        found, place = await self._contents(org, repo, path, ref)
        if isinstance(found, list) or found.type not in {"", "file"}:
            raise Unprocessable(f"{org}/{repo}: {path} is not a file")
        if found.encoding == "none" or (found.size and not found.content):
            return (await self._ask("GET", place, accept=_RAW)).body
        try:
            return binascii.a2b_base64(found.content)
        except (binascii.Error, ValueError):
            raise ServerBroken(f"{org}/{repo}: GitHub's answer for {path} is not base64") from None

    async def get_directory(self, org: str, repo: str, path: str, ref: str = "") -> tuple[Entry, ...]:
        """What a folder has (empty path: the root); at most 1,000, GitHub lists no more. Raises FileNotFound; Unprocessable for a file."""
        found, _ = await self._contents(org, repo, path, ref)
        if not isinstance(found, list):
            raise Unprocessable(f"{org}/{repo}: {path} is not a folder")
        return tuple(found)

    async def _contents(self, org: str, repo: str, path: str, ref: str) -> tuple[_Content | list[Entry], Place]:
        query = {"ref": ref} if ref else None
        inner = path.strip("/")
        where = "/contents/:contentId*" if inner else "/contents"
        place = repo_at(where, org, repo, query=query, **({"contentId": inner} if inner else {}))
        try:
            return await self._read(_Content | list[Entry], place), place  # type: ignore[arg-type]
        except NotFound as error:
            raise FileNotFound(
                f"{org}/{repo} has no {path or 'files'} at {ref or 'its default branch'}", message=error.message
            ) from error

    async def list_repo_labels(self, org: str, repo: str) -> tuple[LabelRef, ...]:
        return await self._list(LabelRef, repo_at("/labels", org, repo))

    async def create_label(self, org: str, repo: str, label: LabelRef) -> None:
        """A label that is there already is left as it is."""
        body = {"name": label.name, "color": label.color, "description": label.description or ""}
        try:
            await self._ask("POST", repo_at("/labels", org, repo), body=body)
        except Unprocessable as error:
            if error.status != 422 or "already_exists" not in error.message:
                raise

    async def is_collaborator(self, org: str, repo: str, user: str) -> bool:
        """Raises Refused when the token may not know."""
        if org.lower() == user.lower():
            return True
        listed = await self._short_list(User, repo_at("/collaborators", org, repo))
        if listed is not None:
            return user.lower() in {each.login.lower() for each in listed}
        place = repo_at("/collaborators/:collaboratorId", org, repo, collaboratorId=user)
        answer = await self._ask("GET", place, ok=(404, 302))
        if answer.status == 302:
            raise Refused(f"the token may not see who collaborates on {org}/{repo}")
        return answer.status != 404

    async def list_collaborators(self, org: str, repo: str) -> tuple[User, ...]:
        """Everyone who may at least read, teams and owners included."""
        return await self._list(User, repo_at("/collaborators", org, repo))

    async def get_user_permission(self, org: str, repo: str, user: str) -> str:
        """admin, write, read or none."""
        place = repo_at("/collaborators/:collaboratorId/permission", org, repo, collaboratorId=user)
        return typed(await self._ask("GET", place), _Permission, place).permission
