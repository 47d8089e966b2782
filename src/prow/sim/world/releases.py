"""Releases: drafts, tags that are made with them, which one is the newest, the files that belong to them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from prow.sim import gitdata, gitrepo
from prow.sim.accounts import Identity
from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.payloads import Json
from prow.sim.state import Asset, Issue, Release, Repo, User
from prow.sim.world.branches import Branches

_LONGEST_BODY = 125_000
T = TypeVar("T")


class Releases(Branches):
    def find_release(self, repo: Repo, number: int) -> Release:
        return _first(found for found in repo.releases if found.id == number)

    def release_of_tag(self, repo: Repo, tag: str) -> Release:
        return _first(found for found in repo.releases if found.tag == tag and not found.draft)

    def latest_release(self, repo: Repo) -> Release:
        """The newest that is no draft, no pre-release, and not kept from being shown as the newest."""
        found = [one for one in repo.releases if not one.draft and not one.prerelease]
        found = [one for one in found if one.latest] or found
        return _first(iter(sorted(found, key=lambda one: (one.published_at, one.id), reverse=True)))

    async def create_release(self, repo: Repo, who: Identity, wanted: Mapping[str, Any]) -> Release:
        """Its tag is made where it is not there yet; that of a draft when it is published."""
        tag = str(wanted.get("tag_name") or "")
        self._check_tag(repo, tag)
        release = Release(
            self.new_id(), tag, str(wanted.get("target_commitish") or repo.default_branch), str(wanted.get("name") or ""),
            str(wanted.get("body") or ""), self.user(who.login or ""), self.clock.now(), draft=True,
        )  # fmt: skip
        if wanted.get("generate_release_notes"):
            notes = await self.release_notes(repo, tag, target=release.target)
            release.name = release.name or notes["name"]
            release.body = f"{release.body}\n\n{notes['body']}" if release.body else notes["body"]
        _check_body(release.body)
        release.prerelease, release.latest = bool(wanted.get("prerelease")), wanted.get("make_latest") != "false"
        if wanted.get("draft"):
            repo.releases.append(release)
            await self._release_event(repo, release, release.author, "created")
            return release
        await self._make_tag(repo, who, release)
        repo.releases.append(release)
        release.draft, release.published_at = False, self.clock.now()
        for action in ("created", "published", "prereleased" if release.prerelease else "released"):
            await self._release_event(repo, release, release.author, action)
        return release

    async def edit_release(self, repo: Repo, who: Identity, release: Release, wanted: Mapping[str, Any]) -> None:
        sender, changes = self.user(who.login or ""), {}
        tag = str(wanted.get("tag_name") or release.tag)
        if tag != release.tag:
            self._check_tag(repo, tag)
            release.tag = tag
        release.target = str(wanted.get("target_commitish") or release.target)
        for name in ("name", "body"):
            if wanted.get(name) is not None and wanted[name] != getattr(release, name):
                changes[name] = {"from": getattr(release, name)}
                setattr(release, name, str(wanted[name]))
        _check_body(release.body)
        if wanted.get("prerelease") is not None:
            release.prerelease = bool(wanted["prerelease"])
        if wanted.get("make_latest") is not None:
            release.latest = wanted["make_latest"] != "false"
        draft = bool(wanted["draft"]) if wanted.get("draft") is not None else release.draft
        if release.draft and not draft:
            await self._make_tag(repo, who, release)
            release.draft, release.published_at = False, self.clock.now()
            for action in ("published", "prereleased" if release.prerelease else "released"):
                await self._release_event(repo, release, sender, action)
        elif draft and not release.draft:
            release.draft, release.published_at = True, None
            await self._release_event(repo, release, sender, "unpublished")
        else:
            await self._release_event(repo, release, sender, "edited", changes=changes)

    async def delete_release(self, repo: Repo, login: str, release: Release) -> None:
        """The tag stays."""
        repo.releases.remove(release)
        await self._release_event(repo, release, self.user(login), "deleted")

    def _check_tag(self, repo: Repo, tag: str) -> None:
        if not tag.strip():
            raise unprocessable("Release", "tag_name", "missing_field")
        if any(one.tag == tag for one in repo.releases):
            raise unprocessable("Release", "tag_name", "already_exists")

    async def _make_tag(self, repo: Repo, who: Identity, release: Release) -> None:
        ref = f"refs/tags/{release.tag}"
        if await gitrepo.resolve(repo.path, ref) is not None:
            return
        sha = await self._commit_at(repo, release.target)
        if sha is None:
            raise unprocessable("Release", "target_commitish", "invalid")
        if not await gitrepo.valid_branch(release.tag):
            raise Refused(422, "Validation Failed", [{"resource": "Release", "code": "custom", "message": "tag_name is not a valid tag"}])  # fmt: skip
        await self.move_ref(repo, who, ref, sha)

    @staticmethod
    async def _commit_at(repo: Repo, name: str) -> str | None:
        for ref in (f"refs/heads/{name}", f"refs/tags/{name}", name):
            sha = await gitrepo.resolve(repo.path, ref)
            if sha is not None:
                return sha
        return None

    async def _release_event(self, repo: Repo, release: Release, sender: User, action: str, **extra: Any) -> None:
        payload = {"action": action, "release": self.json.release(repo, release, webhook=True), **extra}
        await self.emit(repo, "release", sender, payload)

    # Notes

    async def release_notes(self, repo: Repo, tag: str, *, target: str = "", previous: str = "") -> Json:
        """What was merged since the previous release, one line for each pull request."""
        head = await self._commit_at(repo, tag) or await self._commit_at(repo, target or repo.default_branch)
        if head is None:
            raise unprocessable("Release", "target_commitish", "invalid")
        older = [one.tag for one in repo.releases if not one.draft and one.tag != tag]
        previous = previous or (older[-1] if older else "")
        base = await self._commit_at(repo, previous) if previous else None
        merged = [issue for issue in repo.issues.values() if await self._brought(issue, base, head)]
        page = f"{self.base}/{repo.full_name}"
        lines = [f"* {one.title} by @{one.user.login} in {page}/pull/{one.number}" for one in merged]
        span = f"{page}/compare/{previous}...{tag}" if previous else f"{page}/commits/{tag}"
        parts = ["## What's Changed", *lines, ""] if lines else []
        return {"name": tag, "body": "\n".join([*parts, f"**Full Changelog**: {span}"])}

    @staticmethod
    async def _brought(issue: Issue, base: str | None, head: str) -> bool:
        """Whether it was merged between the two."""
        commit = issue.pull.merge_commit_sha if issue.pull is not None and issue.pull.merged else None
        if commit is None or not await gitrepo.is_ancestor(issue.repo.path, commit, head):
            return False
        return base is None or not await gitrepo.is_ancestor(issue.repo.path, commit, base)

    # Files

    def find_asset(self, repo: Repo, number: int) -> tuple[Release, Asset]:
        return _first((release, asset) for release in repo.releases for asset in release.assets if asset.id == number)

    async def add_asset(
        self, repo: Repo, login: str, release: Release, data: bytes, *, name: str, label: str, kind: str
    ) -> Asset:
        _check_name(release, name)
        now, digest = self.clock.now(), f"sha256:{hashlib.sha256(data).hexdigest()}"
        blob = await gitdata.write_blob(repo.path, data)
        asset = Asset(self.new_id(), name, label, kind, len(data), blob, digest, self.user(login), now, now)
        release.assets.append(asset)
        await self.changed()
        return asset

    async def edit_asset(self, release: Release, asset: Asset, wanted: Mapping[str, Any]) -> None:
        name = str(wanted.get("name") or asset.name)
        if name != asset.name:
            _check_name(release, name)
        asset.name, asset.label = name, str(wanted.get("label") or asset.label)
        asset.updated_at = self.clock.now()
        await self.changed()

    async def delete_asset(self, release: Release, asset: Asset) -> None:
        release.assets.remove(asset)
        await self.changed()

    async def asset_data(self, repo: Repo, asset: Asset) -> bytes:
        asset.downloads += 1
        return await gitdata.blob(repo.path, asset.blob) or b""


def _check_body(body: str) -> None:
    if len(body) > _LONGEST_BODY:
        text = f"body is too long (maximum is {_LONGEST_BODY} characters)"
        raise Refused(422, "Validation Failed", [{"resource": "Release", "field": "body", "code": "custom", "message": text}])  # fmt: skip


def _check_name(release: Release, name: str) -> None:
    if not name:
        raise unprocessable("ReleaseAsset", "name", "missing_field")
    if any(one.name == name for one in release.assets):
        raise unprocessable("ReleaseAsset", "name", "already_exists")


def _first(found: Iterator[T]) -> T:
    for one in found:
        return one
    raise not_found()
