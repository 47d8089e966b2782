"""Where the token may be seen: by the server, and nowhere else."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from prow.git.client import Git
from prow.git.errors import BadCredentials, NoAccess, NoSuchRepository
from prow.git.model import NOTHING
from prow.git.pushing import Update, heads, push
from prow.lib.clock import SystemClock
from tests.git.support import Hub, hub_in, world_in


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[Hub]:
    """A private repository, a bot who may write there, and Prow's mirror of it."""
    async with hub_in(tmp_path, {"f": "1\n"}, private=True) as made:
        yield made


def secrets_of(token: str) -> list[bytes]:
    return [token.encode(), base64.b64encode(f"x-access-token:{token}".encode()), base64.b64encode(token.encode())]


def descendants() -> list[int]:
    """Every process that this one started, directly or not."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        one = waiting.pop()
        below = [pid for pid, parent in parents.items() if parent == one]
        found += below
        waiting += below
    return found


def told_by(pid: int, what: str) -> bytes:
    """Empty for a process that has ended meanwhile."""
    try:
        return (Path("/proc") / str(pid) / what).read_bytes()
    except OSError:
        return b""


async def seen_while_git_works(hub: Hub) -> dict[str, bytes]:
    """Arguments and environments of all processes of git, while the server lets them wait: fetching, reading, pushing."""
    mirror, seen = hub.world.mirror, {"cmdline": b"", "environ": b""}
    base = await hub.repo.tip()
    for call in (
        lambda: mirror.ensure([base]),
        lambda: mirror.read_file(base, "f"),
        lambda: push(mirror, [Update("refs/heads/x", base, NOTHING)]),
    ):
        hub.watched.arrived.clear()
        hub.watched.go.clear()
        task = asyncio.ensure_future(call())
        await hub.watched.arrived.wait()
        running = descendants()
        for what in seen:
            seen[what] += b"".join(told_by(pid, what) for pid in running)
        hub.watched.go.set()
        await task
    assert seen["cmdline"].count(b"git-remote-http") >= 3
    assert b"acme/rockets" in seen["cmdline"]
    return seen


async def no_file_or_log_has(secrets: Sequence[bytes], hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    places = (hub.world.cache, hub.world.folder / "home")
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not any(secret in path.read_bytes() for path in files for secret in secrets)
    hub.sim.world.tokens.clear()
    with pytest.raises(BadCredentials) as caught:
        await hub.world.mirror.fetch(["refs/heads/main"])
    texts = caplog.text + str(caught.value)
    assert not any(secret.decode() in texts for secret in secrets)


async def test_no_argument_environment_file_or_log_has_the_token(closed: Hub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = secrets_of(closed.tokens.value)
    seen = await seen_while_git_works(closed)
    assert not any(secret in told for secret in secrets for told in seen.values())
    await no_file_or_log_has(secrets, closed, caplog)


async def test_without_files_in_memory_the_token_is_in_the_environment_of_git_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As on macOS: everything works, and arguments, files and logs still say nothing."""
    caplog.set_level(logging.DEBUG)
    async with hub_in(tmp_path, {"f": "1\n"}, private=True, memory_files=False) as hub:
        secrets = secrets_of(hub.tokens.value)
        seen = await seen_while_git_works(hub)
        assert any(secret in seen["environ"] for secret in secrets)
        assert not any(secret in seen["cmdline"] for secret in secrets)
        assert not any(secret.decode() in " ".join(os.environ.values()) for secret in secrets)
        await no_file_or_log_has(secrets, hub, caplog)


async def test_no_git_that_knows_the_token_leaves_an_image_of_itself(closed: Hub) -> None:
    """When it is killed for what it writes, or fails by itself."""
    closed.watched.go.clear()
    task = asyncio.ensure_future(closed.world.mirror.fetch(["refs/heads/main"]))
    await closed.watched.arrived.wait()
    limits = [told_by(pid, "limits") for pid in descendants() if b"fetch" in told_by(pid, "cmdline")]
    closed.watched.go.set()
    await task
    assert limits
    assert all(re.search(rb"Max core file size +0 +0 ", each) for each in limits)


async def test_what_git_says_of_the_token_is_not_repeated(tmp_path: Path) -> None:
    program = tmp_path / "git"
    program.write_text(
        '#!/bin/sh\n[ "$2" = version ] && exec echo git version 2.38.0\n'
        'cat "$GIT_CONFIG_GLOBAL" >&2\necho not known: ghs_secret >&2\nexit 1\n'
    )
    program.chmod(0o755)
    git = await Git.open(SystemClock(), home=tmp_path, program=str(program))
    output = await git.run(["fetch"], remote="https://github.com/acme/rockets", token="ghs_secret")
    assert 'extraHeader = "Authorization: Basic CENSORED"' in output.error
    assert output.error.endswith("not known: CENSORED")


async def test_the_token_goes_to_its_own_server_alone(closed: Hub) -> None:
    """A redirect to another host does not take it along."""
    seen: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        closed.watched.answers["/info/refs"] = (
            301,
            {"location": f"http://127.0.0.1:{port}/acme/rockets/info/refs?service=git-upload-pack"},
        )
        with pytest.raises(NoSuchRepository):
            await closed.world.mirror.fetch(["refs/heads/main"])
    assert len(seen) == 1
    assert b"authorization" not in seen[0].lower()


async def test_a_renewed_token_is_used_by_the_next_command(closed: Hub) -> None:
    mirror = closed.world.mirror
    await mirror.fetch(["refs/heads/main"])
    old = closed.tokens.value
    closed.tokens.value = closed.sim.world.token("prow-bot")
    del closed.sim.world.tokens[old]
    await mirror.fetch(["refs/heads/main"])
    await heads(mirror)


async def test_a_token_that_ran_out_is_asked_for_once_more(closed: Hub) -> None:
    """As that of a GitHub App, which ends while a command waits for its turn."""
    fresh = closed.sim.world.token("prow-bot")

    class RunsOut:
        given = "ghs_ranout"
        renewed: list[str] = []

        async def token(self, org: str) -> str:
            assert org == "acme"
            return self.given

        async def renew(self, org: str, used: str) -> bool:
            self.renewed.append(used)
            self.given = fresh
            return True

    tokens = RunsOut()
    async with world_in(closed.world.folder, base=closed.sim.world.base, tokens=tokens) as world:
        await world.mirror.fetch(["refs/heads/main"])
        await world.mirror.fetch(["refs/heads/main"])
    assert tokens.renewed == ["ghs_ranout"]


async def test_a_revoked_token_is_told(closed: Hub) -> None:
    mirror = closed.world.mirror
    await mirror.fetch(["refs/heads/main"])
    base = await mirror.resolve("refs/heads/main")
    closed.sim.world.tokens.clear()
    for call in (mirror.fetch(["refs/heads/main"]), heads(mirror), push(mirror, [Update("refs/heads/x", base)])):
        with pytest.raises(BadCredentials, match="acme/rockets"):
            await call
    assert await mirror.resolve("refs/heads/main") == base


async def test_credentials_of_a_person_are_not_used(closed: Hub) -> None:
    """Prow acts as its own token may, whoever started it."""
    server = closed.sim.world.base.removeprefix("http://").partition(":")[0]
    person = closed.world.folder / "person"
    person.mkdir()
    (person / ".netrc").write_text(f"machine {server} login x-access-token password {closed.tokens.value}\n")
    (person / ".netrc").chmod(0o600)
    environ = {"PATH": os.environ["PATH"], "HOME": str(person)}
    async with world_in(closed.world.folder, base=closed.sim.world.base, environ=environ) as world:
        with pytest.raises(NoAccess):
            await world.mirror.fetch(["refs/heads/main"])


async def test_nobody_reads_what_is_closed_to_him(closed: Hub) -> None:
    closed.tokens.value = ""
    with pytest.raises(NoAccess):
        await closed.world.mirror.fetch(["refs/heads/main"])
    closed.tokens.value = closed.sim.world.token("mallory")
    with pytest.raises(NoAccess):
        await closed.world.mirror.fetch(["refs/heads/main"])
