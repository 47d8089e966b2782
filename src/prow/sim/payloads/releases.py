"""Releases and the files that belong to them."""

from __future__ import annotations

from urllib.parse import quote

from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.checks import Checks
from prow.sim.state import Asset, Release, Repo


class Releases(Checks):
    def release(self, repo: Repo, release: Release, *, webhook: bool = False) -> Json:
        api, page = f"{self.base}/repos/{repo.full_name}", f"{self.base}/{repo.full_name}"
        url, tag = f"{api}/releases/{release.id}", quote(release.tag)
        shown = f"untagged-{release.id:020x}" if release.draft else tag
        found: Json = {
            "url": url,
            "html_url": f"{page}/releases/tag/{shown}",
            "assets_url": f"{url}/assets",
            "upload_url": f"{url}/assets{{?name,label}}",
            "tarball_url": None if release.draft else f"{api}/tarball/{tag}",
            "zipball_url": None if release.draft else f"{api}/zipball/{tag}",
            "id": release.id,
            "node_id": node("RE", release.id),
            "tag_name": release.tag,
            "target_commitish": release.target,
            "name": release.name,
            "body": release.body,
            "draft": release.draft,
            "prerelease": release.prerelease,
            "created_at": stamp(release.created_at),
            "published_at": stamp(release.published_at) if release.published_at is not None else None,
            "author": self.user(release.author),
            "assets": [self.asset(repo, release, one, webhook=webhook) for one in release.assets],
        }
        if release.reactions:
            found["reactions"] = self.reactions(url, release.reactions)
        return found if webhook else found | {"immutable": False, "updated_at": found["published_at"]}

    def asset(self, repo: Repo, release: Release, asset: Asset, *, webhook: bool = False) -> Json:
        page = f"{self.base}/{repo.full_name}/releases/download"
        found: Json = {
            "url": f"{self.base}/repos/{repo.full_name}/releases/assets/{asset.id}",
            "browser_download_url": f"{page}/{quote(release.tag)}/{quote(asset.name)}",
            "id": asset.id,
            "node_id": node("RA", asset.id),
            "name": asset.name,
            "label": asset.label or None,
            "state": "uploaded",
            "content_type": asset.content_type,
            "size": asset.size,
            "download_count": asset.downloads,
            "created_at": stamp(asset.created_at),
            "updated_at": stamp(asset.updated_at),
            "uploader": self.user(asset.uploader),
        }
        return found if webhook else found | {"digest": asset.digest}
