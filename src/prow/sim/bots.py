"""A bot in a story: at the end of each story nothing may be left that it wrote and nobody expected."""

from __future__ import annotations

from collections.abc import Iterable

from prow.sim.journal import Write, fits
from prow.sim.server import Sim
from prow.sim.state import Issue
from prow.sim.verbs import PullStory, Unexpected


class BotStory:
    """What `login` writes, from now on.

    The rule: an expectation of `verbs` takes, of what was written so far, everything about its subject: `expect_label("lgtm")`
    that label on that pull request, `expect_status("unit", …)` every status of that context there, `expect_comment("…")` that one
    comment, `expect_merged()` the merge and what it brought along. Whatever comes later needs another expectation.
    What a story does not talk about and allows all the same, it names in `may`.
    """

    def __init__(self, sim: Sim, login: str, *, may: Iterable[str] = ()) -> None:
        """`may`: patterns as `journal.fits` takes them: `label size/*`, `status tide`, `comment`."""
        self._sim = sim
        self._login = login
        self._may = list(may)

    def may(self, *patterns: str) -> None:
        """This, too, is no matter of the story."""
        self._may += patterns

    @property
    def unexpected(self) -> list[Write]:
        """What nobody expected so far, oldest first."""
        own = [write for write in self._sim.world.journal.unexpected if write.login == self._login]
        return [write for write in own if not any(fits(write, pattern) for pattern in self._may)]

    def expect_no_more_comments(self) -> None:
        """As it is now: wait for what should have happened first."""
        self._none_of([write for write in self.unexpected if write.kind == "comment"], "comments")

    def expect_no_more_writes(self) -> None:
        """As it is now: wait for what should have happened first."""
        forgotten = self._sim.world.journal.forgotten
        if forgotten:
            raise Unexpected(f"the journal was too short for this story: {forgotten} writes are forgotten")
        self._none_of(self.unexpected, "writes")

    def _none_of(self, writes: list[Write], what: str) -> None:
        if not writes:
            return
        about: dict[int, Issue] = {}
        for write in writes:
            issue = write.repo.issues.get(write.number) if write.repo is not None else None
            if issue is not None:
                about[issue.id] = issue
        stories = [repr(PullStory(self._sim, issue)) for issue in about.values()]
        listed = "\n".join(f"  {write}" for write in writes)
        text = f"{self._login} made {len(writes)} {what} that nobody expected:\n{listed}"
        raise Unexpected("\n\n".join((text, *stories)))
