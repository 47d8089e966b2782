"""What a push starts (`spec/plugins-review` §4)."""

from __future__ import annotations

from typing import Any

import pytest

from prow.model.events import EventKind, PushEvent
from prow.model.prowjob import JobType
from tests.plugins.trigger import push


@pytest.mark.parametrize(
    ("event", "jobs"),
    [
        (push(), ["publish"]),
        (push(files=("docs/a", "b")), ["publish", "site"]),
        (push("refs/tags/v1", files=("a", "docs/b")), ["site", "tagged"]),
        (push(deleted=True), []),
        (push(after="0" * 40), []),
    ],
)
async def test_what_a_push_runs(tell: Any, event: PushEvent, jobs: list[str]) -> None:
    story = tell()
    await story.deliver(event, EventKind.PUSH)
    assert story.world.jobs == jobs
    assert not story.world.calls


async def test_a_postsubmit_knows_the_pushed_commit_and_its_cause(tell: Any) -> None:
    story = tell()
    await story.deliver(push(), EventKind.PUSH)
    (job,) = story.world.created
    assert job.spec.type is JobType.POSTSUBMIT
    assert job.spec.refs is not None
    assert (job.spec.refs.base_ref, job.spec.refs.base_sha, job.spec.refs.pulls) == ("main", "b" * 40, ())
    assert job.metadata.labels["event-GUID"] == "push"
