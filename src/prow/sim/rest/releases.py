"""Releases and the files that belong to them."""

from __future__ import annotations

from prow.sim.errors import Refused, not_found
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login, number
from prow.sim.state import Asset, Release, Repo

_ALL = f"{REPO}/releases"
_ONE = f"{_ALL}/{{release}}"
_ASSET = f"{_ALL}/assets/{{asset}}"
_BYTES = "application/octet-stream"
UPLOAD = ("POST", f"{_ONE}/assets")
"""Its body is a file."""


class Releases(Area):
    def table(self) -> Table:
        return {
            ("GET", _ALL): self.list_releases,
            ("POST", _ALL): self.create_release,
            ("POST", f"{_ALL}/generate-notes"): self.generate_notes,
            ("GET", f"{_ALL}/latest"): self.latest,
            ("GET", f"{_ALL}/tags/{{tag:path}}"): self.get_by_tag,
            ("GET", _ASSET): self.get_asset,
            ("PATCH", _ASSET): self.edit_asset,
            ("DELETE", _ASSET): self.delete_asset,
            ("GET", _ONE): self.get_release,
            ("PATCH", _ONE): self.edit_release,
            ("DELETE", _ONE): self.delete_release,
            ("GET", f"{_ONE}/assets"): self.list_assets,
            UPLOAD: self.upload,
        }

    def _writes(self, call: Call, repo: Repo) -> bool:
        """Drafts are there for those alone who may write."""
        return call.login is not None and self.world.may(repo, call.login, "write")

    def _release(self, call: Call, needed: str = "read") -> tuple[Repo, Release]:
        repo = self.repo(call, needed)
        found = self.world.find_release(repo, number(call, "release"))
        if found.draft and not self._writes(call, repo):
            raise not_found()
        return repo, found

    def _told(self, repo: Repo, release: Release, status: int = 200) -> Answer:
        return Answer(self.world.json.release(repo, release), status)

    async def list_releases(self, call: Call) -> Answer:
        """The newest first."""
        repo = self.repo(call)
        found = [one for one in reversed(repo.releases) if not one.draft or self._writes(call, repo)]
        return Answer(items=found, each=lambda one: self.world.json.release(repo, one))

    async def create_release(self, call: Call) -> Answer:
        repo = self.repo(call, "write")
        return self._told(repo, await self.world.create_release(repo, call.who, body(call)), 201)

    async def generate_notes(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "write"), body(call)
        tag, target = str(wanted.get("tag_name") or ""), str(wanted.get("target_commitish") or "")
        previous = str(wanted.get("previous_tag_name") or "")
        return Answer(await self.world.release_notes(repo, tag, target=target, previous=previous))

    async def latest(self, call: Call) -> Answer:
        repo = self.repo(call)
        return self._told(repo, self.world.latest_release(repo))

    async def get_by_tag(self, call: Call) -> Answer:
        repo = self.repo(call)
        return self._told(repo, self.world.release_of_tag(repo, call.path["tag"]))

    async def get_release(self, call: Call) -> Answer:
        return self._told(*self._release(call))

    async def edit_release(self, call: Call) -> Answer:
        repo, release = self._release(call, "write")
        await self.world.edit_release(repo, call.who, release, body(call))
        return self._told(repo, release)

    async def delete_release(self, call: Call) -> Answer:
        repo, release = self._release(call, "write")
        await self.world.delete_release(repo, login(call), release)
        return Answer(status=204)

    # Files

    async def list_assets(self, call: Call) -> Answer:
        repo, release = self._release(call)
        return Answer(items=release.assets, each=lambda one: self.world.json.asset(repo, release, one))

    async def upload(self, call: Call) -> Answer:
        repo, release = self._release(call, "write")
        if not isinstance(call.body, bytes) or not call.body:
            raise Refused(400, "Bad Content-Length: a file with something in it is needed")
        name, label = call.query.get("name", ""), call.query.get("label", "")
        kind = call.content_type or _BYTES
        made = await self.world.add_asset(repo, login(call), release, call.body, name=name, label=label, kind=kind)
        return Answer(self.world.json.asset(repo, release, made), 201)

    def _asset(self, call: Call, needed: str = "read") -> tuple[Repo, Release, Asset]:
        repo = self.repo(call, needed)
        release, asset = self.world.find_asset(repo, number(call, "asset"))
        if release.draft and not self._writes(call, repo):
            raise not_found()
        return repo, release, asset

    async def get_asset(self, call: Call) -> Answer:
        """What it is, or its content for those who ask for bytes."""
        repo, release, asset = self._asset(call)
        if _BYTES in call.accept:
            return Answer(await self.world.asset_data(repo, asset), media=_BYTES)
        return Answer(self.world.json.asset(repo, release, asset))

    async def edit_asset(self, call: Call) -> Answer:
        repo, release, asset = self._asset(call, "write")
        await self.world.edit_asset(release, asset, body(call))
        return Answer(self.world.json.asset(repo, release, asset))

    async def delete_asset(self, call: Call) -> Answer:
        _, release, asset = self._asset(call, "write")
        await self.world.delete_asset(release, asset)
        return Answer(status=204)
