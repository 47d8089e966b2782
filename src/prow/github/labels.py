"""Labels of a repository: made, renamed, recoloured, deleted. To list them: every client can."""

from __future__ import annotations

import msgspec

from prow.github.area import Area, repo_at


class LabelChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be another one; the rest stays. `color`: six hexadecimal digits."""

    new_name: str | msgspec.UnsetType = msgspec.UNSET
    color: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET


class Labels(Area):
    async def edit_label(self, org: str, repo: str, name: str, change: LabelChange) -> None:
        """Issues keep a label that gets another name."""
        await self._ask("PATCH", repo_at("/labels/:labelId", org, repo, labelId=name), body=change)

    async def delete_label(self, org: str, repo: str, name: str) -> None:
        """Takes it from all issues. A label that is not there is gone already."""
        await self._ask("DELETE", repo_at("/labels/:labelId", org, repo, labelId=name), ok=(404,))
