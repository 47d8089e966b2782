"""Releases, deployments, and comments on commits."""

from __future__ import annotations

from urllib.parse import quote

from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.checks import Checks
from prow.sim.state import Asset, CommitComment, Deployment, DeploymentStatus, Release, Repo


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

    def deployment(self, repo: Repo, deployment: Deployment, *, webhook: bool = False) -> Json:
        api = f"{self.base}/repos/{repo.full_name}"
        url = f"{api}/deployments/{deployment.id}"
        found: Json = {
            "url": url,
            "id": deployment.id,
            "node_id": node("DE", deployment.id),
            "sha": deployment.sha,
            "ref": deployment.ref,
            "task": deployment.task,
            "payload": deployment.payload if deployment.payload is not None else {},
            "original_environment": deployment.environment,
            "environment": deployment.environment,
            "description": deployment.description or None,
            "creator": self.user(deployment.creator),
            "created_at": stamp(deployment.created_at),
            "updated_at": stamp(deployment.updated_at),
            "statuses_url": f"{url}/statuses",
            "repository_url": api,
            "transient_environment": deployment.transient,
            "production_environment": deployment.production,
        }
        if deployment.app is not None:
            found["performed_via_github_app"] = self.app(deployment.app, webhook=webhook)
        return found

    def deployment_status(self, repo: Repo, deployment: Deployment, status: DeploymentStatus) -> Json:
        api = f"{self.base}/repos/{repo.full_name}"
        url = f"{api}/deployments/{deployment.id}"
        found: Json = {
            "url": f"{url}/statuses/{status.id}",
            "id": status.id,
            "node_id": node("DES", status.id),
            "state": status.state,
            "creator": self.user(status.creator),
            "description": status.description,
            "environment": status.environment,
            "target_url": status.target_url,
            "created_at": stamp(status.created_at),
            "updated_at": stamp(status.created_at),
            "deployment_url": url,
            "repository_url": api,
        }
        places = {"log_url": status.target_url, "environment_url": status.environment_url}
        return found | {name: place for name, place in places.items() if place}

    def commit_comment(self, repo: Repo, comment: CommitComment, *, webhook: bool = False) -> Json:
        url = f"{self.base}/repos/{repo.full_name}/comments/{comment.id}"
        page = f"{self.base}/{repo.full_name}/commit/{comment.commit_id}"
        found: Json = {
            "url": url,
            "html_url": f"{page}#commitcomment-{comment.id}",
            "id": comment.id,
            "node_id": node("CC", comment.id),
            "user": self.user(comment.user),
            "position": comment.position,
            "line": comment.line,
            "path": comment.path,
            "commit_id": comment.commit_id,
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "author_association": self.association(repo, comment.user),
            "body": comment.body,
        }
        return found if webhook else found | {"reactions": self.reactions(url, comment.reactions)}
