"""Refs and Pull: which commits of which repository a job works on (`spec/prowjobs-and-pods` §1.3)."""

from __future__ import annotations

from prow.model.base import Noun, always


class Pull(Noun, frozen=True):
    """One pull request at one head commit."""

    number: int = always(0)
    author: str = always("")
    sha: str = always("")
    title: str = ""
    ref: str = ""
    head_ref: str = ""
    link: str = ""
    commit_link: str = ""
    author_link: str = ""


class Refs(Noun, frozen=True):
    """A repository at a base commit with zero or more pulls merged into it."""

    org: str = always("")
    repo: str = always("")
    repo_link: str = ""
    base_ref: str = ""
    base_sha: str = ""
    base_link: str = ""
    pulls: tuple[Pull, ...] = ()
    path_alias: str = ""
    workdir: bool = False
    auxiliary: bool = False
    clone_uri: str = ""
    skip_submodules: bool = False
    clone_depth: int = 0
    skip_fetch_head: bool = False
    blobless_fetch: bool | None = None
    sparse_checkout_files: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.org}/{self.repo}"

    def __str__(self) -> str:
        """`PULL_REFS`: `base_ref[:base_sha]`, then `,<number>:<sha>[:<ref>]` for every pull."""
        parts = [f"{self.base_ref}:{self.base_sha}" if self.base_sha else self.base_ref]
        parts += [f"{p.number}:{p.sha}" + (f":{p.ref}" if p.ref else "") for p in self.pulls]
        return ",".join(parts)
