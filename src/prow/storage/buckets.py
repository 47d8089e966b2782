"""`Storage` over obstore: S3, Google's, local folders and memory behind one set of calls.

Each bucket is opened once, on first use, and used from then on. All work is done in obstore's own threads: nothing here holds
the event loop. A local folder keeps content type and encoding in extended attributes where the file system has them; where
it has not, they are guessed from the name. `local_roots` limits `file://` to given folders, since a job's own
configuration may name a bucket.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.store import GCSStore, LocalStore, MemoryStore, ObjectStore, S3Store

from prow.lib import open_work
from prow.storage import content
from prow.storage.credentials import S3Credentials, check_gcs, read_s3, s3_arguments
from prow.storage.errors import StorageBroken, TooLarge, translated
from prow.storage.locations import FILE, GS, MEMORY, S3, Location, locate
from prow.storage.ports import BadPath, ObjectInfo, ObjectNotFound

_PIECE = 5 << 20
_MOST_PARTS = 9_000
_PARTS_AT_ONCE = 4
_LARGEST_READ = 256 << 20
_CLIENT: dict[str, Any] = {"timeout": timedelta(minutes=5), "connect_timeout": timedelta(seconds=10)}
_RETRY: Any = {"max_retries": 3, "retry_timeout": timedelta(minutes=2)}
_TYPE_ATTRIBUTE = "user.mime_type"
_ENCODING_ATTRIBUTE = "user.mime_encoding"


class Buckets:
    """All buckets of one process; implements `Storage`."""

    def __init__(
        self,
        *,
        gcs_credentials_file: str = "",
        s3_credentials_file: str = "",
        s3_credentials: S3Credentials | None = None,
        local_roots: Sequence[str | Path] | None = None,
    ) -> None:
        """`local_roots`: the folders `file://` may reach, None for any. Raises `UsageError` for credentials that cannot be read."""
        check_gcs(gcs_credentials_file)
        self._gcs_credentials_file = gcs_credentials_file
        self._s3_credentials = s3_credentials or read_s3(s3_credentials_file)
        self._local_roots = None if local_roots is None else tuple(Path(os.path.abspath(root)) for root in local_roots)  # noqa: PTH100
        self._stores: dict[tuple[str, str], ObjectStore] = {}

    async def put(
        self,
        path: str,
        data: bytes,
        *,
        content_type: str = "",
        content_encoding: str = "",
        cache_control: str = "",
        metadata: Mapping[str, str] | None = None,
        must_not_exist: bool = False,
    ) -> None:
        """Write an object. Without `content_type` its first bytes tell. Raises `ObjectExists` when it must not exist."""
        location = locate(path)
        content_type = content_type or content.sniff(data)
        attributes = _attributes(content_type, content_encoding, cache_control, metadata)
        with self._work(location) as store:
            await obstore.put_async(
                store,
                location.key,
                data,
                attributes=None if location.scheme == FILE else attributes,
                mode="create" if must_not_exist else "overwrite",
            )
        if location.scheme == FILE:
            _remember(location, content_type, content_encoding)

    async def get(self, path: str) -> bytes:
        """The whole object, up to 256 MiB; `TooLarge` beyond."""
        location = locate(path)
        with self._work(location) as store:
            result = await obstore.get_async(store, location.key)
            if result.meta["size"] > _LARGEST_READ:
                raise TooLarge(f"{path}: {result.meta['size']} bytes are too many to read at once")
            return bytes(await result.bytes_async())

    async def get_range(self, path: str, start: int, end: int) -> bytes:
        """Bytes `start` to `end` (exclusive), as far as the object goes."""
        location = locate(path)
        if start < 0 or end <= start:
            return b""
        try:
            with self._work(location) as store:
                return bytes(await obstore.get_range_async(store, location.key, start=start, end=end))
        except StorageBroken:
            # Backends disagree about ranges that begin behind the end; the size decides.
            if (await self.stat(path)).size <= start:
                return b""
            raise

    async def stat(self, path: str) -> ObjectInfo:
        location = locate(path)
        with self._work(location) as store:
            if location.scheme == FILE:
                meta = await obstore.head_async(store, location.key)
                kind, encoding = _remembered(location)
            else:
                result = await obstore.get_async(store, location.key, options={"head": True})
                meta = result.meta
                kind = result.attributes.get("Content-Type", "")
                encoding = result.attributes.get("Content-Encoding", "")
        return ObjectInfo(
            path=str(location),
            size=meta["size"],
            modified=meta["last_modified"],
            content_type=kind,
            content_encoding=encoding,
        )

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """One level below `prefix`, folders first; an empty or missing folder gives nothing."""
        location = locate(prefix, folder=True)
        with self._work(location) as store:
            try:
                found = await obstore.list_with_delimiter_async(store, location.key or None)
            except FileNotFoundError:
                return
        for folder in found["common_prefixes"]:
            yield ObjectInfo(path=location.beside(folder.rstrip("/")), size=0, is_dir=True)
        for meta in found["objects"]:
            yield ObjectInfo(path=location.beside(meta["path"]), size=meta["size"], modified=meta["last_modified"])

    async def put_file(self, path: str, source: str, *, content_type: str = "", content_encoding: str = "") -> None:
        """Upload a local file in pieces. Without `content_type` its first bytes tell."""
        location = locate(path)
        try:
            size = os.stat(source).st_size  # noqa: PTH116 - also for names below /proc/self/fd
            if not content_type:
                with open(source, "rb") as file:  # noqa: ASYNC230, PTH123 - 512 bytes
                    content_type = content.sniff(file.read(content.SNIFFED))
        except OSError as error:
            raise ObjectNotFound(f"{source}: cannot read this file: {error.strerror or error}") from error
        attributes = _attributes(content_type, content_encoding, "", None)
        with self._work(location) as store:
            await obstore.put_async(
                store,
                location.key,
                Path(source),
                attributes=None if location.scheme == FILE else attributes,
                chunk_size=max(_PIECE, size // _MOST_PARTS + 1),
                max_concurrency=_PARTS_AT_ONCE,
            )
        if location.scheme == FILE:
            _remember(location, content_type, content_encoding)

    @contextmanager
    def _work(self, location: Location) -> Iterator[ObjectStore]:
        with translated(str(location)), open_work.counted():
            yield self._store(location)

    def _store(self, location: Location) -> ObjectStore:
        if location.scheme == FILE:
            self._check_root(location)
        key = (location.scheme, location.bucket)
        store = self._stores.get(key)
        if store is None:
            store = self._stores[key] = self._open(location)
        return store

    def _open(self, location: Location) -> ObjectStore:
        if location.scheme == FILE:
            return LocalStore("/")
        if location.scheme == MEMORY:
            return MemoryStore()
        client: Any = dict(_CLIENT)
        if location.scheme == S3:
            config, more = s3_arguments(self._s3_credentials)
            return S3Store(location.bucket, client_options=client | more, retry_config=_RETRY, **config)
        if location.scheme != GS:
            raise BadPath(f"{location}: storage of this kind is not known")
        account: Any = {"service_account": self._gcs_credentials_file} if self._gcs_credentials_file else {}
        return GCSStore(location.bucket, client_options=client, retry_config=_RETRY, **account)

    def _check_root(self, location: Location) -> None:
        if self._local_roots is None:
            return
        file = Path("/", location.key)
        if not any(file == root or root in file.parents for root in self._local_roots):
            raise BadPath(f"{location}: this folder is not one that files may be stored in")


def _attributes(kind: str, encoding: str, cache_control: str, metadata: Mapping[str, str] | None) -> dict[str, str]:
    attributes = dict(metadata or {})
    attributes["Content-Type"] = kind
    if encoding:
        attributes["Content-Encoding"] = encoding
    if cache_control:
        attributes["Cache-Control"] = cache_control
    return attributes


def _remember(location: Location, kind: str, encoding: str) -> None:
    """Keep what a local file cannot say about itself, as far as the file system can hold it."""
    try:
        if kind and kind != content.of_name(location.key):
            os.setxattr(f"/{location.key}", _TYPE_ATTRIBUTE, kind.encode())
        if encoding:
            os.setxattr(f"/{location.key}", _ENCODING_ATTRIBUTE, encoding.encode())
    except OSError:
        return


def _remembered(location: Location) -> tuple[str, str]:
    def read(name: str) -> str:
        try:
            return os.getxattr(f"/{location.key}", name).decode("utf-8", "replace")
        except OSError:
            return ""

    return read(_TYPE_ATTRIBUTE) or content.of_name(location.key), read(_ENCODING_ATTRIBUTE)
