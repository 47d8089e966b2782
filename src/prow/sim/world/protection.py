"""Protected branches: their rules, who is bound by them, and what they say about pushes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from prow.lib.clock import Clock
from prow.lib.ids import Ids
from prow.sim import codeowners, gitdiff, gitrepo, rules
from prow.sim.accounts import Identity
from prow.sim.gitrepo import NOTHING
from prow.sim.payloads import Json
from prow.sim.pushrules import Command, PushRule
from prow.sim.state import Issue, Protection, Repo
from prow.sim.world.actions import Actions

_MOST_REMEMBERED = 500


class Protections(Actions):
    def __init__(self, root: Path, *, clock: Clock, ids: Ids) -> None:
        super().__init__(root, clock=clock, ids=ids)
        self._lines: dict[tuple[int, str], list[codeowners.Line]] = {}

    def protection_json(self, repo: Repo, branch: str, protection: Protection) -> Json:
        some = protection
        pushers = self._singled_out(repo, some.pushers, some.push_teams, some.push_apps)
        dismissers = self._singled_out(repo, some.dismissers, some.dismiss_teams, some.dismiss_apps)
        named = some.bypassers or some.bypass_teams or some.bypass_apps
        bypassers = self._singled_out(repo, some.bypassers, some.bypass_teams, some.bypass_apps) if named else None
        return self.json.protection(repo, branch, protection, pushers, dismissers, bypassers)

    def _singled_out(
        self, repo: Repo, users: frozenset[str] | None, teams: frozenset[str], apps: frozenset[str]
    ) -> Json | None:
        """Some who are named, as the API tells them; None: nobody is singled out."""
        if users is None:
            return None
        org = self.orgs.get(repo.owner.lower())
        found = [org.teams[slug] for slug in sorted(teams) if slug in org.teams] if org else []
        return {
            "users": [self.json.user(self.user(login)) for login in sorted(users)],
            "teams": [self.json.team(team, repo.owner) for team in found],
            "apps": [self.json.app(self.apps[slug]) for slug in sorted(apps) if slug in self.apps],
        }

    async def set_protection(self, repo: Repo, login: str, branch: str, protection: Protection | None) -> None:
        """None: the branch is protected no more. Who owns what is looked up for those that wait to be merged."""
        before = repo.protections.get(branch)
        if protection is None:
            repo.protections.pop(branch, None)
        else:
            repo.protections[branch] = protection
        for issue in repo.issues.values():
            if issue.pull is not None and issue.state == "open" and issue.pull.base_ref == branch:
                await self.look_up_owners(issue)
        await self._rule_event(repo, login, branch, before, protection)

    async def _rule_event(
        self, repo: Repo, login: str, branch: str, before: Protection | None, after: Protection | None
    ) -> None:
        action = "created" if before is None else "deleted" if after is None else "edited"
        rules = after or before
        payload: Json = {}
        if rules is not None:
            payload = {"action": action, "rule": self.json.protection_rule(repo, branch, rules, self.clock.now())}
        if before is not None and after is not None:
            payload["changes"] = self.json.protection_changes(repo, branch, before, after)
        await self.emit(repo, "branch_protection_rule", self.user(login), payload)

    # Code owners

    async def look_up_owners(self, issue: Issue) -> None:
        """Who owns each changed file, where the base wants their approval."""
        pull = issue.pull
        if pull is None or pull.merged:
            return
        protection = self.protection_of(issue.repo, pull.base_ref)
        key = (pull.base_sha, pull.head_sha)
        if protection is None or not protection.code_owners or (pull.owners is not None and pull.owners[0] == key):
            return
        pull.owners = key, await self.owners_of_files(issue)

    async def owners_of_files(self, issue: Issue) -> list[frozenset[str]]:
        """The owners of each changed file, by the CODEOWNERS of the base."""
        pull, repo = issue.pull, issue.repo
        lines = await self._codeowners(repo, pull.base_sha) if pull is not None else []
        if pull is None or not lines:
            return []
        files = await gitdiff.changed_files(repo.path, pull.base_sha, pull.head_sha)
        return [codeowners.owners_of(lines, str(file["filename"])) for file in files]

    async def _codeowners(self, repo: Repo, commit: str) -> list[codeowners.Line]:
        """The first of GitHub's three places where there is such a file; remembered by commit."""
        key = (repo.id, commit)
        if key not in self._lines:
            told = await gitrepo.git("ls-tree", "-r", "--name-only", commit, "--", *codeowners.PLACES, cwd=repo.path)
            place = next((place for place in codeowners.PLACES if place in told.decode().splitlines()), None)
            text = await gitrepo.read_file(repo.path, commit, place) if place is not None else None
            self._lines[key] = codeowners.parse((text or b"").decode("utf-8", "replace"))
            if len(self._lines) > _MOST_REMEMBERED:
                del self._lines[next(iter(self._lines))]
        return self._lines[key]

    def approves_as(self, repo: Repo, login: str) -> frozenset[str]:
        """The names by which CODEOWNERS may mean this user: his own, and his teams'."""
        org = self.orgs.get(repo.owner.lower())
        teams = org.teams.values() if org is not None else ()
        mine = [t.slug for t in teams if org is not None and self.is_team_member(org, t, login)]
        return frozenset({login.lower(), *(f"{repo.owner.lower()}/{slug}" for slug in mine)})

    # Pushes

    def bound_by(self, repo: Repo, protection: Protection | None, login: str) -> bool:
        """Protection binds everybody; administrators only where it says so."""
        return protection is not None and (protection.enforce_admins or not self.may(repo, login, "admin"))

    def among_pushers(self, repo: Repo, protection: Protection, login: str) -> bool:
        """Where pushing is left to a few, whether this user or bot is one of them."""
        some = protection
        return some.pushers is None or self._among(repo, login, some.pushers, some.push_teams, some.push_apps)

    def _among(
        self, repo: Repo, login: str, users: frozenset[str], teams: frozenset[str], apps: frozenset[str]
    ) -> bool:
        if login.lower() in users:
            return True
        org = self.orgs.get(repo.owner.lower())
        if login.endswith("[bot]"):
            return login.removesuffix("[bot]").lower() in apps
        named = [org.teams[slug] for slug in teams if slug in org.teams] if org is not None else []
        return any(org is not None and self.is_team_member(org, team, login) for team in named)

    def as_it_binds(self, repo: Repo, protection: Protection, login: str) -> Protection:
        """The rules for this user: of whoever may do without pull requests no reviews are wanted."""
        some = protection
        if login and self._among(repo, login, some.bypassers, some.bypass_teams, some.bypass_apps):
            return replace(protection, reviews=None, code_owners=False, last_push=False)
        return protection

    def may_dismiss(self, issue: Issue, login: str) -> bool:
        """Whether this user may dismiss reviews there: whoever may write, unless it is left to a few."""
        pull = issue.pull
        protection = self.protection_of(issue.repo, pull.base_ref) if pull is not None else None
        if protection is None or protection.dismissers is None or self.may(issue.repo, login, "admin"):
            return True
        some = protection
        return self._among(issue.repo, login, protection.dismissers, some.dismiss_teams, some.dismiss_apps)

    def push_rules(self, repo: Repo, who: Identity, command: Command) -> PushRule | None:
        """What becomes of a push by git, before its commits are here: why each kind of it is refused. None: the branch is not protected."""
        branch = command.ref.removeprefix("refs/heads/")
        protection = self.protection_of(repo, branch)
        if protection is None or not command.ref.startswith("refs/heads/"):
            return None
        login = who.login or ""
        protection = self.as_it_binds(repo, protection, login)
        spared, allowed = not self.bound_by(repo, protection, login), self.among_pushers(repo, protection, login)
        states = self.required_states(repo, command.after, protection)
        whole = "delete" if command.after == NOTHING else "create" if command.before == NOTHING else ""

        def why(change: str, *, merges: bool = False) -> str:
            kind = whole or change
            return rules.push_refusal(
                protection, change=kind, spared=spared, allowed=allowed, states=states, merges=merges
            )

        return PushRule(why("update"), why("update", merges=True), why("force"))

    async def push_refusal(self, repo: Repo, who: Identity, ref: str, before: str, after: str) -> str:
        """Why a branch must not be pushed so; empty when it may. The commits are there already."""
        branch = ref.removeprefix("refs/heads/")
        protection = self.protection_of(repo, branch)
        if protection is None or not ref.startswith("refs/heads/"):
            return ""
        login = who.login or ""
        protection = self.as_it_binds(repo, protection, login)
        change, merges = "delete" if after == NOTHING else "create" if before == NOTHING else "update", False
        if change == "update" and not await gitrepo.is_ancestor(repo.path, before, after):
            change = "force"
        if protection.linear and change in {"update", "force"}:
            out = await gitrepo.git("rev-list", "--merges", "-n1", f"{before}..{after}", "--", cwd=repo.path)
            merges = bool(out.strip())
        return rules.push_refusal(
            protection,
            change=change,
            spared=not self.bound_by(repo, protection, login),
            allowed=self.among_pushers(repo, protection, login),
            states=self.required_states(repo, after, protection),
            merges=merges,
        )

    def required_states(self, repo: Repo, sha: str, protection: Protection | None) -> dict[str, str]:
        """The words of a commit; for a context that is left to one app only what that app says counts."""
        found = self.states(repo, sha)
        for context, app_id in (protection.apps if protection is not None else {}).items():
            bots = {app.bot.login for app in self.apps.values() if app.id == app_id}
            statuses = [s for s in self.combined(repo, sha) if s.creator.login in bots]
            runs = [run for run in self.latest_runs(repo, sha) if run.app is not None and run.app.id == app_id]
            own = rules.states_by_name(statuses, runs)
            found.pop(context, None)
            if context in own:
                found[context] = own[context]
        return found
