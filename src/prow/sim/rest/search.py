"""Search over issues, people and repositories, and what is left to spend."""

from __future__ import annotations

from prow.sim import search
from prow.sim.errors import Refused, not_found
from prow.sim.payloads import Json
from prow.sim.rest.call import Answer, Area, Call, Table
from prow.sim.state import Repo

_RESOURCES = ("core", "search", "graphql")


class Search(Area):
    def table(self) -> Table:
        return {
            ("GET", "/rate_limit"): self.rate_limit,
            ("GET", "/search/issues"): self.issues,
            ("GET", "/search/labels"): self.labels,
            ("GET", "/search/users"): self.users,
            ("GET", "/search/repositories"): self.repositories,
        }

    async def rate_limit(self, call: Call) -> Answer:
        found = {}
        for resource in _RESOURCES:
            budget = self.world.budget(call.who, resource)
            found[resource] = {
                "limit": budget.limit,
                "used": budget.used,
                "remaining": budget.left,
                "reset": budget.reset,
                "resource": resource,
            }
        return Answer({"resources": found, "rate": found["core"]})

    async def issues(self, call: Call) -> Answer:
        """A thousand at most, however many there are."""
        query = search.parse(f"{asked(call)} {_sorted(call)}")
        known = {k: pair for k, pair in self.world.indexed().items() if self.world.sees(pair[1].repo, call.who)}
        scopes = [term.value.lower() for term in query.terms if term.key == "repo" and not term.negated]
        if scopes and not any(self._visible(name, call) for name in scopes):
            text = "The listed users and repositories cannot be searched either because the resources do not exist or you do not have permission to view them."
            raise Refused(422, "Validation Failed", [{"message": text, "resource": "Search", "field": "q", "code": "invalid"}])  # fmt: skip
        found = [known[entry.id][1] for entry in query.select(entry for entry, _ in known.values())]
        items = [
            _without_empty(self.world.json.issue(issue)) | {"score": 1.0} for issue in found[: search.MOST_RESULTS]
        ]
        about = {"total_count": len(found), "incomplete_results": False, "search_type": "lexical"}
        return Answer(items=items, wrap=lambda page: about | {"items": list(page)})

    def _visible(self, name: str, call: Call) -> bool:
        repo = self.world.repos.get(name)
        return repo is not None and self.world.sees(repo, call.who)

    async def repositories(self, call: Call) -> Answer:
        """By name, description and the qualifiers of repositories; forks only where they are asked for."""
        words = asked(call).lower().split()
        found = [
            repo
            for repo in self.world.repos.values()
            if self.world.sees(repo, call.who) and fits_repository(repo, words)
        ]
        if call.query.get("sort") == "updated":
            found.sort(key=lambda repo: repo.pushed_at or repo.created_at, reverse=call.query.get("order") != "asc")
        about = {"total_count": len(found), "incomplete_results": False}
        return Answer(
            items=found[: search.MOST_RESULTS],
            each=lambda repo: self.repo_json(repo, call.login) | {"score": 1.0},
            wrap=lambda page: about | {"items": list(page)},
        )

    async def labels(self, call: Call) -> Answer:
        """Of one repository, by name and description."""
        number = call.query.get("repository_id", "")
        repo = self.world.repo_by_id(int(number) if number.isdecimal() else 0)
        if not self.world.sees(repo, call.who):
            raise not_found()
        words = asked(call).lower().split()
        found = [
            one
            for one in repo.labels.values()
            if any(word in f"{one.name} {one.description}".lower() for word in words)
        ]
        about = {"total_count": len(found), "incomplete_results": False}
        return Answer(
            items=found,
            each=lambda one: self.world.json.label(repo, one) | {"score": 1.0},
            wrap=lambda page: about | {"items": list(page)},
        )

    async def users(self, call: Call) -> Answer:
        """By login, or by the address that the simulator gives everybody."""
        found = [self.world.json.user(user) | {"score": 1.0} for user in self.world.find_users(asked(call))]
        about = {"total_count": len(found), "incomplete_results": False}
        return Answer(items=found[: search.MOST_RESULTS], wrap=lambda page: about | {"items": list(page)})


def asked(call: Call) -> str:
    """The query's text."""
    text = call.query.get("q", "")
    if not text.strip():
        raise Refused(422, "Validation Failed", [{"resource": "Search", "field": "q", "code": "missing"}])
    if len(text) > search.LONGEST_QUERY:
        text = "The search is longer than 256 characters."
        raise Refused(422, "Validation Failed", [{"resource": "Search", "field": "q", "code": "invalid", "message": text}])  # fmt: skip
    return text


def fits_repository(repo: Repo, words: list[str]) -> bool:
    """All of them: text of the name or the description, or a qualifier."""
    about = f"{repo.full_name} {repo.settings.get('description') or ''}".lower()
    kept = {
        "user": {repo.owner.lower()},
        "org": {repo.owner.lower()},
        "repo": {repo.full_name.lower()},
        "is": {"private" if repo.private else "public"},
        "archived": {str(repo.archived).lower()},
        "fork": {"true", "only"} if repo.parent is not None else {"true"},
        "topic": set(repo.settings.get("topics", ())),
    }
    given = [(key, value) for key, colon, value in (word.partition(":") for word in words) if colon and key in kept]
    wanted: dict[str, set[str]] = {}
    for key, value in given:  # several owners or repositories add up
        wanted.setdefault("where" if key in {"user", "org", "repo"} else f"{key}:{value}", set()).add(value)
    where = kept["user"] | kept["repo"]
    fits = all(
        (values & where) if key == "where" else (values & kept[key.partition(":")[0]]) for key, values in wanted.items()
    )
    hidden = repo.parent is not None and not any(key == "fork" for key, _ in given)
    return fits and not hidden and all(word in about for word in words if ":" not in word)


def _without_empty(issue: Json) -> Json:
    """Search leaves out a body that is not there."""
    return issue if issue["body"] is not None else {name: value for name, value in issue.items() if name != "body"}


def _sorted(call: Call) -> str:
    name, order = call.query.get("sort", ""), call.query.get("order", "desc")
    return f"sort:{name}-{order}" if name in {"created", "updated", "comments"} else ""
