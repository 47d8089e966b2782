"""Search in what repositories hold: their commits, and their code."""

from __future__ import annotations

from fnmatch import fnmatchcase

from prow.sim import gitdata, gitlog, gitrepo, search
from prow.sim.errors import Refused
from prow.sim.gitdata import Entry
from prow.sim.gitlog import Logged
from prow.sim.payloads import Json
from prow.sim.rest.call import Answer, Area, Call, Table, login
from prow.sim.rest.search import asked
from prow.sim.state import Repo

_LARGEST = 384 << 10
"""GitHub does not look into larger files."""


class ContentsSearch(Area):
    def table(self) -> Table:
        return {("GET", "/search/code"): self.code, ("GET", "/search/commits"): self.commits}

    def _given(self, call: Call) -> tuple[list[str], list[tuple[str, str]], list[Repo]]:
        """Words, qualifiers, and the repositories that are meant."""
        parts = asked(call).split()
        given = [(key.lower(), value) for key, colon, value in (part.partition(":") for part in parts) if colon]
        words = [part.strip('"').lower() for part in parts if ":" not in part]
        repos = [repo for repo in self.world.repos.values() if self.world.sees(repo, call.who) and _named(repo, given)]
        return words, given, repos

    async def code(self, call: Call) -> Answer:
        """Of default branches, forks aside: files that have all the words, by `repo:`, `org:`, `user:`, `path:`, `filename:`, `extension:`."""
        login(call)
        words, given, repos = self._given(call)
        if not words:
            raise Refused(422, "Validation Failed", [{"resource": "Search", "field": "q", "code": "missing"}])
        found = [
            (repo, one)
            for repo in repos
            if repo.parent is None
            for one in await gitdata.tree(repo.path, f"refs/heads/{repo.default_branch}", recursive=True) or []
            if one.kind == "blob" and (one.size or 0) <= _LARGEST and _fits_file(one, given) and await _has(repo, one, words)
        ]  # fmt: skip

        def told(pair: tuple[Repo, Entry]) -> Json:
            repo, one = pair
            entry = self.world.json.entry(
                repo, one.path, repo.default_branch, kind="file", sha=one.sha, size=one.size or 0
            )
            short = self.world.json.short_repo(repo, self.world.owner(repo.owner))
            kept = ("name", "path", "sha", "url", "git_url", "html_url")
            return {name: entry[name] for name in kept} | {"repository": short, "score": 1.0}

        about = {"total_count": len(found), "incomplete_results": False}
        return Answer(
            items=found[: search.MOST_RESULTS], each=told, wrap=lambda page: about | {"items": list(page)}
        )  # fmt: skip

    async def commits(self, call: Call) -> Answer:
        """Of default branches, the newest first: by words of the message, `repo:`, `org:`, `user:`, `author:` and `hash:`."""
        wanted, given, repos = self._given(call)
        found = [
            (repo, one)
            for repo in repos
            if await gitrepo.resolve(repo.path, repo.default_branch)
            for one in await gitlog.listed(repo.path, repo.default_branch, most=search.MOST_RESULTS)
            if all(word in one.message.lower() for word in wanted) and _fits_commit(one, given)
        ]
        found.sort(key=lambda pair: pair[1].committer.date, reverse=call.query.get("order") != "asc")
        total = len(found)

        def told(pair: tuple[Repo, Logged]) -> Json:
            repo, one = pair
            short = self.world.json.short_repo(repo, self.world.owner(repo.owner))
            commit = self.world.commit_json(repo, one)
            committer = commit["commit"]["committer"]
            return commit | {"committer": committer, "repository": short, "score": 1.0}

        about = {"total_count": total, "incomplete_results": False}
        return Answer(
            items=found[: search.MOST_RESULTS], each=told, wrap=lambda page: about | {"items": list(page)}
        )  # fmt: skip


def _named(repo: Repo, given: list[tuple[str, str]]) -> bool:
    """Several owners or repositories add up."""
    places = {value.lower() for key, value in given if key in {"repo", "org", "user"}}
    return not places or bool(places & {repo.full_name.lower(), repo.owner.lower()})


def _fits_commit(one: Logged, given: list[tuple[str, str]]) -> bool:
    kept = {
        "author": one.author.name.lower(),
        "committer": one.committer.name.lower(),
        "hash": one.sha,
        "tree": one.tree,
    }
    return all(kept[key] == value.lower() for key, value in given if key in kept)


def _fits_file(one: Entry, given: list[tuple[str, str]]) -> bool:
    name, folder = one.path.rpartition("/")[2].lower(), f"/{one.path.rpartition('/')[0]}/".lower()
    kept = {
        "filename": lambda value: value in name,
        "extension": lambda value: name.endswith(f".{value.lstrip('.')}"),
        "path": lambda value: value.strip("/") in folder or fnmatchcase(one.path.lower(), value.lstrip("/")),
    }
    return all(kept[key](value.lower()) for key, value in given if key in kept)


async def _has(repo: Repo, one: Entry, words: list[str]) -> bool:
    data = await gitdata.blob(repo.path, one.sha) or b""
    text = data.decode("utf-8", "replace").lower()
    return all(word in text for word in words)
