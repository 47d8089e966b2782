"""The open pull requests that tide knows, kept in memory: filled by lists, changed by events (`spec/tide` §11.1).

GitHub's second-grained `updated_at` tells an event that is older than what is known; among equals the event wins. What an event
cannot tell — mergeability, what GitHub's own rules say — becomes unknown and is read again before anything is done about it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeVar

import msgspec

from prow.model.events import CheckRunEvent, Event, PullRequestEvent, PushEvent, ReviewEvent, StatusEvent
from prow.model.forge import CommitStatus, PullKey, PullRequest
from prow.model.pull_facts import ContextState, HeadContext, Mergeable, PullFacts, check_run_state
from prow.tide.model import PoolKey

_DONE_KEPT = 1_000
_PAST_KEPT = 50
"""Earlier commits of a branch that are remembered, to tell a push that is told late."""
_BRANCHES = "refs/heads/"


class OpenPulls:
    """`changes`: grows with every change of a pull request, so that a reader can tell whether something happened meanwhile."""

    def __init__(self) -> None:
        self._pulls: dict[PullKey, PullFacts] = {}
        self._by_pool: dict[PoolKey, set[PullKey]] = {}
        self._by_head: dict[tuple[str, str, str], set[PullKey]] = {}
        self._changes: dict[PullKey, int] = {}
        self._bases: dict[PoolKey, str] = {}
        self._methods: dict[tuple[str, str], tuple[str, ...]] = {}
        self._past: dict[PoolKey, deque[str]] = {}
        self._done: OrderedDict[PullKey, PullFacts] = OrderedDict()
        self._newest: dict[tuple[PullKey, str], CommitStatus] = {}

    def get(self, key: PullKey) -> PullFacts | None:
        return self._pulls.get(key)

    def done(self, key: PullKey) -> PullFacts | None:
        """One that was merged or closed while we looked, as it was at the end."""
        return self._done.get(key)

    def changes(self, key: PullKey) -> int:
        return self._changes.get(key, 0)

    def __contains__(self, key: object) -> bool:
        return key in self._pulls

    def of_repo(self, org: str, repo: str) -> tuple[PullKey, ...]:
        return tuple(key for key in self._pulls if key.org == org and key.repo == repo)

    def pools(self) -> tuple[PoolKey, ...]:
        return tuple(self._by_pool)

    def of(self, pool: PoolKey) -> tuple[PullFacts, ...]:
        """The open pull requests into a branch, by number."""
        return tuple(sorted((self._pulls[key] for key in self._by_pool.get(pool, ())), key=lambda pull: pull.number))

    def base_sha(self, pool: PoolKey) -> str:
        """The branch's newest commit; empty while it is not known."""
        return self._bases.get(pool, "")

    def take(self, facts: PullFacts, *, seen: int | None = None) -> PoolKey | None:
        """What a read brought; the pool that changed, if any. `seen`: `changes` when the read began: if something happened since then, the
        read may be the older of the two, and only what events cannot tell is taken from it."""
        key = facts.key
        known = self._pulls.get(key)
        if facts.state != "OPEN":
            return self.drop(key, facts) if known is not None else None
        if key in self._done and known is None and not _newer(facts, self._done[key]):
            return None
        if known is not None and seen is not None and self.changes(key) != seen:
            if facts.head_sha == known.head_sha and facts.base_ref == known.base_ref:
                facts = msgspec.structs.replace(
                    known,
                    contexts=_with_others(known.contexts, facts.contexts),
                    mergeable=facts.mergeable,
                    merge_state=facts.merge_state,
                    can_be_rebased=facts.can_be_rebased,
                    review_decision=facts.review_decision,
                    base_sha=facts.base_sha,
                    allowed_methods=facts.allowed_methods,
                )
            else:
                return None
        if facts.allowed_methods:
            self._methods[facts.org, facts.repo] = facts.allowed_methods
        pool = _pool_of(facts)
        moved = bool(facts.base_sha) and self.base_moved(pool, facts.base_sha)
        if known == facts:
            return pool if moved else None
        return self._put(facts)

    def allowed_methods(self, org: str, repo: str) -> frozenset[str] | None:
        """The merge methods that the repository allows, as it was read last; None: it was not."""
        found = self._methods.get((org, repo))
        return frozenset(found) if found else None

    def allow_methods(self, org: str, repo: str, methods: tuple[str, ...]) -> None:
        self._methods[org, repo] = methods

    def base_moved(self, pool: PoolKey, sha: str) -> bool:
        """The branch has a new commit: whether its pull requests merge is unknown again. False: that, or a newer one, was known."""
        known = self._bases.get(pool, "")
        past = self._past.setdefault(pool, deque(maxlen=_PAST_KEPT))
        if sha == known or sha in past:
            return False
        if known:
            past.append(known)
        self._bases[pool] = sha
        for key in tuple(self._by_pool.get(pool, ())):
            pull = self._pulls[key]
            self._put(msgspec.structs.replace(pull, base_sha=sha, mergeable=Mergeable.UNKNOWN, merge_state="UNKNOWN"))
        return True

    def drop(self, key: PullKey, last: PullFacts | None = None) -> PoolKey | None:
        """It is merged or closed. `last`: as it was then."""
        known = self._pulls.pop(key, None)
        if known is None:
            return None
        self._unlink(known)
        self._changes[key] = self.changes(key) + 1
        for context in known.contexts:
            self._newest.pop((key, context.name), None)
        self._done[key] = last or msgspec.structs.replace(known, state="CLOSED")
        self._done.move_to_end(key)
        while len(self._done) > _DONE_KEPT:
            old, _ = self._done.popitem(last=False)
            if old not in self._pulls:
                self._changes.pop(old, None)
        return _pool_of(known)

    def forget_except(
        self, org: str, repo: str, listed: Iterable[int], *, since: dict[PullKey, int]
    ) -> Iterator[PoolKey]:
        """Drop those that a whole list of the repository does not have, unless something happened since it began."""
        numbers = set(listed)
        for key in self.of_repo(org, repo):
            if key.number not in numbers and self.changes(key) == since.get(key):
                pool = self.drop(key)
                if pool is not None:
                    yield pool

    def apply(self, event: Event) -> frozenset[PoolKey]:
        """What an event tells; the pools that changed."""
        match event:
            case PullRequestEvent():
                return _some(*self._pull_event(event))
            case ReviewEvent():
                return _some(self._take_payload(event.org, event.repo.name, event.pull_request))
            case StatusEvent(status=status):
                context = HeadContext(
                    name=status.context,
                    state=ContextState(status.state.upper()),
                    description=status.description or "",
                    url=status.target_url or "",
                )
                return self._context(event, event.sha, context, status)
            case CheckRunEvent():
                state = check_run_state(event.status, event.conclusion)
                return self._context(event, event.sha, HeadContext(name=event.name, state=state, check_run=True), None)
            case PushEvent() if event.ref.startswith(_BRANCHES) and not event.deleted:
                pool = PoolKey(event.org, event.repo.name, event.branch)
                return frozenset({pool}) if self.base_moved(pool, event.after) else frozenset()
        return frozenset()

    def set_context(self, key: PullKey, sha: str, context: HeadContext, kept: CommitStatus) -> None:
        """We wrote a status ourselves, and GitHub has it as `kept`: what is told of older ones later is passed over."""
        known = self._pulls.get(key)
        if known is not None and known.head_sha == sha:
            self._newest[key, context.name] = kept
            self._put(_with_context(known, context))

    def _pull_event(self, event: PullRequestEvent) -> tuple[PoolKey | None, ...]:
        pull = event.pull_request
        key = PullKey(event.org, event.repo.name, event.number or pull.number)
        known = self._pulls.get(key)
        if event.action == "closed" or pull.state == "closed":
            if known is not None and _stale(pull.updated_at, known):
                return ()
            state = "MERGED" if pull.merged else "CLOSED"
            last = msgspec.structs.replace(known or _facts(key, pull), state=state, updated_at=pull.updated_at)
            if known is None:
                self._done[key] = last
            return (self.drop(key, last),)
        before = _pool_of(known) if known is not None else None
        after = self._take_payload(event.org, event.repo.name, pull)
        return (before, after) if after is not None else ()

    def _take_payload(self, org: str, repo: str, pull: PullRequest) -> PoolKey | None:
        key = PullKey(org, repo, pull.number)
        known = self._pulls.get(key)
        if pull.state == "closed" or (known is not None and _stale(pull.updated_at, known)):
            return None
        done = self._done.get(key)
        if known is None and done is not None and _stale(pull.updated_at, done):
            return None
        facts = _facts(key, pull)
        pool = _pool_of(facts)
        if pull.base.sha and pool not in self._bases:
            self._bases[pool] = pull.base.sha  # perhaps an old one, but a read comes before anything is done
        facts = msgspec.structs.replace(
            facts, base_sha=self.base_sha(pool), allowed_methods=self._methods.get((org, repo), ())
        )
        if known is not None and (known.head_sha, known.base_ref) == (facts.head_sha, facts.base_ref):
            mergeable = facts.mergeable if facts.mergeable is not Mergeable.UNKNOWN else known.mergeable
            state = known.merge_state if known.draft == facts.draft else "UNKNOWN"
            facts = msgspec.structs.replace(
                facts,
                contexts=known.contexts,
                mergeable=mergeable,
                merge_state=state,
                can_be_rebased=(
                    known.can_be_rebased if known.mergeable is Mergeable.MERGEABLE else mergeable is Mergeable.MERGEABLE
                ),
                review_decision=known.review_decision,
            )
        return self._put(facts)

    def _context(self, event: Event, sha: str, context: HeadContext, status: CommitStatus | None) -> frozenset[PoolKey]:
        pools: set[PoolKey] = set()
        for key in tuple(self._by_head.get((event.org, event.repo.name, sha), ())):
            known = self._pulls[key]
            if status is not None:
                last = self._newest.get((key, context.name))
                if last is not None and _older(status, last):
                    continue
                self._newest[key, context.name] = status
            changed = _with_context(known, context)
            if changed != known:
                pools.add(self._put(changed))
        return frozenset(pools)

    def _put(self, facts: PullFacts) -> PoolKey:
        key = facts.key
        known = self._pulls.get(key)
        if known is not None:
            self._unlink(known)
        self._done.pop(key, None)
        self._pulls[key] = facts
        self._changes[key] = self.changes(key) + 1
        pool = _pool_of(facts)
        self._by_pool.setdefault(pool, set()).add(key)
        self._by_head.setdefault((facts.org, facts.repo, facts.head_sha), set()).add(key)
        return pool

    def _unlink(self, known: PullFacts) -> None:
        _remove(self._by_pool, _pool_of(known), known.key)
        _remove(self._by_head, (known.org, known.repo, known.head_sha), known.key)


K = TypeVar("K")


def _remove(index: dict[K, set[PullKey]], name: K, key: PullKey) -> None:
    keys = index.get(name)
    if keys is not None:
        keys.discard(key)
        if not keys:
            del index[name]


def _pool_of(facts: PullFacts) -> PoolKey:
    return PoolKey(facts.org, facts.repo, facts.base_ref)


def _some(*pools: PoolKey | None) -> frozenset[PoolKey]:
    return frozenset(pool for pool in pools if pool is not None)


def _stale(when: datetime | None, known: PullFacts) -> bool:
    return when is not None and known.updated_at is not None and when < known.updated_at


def _newer(facts: PullFacts, than: PullFacts) -> bool:
    return facts.updated_at is not None and than.updated_at is not None and facts.updated_at > than.updated_at


def _older(status: CommitStatus, than: CommitStatus) -> bool:
    """By their numbers, where they are told: several of them may be of one second."""
    if status.id and than.id:
        return status.id < than.id
    return status.updated_at is not None and than.updated_at is not None and status.updated_at < than.updated_at


def _with_context(facts: PullFacts, context: HeadContext) -> PullFacts:
    others = tuple(c for c in facts.contexts if (c.name, c.check_run) != (context.name, context.check_run))
    return msgspec.structs.replace(facts, contexts=(*others, context))


def _with_others(told: tuple[HeadContext, ...], read: tuple[HeadContext, ...]) -> tuple[HeadContext, ...]:
    """What events told, and what was there before anybody told us anything."""
    names = {(context.name, context.check_run) for context in told}
    return (*told, *(context for context in read if (context.name, context.check_run) not in names))


def _facts(key: PullKey, pull: PullRequest) -> PullFacts:
    """A payload's pull request. Contexts and what GitHub's rules say are not in it."""
    known = {True: Mergeable.MERGEABLE, False: Mergeable.CONFLICTING, None: Mergeable.UNKNOWN}
    return PullFacts(
        org=key.org,
        repo=key.repo,
        number=key.number,
        title=pull.title,
        body=pull.body or "",
        url=pull.html_url,
        author=pull.author,
        author_type=pull.user.type if pull.user is not None and pull.user.type else "User",
        base_ref=pull.base.ref,
        head_ref=pull.head.ref,
        head_sha=pull.head.sha,
        draft=pull.draft,
        mergeable=known[pull.mergeable],
        can_be_rebased=pull.mergeable is True,
        labels=tuple(label.name for label in pull.labels),
        assignees=tuple(user.login for user in pull.assignees),
        milestone=pull.milestone.title if pull.milestone is not None else "",
        updated_at=pull.updated_at,
    )
