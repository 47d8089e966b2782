"""Archives of a commit: where to fetch them."""

from __future__ import annotations

from prow.sim.rest.call import REPO, Answer, Area, Call, Table

_KINDS = {"tarball": "tar.gz", "zipball": "zip"}


class Archives(Area):
    def table(self) -> Table:
        return {("GET", f"{REPO}/{word}/{{ref:path}}"): self.lead for word in _KINDS}

    async def lead(self, call: Call) -> Answer:
        repo, kind = self.repo(call), _KINDS[call.route[1].split("/")[4]]
        place = f"{self.world.base}/{repo.full_name}/legacy.{kind}/{call.path['ref']}"
        return Answer(status=302, headers={"location": place})
