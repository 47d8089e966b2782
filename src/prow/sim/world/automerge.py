"""Auto-merge: whoever may merge says once how, and it is done when nothing is in the way any more."""

from __future__ import annotations

from collections.abc import Collection

from prow.sim.errors import Refused
from prow.sim.state import AutoMerge, Issue
from prow.sim.world.merges import Merges
from prow.sim.world.views import pull_of

_READY = frozenset({"CLEAN", "UNSTABLE", "HAS_HOOKS"})


class AutoMerges(Merges):
    _automatic: set[Issue] | None = None
    """Those that wait for it; None: nobody has looked yet."""

    async def enable_auto_merge(
        self, issue: Issue, login: str, *, method: str, title: str = "", message: str | None = None
    ) -> None:
        """Refused where the repository does not allow it, and where the merge button would do."""
        pull, user = pull_of(issue), self.user(login)
        if issue.repo.settings.get("allow_auto_merge") is not True:
            raise Refused(422, "Auto merge is not allowed for this repository")
        if issue.state != "open":
            raise Refused(422, "Pull request is closed")
        self._check_method(issue, method)
        state = self.merge_state(issue)
        if state in _READY:
            raise Refused(422, f"Pull request is in {state.lower()} status")
        pull.auto_merge = AutoMerge(user, method, title, message, self.clock.now())
        self._waiting().add(issue)
        self.record(issue, user, "auto_merge_enabled")
        await self.pull_event(issue, user, "auto_merge_enabled", reason="")

    async def disable_auto_merge(self, issue: Issue, login: str, reason: str = "Auto-merge was disabled") -> None:
        pull = pull_of(issue)
        if pull.auto_merge is None:
            raise Refused(422, "Auto-merge is not enabled for this pull request")
        pull.auto_merge = None
        self._waiting().discard(issue)
        self.record(issue, self.user(login), "auto_merge_disabled")
        await self.pull_event(issue, self.user(login), "auto_merge_disabled", reason=reason)

    def _waiting(self) -> set[Issue]:
        if self._automatic is None:
            self._automatic = set()
            for issue in (issue for repo in self.repos.values() for issue in repo.issues.values()):
                if issue.pull is not None and issue.pull.auto_merge is not None:
                    issue.pull.auto_merge.trying = False  # whatever an earlier process was at
                    self._automatic.add(issue)
        return self._automatic

    async def changed(self, issues: Collection[Issue] | None = None) -> None:
        """Whatever changed, one of those that wait may be ready by it."""
        await super().changed(issues)
        for issue in self._waiting():
            pull = pull_of(issue)
            if pull.auto_merge is not None and not pull.auto_merge.trying and self._is_ready(issue):
                pull.auto_merge.trying = True
                self.spawn(self._merge_by_itself(issue, pull.auto_merge))

    def _is_ready(self, issue: Issue) -> bool:
        """Also when it is to be given up."""
        return issue.state != "open" or self._is_foreign(issue) or self.merge_state(issue) in _READY

    def _is_foreign(self, issue: Issue) -> bool:
        """Somebody has pushed who may not write."""
        pusher = pull_of(issue).last_pusher
        return pusher is not None and pusher is not issue.user and not self.may(issue.repo, pusher.login, "write")

    async def _merge_by_itself(self, issue: Issue, wanted: AutoMerge) -> None:
        try:
            if issue.state != "open":
                self._waiting().discard(issue)
            elif self._is_foreign(issue):
                await self.disable_auto_merge(issue, wanted.user.login, "Somebody without write access has pushed")
            else:
                await self.merge(
                    issue, wanted.user.login, method=wanted.method, title=wanted.title, message=wanted.message
                )
        except Refused:
            pass  # something else came first: the next change is another chance
        finally:
            wanted.trying = False
