"""Every story fails when the bot writes something that it does not speak of: here is one that does."""

from __future__ import annotations

from pathlib import Path

import pytest

from prow.sim.verbs import Unexpected
from tests.support.prow import prow


async def test_a_story_that_ends_before_its_bot_has_answered_is_failed_by_the_answer(tmp_path: Path) -> None:
    with pytest.raises(Unexpected, match=r"acme/rockets#1 label do-not-merge/hold labeled \(POST ") as found:  # noqa: PT012 - it fails at its end
        async with prow(tmp_path, jobs="", files={"a.txt": "a\n"}) as world:
            pr = await world.repo.open_pull_request("wernher", title="Change", files={"a.txt": "b\n"})
            await pr.expect_label("size/XS")
            await pr.comment("wernher", "/hold")
    assert "made 1 writes that nobody expected" in str(found.value)
