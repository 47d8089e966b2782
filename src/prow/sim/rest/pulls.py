"""Pull requests: what they are and change, reviews, reviewers, and the merge."""

from __future__ import annotations

from prow.sim import gitlog
from prow.sim.errors import Refused, not_found
from prow.sim.rest.call import PULL, REPO, Answer, Area, Call, Table, body, login, names, number

_EVENTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
_MOST_FILES = 3000
_MOST_COMMITS = 250


class Pulls(Area):
    def table(self) -> Table:
        return {
            ("GET", f"{REPO}/pulls"): self.list_pulls,
            ("POST", f"{REPO}/pulls"): self.create_pull,
            ("PATCH", f"{REPO}/pulls/comments/{{comment}}"): self.edit_review_comment,
            ("DELETE", f"{REPO}/pulls/comments/{{comment}}"): self.delete_review_comment,
            ("GET", PULL): self.get_pull,
            ("PATCH", PULL): self.edit_pull,
            ("GET", f"{PULL}/files"): self.list_files,
            ("GET", f"{PULL}/commits"): self.list_commits,
            ("GET", f"{PULL}/merge"): self.is_merged,
            ("PUT", f"{PULL}/merge"): self.merge,
            ("GET", f"{PULL}/reviews"): self.list_reviews,
            ("POST", f"{PULL}/reviews"): self.create_review,
            ("PUT", f"{PULL}/reviews/{{review}}/dismissals"): self.dismiss_review,
            ("GET", f"{PULL}/comments"): self.list_review_comments,
            ("POST", f"{PULL}/comments"): self.create_review_comment,
            ("POST", f"{PULL}/comments/{{comment}}/replies"): self.reply,
            ("GET", f"{PULL}/requested_reviewers"): self.requested_reviewers,
            ("POST", f"{PULL}/requested_reviewers"): self.request_reviewers,
            ("DELETE", f"{PULL}/requested_reviewers"): self.remove_reviewers,
        }

    async def list_pulls(self, call: Call) -> Answer:
        repo, state, base = self.repo(call), call.query.get("state", "open"), call.query.get("base", "")
        head = call.query.get("head", "")
        found = [
            i
            for i in reversed(repo.issues.values())
            if i.pull
            and state in {"all", i.state}
            and base in {"", i.pull.base_ref}
            and head in {"", f"{i.pull.head_repo.owner if i.pull.head_repo else ''}:{i.pull.head_ref}"}
        ]
        return Answer(items=[await self.world.pull_json(i, full=False) for i in found])

    async def create_pull(self, call: Call) -> Answer:
        repo, wanted = self.repo(call), body(call)
        issue = await self.world.open_pull(
            repo,
            login(call),
            title=str(wanted.get("title", "")),
            head=str(wanted.get("head", "")),
            base=str(wanted.get("base", "")),
            body=str(wanted.get("body") or ""),
            draft=bool(wanted.get("draft", False)),
        )
        return Answer(await self.world.pull_json(issue), 201)

    async def get_pull(self, call: Call) -> Answer:
        """Whoever looks is told what is known so far, and has the rest computed."""
        issue = self.pull(call)
        found = await self.world.pull_json(issue)
        self.world.look(issue)
        return Answer(found)

    async def edit_pull(self, call: Call) -> Answer:
        issue = self.pull(call)
        self.may_edit(call, issue, issue.user.login, "triage")
        await self.world.edit(issue, login(call), body(call))
        return Answer(await self.world.pull_json(issue))

    async def list_files(self, call: Call) -> Answer:
        issue = self.pull(call)
        files = (await self.world.files(issue))[:_MOST_FILES]
        head = issue.pull.head_sha if issue.pull else ""
        return Answer(items=[self.world.json.changed_file(issue.repo, head, file) for file in files])

    async def list_commits(self, call: Call) -> Answer:
        issue = self.pull(call)
        shas = [sha for sha, _ in (await self.world.compared(issue)).commits[:_MOST_COMMITS]]
        commits = await gitlog.of(issue.repo.path, shas)
        return Answer(items=[self.world.commit_json(issue.repo, commit) for commit in commits])

    # The merge

    async def is_merged(self, call: Call) -> Answer:
        pull = self.pull(call).pull
        if pull is None or not pull.merged:
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

    # Reviews

    async def list_reviews(self, call: Call) -> Answer:
        issue = self.pull(call)
        return Answer(items=[self.world.json.review(issue, r) for r in (issue.pull.reviews if issue.pull else ())])

    async def create_review(self, call: Call) -> Answer:
        issue, wanted = self.pull(call), body(call)
        state = _EVENTS.get(str(wanted.get("event", "COMMENT")))
        if state is None:
            raise Refused(422, "Unprocessable Entity", ["Variable $event was provided an invalid value"])
        text, comments = str(wanted.get("body") or ""), wanted.get("comments") or []
        review = await self.world.review(issue, login(call), state=state, body=text, bare=bool(comments))
        for one in comments:
            where, line = str(one.get("path") or ""), int(one.get("line") or one.get("position") or 1)
            said = str(one.get("body") or "")
            await self.world.review_comment(issue, login(call), body=said, path=where, line=line, review=review)
        return Answer(self.world.json.review(issue, review))

    async def dismiss_review(self, call: Call) -> Answer:
        issue = self.pull(call, "write")
        review = self.world.find_review(issue, number(call, "review"))
        await self.world.dismiss_review(issue, review, login(call), str(body(call).get("message") or ""))
        return Answer(self.world.json.review(issue, review))

    async def list_review_comments(self, call: Call) -> Answer:
        issue = self.pull(call)
        comments = issue.pull.review_comments if issue.pull else ()
        return Answer(items=[self.world.json.review_comment(issue, c) for c in comments])

    async def create_review_comment(self, call: Call) -> Answer:
        issue, wanted = self.pull(call), body(call)
        comment = await self.world.review_comment(
            issue,
            login(call),
            body=str(wanted.get("body") or ""),
            path=str(wanted.get("path") or ""),
            line=int(wanted.get("line") or wanted.get("position") or 1),
        )
        return Answer(self.world.json.review_comment(issue, comment), 201)

    async def reply(self, call: Call) -> Answer:
        issue = self.pull(call)
        found, parent = self.world.find_review_comment(issue.repo, number(call, "comment"))
        if found is not issue:
            raise not_found()
        text = str(body(call).get("body") or "")
        comment = await self.world.review_comment(issue, login(call), body=text, path="", reply_to=parent)
        return Answer(self.world.json.review_comment(issue, comment), 201)

    async def edit_review_comment(self, call: Call) -> Answer:
        issue, comment = self.world.find_review_comment(self.repo(call), number(call, "comment"))
        self.may_edit(call, issue, comment.user.login, "write")
        await self.world.edit_review_comment(issue, comment, login(call), str(body(call).get("body") or ""))
        return Answer(self.world.json.review_comment(issue, comment))

    async def delete_review_comment(self, call: Call) -> Answer:
        issue, comment = self.world.find_review_comment(self.repo(call), number(call, "comment"))
        self.may_edit(call, issue, comment.user.login, "write")
        await self.world.delete_review_comment(issue, comment, login(call))
        return Answer(status=204)

    # Who is asked

    async def requested_reviewers(self, call: Call) -> Answer:
        pull = self.pull(call).pull
        if pull is None:
            raise not_found()
        users = [self.world.json.user(user) for user in pull.requested_reviewers]
        return Answer(
            {
                "users": users,
                "teams": [self.world.json.team(team, call.path["owner"]) for team in pull.requested_teams],
            }
        )

    async def request_reviewers(self, call: Call) -> Answer:
        issue = self.pull(call, "triage")
        await self.world.request_reviewers(issue, login(call), names(call, "reviewers"), names(call, "team_reviewers"))
        return Answer(await self.world.pull_json(issue), 201)

    async def remove_reviewers(self, call: Call) -> Answer:
        issue = self.pull(call, "triage")
        await self.world.remove_reviewers(issue, login(call), names(call, "reviewers"), names(call, "team_reviewers"))
        return Answer(await self.world.pull_json(issue))
