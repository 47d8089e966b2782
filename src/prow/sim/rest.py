"""GitHub's REST API over the world: routes by noun, permissions, pagination. Answers are bodies; `server` makes responses of them."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from prow.sim import gitrepo
from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.payloads import Json
from prow.sim.state import Hook, Issue, Label, Org, Repo
from prow.sim.world import World


@dataclass
class Call:
    """One request: who calls, the path's parts, the query, the body."""

    login: str | None
    path: dict[str, str]
    query: dict[str, str]
    body: Any = None


@dataclass
class Answer:
    """`items`: a whole list that the server cuts into pages; else `body`."""

    body: Any = None
    status: int = 200
    items: Sequence[Any] | None = None
    wrap: Callable[[Sequence[Any]], Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Awaitable[Answer]]


class Rest:
    """`table`: (method, path template) → handler."""

    def __init__(self, world: World) -> None:
        self.world = world
        repo, issue, pull = (
            "/repos/{owner}/{repo}",
            "/repos/{owner}/{repo}/issues/{number}",
            "/repos/{owner}/{repo}/pulls/{number}",
        )
        self.table: dict[tuple[str, str], Handler] = {
            ("GET", "/user"): self.get_user,
            ("GET", "/users/{login}"): self.get_login,
            ("GET", "/orgs/{org}"): self.get_org,
            ("GET", "/orgs/{org}/members"): self.list_members,
            ("GET", "/orgs/{org}/members/{login}"): self.is_member,
            ("GET", "/orgs/{org}/repos"): self.list_org_repos,
            ("GET", "/orgs/{org}/teams"): self.list_teams,
            ("GET", "/orgs/{org}/teams/{slug}/memberships/{login}"): self.team_membership,
            ("GET", "/orgs/{org}/teams/{slug}/members"): self.list_team_members,
            ("GET", "/orgs/{org}/hooks"): self.list_hooks,
            ("POST", "/orgs/{org}/hooks"): self.create_hook,
            ("GET", repo): self.get_repo,
            ("POST", f"{repo}/forks"): self.fork,
            ("GET", f"{repo}/collaborators"): self.list_collaborators,
            ("GET", f"{repo}/collaborators/{{login}}"): self.is_collaborator,
            ("GET", f"{repo}/collaborators/{{login}}/permission"): self.collaborator_permission,
            ("GET", f"{repo}/branches"): self.list_branches,
            ("GET", f"{repo}/branches/{{branch:path}}"): self.get_branch,
            ("GET", f"{repo}/git/ref/{{ref:path}}"): self.get_ref,
            ("GET", f"{repo}/git/refs/{{ref:path}}"): self.get_ref,
            ("GET", f"{repo}/commits/{{ref}}/status"): self.combined_status,
            ("GET", f"{repo}/commits/{{ref}}/statuses"): self.list_statuses,
            ("GET", f"{repo}/commits/{{ref}}/check-runs"): self.check_runs,
            ("POST", f"{repo}/statuses/{{sha}}"): self.create_status,
            ("GET", f"{repo}/contents/{{file:path}}"): self.get_file,
            ("GET", f"{repo}/labels"): self.list_labels,
            ("POST", f"{repo}/labels"): self.create_label,
            ("GET", f"{repo}/hooks"): self.list_hooks,
            ("POST", f"{repo}/hooks"): self.create_hook,
            ("GET", f"{repo}/hooks/{{hook}}/deliveries"): self.list_deliveries,
            ("POST", f"{repo}/hooks/{{hook}}/deliveries/{{delivery}}/attempts"): self.redeliver,
            ("GET", f"{repo}/issues"): self.list_issues,
            ("POST", f"{repo}/issues"): self.create_issue,
            ("GET", issue): self.get_issue,
            ("PATCH", issue): self.edit_issue,
            ("GET", f"{issue}/labels"): self.issue_labels,
            ("POST", f"{issue}/labels"): self.add_labels,
            ("DELETE", f"{issue}/labels/{{label:path}}"): self.remove_label,
            ("GET", f"{issue}/comments"): self.list_comments,
            ("POST", f"{issue}/comments"): self.create_comment,
            ("PATCH", f"{repo}/issues/comments/{{comment}}"): self.edit_comment,
            ("DELETE", f"{repo}/issues/comments/{{comment}}"): self.delete_comment,
            ("POST", f"{issue}/assignees"): self.add_assignees,
            ("DELETE", f"{issue}/assignees"): self.remove_assignees,
            ("GET", f"{repo}/pulls"): self.list_pulls,
            ("POST", f"{repo}/pulls"): self.create_pull,
            ("GET", pull): self.get_pull,
            ("PATCH", pull): self.edit_pull,
            ("GET", f"{pull}/files"): self.list_files,
            ("GET", f"{pull}/reviews"): self.list_reviews,
            ("POST", f"{pull}/reviews"): self.create_review,
            ("GET", f"{pull}/comments"): self.list_review_comments,
            ("POST", f"{pull}/requested_reviewers"): self.request_reviewers,
            ("GET", "/rate_limit"): self.rate_limit,
        }

    # Finding things

    def _repo(self, call: Call, needed: str = "read") -> Repo:
        repo = self.world.repo(f"{call.path['owner']}/{call.path['repo']}")
        if not self.world.may(repo, call.login, "read"):
            raise not_found()
        if needed != "read" and call.login is None:
            raise Refused(401, "Requires authentication")
        if not self.world.may(repo, call.login, needed):
            raise Refused(
                403,
                "Must have admin rights to Repository." if needed == "admin" else "Resource not accessible by token",
            )
        if repo.archived and needed != "read":
            raise Refused(403, "Repository was archived so is read-only.")
        return repo

    def _issue(self, call: Call, needed: str = "read") -> tuple[Repo, Issue]:
        repo = self._repo(call, needed)
        number = call.path["number"]
        return repo, self.world.issue(repo, int(number) if number.isdecimal() else 0)

    def _org(self, call: Call) -> Org:
        found = self.world.orgs.get(call.path["org"].lower())
        if found is None:
            raise not_found()
        return found

    @staticmethod
    def _login(call: Call) -> str:
        if call.login is None:
            raise Refused(401, "Requires authentication")
        return call.login

    @staticmethod
    def _body(call: Call) -> dict[str, Any]:
        if not isinstance(call.body, dict):
            raise Refused(400, "Problems parsing JSON")
        return call.body

    # People

    async def get_user(self, call: Call) -> Answer:
        return Answer(self.world.json.user(self.world.user(self._login(call))))

    async def get_login(self, call: Call) -> Answer:
        user = self.world.users.get(call.path["login"].lower())
        if user is None:
            raise not_found()
        return Answer(self.world.json.user(user))

    async def get_org(self, call: Call) -> Answer:
        return Answer(self.world.json.org(self._org(call)))

    async def list_members(self, call: Call) -> Answer:
        users = [self.world.json.user(self.world.user(m)) for m in sorted(self._org(call).members)]
        return Answer(items=users)

    async def is_member(self, call: Call) -> Answer:
        org = call.path["org"]
        if org.lower() not in self.world.orgs:
            raise not_found()
        if not self.world.is_member(org, call.path["login"]):
            raise Refused(404, "User does not exist or is not a member of the organization")
        return Answer(status=204)

    async def list_org_repos(self, call: Call) -> Answer:
        org = self._org(call)
        return Answer(
            items=[self._repo_json(r) for r in self.world.repos.values() if r.owner.lower() == org.login.lower()]
        )

    async def list_teams(self, call: Call) -> Answer:
        return Answer(
            items=[
                {"id": i, "name": slug, "slug": slug} for i, slug in enumerate(sorted(self._org(call).teams), start=1)
            ]
        )

    async def list_team_members(self, call: Call) -> Answer:
        team = self._org(call).teams.get(call.path["slug"])
        if team is None:
            raise not_found()
        return Answer(items=[self.world.json.user(self.world.user(m)) for m in sorted(team)])

    async def team_membership(self, call: Call) -> Answer:
        team = self._org(call).teams.get(call.path["slug"], set())
        if call.path["login"].lower() not in {m.lower() for m in team}:
            raise not_found()
        return Answer({"role": "member", "state": "active"})

    # Repositories

    def _repo_json(self, repo: Repo) -> Json:
        return self.world.json.repo(repo, self.world.owner(repo.owner))

    async def get_repo(self, call: Call) -> Answer:
        return Answer(self._repo_json(self._repo(call)))

    async def fork(self, call: Call) -> Answer:
        return Answer(self._repo_json(await self.world.fork(self._repo(call), self._login(call))), 202)

    async def list_collaborators(self, call: Call) -> Answer:
        repo = self._repo(call, "write")
        return Answer(items=[self.world.json.user(self.world.user(login)) for login in repo.collaborators])

    async def is_collaborator(self, call: Call) -> Answer:
        repo, login = self._repo(call, "write"), call.path["login"]
        known = {name.lower() for name in repo.collaborators} | {repo.owner.lower()}
        if login.lower() not in known:
            raise Refused(404, f"{login} is not a user")
        return Answer(status=204)

    async def collaborator_permission(self, call: Call) -> Answer:
        repo = self._repo(call)
        level = self.world.permission(repo, call.path["login"])
        simple = {"maintain": "write", "triage": "read"}.get(level, level)
        user = self.world.json.user(self.world.user(call.path["login"]))
        return Answer({"permission": simple, "role_name": level, "user": user})

    async def list_branches(self, call: Call) -> Answer:
        found = await gitrepo.refs(self._repo(call).path)
        prefix = "refs/heads/"
        return Answer(
            items=[
                {"name": ref.removeprefix(prefix), "commit": {"sha": sha}, "protected": False}
                for ref, sha in sorted(found.items())
                if ref.startswith(prefix)
            ]
        )

    async def get_branch(self, call: Call) -> Answer:
        sha = await gitrepo.resolve(self._repo(call).path, f"refs/heads/{call.path['branch']}")
        if sha is None:
            raise Refused(404, "Branch not found")
        return Answer({"name": call.path["branch"], "commit": {"sha": sha}, "protected": False})

    async def get_ref(self, call: Call) -> Answer:
        repo, ref = self._repo(call), call.path["ref"]
        sha = await gitrepo.resolve(repo.path, f"refs/{ref}")
        if sha is None:
            raise not_found()
        return Answer(
            {"ref": f"refs/{ref}", "node_id": "REF", "url": "", "object": {"type": "commit", "sha": sha, "url": ""}}
        )

    async def get_file(self, call: Call) -> Answer:
        repo, name = self._repo(call), call.path["file"]
        sha = await gitrepo.resolve(repo.path, call.query.get("ref") or f"refs/heads/{repo.default_branch}")
        data = await gitrepo.read_file(repo.path, sha, name) if sha else None
        if data is None:
            raise not_found()
        text = base64.encodebytes(data).decode()
        return Answer(
            {
                "type": "file",
                "encoding": "base64",
                "name": name.rpartition("/")[2],
                "path": name,
                "size": len(data),
                "content": text,
            }
        )

    # Labels of a repository

    async def list_labels(self, call: Call) -> Answer:
        repo = self._repo(call)
        return Answer(items=[self.world.json.label(repo, label) for label in repo.labels.values()])

    async def create_label(self, call: Call) -> Answer:
        repo, body = self._repo(call, "triage"), self._body(call)
        name = str(body.get("name", ""))
        if not name or name.lower() in repo.labels:
            raise unprocessable("Label", "name", "already_exists" if name else "missing_field")
        label = Label(self.world.new_id(), name, str(body.get("color", "ededed")), str(body.get("description") or ""))
        repo.labels[name.lower()] = label
        return Answer(self.world.json.label(repo, label), 201)

    # Hooks

    def _hooked(self, call: Call) -> tuple[Repo | Org, str]:
        if "org" in call.path:
            return self._org(call), f"orgs/{call.path['org']}"
        return self._repo(call, "admin"), f"repos/{call.path['owner']}/{call.path['repo']}"

    async def list_hooks(self, call: Call) -> Answer:
        where, path = self._hooked(call)
        return Answer(items=[self.world.json.hook(path, hook) for hook in where.hooks])

    async def create_hook(self, call: Call) -> Answer:
        where, path = self._hooked(call)
        body = self._body(call)
        config = body.get("config") or {}
        if not str(config.get("url", "")).startswith(("http://", "https://")):
            raise unprocessable("Hook", "url", "invalid")
        hook = self.world.add_hook(
            where, url=config["url"], secret=str(config.get("secret", "")), events=body.get("events") or ("push",)
        )
        return Answer(self.world.json.hook(path, hook), 201)

    def _hook(self, call: Call) -> Hook:
        repo = self._repo(call, "admin")
        found = next((h for h in repo.hooks if str(h.id) == call.path["hook"]), None)
        if found is None:
            raise not_found()
        return found

    async def list_deliveries(self, call: Call) -> Answer:
        return Answer(items=[self.world.json.delivery(d) for d in reversed(self._hook(call).deliveries)])

    async def redeliver(self, call: Call) -> Answer:
        hook = self._hook(call)
        found = next((d for d in hook.deliveries if str(d.id) == call.path["delivery"]), None)
        if found is None:
            raise not_found()
        self.world.hooks.redeliver(hook, found)
        return Answer({}, 202)

    # Issues

    async def list_issues(self, call: Call) -> Answer:
        repo, state = self._repo(call), call.query.get("state", "open")
        found = [i for i in reversed(repo.issues.values()) if state in {"all", i.state}]
        return Answer(items=[self.world.json.issue(i) for i in found])

    async def create_issue(self, call: Call) -> Answer:
        repo, body = self._repo(call), self._body(call)
        issue = await self.world.open_issue(
            repo, self._login(call), title=str(body.get("title", "")), body=str(body.get("body") or "")
        )
        return Answer(self.world.json.issue(issue), 201)

    async def get_issue(self, call: Call) -> Answer:
        return Answer(self.world.json.issue(self._issue(call)[1]))

    async def edit_issue(self, call: Call) -> Answer:
        _, issue = self._issue(call)
        self._may_edit(call, issue)
        await self.world.edit(issue, self._login(call), self._body(call))
        return Answer(self.world.json.issue(issue))

    def _may_edit(self, call: Call, issue: Issue) -> None:
        if self._login(call).lower() != issue.user.login.lower() and not self.world.may(
            issue.repo, call.login, "triage"
        ):
            raise Refused(403, "Resource not accessible by token")

    async def issue_labels(self, call: Call) -> Answer:
        repo, issue = self._issue(call)
        return Answer(items=[self.world.json.label(repo, label) for label in issue.labels])

    async def add_labels(self, call: Call) -> Answer:
        repo, issue = self._issue(call, "triage")
        body = call.body.get("labels", []) if isinstance(call.body, dict) else call.body
        names = [str(n["name"] if isinstance(n, dict) else n) for n in body or []]
        await self.world.add_labels(issue, self._login(call), names)
        return Answer([self.world.json.label(repo, label) for label in issue.labels])

    async def remove_label(self, call: Call) -> Answer:
        repo, issue = self._issue(call, "triage")
        await self.world.remove_label(issue, self._login(call), call.path["label"])
        return Answer([self.world.json.label(repo, label) for label in issue.labels])

    async def list_comments(self, call: Call) -> Answer:
        _, issue = self._issue(call)
        return Answer(items=[self.world.json.comment(issue, c) for c in issue.comments])

    async def create_comment(self, call: Call) -> Answer:
        _, issue = self._issue(call)
        comment = await self.world.comment(issue, self._login(call), str(self._body(call).get("body", "")))
        return Answer(self.world.json.comment(issue, comment), 201)

    async def edit_comment(self, call: Call) -> Answer:
        issue, comment = self.world.find_comment(self._repo(call), int(call.path["comment"]))
        if comment.user.login != self._login(call) and not self.world.may(issue.repo, call.login, "write"):
            raise Refused(403, "Resource not accessible by token")
        await self.world.edit_comment(issue, comment, self._login(call), str(self._body(call).get("body", "")))
        return Answer(self.world.json.comment(issue, comment))

    async def delete_comment(self, call: Call) -> Answer:
        issue, comment = self.world.find_comment(self._repo(call), int(call.path["comment"]))
        if comment.user.login != self._login(call) and not self.world.may(issue.repo, call.login, "write"):
            raise Refused(403, "Resource not accessible by token")
        await self.world.delete_comment(issue, comment, self._login(call))
        return Answer(status=204)

    async def add_assignees(self, call: Call) -> Answer:
        _, issue = self._issue(call, "triage")
        await self.world.assign(issue, self._login(call), [str(n) for n in self._body(call).get("assignees", [])])
        return Answer(self.world.json.issue(issue), 201)

    async def remove_assignees(self, call: Call) -> Answer:
        _, issue = self._issue(call, "triage")
        names = [str(n) for n in self._body(call).get("assignees", [])]
        await self.world.assign(issue, self._login(call), names, remove=True)
        return Answer(self.world.json.issue(issue))

    # Pull requests

    async def list_pulls(self, call: Call) -> Answer:
        repo, state, base = self._repo(call), call.query.get("state", "open"), call.query.get("base", "")
        found = [
            i
            for i in reversed(repo.issues.values())
            if i.pull and state in {"all", i.state} and base in {"", i.pull.base_ref}
        ]
        return Answer(items=[await self.world.pull_json(i, full=False) for i in found])

    async def create_pull(self, call: Call) -> Answer:
        repo, body = self._repo(call), self._body(call)
        issue = await self.world.open_pull(
            repo,
            self._login(call),
            title=str(body.get("title", "")),
            head=str(body.get("head", "")),
            base=str(body.get("base", "")),
            body=str(body.get("body") or ""),
            draft=bool(body.get("draft", False)),
        )
        return Answer(await self.world.pull_json(issue), 201)

    async def get_pull(self, call: Call) -> Answer:
        return Answer(await self.world.pull_json(self._issue(call)[1]))

    async def edit_pull(self, call: Call) -> Answer:
        _, issue = self._issue(call)
        self._may_edit(call, issue)
        await self.world.edit(issue, self._login(call), self._body(call))
        return Answer(await self.world.pull_json(issue))

    async def list_files(self, call: Call) -> Answer:
        return Answer(items=(await self.world.files(self._issue(call)[1]))[:3000])

    async def list_reviews(self, call: Call) -> Answer:
        _, issue = self._issue(call)
        return Answer(items=[self.world.json.review(issue, r) for r in (issue.pull.reviews if issue.pull else ())])

    async def create_review(self, call: Call) -> Answer:
        _, issue = self._issue(call)
        body = self._body(call)
        states = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
        state = states.get(str(body.get("event", "COMMENT")))
        if state is None:
            raise unprocessable("PullRequestReview", "event", "invalid")
        review = await self.world.review(issue, self._login(call), state=state, body=str(body.get("body") or ""))
        return Answer(self.world.json.review(issue, review))

    async def list_review_comments(self, call: Call) -> Answer:
        self._issue(call)
        return Answer(items=[])

    async def request_reviewers(self, call: Call) -> Answer:
        _, issue = self._issue(call, "triage")
        if issue.pull is None:
            raise not_found()
        for login in self._body(call).get("reviewers", []):
            user = self.world.users.get(str(login).lower())
            if user is None or not self.world.may(issue.repo, user.login, "read"):
                raise Refused(422, "Reviews may only be requested from collaborators.")
            if user not in issue.pull.requested_reviewers:
                issue.pull.requested_reviewers.append(user)
        return Answer(await self.world.pull_json(issue), 201)

    # Statuses

    async def create_status(self, call: Call) -> Answer:
        repo, body = self._repo(call, "write"), self._body(call)
        status = await self.world.set_status(
            repo,
            self._login(call),
            call.path["sha"],
            context=str(body.get("context") or ""),
            state=str(body.get("state", "")),
            description=str(body.get("description") or ""),
            target_url=str(body.get("target_url") or ""),
        )
        return Answer(self.world.json.status(repo, call.path["sha"], status), 201)

    async def _sha(self, repo: Repo, ref: str) -> str:
        sha = await gitrepo.resolve(repo.path, ref)
        if sha is None:
            raise Refused(422, f"No commit found for SHA: {ref}")
        return sha

    async def combined_status(self, call: Call) -> Answer:
        repo = self._repo(call)
        sha = await self._sha(repo, call.path["ref"])
        statuses = self.world.combined(repo, sha)
        states = {s.state for s in statuses}
        state = "failure" if states & {"error", "failure"} else "success" if states == {"success"} else "pending"
        about = {"state": state, "sha": sha, "total_count": len(statuses), "repository": self._repo_json(repo)}
        items = [self.world.json.status(repo, sha, s) for s in statuses]
        return Answer(items=items, wrap=lambda page: about | {"statuses": list(page)})

    async def list_statuses(self, call: Call) -> Answer:
        repo = self._repo(call)
        sha = await self._sha(repo, call.path["ref"])
        return Answer(items=[self.world.json.status(repo, sha, s) for s in reversed(repo.statuses.get(sha, []))])

    async def check_runs(self, call: Call) -> Answer:
        self._repo(call)
        return Answer({"total_count": 0, "check_runs": []})

    async def rate_limit(self, call: Call) -> Answer:  # noqa: ARG002
        return Answer({"resources": {}, "rate": {}})
