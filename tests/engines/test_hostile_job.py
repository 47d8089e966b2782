"""What a hostile job tries inside the sandbox, with the help of somebody who tells it every path; each attempt fails.

The attempts print `GOT-IT` when they succeed. The last test runs some of them without a sandbox, where they do succeed: the
attempts themselves are sound.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from prow.jobs.engine import Phase
from tests.engines.support import build_log, engine, finished, job, pod, run_job, running

TOKEN = "ghp_0123456789abcdefghij"
FOUND = "GOT-IT"

READS = {
    "the token": "cat {world}/secrets/token",
    "the inbox": "cat {world}/state/inbox.db",
    "the folder of the engine": "ls {state}",
    "its own record": "cat {state}/jobs/run-1/17/job.json",
    "another job": "cat {state}/jobs/other/3/code/secret.txt",
    "our environment": "cat /proc/{pid}/environ",
    "any environment with the secret": "grep -qz HOSTILE_TEST_SECRET /proc/[0-9]*/environ",
    "our processes": "test -d /proc/{pid}",
    "the entrypoint outside": "grep -qz -e '^-[-]options$' /proc/[0-9]*/cmdline",
    "password hashes": "cat /etc/shadow",
    "private keys of the machine": "ls /etc/ssl/private /root/.ssh /etc/ssh",
    "the home folders": "test -n \"$(ls /root /home | grep -v -e : -e prow -e '^$')\"",
    "the disk": "head -c1 /dev/vda /dev/sda /dev/nvme0n1 2>/dev/null | grep -q .",
    "the kernel's memory": 'test -n "$(head -c1 /proc/kcore)"',
    "the kernel's log": "dmesg",
    "the volumes of the operator": "cat {world}/volumes/secrets/bot/token",
}
WRITES = {
    "the bucket": "echo '{{}}' > {bucket}/logs/nightly/17/finished.json",
    "its marker": "echo 0 > {logs}/marker-file.txt",
    "its log": "echo lies > {logs}/process-log.txt",
    "a marker where pods have it": "test -e /logs/marker-file.txt -o -e /logs/process-log.txt",
    "its lock": ": >> {tools}/test.lock",
    "its control file": "echo T > {tools}/test.control",
    "the entrypoint": "echo x > /tools/entrypoint",
    "its environment file": "echo x > /tools/environment",
    "a program of the system": "echo x > /usr/bin/prow-was-here",
    "the users": "echo x >> /etc/passwd",
    "kernel settings": ": >> /proc/sys/kernel/core_pattern",
    "kernel settings of memory": ": >> /proc/sys/vm/overcommit_memory",
    "the machine's reset": ": >> /proc/sysrq-trigger",
    "interrupts": ": >> /proc/irq/default_smp_affinity",
    "our process": "kill -0 {pid}",
    "every process": "test $(ls -d /proc/[0-9]* | wc -l) -gt 12",
}
POWERS = {
    "mounting": "mount -t tmpfs none /usr",
    "unmounting": "umount /proc/sys",
    "remounting": "mount -o remount,rw /usr",
    "new user namespaces": "unshare --user --map-root-user true",
    "devices": "mknod /tmp/disk b 254 0 && head -c1 /tmp/disk",
    "capabilities": "test $(grep CapEff /proc/self/status | tr -dc 1-9 | wc -c) -gt 2",
    "regained capabilities": "test $(grep CapBnd /proc/self/status | tr -dc 1-9 | wc -c) -gt 2",
    "new privileges": "grep -q 'NoNewPrivs:.*0' /proc/self/status",
    "the host's name": "hostname prow-was-here",
    "a way around through links": "ln -s {world}/secrets/token /tmp/t && cat /tmp/t",
    "descriptors that were left open": "test \"$(cd /proc/self/fd; echo *)\" != '0 1 2 3'",
    "the first process' descriptors": "cat /proc/1/fd/4 </dev/null",
    "another process group": "kill -0 -{pid}",
}
ATTEMPTS = READS | WRITES | POWERS


class World:
    """A machine with things worth stealing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state" / "engine"
        self.bucket = folder / "bucket"
        for path, content in {
            "secrets/token": TOKEN,
            "state/inbox.db": "SQLite format 3",
            "state/engine/jobs/other/3/code/secret.txt": "x",
            "volumes/secrets/bot/token": TOKEN,
        }.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
        self.bucket.mkdir()

    def script(self, attempt: str) -> str:
        run = self.state / "jobs/run-1/17"
        names = {"world": self.folder, "state": self.state, "bucket": self.bucket, "pid": os.getpid()}
        return attempt.format(**names, logs=run / "logs", tools=run / "tools")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def output_of(world: World, attempt: str, **settings: Any) -> str:
    async with running(engine(world.state, **settings)) as one:
        script = f"({world.script(attempt)}) && echo GOT''-IT; echo over"
        ended = await run_job(one, job(pod("bash", "-c", script), bucket=world.bucket))
    assert ended.phase is Phase.SUCCEEDED
    log = build_log(world.bucket)
    assert log.endswith("over\n")
    return log


@pytest.mark.usefixtures("bubblewrap")
@pytest.mark.parametrize("what", ATTEMPTS)
async def test_a_hostile_job_does_not_get(world: World, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTILE_TEST_SECRET", TOKEN)
    log = await output_of(world, ATTEMPTS[what])
    assert FOUND not in log
    assert TOKEN not in log
    assert finished(world.bucket)["passed"] is True


@pytest.mark.usefixtures("bubblewrap")
async def test_links_pipes_and_sockets_among_artifacts_lead_nowhere(world: World) -> None:
    script = f"""
        cd "$ARTIFACTS"
        ln -s {world.folder}/secrets/token token.txt
        ln -s {world.folder}/secrets folder
        ln -s ../../job.json record.json
        ln -s {world.folder}/secrets/meta.json metadata.json
        ln -s / root
        mkfifo pipe
        mkdir sub && echo fine > sub/file.txt && ln -s sub/file.txt inside.txt
    """
    (world.folder / "secrets/meta.json").write_text(json.dumps({"stolen": TOKEN}))
    async with running(engine(world.state)) as one:
        ended = await run_job(one, job(pod("bash", "-c", script), bucket=world.bucket))
    assert ended.phase is Phase.SUCCEEDED, ended
    uploaded = world.bucket / "logs/nightly/17"
    files = {
        path.relative_to(uploaded / "artifacts").as_posix()
        for path in (uploaded / "artifacts").rglob("*")
        if path.is_file()
    }
    assert files == {"sub/file.txt", "inside.txt"}
    assert all(TOKEN.encode() not in path.read_bytes() for path in uploaded.rglob("*") if path.is_file())


@pytest.mark.usefixtures("bubblewrap")
async def test_nothing_of_a_job_outlives_it(world: World) -> None:
    mark = f"9{os.getpid()}7"
    script = f"setsid sleep {mark} >/dev/null 2>&1 & (setsid nohup sleep {mark} &) ; echo over"
    async with running(engine(world.state)) as one:
        ended = await run_job(one, job(pod("bash", "-c", script), bucket=world.bucket))
    assert ended.phase is Phase.SUCCEEDED
    alive = [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark.encode() in _read(path)]
    assert alive == []


@pytest.mark.usefixtures("bubblewrap")
async def test_variables_of_a_job_do_not_touch_programs_outside(world: World) -> None:
    spec = pod("bash", "-c", "echo over")
    names = ("LD_PRELOAD", "LD_LIBRARY_PATH", "GCONV_PATH")
    spec["containers"][0]["env"] = [{"name": name, "value": str(world.folder / "evil.so")} for name in names]
    async with running(engine(world.state)) as one:
        await run_job(one, job(spec, bucket=world.bucket))
    # The loader complains once for each program started with the variable: bash inside, nothing before it.
    assert build_log(world.bucket).count("cannot be preloaded") == 1


@pytest.mark.parametrize(
    "what", ["the token", "another job", "its own record", "our processes", "the bucket", "its marker"]
)
async def test_without_a_sandbox_the_same_attempts_succeed(entrypoint: Path, world: World, what: str) -> None:
    (world.bucket / "logs/nightly/17").mkdir(parents=True)
    async with running(engine(world.state, sandbox="process", allow_unsandboxed=True, entrypoint=entrypoint)) as one:
        script = f"({world.script(ATTEMPTS[what])}) >/dev/null && echo GOT''-IT"
        await run_job(one, job(pod("bash", "-c", script), bucket=world.bucket))
    assert FOUND in build_log(world.bucket)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
