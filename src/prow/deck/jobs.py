"""The jobs that pages show: those of the store, and those that were let go, as their bucket keeps them.

Links in comments and statuses outlive ProwJobs by far. `/view/…` names the folder of a run, and crier has left `prowjob.json`
there; a bucket is looked into only if the configuration uses it, and a file that describes another folder is not believed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

import msgspec

from prow.config.config import Config
from prow.deck.logs import folder
from prow.jobs.index import JobIndex
from prow.jobs.store import JobStore, NotFound
from prow.lib.errors import ProwError
from prow.model import paths
from prow.model.prowjob import ProwJob
from prow.storage.ports import Storage

_KEPT = 200
_LARGEST = 4 << 20
_decoder = msgspec.json.Decoder(ProwJob)


class Jobs:
    """`config` None: only the store is asked."""

    def __init__(
        self, store: JobStore, index: JobIndex, storage: Storage, config: Callable[[], Config] | None = None
    ) -> None:
        self._store = store
        self._index = index
        self._storage = storage
        self._config = config
        self._kept: OrderedDict[str, ProwJob] = OrderedDict()
        self._buckets: tuple[Config, frozenset[str]] | None = None

    async def get(self, name: str) -> ProwJob:
        """Raises NotFound."""
        try:
            return await self._store.get(name)
        except NotFound:
            kept = self._kept.get(name)
            if kept is None:
                raise
            return kept

    async def of_build(self, build_id: str) -> ProwJob | None:
        """The job that ran under this build id, if it is in the store or was looked at since."""
        row = self._index.by_build_id(build_id)
        if row is None:
            return next((job for job in self._kept.values() if job.status.build_id == build_id), None)
        try:
            return await self._store.get(row.name)
        except NotFound:
            return None

    async def of_view(self, path: str) -> ProwJob | None:
        """The job of `<provider>/<bucket>/<folder of the run>`."""
        provider, _, rest = path.strip("/").partition("/")
        where = f"{provider}://{rest}"
        found = await self.of_build(rest.rpartition("/")[2])
        if found is not None or self._config is None:
            return found
        if not any(where.startswith(f"{bucket}/") for bucket in self._allowed(self._config())):
            return None
        try:
            if (await self._storage.stat(f"{where}/{paths.PROWJOB}")).size > _LARGEST:
                return None
            job = _decoder.decode(await self._storage.get(f"{where}/{paths.PROWJOB}"))
        except (ProwError, msgspec.DecodeError):
            return None
        if folder(job) != where or not job.status.complete:
            return None
        self._kept[job.name] = job
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return job

    def _allowed(self, config: Config) -> frozenset[str]:
        if self._buckets is None or self._buckets[0] is not config:
            self._buckets = (config, frozenset(_buckets_of(config)))
        return self._buckets[1]


def _buckets_of(config: Config) -> Iterator[str]:
    """Every bucket that a job of the configuration is kept in, and those that deck may show besides, with their schemes."""
    names = set(config.deck.additional_allowed_buckets)
    for _, job in config.all_jobs():
        decoration = job.decoration_config
        if decoration is not None and decoration.gcs_configuration is not None:
            names.add(decoration.gcs_configuration.bucket)
    for name in filter(None, names):
        yield paths.bucket_url(name, "").rstrip("/")
