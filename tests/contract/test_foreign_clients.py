"""Programs that are not ours work against the simulator, and every call they make is one that GitHub describes."""

from __future__ import annotations

import asyncio
import json
import shutil
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from github import Auth, Github, GithubException
from prow.sim.gitrepo import resolve
from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory
from tests.ghproxy.support import proxied
from tests.support.checked import checked
from tests.support.foreign import certificate, gh_environment, needs_gh, run
from tests.support.github_description import FOREIGN, needs_foreign

GIT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "HOME": "/nonexistent",
    **{f"GIT_{who}_{what}": "mia@acme.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[Sim]:
    with checked(Sim(tmp_path / "sim")) as sim:
        sim.world.org("acme", members=["wernher"], owners=["mia"])
        yield sim
        await sim.world.close()


@pytest.fixture
async def repo(sim: Sim) -> RepoStory:
    story = await RepoStory.create(sim, "acme/widgets", files={"README.md": "# Widgets\n"})
    story.collaborator("wernher", "write")
    return story


async def test_pygithub(sim: Sim, repo: RepoStory) -> None:
    async with sim.serve() as url:
        tokens = sim.world.token("mia"), sim.world.token("wernher")
        await asyncio.to_thread(_pygithub, url, *tokens)
    pr = PullStory(sim, repo.repo.issues[1])
    assert pr.merged
    assert await repo.file("docs/new.md") == "# New\n"
    assert pr.labels == {"docs"}


def _pygithub(url: str, author: str, reviewer: str) -> None:
    """What a script would do."""

    def client(token: str) -> Github:
        return Github(
            base_url=url, auth=Auth.Token(token), seconds_between_requests=0, seconds_between_writes=0, retry=None
        )

    with client(author) as mia, client(reviewer) as wernher:
        made = mia.get_organization("acme").create_repo("gadgets", auto_init=True)
        assert [one.path for one in made.get_contents("")] == ["README.md"]  # type: ignore[union-attr]
        repo = mia.get_repo("acme/widgets")
        repo.create_git_ref("refs/heads/fix", repo.get_branch("main").commit.sha)
        repo.create_file("docs/new.md", "Add a page", "# New\n", branch="fix")
        pull = repo.create_pull(base="main", head="fix", title="A page", body="Why not?")
        assert [file.filename for file in pull.get_files()] == ["docs/new.md"]
        assert [commit.commit.message for commit in pull.get_commits()] == ["Add a page"]
        pull.add_to_labels("docs")
        with pytest.raises(GithubException):
            pull.create_review(event="APPROVE")  # one's own
        theirs = wernher.get_repo("acme/widgets").get_pull(pull.number)
        theirs.create_review(event="APPROVE", body="Good.")
        theirs.create_issue_comment("/lgtm")
        head = repo.get_commit(pull.head.sha)
        head.create_status("success", context="unit", description="Fine.")
        assert head.get_combined_status().state == "success"
        assert [review.state for review in pull.get_reviews()] == ["APPROVED"]
        assert pull.merge(merge_method="squash").merged
        for number in range(5):
            repo.create_issue(f"Issue {number}")
        mia.per_page = 2
        assert [issue.number for issue in repo.get_issues(state="all")] == [6, 5, 4, 3, 2, 1]
        assert mia.get_user().login == "mia"
        assert [issue.number for issue in mia.search_issues("repo:acme/widgets is:pr is:merged")] == [1]


@needs_foreign
@pytest.mark.skipif(shutil.which("node") is None, reason="run `make setup-tests`: there is no node")
@pytest.mark.parametrize("through_ghproxy", [False, True], ids=["GitHub itself", "our ghproxy"])
async def test_octokit(sim: Sim, *, through_ghproxy: bool) -> None:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(sim.serve())
        if through_ghproxy:
            url = await stack.enter_async_context(proxied(url, clock=sim.clock))
        tokens = sim.world.token("mia"), sim.world.token("wernher")
        sim.world.org("acme").default_permission = "write"
        out = await run("node", str(FOREIGN / "octokit.mjs"), url, *tokens, cwd=FOREIGN)
    assert json.loads(out) == {
        "files": ["docs/new.md"],
        "merged": True,
        "content": "# New\n",
        "issues": [6, 5, 4, 3, 2, 1],
        "graph": [2, 3, 4, 5, 6],
        "unchanged": 304,
        "refused": 405,
    }


@needs_gh
async def test_gh(sim: Sim, repo: RepoStory, tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    async with sim.serve(host="localhost", tls=tls) as url:
        host = url.removeprefix("https://")
        here = ("-R", f"{host}/acme/widgets")

        async def gh(*arguments: str, login: str = "mia") -> str:
            env = gh_environment(url, sim.world.token(login), tls, tmp_path)
            return await run("gh", *arguments, env=GIT | env, cwd=tmp_path)

        await gh("repo", "create", "acme/gadgets", "--public", "--add-readme")
        assert "acme/gadgets" in await gh("repo", "list", "acme")
        await gh("repo", "clone", "acme/widgets", "work")
        assert (tmp_path / "work/README.md").read_text() == "# Widgets\n"
        at = "repos/acme/widgets"
        await gh("api", f"{at}/git/refs", "-f", "ref=refs/heads/fix", "-f", f"sha={await repo.tip()}")
        new = ("-f", "branch=fix", "-f", "message=Add a page", "-f", f"content={b64encode(b'# New').decode()}")
        await gh("api", "-X", "PUT", f"{at}/contents/new.md", *new)
        title = ("--title", "A page", "--body", "Why not?")
        made = await gh("pr", "create", *here, *title, "--base", "main", "--head", "fix")
        assert made.strip() == f"{url}/acme/widgets/pull/1"
        assert "A page" in await gh("pr", "list", *here)
        assert "+# New" in await gh("pr", "diff", "1", *here)
        await gh("pr", "edit", "1", *here, "--add-reviewer", "wernher")
        await gh("pr", "review", "1", "--approve", "--body", "Good.", *here, login="wernher")
        await gh("pr", "comment", "1", "--body", "/lgtm", *here, login="wernher")
        seen = json.loads(
            await gh("pr", "view", "1", *here, "--json", "title,reviews,comments,files,commits,mergeable")
        )
        assert (seen["reviews"][0]["state"], seen["comments"][0]["body"]) == ("APPROVED", "/lgtm")
        assert (seen["files"][0]["path"], seen["commits"][0]["messageHeadline"]) == ("new.md", "Add a page")
        assert "Why not?" in await gh("pr", "view", "1", *here)
        await gh("pr", "merge", "1", "--squash", "--delete-branch", *here)
        (tmp_path / "notes.txt").write_text("For those who read\n")
        await gh("release", "create", "v1", *here, "--title", "One", "--generate-notes", "notes.txt")
        assert "One\tLatest\tv1" in await gh("release", "list", *here)
        assert "A page by @mia" in await gh("release", "view", "v1", *here)
        await gh("release", "download", "v1", *here, "--dir", "fetched")
        assert (tmp_path / "fetched/notes.txt").read_text() == "For those who read\n"
        assert await resolve(repo.repo.path, "refs/heads/fix") is None
        for number in (2, 3, 4):
            await gh("issue", "create", *here, "--title", f"Issue {number}", "--body", "Text", "--assignee", "@me")
        assert "Issue 3" in await gh("issue", "list", *here, "--assignee", "mia")
        await gh("issue", "close", "3", *here)
        await gh("issue", "pin", "2", *here)
        path = f"{at}/issues?state=all&per_page=1"
        assert (await gh("api", "--paginate", path, "--jq", ".[].number")).split() == ["4", "3", "2", "1"]
    pr = PullStory(sim, repo.repo.issues[1])
    assert pr.merged
    assert repo.repo.issues[3].state == "closed"


async def test_git(sim: Sim, repo: RepoStory, tmp_path: Path) -> None:
    async with sim.serve() as url:
        pr = await repo.open_pull_request("katherine", title="Fix", files={"fix.txt": "fixed\n"})
        await pr.expect_mergeable()
        mine = url.replace("://", f"://x-access-token:{sim.world.token('mia')}@") + "/acme/widgets.git"

        async def git(*arguments: str, cwd: Path = tmp_path) -> str:
            return await run("git", *arguments, env=GIT, cwd=cwd)

        await git("clone", "--quiet", f"{url}/acme/widgets.git", "work")
        work = tmp_path / "work"
        await git("fetch", "--quiet", "origin", "refs/pull/1/head:their", "refs/pull/1/merge:merged", cwd=work)
        assert (await git("rev-parse", "their", cwd=work)).strip() == pr.head_sha
        assert await git("show", "merged:fix.txt", cwd=work) == "fixed\n"
        await git("checkout", "--quiet", "-b", "more", cwd=work)
        (work / "more.txt").write_text("more\n")
        await git("add", "more.txt", cwd=work)
        await git("commit", "--quiet", "-m", "More", cwd=work)
        with pytest.raises(AssertionError, match=r"could not read Username|Authentication failed"):
            await git("push", "--quiet", "origin", "more", cwd=work)
        await git("push", "--quiet", mine, "more", cwd=work)
        await git("clone", "--quiet", "--filter=blob:none", "--depth=1", "--branch=more", mine, "small")
        assert (tmp_path / "small/more.txt").read_text() == "more\n"
    assert await repo.file("more.txt", branch="more") == "more\n"
