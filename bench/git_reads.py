"""OWNERS and in-repo config of 200 commits of a repository with 10,000 files, from a mirror that has them: each commit looked at for the first time,
then once more. What git and Prow keep in memory for it is counted, the processes of git with it."""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from bench import support
from prow.cli.adapters import RepoConfig
from prow.config.config import Config, set_origin
from prow.config.inrepo_cache import InRepoCache
from prow.git.client import Git
from prow.git.mirror import Mirrors
from prow.lib.clock import SystemClock
from prow.model.forge import User
from prow.owners.model import Layout
from prow.owners.service import OwnersReader
from prow.sim import gitrepo

FOLDERS, COMMITS = 1_000, 200
JOB = "presubmits:\n- name: unit-{n}\n  always_run: true\n  spec: {{containers: [{{image: go, command: [make]}}]}}\n"


class Nobody:
    async def list_collaborators(self, org: str, repo: str) -> Sequence[User]:  # noqa: ARG002
        return ()


def history() -> bytes:
    """A stream for `git fast-import`: 10 files in each of 1,000 folders, OWNERS in every third; then commits of three files each."""
    data: list[bytes] = []

    def file(path: str, text: str) -> None:
        data.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(text), text.encode()))

    def owners(number: int) -> str:
        return f"approvers: [a{number}, b{number % 7}]\nreviewers: [c{number % 11}]\n"

    for number in range(COMMITS + 1):
        data.append(b"commit refs/heads/main\ncommitter w <w@x> %d +0000\ndata 6\nChange\n" % (1_700_000_000 + number))
        if number == 0:
            for folder in range(FOLDERS):
                where = f"pkg/p{folder // 100}/q{folder // 10 % 10}/r{folder % 10}"
                for n in range(9 if folder % 3 == 0 else 10):
                    file(f"{where}/f{n}.go", f"package r\n// {folder} {n}\n")
                if folder % 3 == 0:
                    file(f"{where}/OWNERS", owners(folder))
            for n in range(5):
                file(f".prow/jobs-{n}.yaml", JOB.format(n=n))
        else:
            for n in range(3):
                folder = (number * 37 + n * 501) % FOLDERS
                where = f"pkg/p{folder // 100}/q{folder // 10 % 10}/r{folder % 10}"
                file(f"{where}/f0.go", f"package r\n// {number}\n")
            if number % 5 == 0:
                folder = number * 3 % FOLDERS // 3 * 3
                file(f"pkg/p{folder // 100}/q{folder // 10 % 10}/r{folder % 10}/OWNERS", owners(FOLDERS + number))
            if number % 10 == 0:
                file(f".prow/jobs-{number % 5}.yaml", JOB.format(n=f"{number % 5}-{number}"))
    return b"".join(data)


async def timed(work: Callable[[str], Awaitable[object]], commits: Sequence[str]) -> list[float]:
    taken = []
    for commit in commits:
        began = time.perf_counter()
        await work(commit)
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def memory() -> float:
    """Of this process and of the git processes it keeps."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return support.memory_mb() + sum(support.memory_mb(int(pid)) for pid in children)


async def measure(folder: Path) -> dict[str, float]:
    remote = folder / "remote" / "acme" / "rockets"
    await gitrepo.create(remote, "main")
    await gitrepo.git("fast-import", "--quiet", cwd=remote, stdin=history())
    commits = (await gitrepo.git("rev-list", "--reverse", "main", cwd=remote)).decode().split()
    base, wanted = commits[0], commits[1:]
    files = len((await gitrepo.git("ls-tree", "-r", "--name-only", "main", cwd=remote)).splitlines())
    assert files >= 10_000, files
    (folder / "home").mkdir()
    git = await Git.open(SystemClock(), home=folder / "home")
    config = Config()
    set_origin(config, hash="measured", warnings=())

    def open_mirrors() -> Mirrors:
        return Mirrors(git, clock=SystemClock(), folder=folder / "mirrors", base=f"file://{folder}/remote")

    async def look(mirrors: Mirrors, *, figures: dict[str, float] | None) -> None:
        await mirrors.mirror("acme", "rockets").ensure(commits)
        owners = OwnersReader(mirrors, Nobody())
        layout = Layout()
        own = RepoConfig(mirrors, config, InRepoCache())
        started = memory()
        await owners.at("acme", "rockets", base, layout)  # as a process that runs for a while
        first = await timed(lambda sha: owners.at("acme", "rockets", sha, layout), wanted)
        again = await timed(lambda sha: owners.at("acme", "rockets", sha, layout), wanted)
        at_commit = await timed(lambda sha: own.postsubmits("acme", "rockets", sha=sha), wanted)
        pairs = dict(itertools.pairwise(commits))
        before = {new: old for old, new in pairs.items()}
        merged = await timed(lambda sha: own.presubmits("acme", "rockets", base_sha=before[sha], heads=[sha]), wanted)
        beside = await timed(lambda sha: own.presubmits("acme", "rockets", base_sha=sha, heads=[base]), wanted)
        if figures is not None:
            figures |= {
                "owners_ms": mean(first), "owners_p99_ms": support.percentile(first, 0.99), "owners_again_ms": mean(again),
                "in_repo_ms": mean(at_commit), "in_repo_p99_ms": support.percentile(at_commit, 0.99),
                "in_repo_merged_ms": mean([*merged, *beside]), "memory_mb": memory() - started,
            }  # fmt: skip

    figures: dict[str, float] = {}
    for told in (None, figures):  # the first brings the contents onto this disk
        mirrors = open_mirrors()
        await look(mirrors, figures=told)
        await mirrors.aclose()
    return figures


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder)))
    support.report(
        "git_reads",
        work="OWNERS, in-repo config at a commit and of a head merged into its base, of 200 commits of a repository with 10,000 files",
        figures=figures,
        target={"owners_ms": "< 10", "in_repo_ms": "< 10", "in_repo_merged_ms": "< 10"},
    )


if __name__ == "__main__":
    main()
