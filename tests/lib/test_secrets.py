from __future__ import annotations

import asyncio
import base64
import os
from pathlib import Path

import pytest

from prow.lib import logs
from prow.lib.errors import UsageError
from prow.lib.secrets import Secrets
from prow.lib.virtual_clock import VirtualClock


def test_white_space_around_a_secret_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("  abcdef123\n\n")
    assert Secrets(VirtualClock()).load(tmp_path / "token").value == b"abcdef123"


def test_a_missing_secret_is_named_with_its_flag(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--github-token-path .*token: cannot read"):
        Secrets(VirtualClock()).load(tmp_path / "token", flag="--github-token-path")


async def test_a_rotated_secret_is_in_force_without_a_restart(tmp_path: Path) -> None:
    clock = VirtualClock()
    path = tmp_path / "hmac"
    path.write_text("first-secret")
    secrets = Secrets(clock)
    secret = secrets.load(path)
    watching = asyncio.create_task(secrets.watch())
    path.write_text("second-secret")
    os.utime(path, (1, 1))
    await clock.sleep(3)
    assert secret.value == b"second-secret"
    path.unlink()
    await clock.sleep(3)
    assert secret.value == b"second-secret"
    watching.cancel()


def test_both_forms_of_a_secret_are_censored(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("open-sesame-77")
    secrets = Secrets(VirtualClock())
    secrets.load(tmp_path / "token")
    encoded = base64.b64encode(b"open-sesame-77").decode()
    assert "sesame" not in logs.censored(f"open-sesame-77 {encoded}")
    assert encoded not in logs.censored(encoded)
    assert b"open-sesame-77" in secrets.values()
