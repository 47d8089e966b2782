"""What a bot wrote and nobody expected: found at the end of a story, by whatever way it was written."""

from __future__ import annotations

import pytest

from prow.sim import journal
from prow.sim.bots import BotStory
from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory, Unexpected
from tests.sim.support import client

BOT = "prow-bot"
ISSUE = "/repos/acme/widgets/issues/1"


@pytest.fixture
async def pr(repo: RepoStory) -> PullStory:
    return await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})


@pytest.fixture
def bot(sim: Sim) -> BotStory:
    return BotStory(sim, BOT)


def left(bot: BotStory) -> list[str]:
    return [write.name for write in bot.unexpected]


async def test_a_stray_comment_is_shown_with_its_call_and_the_timeline(sim: Sim, pr: PullStory, bot: BotStory) -> None:
    async with client(sim, BOT) as program:
        await program.post(f"{ISSUE}/comments", json={"body": "Hello!"})
    await pr.comment("mia", "Who are you?")
    for check in (bot.expect_no_more_comments, bot.expect_no_more_writes):
        with pytest.raises(Unexpected) as found:
            check()
        assert f"acme/widgets#1 comment 'Hello!' created (POST {ISSUE}/comments)" in str(found.value)
        assert "mia: 'Who are you?'" in str(found.value)


async def test_an_expectation_takes_its_subject_so_far_and_nothing_else(pr: PullStory, bot: BotStory) -> None:
    await pr.label(BOT, "lgtm", "size/XS")
    await pr.set_status("unit", "pending", login=BOT)
    await pr.set_status("unit", "success", login=BOT)
    await pr.set_status("lint", "success", login=BOT)
    await pr.comment(BOT, "Well done.")
    await pr.expect_label("lgtm")
    await pr.expect_status("unit", "success")
    await pr.expect_comment("Well done")
    assert left(bot) == ["label size/XS", "status lint"]
    await pr.unlabel(BOT, "lgtm")
    await pr.set_status("unit", "failure", login=BOT)
    assert left(bot) == ["label size/XS", "status lint", "label lgtm", "status unit"]
    await pr.expect_no_label("lgtm")
    await pr.expect_statuses({"unit": "failure", "lint": "success"})
    bot.may("label size/*")
    bot.expect_no_more_writes()


async def test_of_two_comments_that_say_the_same_one_is_left(pr: PullStory, bot: BotStory) -> None:
    for _ in range(2):
        await pr.comment(BOT, "Welcome!")
    await pr.expect_comment("Welcome!", by=BOT)
    with pytest.raises(Unexpected, match="1 comments that nobody expected"):
        bot.expect_no_more_comments()
    await pr.expect_comment("Welcome!", by=BOT)
    bot.expect_no_more_comments()


async def test_a_comment_that_is_gone_was_meant_to_go(sim: Sim, pr: PullStory, bot: BotStory) -> None:
    async with client(sim, BOT) as program:
        made = (await program.post(f"{ISSUE}/comments", json={"body": "Wait."})).json()["id"]
        await pr.expect_comment("Wait.")
        await program.delete(f"/repos/acme/widgets/issues/comments/{made}")
    assert left(bot) == ["comment Wait."]
    await pr.expect_no_comment("Wait.")
    bot.expect_no_more_writes()


async def test_what_belongs_to_another_pull_request_is_not_taken(repo: RepoStory, pr: PullStory, bot: BotStory) -> None:
    other = await repo.open_pull_request("mia", title="Another", files={"other.txt": "x\n"})
    for each in (pr, other):
        await each.label(BOT, "lgtm")
        await each.set_status("unit", "success", login=BOT)
    await pr.expect_label("lgtm")
    await pr.expect_status("unit", "success")
    assert [write.number for write in bot.unexpected] == [other.number] * 2


async def test_statuses_of_a_head_that_was_left_belong_to_their_pull_request(pr: PullStory, bot: BotStory) -> None:
    await pr.set_status("unit", "pending", login=BOT)
    await pr.push({"new.txt": "y\n"})
    await pr.set_status("unit", "success", login=BOT)
    await pr.expect_status("unit", "success")
    bot.expect_no_more_writes()


async def test_a_merge_brings_its_push_and_what_it_closes(sim: Sim, repo: RepoStory, bot: BotStory) -> None:
    issue = await repo.open_issue("mia", title="It is broken")
    pr = await repo.open_pull_request("mia", title="Mend", body=f"Fixes #{issue.number}", files={"new.txt": "x\n"})
    await pr.expect_mergeable()
    async with client(sim, BOT) as program:
        assert (await program.put(f"/repos/acme/widgets/pulls/{pr.number}/merge")).status_code == 200
    assert {"merge", "push refs/heads/main"} <= set(left(bot))
    merge = await pr.expect_merged()
    bot.expect_no_more_writes()
    await sim.world.set_status(repo.repo, BOT, merge, context="publish", state="success")
    assert left(bot) == ["status publish"]
    await repo.expect_status(merge, "publish", "success")
    bot.expect_no_more_writes()
    with pytest.raises(Unexpected, match="publish=success"):
        await repo.expect_status(merge, "publish", "failure", within=0.01)


async def test_people_who_are_asked_and_assigned(pr: PullStory, bot: BotStory, sim: Sim) -> None:
    async with client(sim, BOT) as program:
        await program.post(f"{ISSUE}/assignees", json={"assignees": ["wernher"]})
        await program.post("/repos/acme/widgets/pulls/1/requested_reviewers", json={"reviewers": ["wernher"]})
    assert left(bot) == ["assignee wernher", "reviewer wernher"]
    await pr.expect_assignees("wernher")
    await pr.expect_requested_reviewers("wernher")
    bot.expect_no_more_writes()


async def test_a_call_that_changes_nothing_is_a_write_that_somebody_pays_for(
    sim: Sim, pr: PullStory, bot: BotStory
) -> None:
    await pr.label("mia", "lgtm")
    async with client(sim, BOT) as program:
        await program.post(f"{ISSUE}/labels", json={"labels": ["lgtm"]})
        await program.post(f"{ISSUE}/labels", json={"labels": [""]})
        await program.get(ISSUE)
    assert left(bot) == [f"nothing POST {ISSUE}/labels"]
    bot.may("nothing POST */labels")
    bot.expect_no_more_writes()


async def test_a_journal_that_was_too_short_is_no_proof(tmp_path_factory: pytest.TempPathFactory) -> None:
    sim = Sim(tmp_path_factory.mktemp("sim"))
    for _ in range(journal.MOST + 1):
        sim.world.journal.note(None, "somebody", "comment")
    assert len(sim.world.journal.writes) == journal.MOST
    with pytest.raises(Unexpected, match="1 writes are forgotten"):
        BotStory(sim, BOT).expect_no_more_writes()
