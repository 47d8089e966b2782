"""Secrets change while everything runs: the new ones are in force within seconds, without a restart."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from prow.github.webhook import sign
from prow.lib.http_client import http_client
from tests.support.listening import listening
from tests.support.prow import BOT, prow


async def _ping(url: str, key: bytes) -> int:
    """The code that a signed delivery is answered with."""
    body = b'{"zen": "Keep it simple."}'
    headers = {
        "Content-Type": "application/json", "X-GitHub-Event": "ping", "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": sign(body, key),
    }  # fmt: skip
    async with http_client() as client:
        return (await client.post(url, content=body, headers=headers)).status_code


async def test_a_new_webhook_secret_and_a_new_token_are_used_without_a_restart(tmp_path: Path) -> None:
    async with prow(tmp_path, jobs="presubmits: {}\n", files={"run.sh": "exit 0\n"}) as world:
        pr = await world.repo.open_pull_request("wernher", title="Change", files={"run.sh": "exit 1\n"})
        await pr.expect_label("size/XS")
        old, new = b"0123456789abcdef0123", b"fedcba98765432100123"
        github = world.sim.world
        revoked = [token for token, known in github.tokens.items() if known.identity.login == BOT]
        with listening("A secret file changed; the new value is in force.") as changed:
            (tmp_path / "token").write_text(github.token(BOT))
            (tmp_path / "hmac").write_bytes(new)
            await changed.times(2)
        assert await _ping(world.system.hook_url, new) == 200
        assert await _ping(world.system.hook_url, old) == 403
        for token in revoked:
            del github.tokens[token]
        world.repo.repo.hooks[0].secret = new.decode()
        await pr.comment("wernher", "/hold")
        await pr.expect_label("do-not-merge/hold")


async def test_what_people_say_while_the_token_is_revoked_is_done_when_there_is_a_new_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with prow(tmp_path, jobs="presubmits: {}\n", files={"run.sh": "exit 0\n"}) as world:
        pr = await world.repo.open_pull_request("wernher", title="Change", files={"run.sh": "exit 1\n"})
        await pr.expect_label("size/XS")
        github = world.sim.world
        github.revoke((tmp_path / "token").read_text())
        with listening("GitHub does not know our token") as told:
            await pr.comment("wernher", "/hold")
            await told.times(1)
            (tmp_path / "token").write_text(github.token(BOT))
            await pr.expect_label("do-not-merge/hold")
            await world.quiet()
        assert told.count == 1
        assert "A handler gave up." not in caplog.text
