"""initupload, sidecar and gcsupload: what lies in the bucket afterwards."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from prow.lib.clock import SystemClock
from prow.lib.errors import Retry, UsageError
from prow.lib.virtual_clock import VirtualClock
from prow.model.prowjob import JobType
from prow.model.refs import Pull, Refs
from prow.podutils import initupload, sidecar, upload
from prow.podutils.clone_rules import CloneRecord, CommandRecord, encode_records
from prow.podutils.jobspec import JobSpec
from prow.podutils.options import (
    CensorOptions,
    InitUploadOptions,
    SidecarOptions,
    UploadOptions,
    WrapperOptions,
)
from prow.podutils.upload import UploadFailed
from prow.podutils.upload_rules import Naming, compresses, escaped, named
from prow.storage.buckets import Buckets
from prow.storage.ports import ObjectNotFound

REFS = Refs(org="o", repo="r", base_ref="main", base_sha="b" * 40, pulls=(Pull(number=5, author="ann", sha="a" * 40),))
SPEC = JobSpec(type=JobType.PRESUBMIT, job="unit", buildid="123", prowjobid="p", refs=REFS)
BASE = "memory://bucket/pr-logs/pull/o_r/5/unit/123"
SECRET = b"hunter2-hunter2"


def options_of(**more: Any) -> dict[str, Any]:
    return {"bucket": "memory://bucket", "path_strategy": "explicit", **more}


async def everything(storage: Buckets, prefix: str = "memory://bucket") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    async for info in storage.list(prefix):
        if info.is_dir:
            found |= await everything(storage, info.path)
        else:
            found[info.path.removeprefix("memory://bucket/")] = await storage.get(info.path)
    return found


async def test_the_start_of_a_run_is_told_with_pointers() -> None:
    storage, clock = Buckets(), VirtualClock()
    assert await initupload.run(InitUploadOptions(**options_of()), SPEC, storage=storage, clock=clock)
    run = "pr-logs/pull/o_r/5/unit/123"
    assert await everything(storage) == {
        f"{run}/started.json": (
            b'{"timestamp":%d,"pull":"5","repos":{"o/r":"main:%b,5:%b"},"repo-commit":"%b","repo-version":"%b"}'
            % (clock.now().timestamp(), b"b" * 40, b"a" * 40, b"a" * 40, b"a" * 40)
        ),
        "pr-logs/directory/unit/123.txt": b"memory://bucket/pr-logs/pull/o_r/5/unit/123",
        "pr-logs/directory/unit/latest-build.txt": b"123",
        "pr-logs/pull/o_r/5/unit/latest-build.txt": b"123",
    }


async def test_the_clone_records_are_uploaded_and_name_the_commit(tmp_path: Path) -> None:
    storage = Buckets()
    records = [CloneRecord(), CloneRecord(refs=REFS, final_sha="f" * 40)]
    (tmp_path / "clone.json").write_bytes(encode_records(records))
    options = InitUploadOptions(**options_of(log=str(tmp_path / "clone.json")))
    assert await initupload.run(options, SPEC, storage=storage, clock=VirtualClock())
    assert json.loads(await storage.get(f"{BASE}/started.json"))["repo-commit"] == "f" * 40
    assert await storage.get(f"{BASE}/clone-records.json") == encode_records(records)
    assert b"# Cloning o/r at main" in await storage.get(f"{BASE}/clone-log.txt")
    with pytest.raises(ObjectNotFound):
        await storage.get(f"{BASE}/finished.json")


async def test_a_failed_clone_ends_the_run(tmp_path: Path) -> None:
    storage, clock = Buckets(), VirtualClock()
    failed = CloneRecord(refs=REFS, failed=True, commands=(CommandRecord(command="git", error="exit status 1"),))
    (tmp_path / "clone.json").write_bytes(encode_records([failed]))
    options = InitUploadOptions(**options_of(log=str(tmp_path / "clone.json")))
    assert not await initupload.run(options, SPEC, storage=storage, clock=clock)
    finished = json.loads(await storage.get(f"{BASE}/finished.json"))
    assert finished == {"timestamp": int(clock.now().timestamp()), "passed": False, "result": "FAILURE"}
    assert (await storage.get(f"{BASE}/build-log.txt")).startswith(b"# FAILED\n")


async def test_unreadable_records_are_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "clone.json").write_text("no json")
    for name in ("clone.json", "missing.json"):
        options = InitUploadOptions(**options_of(log=str(tmp_path / name)))
        with pytest.raises(UsageError, match="clone records"):
            await initupload.run(options, SPEC, storage=Buckets(), clock=VirtualClock())


class Job:
    """The folders of a run and what its command leaves there."""

    def __init__(self, tmp_path: Path) -> None:
        self.logs = tmp_path / "logs"
        self.artifacts = self.logs / "artifacts"
        self.artifacts.mkdir(parents=True)

    def options(self, *names: str, **more: Any) -> SidecarOptions:
        names = names or ("",)
        entries = tuple(
            WrapperOptions(
                args=("sh",),
                container_name=name,
                process_log=str(self.logs / f"{name}log.txt"),
                marker_file=str(self.logs / f"{name}marker.txt"),
                metadata_file=str(self.artifacts / f"{name}metadata.json"),
            )
            for name in names
        )
        upload_options = more.pop("upload", {})
        gcs = UploadOptions(items=(str(self.artifacts),), **options_of(**upload_options))
        return SidecarOptions(gcs_options=gcs, entries=entries, **more)

    def ends(self, code: str, name: str = "", log: bytes = b"hello\n") -> None:
        (self.logs / f"{name}log.txt").write_bytes(log)
        (self.logs / f"{name}marker.txt").write_text(code)


async def run_sidecar(options: SidecarOptions, storage: Buckets, **more: Any) -> sidecar.Outcome:
    return await sidecar.run(options, SPEC, storage=storage, clock=VirtualClock(), **more)


async def test_a_passed_run_is_uploaded_whole(tmp_path: Path) -> None:
    job, storage = Job(tmp_path), Buckets()
    (job.artifacts / "junit").mkdir()
    (job.artifacts / "junit/a#1.xml").write_text("<x/>")
    (job.artifacts / "metadata.json").write_text('{"tool":"1.0"}')
    job.ends("0")
    outcome = await run_sidecar(job.options(), storage)
    assert outcome == sidecar.Outcome(passed=True, aborted=False, failures=0, codes=(0,))
    finished = json.loads(await storage.get(f"{BASE}/finished.json"))
    assert (finished["passed"], finished["result"], finished["metadata"], finished["revision"]) == (
        True,
        "SUCCESS",
        {"tool": "1.0"},
        "a" * 40,
    )
    assert await storage.get(f"{BASE}/build-log.txt") == b"hello\n"
    assert await storage.get(f"{BASE}/artifacts/junit/a%231.xml") == b"<x/>"
    assert (await storage.stat(f"{BASE}/artifacts/junit/a%231.xml")).content_type == "text/xml; charset=utf-8"
    assert await storage.get("memory://bucket/pr-logs/directory/unit/latest-build.txt") == b"123"
    assert await storage.get(f"{BASE}/sidecar-logs.json") == b""


@pytest.mark.parametrize(
    ("code", "result", "aborted", "failures"),
    [("1", "FAILURE", False, 1), ("-1", "FAILURE", False, 1), ("130", "ABORTED", True, 1), ("x", "FAILURE", False, 1)],
)
async def test_the_exit_code_decides_the_result(
    tmp_path: Path, code: str, result: str, *, aborted: bool, failures: int
) -> None:
    job, storage = Job(tmp_path), Buckets()
    job.ends(code)
    outcome = await run_sidecar(job.options(), storage)
    assert (outcome.passed, outcome.aborted, outcome.failures) == (False, aborted, failures)
    finished = json.loads(await storage.get(f"{BASE}/finished.json"))
    assert (finished["passed"], finished["result"]) == (False, result)


async def test_several_containers_have_a_log_each_and_metadata_is_merged(tmp_path: Path) -> None:
    job, storage = Job(tmp_path), Buckets()
    job.ends("0", "one", b"1")
    job.ends("1130", "two", b"2")
    (job.artifacts / "onemetadata.json").write_text('{"a":1,"b":1}')
    (job.artifacts / "twometadata.json").write_text('{"b":2}')
    outcome = await run_sidecar(job.options("one", "two"), storage)
    assert (outcome.passed, outcome.failures) == (False, 0)
    assert await storage.get(f"{BASE}/one-build-log.txt") == b"1"
    assert await storage.get(f"{BASE}/two-build-log.txt") == b"2"
    assert json.loads(await storage.get(f"{BASE}/finished.json"))["metadata"] == {"a": 1, "b": 2}


@pytest.mark.parametrize("text", ["[]", "no", "[" * 100_000, '{"a":'])
async def test_bad_metadata_is_told_in_the_metadata(tmp_path: Path, text: str) -> None:
    job, storage = Job(tmp_path), Buckets()
    (job.artifacts / "metadata.json").write_text(text)
    job.ends("0")
    assert (await run_sidecar(job.options(), storage)).passed
    finished = json.loads(await storage.get(f"{BASE}/finished.json"))
    assert finished["metadata"] == {"sidecar-errors": {"entry 0: sh": {}}}
    assert b"Metadata cannot be read" in await storage.get(f"{BASE}/sidecar-logs.json")


async def test_it_waits_for_the_marker_of_a_running_command(tmp_path: Path) -> None:
    job, storage = Job(tmp_path), Buckets()
    task = asyncio.create_task(sidecar.run(job.options(), SPEC, storage=storage, clock=SystemClock()))
    await SystemClock().sleep(0.02)  # that it waits is nothing that could be waited for
    assert not task.done()
    (job.logs / "log.txt").write_bytes(b"done")
    (job.logs / "tmp").write_text("0")
    (job.logs / "tmp").replace(job.logs / "marker.txt")
    async with asyncio.timeout(5):  # noqa: TID251 - far below the poll: the watch must see it
        assert (await task).passed


async def test_an_interruption_uploads_aborted_and_then_the_truth(tmp_path: Path) -> None:
    said = asyncio.Event()

    class Telling(Buckets):
        async def put(self, path: str, data: bytes, **more: Any) -> None:
            await super().put(path, data, **more)
            if path == f"{BASE}/finished.json":
                said.set()

    job, storage = Job(tmp_path), Telling()
    (job.logs / "log.txt").write_bytes(b"so far")
    interrupted = asyncio.Event()
    clock = SystemClock()
    task = asyncio.create_task(sidecar.run(job.options(), SPEC, storage=storage, clock=clock, interrupted=interrupted))
    interrupted.set()
    await said.wait()
    assert json.loads(await storage.get(f"{BASE}/finished.json"))["result"] == "ABORTED"
    assert not task.done()
    job.ends("0")
    assert (await task).passed
    assert json.loads(await storage.get(f"{BASE}/finished.json"))["result"] == "SUCCESS"


async def test_secrets_leave_in_no_file(tmp_path: Path) -> None:
    job, storage = Job(tmp_path), Buckets()
    folder = tmp_path / "secret"
    folder.mkdir()
    (folder / "token").write_bytes(SECRET + b"\n")
    (job.artifacts / "dump.txt").write_bytes(b"t=" + SECRET)
    (job.artifacts / "packed.log.gz").write_bytes(gzip.compress(SECRET))
    (job.artifacts / "metadata.json").write_bytes(b'{"token":"' + SECRET + b'"}')
    job.ends("0", log=b"echo " + SECRET + b" other-secret\n")
    options = job.options(censoring_options=CensorOptions(secret_directories=(str(folder),)))
    await run_sidecar(options, storage, secrets=[b"other-secret"])
    files = await everything(storage)
    assert files["pr-logs/pull/o_r/5/unit/123/build-log.txt"] == b"echo " + b"X" * 15 + b" " + b"X" * 12 + b"\n"
    packed = await storage.stat(f"{BASE}/artifacts/packed.log")
    assert packed.content_encoding == "gzip"
    unpacked = [gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data for data in files.values()]
    assert not any(SECRET in data for data in unpacked)


async def test_links_pipes_and_odd_names_lead_nowhere(tmp_path: Path) -> None:
    job, storage = Job(tmp_path), Buckets()
    (tmp_path / "host-secret").write_bytes(SECRET)
    (job.artifacts / "out").symlink_to(tmp_path / "host-secret")
    (job.artifacts / "up").symlink_to("../../host-secret")
    (job.artifacts / "etc").symlink_to("/etc")
    (job.artifacts / "good.txt").write_text("good")
    (job.artifacts / "inside").symlink_to("good.txt")
    os.mkfifo(job.artifacts / "pipe")
    (job.artifacts / "new\nline").write_text("n")
    Path(os.fsdecode(os.fsencode(job.artifacts) + b"/\xff")).write_text("b")
    job.ends("0")
    assert not (await run_sidecar(job.options(), storage)).upload_error
    prefix = "pr-logs/pull/o_r/5/unit/123/artifacts/"
    assert {
        name.removeprefix(prefix): data for name, data in (await everything(storage)).items() if name.startswith(prefix)
    } == {"good.txt": b"good", "inside": b"good", "new__0xa__line": b"n", "__0xdcff__": b"b"}


@pytest.mark.parametrize("what", ["log.txt", "artifacts", "artifacts/metadata.json"])
async def test_what_is_replaced_by_a_link_is_not_read(tmp_path: Path, what: str) -> None:
    job, storage = Job(tmp_path), Buckets()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "metadata.json").write_bytes(b'{"stolen":"' + SECRET + b'"}')
    job.ends("0")
    target = job.logs / what
    if target.is_dir():
        target.rmdir()
    elif target.exists():
        target.unlink()
    target.symlink_to(outside if what == "artifacts" else outside / "metadata.json")
    outcome = await run_sidecar(job.options(), storage)
    assert outcome.passed
    assert not any(SECRET in data for data in (await everything(storage)).values())


async def test_a_missing_log_is_told_in_its_place(tmp_path: Path) -> None:
    job, storage = Job(tmp_path), Buckets()
    job.ends("0")
    (job.logs / "log.txt").unlink()
    await run_sidecar(job.options(), storage)
    text = await storage.get(f"{BASE}/build-log.txt")
    assert text == f"Failed to open {job.logs}/log.txt: No such file or directory".encode()


class Flaky(Buckets):
    """A bucket that refuses the first writes."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    async def put(self, path: str, data: bytes, **more: Any) -> None:
        if path.endswith("finished.json") and self.failures > 0:
            self.failures -= 1
            raise Retry("the bucket is away")
        await super().put(path, data, **more)


@pytest.mark.parametrize(("failures", "error"), [(3, ""), (4, "upload: the bucket is away")])
async def test_each_object_is_tried_four_times(tmp_path: Path, failures: int, error: str) -> None:
    job, storage, clock = Job(tmp_path), Flaky(failures), VirtualClock()
    job.ends("0")
    outcome = await sidecar.run(job.options(), SPEC, storage=storage, clock=clock)
    assert outcome.upload_error == error
    assert outcome.passed
    assert clock.monotonic() == pytest.approx(14.0)


async def test_an_upload_that_fails_names_what_and_leaves_the_rest(tmp_path: Path) -> None:
    storage = Flaky(99)
    (tmp_path / "finished.json").write_text("x" * 300)
    (tmp_path / ("n" * 250)).write_text("too long a name")
    options = UploadOptions(items=(str(tmp_path),), **options_of(sub_dir="s" * 256))
    with pytest.raises(UploadFailed, match="segment"):
        await upload.run(options, SPEC, storage=storage, clock=VirtualClock())
    assert await storage.get("memory://bucket/pr-logs/directory/unit/latest-build.txt") == b"123"


async def test_a_local_folder_takes_the_place_of_the_bucket(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.ends("0")
    options = job.options(upload={"local_output_dir": str(tmp_path / "out")})
    await run_sidecar(options, Buckets())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "build-log.txt",
        "finished.json",
        "sidecar-logs.json",
    ]


async def test_large_texts_are_compressed_when_asked(tmp_path: Path) -> None:
    job, storage = Job(tmp_path), Buckets()
    (job.artifacts / "big.txt").write_bytes(b"x" * 5000)
    (job.artifacts / "small.txt").write_bytes(b"x" * 500)
    (job.artifacts / "big.bin").write_bytes(b"x" * 5000)
    job.ends("0", log=b"y" * 5000)
    await run_sidecar(job.options(upload={"compress_file_types": ("txt",)}), storage)
    info = await storage.stat(f"{BASE}/artifacts/big.txt")
    assert (info.content_encoding, info.content_type) == ("gzip", "text/plain; charset=utf-8")
    assert gzip.decompress(await storage.get(f"{BASE}/build-log.txt")) == b"y" * 5000
    assert (await storage.stat(f"{BASE}/artifacts/small.txt")).content_encoding == ""
    assert (await storage.stat(f"{BASE}/artifacts/big.bin")).content_encoding == ""


async def test_a_dry_run_writes_nothing() -> None:
    storage = Buckets()
    options = InitUploadOptions(dry_run=True, path_strategy="explicit")
    assert await initupload.run(options, SPEC, storage=storage, clock=VirtualClock())
    assert await everything(storage) == {}


@pytest.mark.parametrize(
    ("path", "naming"),
    [
        ("a/build-log.txt.gz", Naming("a/build-log.txt", "text/plain; charset=utf-8", "gzip")),
        ("archive.gz", Naming("archive", "application/gzip")),
        ("x.foo.gz", Naming("x.foo", "application/gzip")),
        ("x.json", Naming("x.json", "application/json")),
        ("x.mine", Naming("x.mine", "text/mine")),
        ("none", Naming("none")),
        (".gz", Naming(".gz")),
    ],
)
def test_names_and_types_of_items(path: str, naming: Naming) -> None:
    assert named(path, {"mine": "text/mine"}) == naming


def test_what_is_compressed() -> None:
    assert compresses("a.txt", ("txt",))
    assert compresses("none", ("*",))
    assert not compresses("a.gz", ("*",))
    assert not compresses("none", ("txt",))


def test_sharp_signs_are_escaped_in_folders_only() -> None:
    assert escaped("a#b", in_folder=True) == "a%23b"
    assert escaped("a#b", in_folder=False) == "a#b"


def test_options_survive_their_json() -> None:
    options = SidecarOptions(gcs_options=UploadOptions(bucket="b"), entries=(WrapperOptions(args=("x",)),))
    assert msgspec.json.decode(msgspec.json.encode(options), type=SidecarOptions) == options
