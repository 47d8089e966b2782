"""Chapters 4 to 6 of the demo: reviewed, approved, merged; two more pull requests on a base that moves; what goes on by itself."""

from __future__ import annotations

from prow.cli.demo.narrator import StepFailed
from prow.cli.demo.play import LONG, SOON, Play, description, state
from prow.cli.demo.story import FIX
from prow.cli.demo.world import MAINTAINER, REVIEWER
from prow.sim import gitrepo
from prow.sim.verbs import PullStory

CONFLICTING = FIX.replace(
    "# Counts down from $1 (default 3), says so, and lifts off.", "# A countdown from $1 (default 3)."
)
DOCS = "# The countdown\n\n`sh countdown.sh 10` counts down from ten and lifts off; `0` lifts off at once.\n"
NIGHTLY = """
periodics:
- name: nightly
  interval: 1h
  decorate: true
  extra_refs:
  - org: acme
    repo: rockets
    base_ref: main
  spec:
    containers:
    - image: debian:stable-slim
      command: [sh, countdown.sh, "5"]
"""


class Merging(Play):
    async def play(self, pr: PullStory) -> None:
        """`pr`: open, its tests pass, nobody has reviewed it."""
        conflicting, other = await self._reviewed_and_merged(pr)
        await self._the_base_has_moved(conflicting, other)
        await self._by_itself(pr)

    async def _reviewed_and_merged(self, pr: PullStory) -> tuple[PullStory, PullStory]:
        say = self.say
        say.chapter("4. It is reviewed, approved, and merges")
        async with say.step("tide says what is missing", within=SOON) as answers:
            await self.wait(pr, lambda p: "lgtm" in description(p) and "approved" in description(p), "a tide status")
            answers.append(f"tide: {description(pr)}")
        say.person(REVIEWER, "comments /lgtm")
        async with say.step("/lgtm counts", within=SOON) as answers:
            await pr.comment(REVIEWER, "Now it stops in time.\n\n/lgtm")
            await self.wait(
                pr, lambda p: "lgtm" in p.labels and "lgtm" not in description(p), "label lgtm, told by tide"
            )
            answers.append(f"adds lgtm; tide: {description(pr)}")
        say.person(MAINTAINER, "comments /hold, to wait for the moon")
        async with say.step("the hold is on", within=SOON):
            await pr.comment(MAINTAINER, "/hold")
            await self.wait(pr, lambda p: "do-not-merge/hold" in p.labels, "label do-not-merge/hold")
        conflicting, other = await self._two_more()
        say.person(MAINTAINER, f"comments /approve on #{pr.number}")
        async with say.step("approved, and still held", within=SOON) as answers:
            await pr.comment(MAINTAINER, "/approve")
            await self.wait(pr, lambda p: "approved" in p.labels and "hold" in description(p), "approved, tide: hold")
            answers.append(f"adds approved; tide: {description(pr)}")
        say.person(MAINTAINER, "comments /hold cancel: the last condition")
        async with say.step("merged within a second of the last condition", within=SOON) as answers:
            await pr.comment(MAINTAINER, "/hold cancel")
            await self.wait(pr, lambda p: p.merged, "a merge")
            parents = await self._parents(pr.merge_commit)
            if len(parents) != 2 or parents[1] != pr.head_sha:
                raise StepFailed(f"{pr.merge_commit} is no merge of {pr.head_sha}")
            answers.append(f"merges #{pr.number} as {pr.merge_commit[:7]}, a merge commit in the repository")
        async with say.step("the postsubmit runs on what was merged", within=LONG) as answers:
            await self.wait(pr, lambda p: self._on(p.merge_commit, "announce") == "success", "announce=success")
            answers.append("runs the postsubmit announce on the merge commit: it passes")
        return conflicting, other

    async def _two_more(self) -> tuple[PullStory, PullStory]:
        say = self.say
        say.person(REVIEWER, "opens two pull requests meanwhile: one touches the same line, one the documentation")
        async with say.step("both are tested on the present main, and reviewed", within=LONG) as answers:
            conflicting = await self.repo.open_pull_request(
                REVIEWER, title="Shorter words", files={"countdown.sh": CONFLICTING}, branch="shorter-words"
            )
            other = await self.repo.open_pull_request(
                REVIEWER, title="Say what 0 does", files={"docs/countdown.md": DOCS}, branch="zero"
            )
            for pr in (conflicting, other):
                await self.wait(pr, lambda p: state(p, "unit") == "success", "unit=success")
                await pr.comment(MAINTAINER, "/lgtm")
                await self.wait(pr, lambda p: "lgtm" in p.labels, "label lgtm")
            answers.append(f"tests #{conflicting.number} and #{other.number} and adds lgtm")
        return conflicting, other

    async def _the_base_has_moved(self, conflicting: PullStory, other: PullStory) -> None:
        say = self.say
        say.chapter("5. Two more, on a main that has moved")
        say.person(MAINTAINER, f"approves #{conflicting.number} and #{other.number}")
        async with say.step("the one that conflicts is told so", within=LONG) as answers:
            await conflicting.comment(MAINTAINER, "/approve")
            await self.wait(conflicting, lambda p: state(p, "tide") == "error", "tide=error")
            answers.append(f"tide on #{conflicting.number}: {description(conflicting)}")
        before = self._runs_of(other)
        async with say.step("the other is tested again on the new main, and merges", within=LONG) as answers:
            await other.comment(MAINTAINER, "/approve")
            await self.wait(other, lambda p: p.merged, "a merge")
            again = self._runs_of(other) - before
            if not again:
                raise StepFailed(f"#{other.number} was merged without a test on the new main")
            answers.append(f"retests #{other.number} on the new main ({again} job), then merges it")
        if conflicting.merged:
            raise StepFailed(f"#{conflicting.number} was merged although it conflicts")

    async def _by_itself(self, pr: PullStory) -> None:
        say = self.say
        say.chapter("6. What goes on by itself")
        say.person("operator", "adds a periodic job to the config")
        async with say.step("the periodic job fires", within=LONG) as answers:
            jobs = self.config / "jobs.yaml"
            jobs.write_text(jobs.read_text() + NIGHTLY)
            await self.wait_for_jobs(
                lambda: any(row.state.value == "success" for row in self.runs("nightly")),
                "a run of nightly",
                within=LONG,
            )
            answers.append("reads the new config and runs nightly: it passes")
        oldest = min(row.completed for row in self.runs("unit"))
        age = max(1, int(self.clock.now().timestamp()) - oldest)
        say.person("operator", f"lets ProwJobs go after {age} s, for a moment")
        count = len(list(self.runs("unit")))
        async with say.step("finished jobs age out", within=LONG) as answers:
            config = self.config / "config.yaml"
            text = config.read_text()
            config.write_text(text.replace("max_prowjob_age: 48h", f"max_prowjob_age: {age}s"))
            await self.wait_for_jobs(lambda: len(list(self.runs("unit"))) < count, "fewer runs of unit", within=LONG)
            config.write_text(text)
            answers.append("removes the oldest finished jobs; their logs stay in the bucket")
        link = next(iter(pr.statuses.values())).target_url if pr.statuses else ""
        if link:
            await self.page(link)

    def _runs_of(self, pr: PullStory) -> int:
        return sum(any(pull.number == pr.number for pull in row.pulls) for row in self.runs("unit"))

    def _on(self, sha: str, context: str) -> str:
        statuses = {s.context: s.state for s in self.stage.sim.world.combined(self.repo.repo, sha)} if sha else {}
        return statuses.get(context, "")

    async def _parents(self, sha: str) -> list[str]:
        out = await gitrepo.git("rev-list", "--parents", "-n1", sha, cwd=self.repo.repo.path)
        return out.decode().split()[1:]
