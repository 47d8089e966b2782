"""Pull requests: what they are and change, who is asked to review them, and the merge. Reviews are in `reviews`."""

from __future__ import annotations

from functools import partial

from prow.sim import gitdata, gitdiff, gitlog
from prow.sim.errors import Refused, not_found
from prow.sim.rest.call import PULL, REPO, Answer, Area, Call, Table, body, login, names
from prow.sim.rest.contents import media_of
from prow.sim.rest.issues import ordered
from prow.sim.world.views import pull_of

MOST_FILES = 3000
MOST_COMMITS = 250
_MOST_DIFF_FILES = 300
_MOST_DIFF_LINES = 20_000


class Pulls(Area):
    def table(self) -> Table:
        return {
            ("GET", f"{REPO}/pulls"): self.list_pulls,
            ("POST", f"{REPO}/pulls"): self.create_pull,
            ("GET", PULL): self.get_pull,
            ("PATCH", PULL): self.edit_pull,
            ("GET", f"{PULL}/files"): self.list_files,
            ("GET", f"{PULL}/commits"): self.list_commits,
            ("GET", f"{PULL}/merge"): self.is_merged,
            ("PUT", f"{PULL}/merge"): self.merge,
            ("PUT", f"{PULL}/update-branch"): self.update_branch,
            ("GET", f"{PULL}/requested_reviewers"): self.requested_reviewers,
            ("POST", f"{PULL}/requested_reviewers"): self.request_reviewers,
            ("DELETE", f"{PULL}/requested_reviewers"): self.remove_reviewers,
        }

    async def list_pulls(self, call: Call) -> Answer:
        """`head`: `owner:branch`; without an owner it is passed over."""
        repo, state, base = self.repo(call), call.query.get("state", "open"), call.query.get("base", "")
        head = call.query.get("head", "") if ":" in call.query.get("head", "") else ""
        found = [
            i
            for i in repo.issues.values()
            if i.pull
            and state in {"all", i.state}
            and base in {"", i.pull.base_ref}
            and head.lower()
            in {"", f"{i.pull.head_repo.owner if i.pull.head_repo else i.user.login}:{i.pull.head_ref}".lower()}
        ]
        told = self.world.json
        return Answer(items=ordered(call, found), each=lambda issue: self.world.pull_json(issue, full=False, told=told))

    async def create_pull(self, call: Call) -> Answer:
        """From an issue, too; then the issue becomes the pull request."""
        repo, wanted = self.repo(call), body(call)
        issue = await self.world.open_pull(
            repo,
            login(call),
            title=str(wanted.get("title") or ""),
            head=str(wanted.get("head") or ""),
            base=str(wanted.get("base") or ""),
            body=str(wanted.get("body") or ""),
            draft=bool(wanted.get("draft", False)),
            maintainers=wanted.get("maintainer_can_modify"),
        )
        return Answer(await self.world.pull_json(issue), 201)

    async def get_pull(self, call: Call) -> Answer:
        """Whoever looks is told what is known so far, and has the rest computed."""
        issue = self.pull(call)
        kind = media_of(call)
        if kind:
            return Answer(await self._text(call, kind), media=f"application/vnd.github.{kind}; charset=utf-8")
        found = await self.world.pull_json(issue)
        self.world.look(issue)
        return Answer(found)

    async def _text(self, call: Call, kind: str) -> bytes:
        """As a difference or as patches; GitHub has its limits there."""
        issue = self.pull(call)
        pull = pull_of(issue)
        files = await self.world.files(issue)
        if len(files) > _MOST_DIFF_FILES:
            text = f"Sorry, the diff exceeded the maximum number of files ({_MOST_DIFF_FILES}). Consider using 'List pull requests files' API or locally cloning the repository instead."
            raise Refused(406, text, [{"resource": "PullRequest", "field": "diff", "code": "too_large"}])
        if sum(int(str(file["changes"])) for file in files) > _MOST_DIFF_LINES:
            text = f"Sorry, the diff exceeded the maximum number of lines ({_MOST_DIFF_LINES})"
            raise Refused(406, text, [{"resource": "PullRequest", "field": "diff", "code": "too_large"}])
        make = gitdata.diff if kind == "diff" else gitdata.patch
        return await make(issue.repo.path, pull.base_sha, pull.head_sha)

    async def edit_pull(self, call: Call) -> Answer:
        issue = self.pull(call)
        self.may_edit(call, issue, issue.user.login, "triage")
        await self.world.edit(issue, login(call), body(call))
        return Answer(await self.world.pull_json(issue))

    async def list_files(self, call: Call) -> Answer:
        issue = self.pull(call)
        files, pull = (await self.world.files(issue))[:MOST_FILES], pull_of(issue)
        shown = gitdiff.patches(issue.repo.path, *(pull.files[0] if pull.files else (pull.base_sha, pull.head_sha)))
        each = partial(self.world.json.changed_file, issue.repo, pull.head_sha, patches=shown)
        return Answer(items=files, each=each)

    async def list_commits(self, call: Call) -> Answer:
        issue = self.pull(call)
        shas = [sha for sha, _ in (await self.world.compared(issue)).commits[:MOST_COMMITS]]
        commits = await gitlog.of(issue.repo.path, shas)
        return Answer(items=[self.world.commit_json(issue.repo, commit) for commit in commits])

    # The merge

    async def is_merged(self, call: Call) -> Answer:
        if not pull_of(self.pull(call)).merged:
            raise not_found()
        return Answer(status=204)

    async def merge(self, call: Call) -> Answer:
        issue = self.pull(call, "write")
        wanted = body(call) if call.body is not None else {}
        message = wanted.get("commit_message")
        sha = await self.world.merge(
            issue,
            login(call),
            method=str(wanted.get("merge_method") or "merge"),
            sha=str(wanted.get("sha") or ""),
            title=str(wanted.get("commit_title") or ""),
            message=str(message) if message is not None else None,
        )
        return Answer({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})

    async def update_branch(self, call: Call) -> Answer:
        """Whoever may push to the head has the base merged into it, soon."""
        issue = self.pull(call)
        wanted = call.body if isinstance(call.body, dict) else {}
        await self.world.update_branch(issue, login(call), str(wanted.get("expected_head_sha") or ""))
        url = f"{self.world.base}/repos/{issue.repo.full_name}/pulls/{issue.number}"
        return Answer({"message": "Updating pull request branch.", "url": url}, 202)

    # Who is asked

    async def requested_reviewers(self, call: Call) -> Answer:
        issue = self.pull(call)
        pull = pull_of(issue)
        teams = [self.world.json.team(team, issue.repo.owner) for team in pull.requested_teams]
        return Answer({"users": [self.world.json.user(user) for user in pull.requested_reviewers], "teams": teams})

    async def request_reviewers(self, call: Call) -> Answer:
        issue = self.pull(call, "triage")
        await self.world.request_reviewers(issue, login(call), names(call, "reviewers"), names(call, "team_reviewers"))
        return Answer(await self.world.pull_json(issue, full=False), 201)

    async def remove_reviewers(self, call: Call) -> Answer:
        issue = self.pull(call, "triage")
        await self.world.remove_reviewers(issue, login(call), names(call, "reviewers"), names(call, "team_reviewers"))
        return Answer(await self.world.pull_json(issue, full=False))
