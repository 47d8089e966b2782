"""A GitHub of the recorded cases: state in memory, one repository org/repo with one issue or pull request, number 5.

Used only against recorded answers of the original, whose model of GitHub this copies; stories use the simulator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prow.github.errors import NotFound
from prow.model.forge import (
    Branch,
    ChangedFile,
    CombinedStatus,
    CommitStatus,
    IssueComment,
    LabelRef,
    PullRequest,
    Repo,
    User,
)
from prow.model.prowjob import ProwJob

BOT = "the-bot"
REPO = Repo(name="repo", full_name="org/repo", owner=User(login="org"), html_url="https://github.com/org/repo")


class GoldenWorld:
    """`effects`: what was written, as the recording words it; `created`: jobs."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.state = state
        self.labels: list[str] = list(state.get("labels") or ())
        self.comments = [
            IssueComment(id=i + 1, user=User(login=c["author"]), body=c["body"])
            for i, c in enumerate(state.get("comments") or ())
        ]
        self.effects: list[list[str]] = []
        self.created: list[ProwJob] = []

    def pull(self) -> PullRequest:
        state = self.state
        return PullRequest(
            number=5,
            html_url="https://github.com/org/repo/pull/5",
            user=User(login=state.get("author", "")),
            title=state.get("title", ""),
            body=state.get("body"),
            state=state.get("state", "open"),
            draft=state.get("draft", False),
            mergeable=state.get("mergeable"),
            base=Branch(ref=state.get("branch", "main"), sha="base", repo=REPO),
            head=Branch(ref="head", sha="head", repo=REPO),
        )

    async def current_user(self) -> User:
        return User(login=BOT)

    async def is_member(self, org: str, user: str) -> bool:
        others: Mapping[str, Sequence[str]] = self.state.get("other_org_members") or {}
        members = (self.state.get("org_members") or ()) if org == "org" else others.get(org, ())
        return user.lower() in {m.lower() for m in members}

    async def is_collaborator(self, org: str, repo: str, user: str) -> bool:
        return user.lower() in {c.lower() for key in ("collaborators", "admins") for c in self.state.get(key) or ()}

    async def get_pull_request(self, org: str, repo: str, number: int) -> PullRequest:
        return self.pull()

    async def list_files(self, org: str, repo: str, number: int) -> Sequence[ChangedFile]:
        lines = self.state.get("additions") or [0] * len(self.state.get("files") or ())
        return [
            ChangedFile(filename=f, additions=n) for f, n in zip(self.state.get("files") or (), lines, strict=False)
        ]

    async def get_combined_status(self, org: str, repo: str, ref: str) -> CombinedStatus:
        return CombinedStatus(
            statuses=tuple(
                CommitStatus(context=s["context"], state=s["state"]) for s in self.state.get("statuses") or ()
            )
        )

    async def get_ref(self, org: str, repo: str, ref: str) -> str:
        return "base"

    async def get_file(self, org: str, repo: str, path: str, ref: str = "") -> bytes:
        files: Mapping[str, str] = self.state.get("repo_files") or {}
        if path not in files:
            raise NotFound(f"{path} is not there")
        return files[path].encode()

    async def list_issue_labels(self, org: str, repo: str, number: int) -> Sequence[LabelRef]:
        return [LabelRef(name=name) for name in self.labels]

    async def add_labels(self, org: str, repo: str, number: int, labels: Sequence[str]) -> None:
        self.effects += [["add_label", label] for label in labels]

    async def remove_label(self, org: str, repo: str, number: int, label: str) -> None:
        self.effects.append(["remove_label", label])

    async def list_comments(self, org: str, repo: str, number: int) -> Sequence[IssueComment]:
        return self.comments

    async def create_comment(self, org: str, repo: str, number: int, body: str) -> IssueComment:
        self.effects.append(["create_comment"])
        return IssueComment(id=1000, body=body)

    async def delete_comment(self, org: str, repo: str, comment_id: int) -> None:
        self.effects.append(["delete_comment", str(comment_id)])

    async def create(self, job: ProwJob) -> ProwJob:
        self.created.append(job)
        return job

    async def patch(self, name: str, merge_patch: Mapping[str, Any], *, resource_version: str = "") -> None: ...

    def unfinished_presubmits(self, org: str, repo: str, number: int) -> Iterable[str]:
        return ()
