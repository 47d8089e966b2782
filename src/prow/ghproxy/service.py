"""The proxy: an ASGI application in front of GitHub's API (`spec/plugins-other` §7.2).

A GET meets, in this order: requests for the same that are under way, which it joins; the cache, whose entry is never given out
before GitHub said that it is still right; the spacing; a place in flight. Everything else is passed through as it is.
Caches, merged requests and places in flight belong to one identity each: the token, or the App's installation when GitHub told us whose
token it is. What a client says of itself names its budget in metrics and spacing, and opens no cache.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from prow.ghproxy import metrics, rules
from prow.ghproxy.errors import BadRequest, Unreachable
from prow.ghproxy.installations import Installations, bearer
from prow.ghproxy.model import Answer, Headers, Mode, Request, Settings
from prow.ghproxy.paths import UNKNOWN, template
from prow.ghproxy.spacing import Spacing
from prow.ghproxy.upstream import Response, Upstream
from prow.github.cache import Cache, Kept, Key, keepable
from prow.github.call import Cost
from prow.github.flights import Flights
from prow.github.meter import DURATION, RESET, TIMEOUTS, USAGE
from prow.github.places import Places
from prow.github.windows import standing
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.http import HungUp, Receive, Scope, Send

_log = logs.get("ghproxy")
_REMEMBERED = 4096
_NAMED_PATHS = 1000
_LONGEST_NAME = 100
_LARGEST_PASSED_WHOLE = 1 << 20
_NOT_PASSED = frozenset({"CONNECT", "TRACE"})
_REPLACED = (b"x-prow-ghproxy-replaced-token", b"true")
_DATE = "x-prow-request-date"

FlightKey = tuple[Key, str, str]


class Ghproxy:
    """`app` is the ASGI application. Close it with `aclose`."""

    def __init__(self, settings: Settings, *, upstream: Upstream, cache: Cache, clock: Clock) -> None:
        self._settings = settings
        self._upstream = upstream
        self._github = upstream.url.encode()
        self._cache = cache
        self._clock = clock
        self._installations = Installations(clock)
        self._budgets = metrics.Names(settings.named_budgets)
        self._partitions = metrics.Names(settings.named_budgets)
        self._programs = metrics.Names(settings.named_programs)
        self._paths = metrics.Names(_NAMED_PATHS, UNKNOWN)
        self._spacing = Spacing(settings, clock, self._budgets)
        self._flights: Flights[FlightKey, Answer] = Flights("ghproxy-read")
        self._places: OrderedDict[str, Places] = OrderedDict()
        self._large: OrderedDict[Key, None] = OrderedDict()

    async def aclose(self) -> None:
        """End what is under way and close the connections to GitHub."""
        await self._flights.aclose()
        await self._upstream.aclose()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer: Answer | None = None
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        request = rules.request_of(scope["method"], target.decode("latin-1"), scope["headers"])
        budget = request.budget[:_LONGEST_NAME] or rules.token_hash(request.token)
        try:
            async with self._clock.timeout(self._settings.request_timeout):
                if not request.target.startswith("/") or request.method in _NOT_PASSED:
                    raise BadRequest(f"{request.method} {request.target[:100]}: nothing for GitHub's API", status=405)
                body = await self._body(receive)
                if body:
                    request = msgspec.structs.replace(request, body=body)
                answer = await self._answer(request, budget)
                await _start(send, answer)
                if answer.rest is not None:
                    await _stream(send, answer.rest)
        except TimeoutError:
            TIMEOUTS.labels(*self._named(request, budget)).observe(self._settings.request_timeout)
            if answer is not None:
                raise HungUp("the answer took too long") from None
            answer = _told(503, f"ghproxy timed out after {self._settings.request_timeout:g}s", Mode.ERROR)
            await _start(send, answer)
        except Unreachable as error:
            _log.warning("GitHub did not answer.", error=str(error), path=template(request.path))
            if answer is not None:
                raise HungUp(str(error)) from None
            answer = _told(502, str(error), Mode.ERROR)
            await _start(send, answer)
        except BadRequest as error:
            answer = _told(error.status, str(error), Mode.SKIP, (b"connection", b"close"))
            await _start(send, answer)
        finally:
            if answer is not None:
                name, path, program = self._named(request, budget)
                metrics.RESPONSES.labels(answer.mode.value, path, program, name).inc()

    async def _body(self, receive: Receive) -> bytes:
        message = await receive()
        body: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            return body
        pieces, size = [body], len(body)
        while message.get("more_body", False):
            message = await receive()
            if message["type"] == "http.disconnect":
                raise HungUp("the client left")
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > self._settings.largest_request:
                raise BadRequest(f"more than {self._settings.largest_request} bytes are not passed on", status=413)
        return b"".join(pieces)

    async def _answer(self, request: Request, budget: str) -> Answer:
        digest = rules.token_hash(request.token)
        owner = self._installations.owner(bearer(request.token))
        partition = f"installation {owner}" if owner else digest
        if request.method == "GET" and request.whole and not request.graphql:
            return await self._read(request, partition, budget, digest)
        return await self._passed(request, partition, budget)

    # Reads

    async def _read(self, request: Request, partition: str, budget: str, digest: str) -> Answer:
        key = Key(partition, self._upstream.url + request.target, request.variant)
        if key in self._large:
            return await self._passed(request, partition, budget)
        flight = (key, request.etag, request.modified)
        found, joined = await self._flights.join(flight, lambda: self._fetch(request, key, budget, digest))
        if found.large:
            return await self._passed(request, partition, budget)
        mode = Mode.COALESCED if joined else found.mode
        etag = next((value.decode("latin-1") for name, value in found.headers if name == b"etag"), "")
        if found.status == 200 and rules.knows_already(request, etag):
            headers = [header for header in found.headers if header[0] not in {b"content-type", b"content-encoding"}]
            return self._finished(request, 304, headers, mode, None)
        return self._finished(request, found.status, found.headers, mode, len(found.body), found.body)

    async def _fetch(self, request: Request, key: Key, budget: str, digest: str) -> Answer:
        """What all who ask for the same at this time get. Its headers are GitHub's."""
        async with self._clock.timeout(self._settings.request_timeout):
            kept = await self._cache.get(key)
            asked = self._conditions(kept, digest) if kept is not None else rules.conditions(request)
            largest = self._cache.largest
            async with self._places_of(key.partition).slot(Cost.INTERACTIVE):
                response = await self._sent(request, budget, [*request.headers, *asked])
                large = (rules.length_of(response.headers) or 0) > largest
                with self._clock.busy():
                    body = b"" if large else await response.read(largest)
            if large or not response.ended:
                return self._too_large(key, response)
            if response.status == 304 and kept is not None:
                return self._revalidated(request, response, kept, budget)
            mode = await self._kept_if_good(key, kept, response, body, digest)
            return Answer(status=response.status, headers=response.headers, mode=mode, body=body)

    def _too_large(self, key: Key, response: Response) -> Answer:
        """Whoever asks for this gets it on his own, as it comes."""
        response.close()
        self._large[key] = None
        if len(self._large) > _REMEMBERED:
            self._large.popitem(last=False)
        return Answer(status=response.status, headers=[], mode=Mode.NO_STORE, large=True)

    @staticmethod
    def _conditions(kept: Kept, digest: str) -> Headers:
        return [(name.lower().encode(), value.encode("latin-1")) for name, value in kept.conditions(digest).items()]

    def _revalidated(self, request: Request, response: Response, kept: Kept, budget: str) -> Answer:
        fresh = {name for name, _ in response.headers}
        headers = list(response.headers)
        for name, value in kept.headers.items():
            raw = name.encode("latin-1")
            if raw not in fresh:
                headers.append((raw, value.encode("latin-1")))
        headers.append((b"x-conditional-request", kept.headers.get("etag", "").encode("latin-1")))
        age = max(0.0, self._clock.now().timestamp() - kept.stored)
        metrics.AGE.labels(*self._named(request, budget)).observe(age)
        return Answer(status=200, headers=headers, mode=Mode.REVALIDATED, body=kept.body)

    async def _kept_if_good(self, key: Key, kept: Kept | None, response: Response, body: bytes, digest: str) -> Mode:
        if response.status == 304:
            return Mode.REVALIDATED  # the client's own conditions
        if response.status != 200:
            if kept is not None and response.status in {404, 410}:
                await self._cache.drop(key)
            return Mode.NO_STORE
        now = self._clock.now().timestamp()
        fresh = keepable(body, rules.one_each(response.headers), token=digest, now=now, largest=self._cache.largest)
        response.headers.append((_DATE.encode(), b"%d" % now))
        if fresh is None:
            return Mode.NO_STORE
        await self._cache.put(key, fresh)
        return Mode.MISS if kept is None else Mode.CHANGED

    # The rest

    async def _passed(self, request: Request, partition: str, budget: str) -> Answer:
        """As it is, in both directions."""
        installation = self._installations.asked(request)
        async with self._places_of(partition).slot(Cost.INTERACTIVE):
            response = await self._sent(request, budget, [*request.headers, *rules.conditions(request)])
            with self._clock.busy():
                body = await response.read(_LARGEST_PASSED_WHOLE)
        headers = response.headers
        if installation and response.status == 201 and response.ended:
            known = self._installations.issued(installation, body)
            if known is not None:
                body = known
                headers = [*(h for h in headers if h[0] not in {b"etag", b"content-encoding"}), _REPLACED]
        length: int | None = len(body)
        if not response.ended or request.method == "HEAD":
            length = rules.length_of(headers)
        rest = None if response.ended else response
        return self._finished(request, response.status, headers, Mode.SKIP, length, body, rest)

    async def _sent(self, request: Request, budget: str, headers: Headers) -> Response:
        """One request to GitHub, when its turn has come. Raises Unreachable."""
        with metrics.PENDING.track_inprogress():
            await self._spacing.wait(request, budget)
        began = self._clock.monotonic()
        with metrics.CONCURRENT.track_inprogress(), self._clock.busy():
            response = await self._upstream.request(request.method, request.target, headers, request.body)
        name, path, program = self._named(request, budget)
        DURATION.labels(name, path, str(response.status), program).observe(self._clock.monotonic() - began)
        self._note_budget(request, response, budget)
        if response.status == 401:
            self._installations.refused(bearer(request.token))
        return response

    def _note_budget(self, request: Request, response: Response, budget: str) -> None:
        limits = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in response.headers
            if name.startswith(b"x-ratelimit")
        }
        said = standing(limits, "graphql" if request.graphql else "core") if limits else None
        if said is not None:
            labels = (self._budgets(budget), "v4" if request.graphql else "v3", said.resource)
            USAGE.labels(*labels).set(float(said.remaining))
            RESET.labels(*labels).set((said.reset - self._clock.now()).total_seconds() * 1e9)

    def _named(self, request: Request, budget: str) -> tuple[str, str, str]:
        """What metrics call the budget, the path and the program."""
        return self._budgets(budget), self._paths(template(request.path)), self._programs(_program(request))

    def _places_of(self, partition: str) -> Places:
        places = self._places.get(partition)
        if places is None:
            places = self._places[partition] = Places(self._settings.concurrency, self._clock)
            metrics.PARTITIONS.labels(self._partitions(partition)).inc()
            metrics.MISSPELT_PARTITIONS.labels(self._partitions(partition)).inc()
            if len(self._places) > _REMEMBERED:
                self._places.popitem(last=False)
        else:
            self._places.move_to_end(partition)
        return places

    def _finished(
        self, request: Request, status: int, headers: Headers, mode: Mode, length: int | None, body: bytes = b"",
        rest: Response | None = None,
    ) -> Answer:  # fmt: skip
        headers = rules.linked_here(headers, self._github, request.here)
        passed = rules.passed_on(headers, status=status, graphql=request.graphql, mode=mode, length=length)
        return Answer(status=status, headers=passed, mode=mode, body=body, rest=rest)


def _program(request: Request) -> str:
    """The client's name without its version."""
    return request.agent.partition("/")[0][:80]


async def _start(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": answer.rest is not None})


async def _stream(send: Send, response: Response) -> None:
    try:
        async for piece in response.pieces():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        response.close()


def _told(status: int, text: str, mode: Mode, *more: tuple[bytes, bytes]) -> Answer:
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    passed = rules.passed_on(headers, status=status, graphql=False, mode=mode, length=len(body))
    return Answer(status=status, headers=[*passed, *more], mode=mode, body=body)
