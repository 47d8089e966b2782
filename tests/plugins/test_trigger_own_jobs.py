"""Jobs that the repository keeps itself, in `.prow.yaml` (`spec/plugins-review` §4.8)."""

from __future__ import annotations

from typing import Any

import pytest

from prow.config.errors import ConfigError
from prow.git.errors import GitFailed
from prow.model.events import EventKind
from tests.plugins.trigger import OWN, Own, push


async def test_the_repositorys_own_jobs_run_too(tell: Any) -> None:
    story = tell({"author": "ann"}, in_repo=Own(OWN))
    await story.pull("opened")
    assert story.world.jobs == ["unit", "opt", "own"]
    await story.comment("ann", "/test own")
    assert story.world.jobs == ["unit", "opt", "own", "own"]


async def test_a_hostile_command_in_it_is_shown_and_not_given(tell: Any) -> None:
    story = tell(in_repo=Own(OWN))
    await story.comment("ann", "/test ?")
    assert "\n/override" not in story.world.said[0]
    assert "- `/override ci/everything`" in story.world.said[0]


async def test_a_config_that_is_wrong_leaves_the_central_jobs(tell: Any) -> None:
    story = tell({"author": "ann"}, in_repo=Own(error=ConfigError("not YAML")))
    await story.pull("opened")
    await story.comment("ann", "/test manual")
    assert story.world.jobs == ["unit", "opt", "manual"]
    await story.deliver(push(), EventKind.PUSH)
    assert "publish" in story.world.jobs


async def test_a_config_that_cannot_be_read_just_now_is_read_again_and_central_jobs_run_meanwhile(tell: Any) -> None:
    own = Own(OWN, error=GitFailed("network"))
    story = tell({"author": "ann"}, in_repo=own)
    with pytest.raises(GitFailed):
        await story.pull("opened", guid="g")
    assert story.world.jobs == ["unit", "opt"]
    own.error = None
    await story.pull("opened", guid="g")
    assert story.world.jobs == ["unit", "opt", "own"]


async def test_nobody_is_told_that_a_job_is_unknown_while_the_config_cannot_be_read(tell: Any) -> None:
    own = Own(OWN, error=GitFailed("network"))
    story = tell({"author": "ann"}, in_repo=own)
    with pytest.raises(GitFailed):
        await story.comment("ann", "/test own", guid="g")
    with pytest.raises(GitFailed):
        await story.comment("ann", "/test unit", guid="h")
    assert story.world.jobs == ["unit"]
    assert not story.world.said
    own.error = None
    await story.comment("ann", "/test own", guid="g")
    assert story.world.jobs == ["unit", "own"]


async def test_the_repositorys_own_postsubmits_run_and_are_tried_again(tell: Any) -> None:
    own = Own(error=GitFailed("network"))
    story = tell(in_repo=own)
    with pytest.raises(GitFailed):
        await story.deliver(push(), EventKind.PUSH)
    assert story.world.jobs == ["publish"]
    own.error = None
    await story.deliver(push(), EventKind.PUSH)
    assert story.world.jobs == ["publish", "own-publish"]
