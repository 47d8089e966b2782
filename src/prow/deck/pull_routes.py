"""`/pr/ORG/REPO/N`: why a pull request is not merging, and who can do what next; `/tide-explain`: the same as JSON.

Both have a stream: the page's sends its parts as HTML, `/tide-explain?…&watch=true` the explanation, whenever it has changed.
A pull request that tide does not know, and a tide that is not there or does not answer, are pages too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from prow.config.config import Config
from prow.deck import answers, pull_rules
from prow.deck.fresh import FreshByKey
from prow.deck.model import view_of
from prow.deck.pages import Pages
from prow.deck.ports import Explains, Waiting
from prow.deck.pull_model import PullLook
from prow.deck.rules import newest_first
from prow.deck.streams import HERE, LOOK_EVERY, STILL_HERE, Streams, event, event_stream
from prow.jobs.index import Changes, JobIndex
from prow.lib.clock import Clock
from prow.model.base import to_json
from prow.model.explanation import Explanation
from prow.model.forge import PullKey

MOST_JOBS = 100
NO_TIDE = "Tide is not connected to this dashboard, so it cannot tell why a pull request waits."


class PullRoutes:
    def __init__(
        self,
        pages: Pages,
        streams: Streams,
        *,
        index: JobIndex,
        waiting: Waiting,
        clock: Clock,
        explains: Explains | None,
        config: Callable[[], Config] | None,
    ) -> None:
        self._pages = pages
        self._streams = streams
        self._index = index
        self._waiting = waiting
        self._clock = clock
        self._explains = explains
        self._config = config
        self._answers: FreshByKey[PullKey, Explanation | None] = FreshByKey(self._ask, clock=clock)
        self.routes = [
            Route("/pr/{org}/{repo}/{number}", self._page),
            Route("/pr/{org}/{repo}/{number}/events", self._page_events),
            Route("/tide-explain", self._explain),
        ]

    async def _ask(self, key: PullKey) -> Explanation | None:
        return await self._explains.explain(*key) if self._explains else None

    async def _look(self, key: PullKey, *, max_age: float = 0.0) -> PullLook:
        known = await self._answers.get(key, max_age=max_age)
        reasons = self._waiting.waiting_reasons()
        jobs = newest_first(view_of(row.as_job(), why=reasons.get(row.name, "")) for row in self._index.by_pull(*key))
        config = self._config() if self._config else None
        site = config.github.link_url.rstrip("/") if config else "https://github.com"
        return PullLook(
            key=key,
            known=known,
            jobs=tuple(jobs[:MOST_JOBS]),
            connected=self._explains is not None,
            covered=config is None or any(query.applies_to(key.org, key.repo) for query in config.tide.queries),
            github=f"{site}/{quote(key.org)}/{quote(key.repo)}/pull/{key.number}",
        )

    async def _page(self, request: Request) -> Response:
        key = self._key(request.path_params)
        if key is None:
            return answers.missing(self._pages, "No such pull request", "An address reads /pr/ORG/REPO/NUMBER.")
        look = await self._look(key)
        known = look.explanation is not None or look.jobs
        status = 200 if known else 404 if look.connected and not look.known.error else 503
        return HTMLResponse(self._pages.pull(look, self._clock.now()), status, headers=answers.NO_STORE)

    async def _page_events(self, request: Request) -> Response:
        key = self._key(request.path_params)
        if key is None:
            return answers.missing(self._pages, "No such pull request", "An address reads /pr/ORG/REPO/NUMBER.")
        return event_stream(self._parts(key))

    async def _parts(self, key: PullKey) -> AsyncIterator[str]:
        yield HERE
        async with self._index.subscribe() as changes:
            looks = self._streams.values(
                lambda: self._look(key, max_age=LOOK_EVERY / 2), lambda within: self._woken(key, changes, within)
            )
            async for look in looks:
                if look is None:
                    yield STILL_HERE
                else:
                    yield event("parts", {"html": self._pages.pull_parts(look, self._clock.now())})

    async def _woken(self, key: PullKey, changes: Changes, within: float) -> None:
        """Until a job of this pull request changes."""
        until = self._clock.monotonic() + within
        while (left := until - self._clock.monotonic()) > 0:
            row = await self._streams.next_of(changes, within=left)
            if row is None:
                return
            if (row.org, row.repo) == key[:2] and any(pull.number == key.number for pull in row.pulls):
                return

    async def _explain(self, request: Request) -> Response:
        """`/tide-explain?org=&repo=&pr=`, with `watch=true` as a stream. 404: tide does not know it, 503: tide does not answer."""
        query = request.query_params
        key = self._key({"org": query.get("org", ""), "repo": query.get("repo", ""), "number": query.get("pr", "")})
        if key is None:
            return answers.json({"error": "give org, repo and pr: a number"}, 400)
        if self._explains is None:
            return answers.json({"error": NO_TIDE}, 503)
        if query.get("watch") == "true":
            return event_stream(self._explanations(key))
        known = await self._answers.get(key)
        if known.error:
            return answers.json({"error": known.error}, 503)
        if known.value is None:
            return answers.json({"error": f"tide does not know {key}"}, 404)
        return answers.json(known.value)

    async def _explanations(self, key: PullKey) -> AsyncIterator[str]:
        yield HERE
        async for known in self._streams.values(lambda: self._answers.get(key, max_age=LOOK_EVERY / 2)):
            if known is None:
                yield STILL_HERE
            elif known.error:
                yield event("trouble", {"error": known.error})
            elif known.value is None:
                yield event("unknown", {"error": f"tide does not know {key}"})
            else:
                yield f"event: explanation\ndata: {to_json(known.value).decode()}\n\n"

    def _key(self, given: dict[str, str]) -> PullKey | None:
        """None for what cannot be a pull request, and for those of hidden repositories."""
        org, repo, number = given["org"], given["repo"], given["number"]
        if not (
            pull_rules.is_name(org)
            and pull_rules.is_name(repo)
            and number.isascii()
            and number.isdecimal()
            and len(number) < 10
        ):
            return None
        if self._config and pull_rules.hidden(self._config().deck.hidden_repos, org, repo):
            return None
        return PullKey(org, repo, int(number))
