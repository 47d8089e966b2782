"""What happens in the demo: people act on the simulated GitHub, and each step waits for what the bot must have done. It begins with a bug and its fix."""

from __future__ import annotations

from prow.cli.demo.narrator import StepFailed
from prow.cli.demo.play import LONG, SOON, Play, report, state
from prow.cli.demo.world import BOT, CONTRIBUTOR, MAINTAINER
from prow.sim.verbs import PullStory

BUG = """#!/bin/sh
# Counts down from $1 (default 3), says so, and lifts off.
set -eu
n=${1:-3}
while [ "$n" -ge 0 ]; do
  echo "$n"
  n=$((n - 1))
done
echo "liftoff"
"""
FIX = BUG.replace("-ge 0", "-gt 0")


class Tested(Play):
    """Chapters 1 to 3: opened, tested, fixed."""

    async def bundled(self) -> PullStory:
        """The countdown goes below zero; gives the pull request when its tests pass."""
        say = self.say
        say.chapter("1. A first-time contributor opens a pull request, with a bug in it")
        say.person(CONTRIBUTOR, "opens a pull request: Say what the countdown does")
        async with say.step("the pull request waits for a member's okay", within=SOON) as answers:
            pr = await self.repo.open_pull_request(
                CONTRIBUTOR,
                title="Say what the countdown does",
                body="It also makes the loop clearer.",
                files={"countdown.sh": BUG},
                branch="clearer-countdown",
            )
            await self.wait(pr, lambda p: "needs-ok-to-test" in p.labels, "label needs-ok-to-test")
            await self.wait(
                pr, lambda p: any("What happens next" in c.body for c in p.comments_by(BOT)), "a welcome comment"
            )
            answers.append("adds needs-ok-to-test, and a comment that says what happens next")
        await self._size(pr)

        say.chapter("2. A maintainer lets it be tested")
        say.person(MAINTAINER, "comments /ok-to-test")
        async with say.step("the label changes", within=SOON) as answers:
            await pr.comment(MAINTAINER, "Looks harmless.\n\n/ok-to-test")
            await self.wait(
                pr, lambda p: {"ok-to-test"} <= p.labels and "needs-ok-to-test" not in p.labels, "label ok-to-test"
            )
            answers.append("replaces needs-ok-to-test by ok-to-test")
        async with say.step("the jobs that the change needs start", within=SOON) as answers:
            await self.wait(pr, lambda p: {"unit", "lint"} <= p.statuses.keys(), "statuses of unit and lint")
            answers.append("starts unit and lint on the merge of the pull request into main; docs has nothing to do")
        async with say.step("unit fails and lint passes", within=LONG) as answers:
            await self.wait(pr, lambda p: state(p, "unit") == "failure", "unit=failure")
            await self.wait(pr, lambda p: state(p, "lint") == "success", "lint=success")
            answers.append("reports: unit failed, lint passed")
        async with say.step("one comment lists what failed", within=SOON) as answers:
            await self.wait(pr, lambda p: "unit |" in report(p), "a table with unit in a comment")
            link = pr.statuses["unit"].target_url
            if link not in report(pr):
                raise StepFailed(f"the comment does not link to {link}")
            await self.page(link)
            answers.append(f"comments with a table; the log it links to opens: {link}")
        _no_docs(pr)

        say.chapter("3. The contributor pushes a fix")
        say.person(CONTRIBUTOR, "pushes a fix")
        comments_before = len(pr.comments_by(BOT))
        async with say.step("only what must run runs again, and passes", within=LONG) as answers:
            await pr.push({"countdown.sh": FIX}, message="Stop at one")
            await self.wait(pr, lambda p: state(p, "unit") == "success", "unit=success")
            await self.wait(pr, lambda p: state(p, "lint") == "success", "lint=success")
            answers.append("runs unit and lint on the new commit: both pass")
        async with say.step("the comment is edited, not repeated", within=SOON) as answers:
            await self.wait(pr, lambda p: report(p) != "" and "unit |" not in report(p), "the comment without unit")
            if len(pr.comments_by(BOT)) != comments_before:
                raise StepFailed(f"the bot wrote {len(pr.comments_by(BOT)) - comments_before} more comments")
            answers.append("edits its comment: all tests passed")
        _no_docs(pr)
        await self.hold(pr)
        return pr

    async def _size(self, pr: PullStory) -> None:
        async with self.say.step("the size is shown", within=SOON) as answers:
            await self.wait(pr, lambda p: any(name.startswith("size/") for name in p.labels), "a size label")
            answers.append("adds " + next(name for name in pr.labels if name.startswith("size/")))

    async def hold(self, pr: PullStory) -> None:
        """A label comes and goes."""
        say = self.say
        say.person(MAINTAINER, "comments /hold")
        async with say.step("/hold adds the label", within=SOON) as answers:
            await pr.comment(MAINTAINER, "/hold until the moon is right")
            await self.wait(pr, lambda p: "do-not-merge/hold" in p.labels, "label do-not-merge/hold")
            answers.append("adds do-not-merge/hold")
        say.person(MAINTAINER, "comments /hold cancel")
        async with say.step("/hold cancel removes it", within=SOON) as answers:
            await pr.comment(MAINTAINER, "/hold cancel")
            await self.wait(pr, lambda p: "do-not-merge/hold" not in p.labels, "no label do-not-merge/hold")
            answers.append("removes do-not-merge/hold")


def _no_docs(pr: PullStory) -> None:
    if "docs" in pr.statuses:
        raise StepFailed("the job docs ran although nothing below docs/ changed")
