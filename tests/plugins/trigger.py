"""The trigger plugin in stories: jobs of every kind, a repository with jobs of its own, and pushes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prow.config.config import Config
from prow.config.job import Postsubmit, Presubmit
from prow.config.plugins import PluginsConfig
from prow.model.events import PushEvent
from prow.model.forge import PushCommit
from prow.plugins.trigger import PLUGIN
from tests.plugins.world import REPO, Story, World, with_trigger

JOBS = """
presubmits:
  org/repo:
  - {name: unit, always_run: true, spec: {containers: [{image: x}]}}
  - {name: docs, run_if_changed: "^docs/", spec: {containers: [{image: x}]}}
  - {name: manual, spec: {containers: [{image: x}]}}
  - {name: opt, optional: true, always_run: true, spec: {containers: [{image: x}]}}
  - {name: old, always_run: true, branches: ["^release-"], spec: {containers: [{image: x}]}}
  - {name: odd, trigger: "(?m)^please run odd", rerun_command: please run odd, spec: {containers: [{image: x}]}}
postsubmits:
  org/repo:
  - {name: publish, branches: ["^main$"], spec: {containers: [{image: x}]}}
  - {name: site, run_if_changed: "^docs/", spec: {containers: [{image: x}]}}
  - {name: tagged, branches: ["^v[0-9]"], spec: {containers: [{image: x}]}}
  - {name: never, always_run: false, spec: {containers: [{image: x}]}}
"""
NEEDS, OK = "needs-ok-to-test", "ok-to-test"


class Told(Story):
    """A story of trigger alone."""

    def __init__(self, configs: tuple[Config, PluginsConfig], state: dict[str, Any], **more: Any) -> None:
        self.options: dict[str, Any] = more.pop("options", {})
        plugins = with_trigger(configs[1], **self.options)
        super().__init__(World({"org_members": ["ann"], **state}), configs[0], plugins, enabled=[PLUGIN], **more)


class Own:
    """`.prow.yaml` at the head."""

    def __init__(self, *jobs: Presubmit, error: Exception | None = None) -> None:
        self.jobs = jobs
        self.error = error

    async def presubmits(self, org: str, repo: str, *, base_sha: str, heads: Sequence[str]) -> tuple[Presubmit, ...]:
        assert (base_sha, list(heads)) == ("base", ["head"])
        if self.error is not None:
            raise self.error
        return self.jobs

    async def postsubmits(self, org: str, repo: str, *, sha: str) -> tuple[Postsubmit, ...]:
        if self.error is not None:
            raise self.error
        return (Postsubmit(name="own-publish", agent="kubernetes"),)


OWN = Presubmit(
    name="own",
    agent="kubernetes",
    always_run=True,
    context="own",
    trigger="(?m)^/test own$",
    rerun_command="/override ci/everything",
)


def push(ref: str = "refs/heads/main", *, files: tuple[str, ...] = (), **more: Any) -> PushEvent:
    fields: dict[str, Any] = {"guid": "push", "after": "b" * 40, "compare": "https://compare", **more}
    return PushEvent(repo=REPO, ref=ref, commits=(PushCommit(added=files[:1], removed=files[1:]),), **fields)
