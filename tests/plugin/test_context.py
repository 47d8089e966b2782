"""The verbs of a context: each an effect that happens once, and that the view learns of."""

from __future__ import annotations

import msgspec
import pytest

from prow.lib.errors import Permanent, Retry
from prow.model.forge import CommitStatus, IssueComment, User
from prow.plugin.effects import MemoryEffects
from tests.plugins.world import BOT, World, context


async def test_labels_that_are_there_are_not_added_again() -> None:
    world = World({"labels": ["a"]})
    ctx = context(world)
    await ctx.add_labels("a", "b", "c")
    assert world.calls == ["list_issue_labels", "add_labels"]
    assert world.labels == ["a", "b", "c"]
    assert world.savings["unchanged"] == 0
    await ctx.add_labels("a", "b")
    assert world.calls == ["list_issue_labels", "add_labels"]
    assert world.savings["unchanged"] == 1


async def test_a_label_that_is_not_there_is_not_removed() -> None:
    world = World({"labels": ["a"]})
    ctx = context(world)
    await ctx.remove_label("b")
    await ctx.remove_label("A")
    await ctx.remove_label("a")
    assert world.effects == [["remove_label", "A"]]
    assert world.savings["unchanged"] == 2


async def test_what_one_plugin_changed_the_next_one_knows() -> None:
    world = World()
    first = context(world, plugin="first")
    second = msgspec.structs.replace(first, plugin="second", effects=MemoryEffects())
    await first.add_labels("x")
    assert await second.pull.has_label("x")
    await second.remove_label("x")
    assert not await first.pull.has_label("x")
    assert world.calls.count("list_issue_labels") == 1


async def test_a_comment_is_written_once_however_often_the_delivery_is_handled() -> None:
    world, effects = World(), MemoryEffects()
    for _ in range(3):
        await context(world, effects=effects).comment("Hello", key="hello")
    assert len(world.said) == 1
    assert world.said[0].startswith("Hello\n<!-- prow:effect=")


async def test_a_comment_whose_answer_was_lost_is_found_and_not_repeated() -> None:
    class Losing(World):
        async def create_comment(self, org: str, repo: str, number: int, body: str) -> IssueComment:
            await super().create_comment(org, repo, number, body)
            raise Retry("connection lost")

    world, effects = Losing(), MemoryEffects()
    with pytest.raises(Retry):
        await context(world, effects=effects).comment("Hello", key="hello")
    await context(world, effects=effects).comment("Hello", key="hello")
    assert len(world.said) == 1


async def test_the_mark_of_a_comment_is_not_believed_when_somebody_else_wrote_it() -> None:
    class Breaking(World):
        async def create_comment(self, org: str, repo: str, number: int, body: str) -> IssueComment:
            self.comments.append(IssueComment(id=1, user=User(login="mallory"), body=body))
            self.comments.append(
                IssueComment(id=2, user=User(login=BOT), body="@mallory: no\n>" + body.replace("\n", "\n>"))
            )
            raise Retry("connection lost")

    world, effects = Breaking(), MemoryEffects()
    with pytest.raises(Retry):
        await context(world, effects=effects).comment("Hello", key="hello")
    with pytest.raises(Retry):
        await context(world, effects=effects).comment("Hello", key="hello")
    assert len(world.comments) == 4


async def test_comments_of_two_plugins_and_of_two_deliveries_have_marks_of_their_own() -> None:
    world = World()
    await context(world, plugin="a").comment("x", key="k")
    await context(world, plugin="b").comment("x", key="k")
    await context(world, plugin="a", guid="guid-2").comment("x", key="k")
    assert len(set(world.said)) == 3


async def test_pruning_deletes_the_bots_own_words_and_nothing_else() -> None:
    world = World()
    bodies = [(BOT, "MARK here"), ("mia", "MARK here"), (BOT, "other"), (BOT, "@mia: no\n>MARK here")]
    world.comments = [IssueComment(id=i, user=User(login=login), body=body) for i, (login, body) in enumerate(bodies)]
    await context(world).prune_comments(["MARK"])
    assert world.effects == [["delete_comment", "0"]]


async def test_a_status_is_written_once() -> None:
    world, effects = World(), MemoryEffects()
    for _ in range(2):
        await context(world, effects=effects).set_status("head", CommitStatus(context="dco", state="success"))
    assert world.effects == [["create_status", "dco", "success"]]


async def test_a_status_whose_answer_was_lost_is_found_and_not_repeated() -> None:
    class Losing(World):
        async def create_status(self, org: str, repo: str, sha: str, status: CommitStatus) -> None:
            await super().create_status(org, repo, sha, status)
            raise Retry("connection lost")

    world, effects = Losing(), MemoryEffects()
    status = CommitStatus(context="dco", state="success")
    with pytest.raises(Retry):
        await context(world, effects=effects).set_status("head", status)
    await context(world, effects=effects).set_status("head", status)
    assert world.effects == [["create_status", "dco", "success"]]


async def test_a_label_that_github_refuses_is_not_taken_for_set() -> None:
    world = World()
    world.faults["add_labels"].append(Permanent("no right to"))
    ctx = context(world)
    with pytest.raises(Permanent):
        await ctx.add_labels("x")
    assert not await ctx.pull.has_label("x")
    await ctx.add_labels("x")
    assert world.labels == ["x"]


def test_only_deliveries_about_a_pull_request_have_a_view() -> None:
    ctx = msgspec.structs.replace(context(World()), view=None)
    with pytest.raises(LookupError):
        _ = ctx.pull


def test_nobody_is_the_bot_while_its_login_is_unknown() -> None:
    assert not msgspec.structs.replace(context(World()), bot="").is_bot("")
