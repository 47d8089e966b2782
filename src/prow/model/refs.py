"""Refs and Pull: which commits of which repository a job works on (`spec/prowjobs-and-pods` §1.3)."""

from __future__ import annotations

from prow.model.base import Noun, always


class Pull(Noun, frozen=True):
    """One pull request at one head commit."""

    number: int = always(0)
    """Number of the pull request."""
    author: str = always("")
    """Login of its author."""
    sha: str = always("")
    """Commit to test."""
    title: str = ""
    """Its title."""
    ref: str = ""
    """Git ref to fetch. Empty: `pull/NUMBER/head`."""
    head_ref: str = ""
    """Branch that it comes from."""
    link: str = ""
    """Address of its page."""
    commit_link: str = ""
    """Address of the commit's page."""
    author_link: str = ""
    """Address of the author's page."""


class Refs(Noun, frozen=True):
    """A repository at a base commit with zero or more pulls merged into it."""

    org: str = always("")
    """Organisation or user."""
    repo: str = always("")
    """Repository."""
    repo_link: str = ""
    """Address of the repository's page."""
    base_ref: str = ""
    """Branch to check out."""
    base_sha: str = ""
    """Commit of the branch. Empty: its newest."""
    base_link: str = ""
    """Address of the commit's page."""
    pulls: tuple[Pull, ...] = ()
    """Pull requests to merge into it, in order."""
    path_alias: str = ""
    """Folder below `src` for the clone. Unset: `github.com/org/repo`."""
    workdir: bool = False
    """Whether the job starts in this clone. Without one it is the clone of the repository itself, or the first one."""
    auxiliary: bool = False
    """Whether the repository is only a tool of the job, not what it tests."""
    clone_uri: str = ""
    """Where to clone from. Unset: `https://github.com/org/repo.git`."""
    skip_submodules: bool = False
    """Whether submodules are left out."""
    clone_depth: int = 0
    """How many commits are cloned; 0: the whole history."""
    skip_fetch_head: bool = False
    """Whether the fetch of the remote's HEAD is left out."""
    blobless_fetch: bool | None = None
    """Whether contents of files are fetched only when they are needed. Unset: as the decoration config says."""
    sparse_checkout_files: tuple[str, ...] = ()
    """Files and folders to check out; empty: all."""

    @property
    def full_name(self) -> str:
        return f"{self.org}/{self.repo}"

    def __str__(self) -> str:
        """`PULL_REFS`: `base_ref[:base_sha]`, then `,<number>:<sha>[:<ref>]` for every pull."""
        parts = [f"{self.base_ref}:{self.base_sha}" if self.base_sha else self.base_ref]
        parts += [f"{p.number}:{p.sha}" + (f":{p.ref}" if p.ref else "") for p in self.pulls]
        return ",".join(parts)
