"""What tide's memory makes of events, and of reads that come in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from prow.model.events import CheckRunEvent, Event, PullRequestEvent, PushEvent, StatusEvent
from prow.model.forge import Branch, CommitStatus, LabelRef, PullKey, PullRequest, Repo, User
from prow.model.pull_facts import ContextState, HeadContext, Mergeable, PullFacts
from prow.tide.model import PoolKey
from prow.tide.open_pulls import OpenPulls

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
LATER = NOW + timedelta(seconds=10)
REPO = Repo(name="rockets", full_name="acme/rockets", owner=User(login="acme"))
KEY = PullKey("acme", "rockets", 5)
MAIN = PoolKey("acme", "rockets", "main")
HEAD, BASE = "a" * 40, "b" * 40


def pull(*labels: str, head: str = HEAD, when: datetime = NOW, base: str = "main", **more: object) -> PullRequest:
    return PullRequest(
        number=5,
        state="open",
        title="A change",
        user=User(login="mia", type="User"),
        base=Branch(ref=base),
        head=Branch(ref="change", sha=head),
        labels=tuple(LabelRef(name=label) for label in labels),
        updated_at=when,
        **more,  # type: ignore[arg-type]
    )


def told(action: str, what: PullRequest) -> PullRequestEvent:
    return PullRequestEvent(action=action, repo=REPO, number=5, pull_request=what)


def status(context: str, state: str, *, sha: str = HEAD, when: datetime = NOW, number: int = 0) -> StatusEvent:
    kept = CommitStatus(context=context, state=state, updated_at=when, id=number)
    return StatusEvent(repo=REPO, sha=sha, status=kept)


def push(before: str, after: str) -> Event:
    return PushEvent(repo=REPO, ref="refs/heads/main", before=before, after=after)


def known(pulls: OpenPulls) -> PullFacts:
    found = pulls.get(KEY)
    assert found is not None
    return found


def opened(*labels: str) -> OpenPulls:
    pulls = OpenPulls()
    assert pulls.apply(told("opened", pull(*labels))) == {MAIN}
    return pulls


def test_labels_follow_the_events() -> None:
    pulls = opened("lgtm")
    assert pulls.apply(told("labeled", pull("lgtm", "approved", when=LATER))) == {MAIN}
    assert known(pulls).labels == ("lgtm", "approved")


def test_an_event_that_is_older_than_what_is_known_changes_nothing() -> None:
    pulls = opened()
    pulls.apply(told("labeled", pull("lgtm", when=LATER)))
    assert pulls.apply(told("labeled", pull(when=NOW))) == frozenset()
    assert known(pulls).labels == ("lgtm",)


def test_a_push_to_the_head_forgets_contexts_and_mergeability() -> None:
    pulls = opened()
    pulls.apply(status("unit", "success"))
    assert [c.state for c in known(pulls).contexts] == [ContextState.SUCCESS]
    pulls.apply(told("synchronize", pull(head="c" * 40, when=LATER)))
    assert known(pulls).contexts == ()
    assert known(pulls).mergeable is Mergeable.UNKNOWN
    assert pulls.apply(status("unit", "failure", sha=HEAD)) == frozenset(), "a status of the old head"


def test_of_statuses_of_one_second_the_later_number_is_the_newer() -> None:
    pulls = opened()
    pulls.apply(status("unit", "success", number=8))
    assert pulls.apply(status("unit", "pending", number=7)) == frozenset()
    assert pulls.apply(status("unit", "failure", number=9)) == {MAIN}


def test_what_is_told_late_does_not_undo_a_status_that_we_wrote_ourselves() -> None:
    """Else it would be written again."""
    pulls = opened()
    pulls.apply(status("tide", "pending", number=7))
    written = HeadContext(name="tide", state=ContextState.SUCCESS)
    pulls.set_context(KEY, HEAD, written, CommitStatus(context="tide", state="success", updated_at=NOW, id=9))
    assert pulls.apply(status("tide", "pending", number=8)) == frozenset()
    assert known(pulls).contexts == (written,)


def test_a_status_that_is_told_late_does_not_win() -> None:
    pulls = opened()
    pulls.apply(status("unit", "success", when=LATER))
    assert pulls.apply(status("unit", "pending", when=NOW)) == frozenset()
    assert known(pulls).contexts[0].state is ContextState.SUCCESS


def test_a_check_run_that_starts_again_is_pending_at_once() -> None:
    pulls = opened()
    pulls.apply(CheckRunEvent(repo=REPO, sha=HEAD, name="build", status="completed", conclusion="success"))
    pulls.apply(CheckRunEvent(repo=REPO, sha=HEAD, name="build", status="queued"))
    assert known(pulls).contexts == (HeadContext(name="build", state=ContextState.PENDING, check_run=True),)


def test_a_closed_pull_request_leaves_and_is_remembered() -> None:
    pulls = opened()
    assert pulls.apply(told("closed", msgspec.structs.replace(pull(when=LATER), state="closed", merged=True))) == {MAIN}
    assert pulls.get(KEY) is None
    done = pulls.done(KEY)
    assert done is not None
    assert done.state == "MERGED"
    assert pulls.apply(told("labeled", pull("lgtm", when=NOW))) == frozenset(), "told late, it does not come back"
    assert pulls.apply(told("reopened", pull(when=LATER))) == {MAIN}


def test_a_change_of_the_base_branch_concerns_both_pools() -> None:
    pulls = opened()
    other = PoolKey("acme", "rockets", "release")
    assert pulls.apply(told("edited", pull(base="release", when=LATER))) == {MAIN, other}
    assert pulls.of(MAIN) == ()


def test_a_push_to_the_base_makes_mergeability_unknown() -> None:
    pulls = opened()
    pulls.apply(push("0" * 40, BASE))
    pulls.apply(told("edited", pull(when=LATER, mergeable=True)))
    assert known(pulls).mergeable is Mergeable.MERGEABLE
    assert pulls.apply(push(BASE, "c" * 40)) == {MAIN}
    assert known(pulls).mergeable is Mergeable.UNKNOWN
    assert pulls.base_sha(MAIN) == "c" * 40


def test_a_push_that_is_told_after_a_newer_one_is_ignored() -> None:
    pulls = opened()
    pulls.apply(push("0" * 40, BASE))
    pulls.base_moved(MAIN, "c" * 40)  # our own merge, whose answer came before GitHub's event
    assert pulls.apply(push("0" * 40, BASE)) == frozenset()
    assert pulls.base_sha(MAIN) == "c" * 40


def test_a_push_after_one_that_was_lost_is_taken() -> None:
    pulls = opened()
    pulls.apply(push("0" * 40, BASE))
    assert pulls.apply(push("d" * 40, "e" * 40)) == {MAIN}
    assert pulls.base_sha(MAIN) == "e" * 40


def facts(**more: object) -> PullFacts:
    values: dict[str, object] = {
        "org": "acme",
        "repo": "rockets",
        "number": 5,
        "base_ref": "main",
        "base_sha": BASE,
        "head_sha": HEAD,
        "updated_at": NOW,
        "mergeable": Mergeable.MERGEABLE,
    }
    return PullFacts(**{**values, **more})  # type: ignore[arg-type]


def test_a_read_during_which_something_happened_does_not_undo_it() -> None:
    pulls = opened()
    seen = pulls.changes(KEY)
    pulls.apply(told("labeled", pull("do-not-merge/hold", when=LATER)))
    pulls.take(facts(), seen=seen)
    assert known(pulls).labels == ("do-not-merge/hold",)
    assert known(pulls).mergeable is Mergeable.MERGEABLE, "what no event tells is taken all the same"


def test_the_statuses_of_a_pull_request_that_an_event_told_of_while_it_was_read_are_taken() -> None:
    pulls = opened()
    pulls.apply(status("unit", "success"))
    mine = HeadContext(name="tide", state=ContextState.PENDING, description="Not mergeable.")
    older = HeadContext(name="unit", state=ContextState.PENDING)
    pulls.take(facts(contexts=(older, mine)), seen=0)
    assert {context.name: context.state for context in known(pulls).contexts} == {
        "unit": ContextState.SUCCESS,
        "tide": ContextState.PENDING,
    }


def test_a_read_of_something_closed_drops_it() -> None:
    pulls = opened()
    assert pulls.take(facts(state="MERGED"), seen=pulls.changes(KEY)) == MAIN
    assert pulls.get(KEY) is None


def test_a_whole_list_drops_what_is_not_in_it() -> None:
    pulls = opened()
    seen = {KEY: pulls.changes(KEY)}
    assert list(pulls.forget_except("acme", "rockets", [5], since=seen)) == []
    assert list(pulls.forget_except("acme", "rockets", [], since={})) == [], "it was opened after the list began"
    assert list(pulls.forget_except("acme", "rockets", [], since=seen)) == [MAIN]
