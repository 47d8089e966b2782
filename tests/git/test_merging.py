"""Commits brought together without a working tree, in a partial mirror of a real repository."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from prow.git import signing
from prow.git.commits import Writing
from prow.git.errors import NoSuchRef, TooLarge
from prow.git.merging import cherry_pick, cherry_pick_range, merge_heads, merged_tree, try_merge
from prow.git.model import Conflict, Identity, Made, Strategy
from prow.lib.errors import UsageError
from tests.git.support import WHEN, World, world_in

BOT = Identity("prow-bot", "bot@example.com")
LINES = "".join(f"{number}\n" for number in range(1, 21))


def changed(number: int, text: str) -> str:
    return LINES.replace(f"\n{number}\n", f"\n{text}\n")


class Branches:
    """A base; `one` and `two` change the same file at its two ends, `clash` the line of `one`, `more` has two commits."""

    def __init__(self, shas: dict[str, str]) -> None:
        self.base, self.one, self.two, self.clash, self.more = (
            shas[name] for name in ("base", "one", "two", "clash", "more")
        )
        self.first = shas["first"]


async def _branches(world: World) -> dict[str, str]:
    shas = {"base": await world.commit({"f": LINES, "docs/a.md": "a\n"})}
    for name, files in {
        "one": {"f": changed(3, "one")},
        "two": {"f": changed(18, "two"), "docs/b.md": "b\n"},
        "clash": {"f": changed(3, "clash")},
        "first": {"f": changed(10, "first")},
    }.items():
        shas[name] = await world.commit(files, start=shas["base"], branch=name, message=f"Do {name}", author=name)
    moved: dict[str, str | bytes | None] = {"docs/a.md": None, "docs/c.md": "a\n"}
    shas["more"] = await world.commit(moved, start=shas["first"], branch="first", message="Do more")
    await world.mirror.ensure(shas.values())
    return shas


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A repository and its mirror, for each test to have a copy of."""
    folder = tmp_path_factory.mktemp("branches")

    async def make() -> dict[str, str]:
        async with world_in(folder) as world:
            return await _branches(world)

    return folder, asyncio.run(make())


@pytest.fixture
def branches(made_once: tuple[Path, dict[str, str]]) -> Branches:
    return Branches(made_once[1])


@pytest.fixture
async def world(tmp_path: Path, made_once: tuple[Path, dict[str, str]]) -> AsyncIterator[World]:
    shutil.copytree(made_once[0], tmp_path, dirs_exist_ok=True)
    async with world_in(tmp_path) as made:
        yield made


async def made(step: Made | Conflict) -> Made:
    assert isinstance(step, Made)
    return step


async def test_heads_are_merged_one_after_the_other(world: World, branches: Branches) -> None:
    result = await made(await merge_heads(world.mirror, branches.base, [branches.one, branches.two], Strategy.MERGE))
    assert await world.mirror.read_file(result.commit, "f") == changed(3, "one").replace("\n18\n", "\ntwo\n").encode()
    assert (await world.log(result.commit, "%s|%an|%ae|%P"))[0].startswith("merge|prow|prow@localhost|")
    show = await world.mirror.show(result.commit)
    assert show.parents[1] == branches.two
    assert await world.mirror.commits_between(branches.base, result.commit, merges=True) == (
        show.parents[0],
        result.commit,
    )


async def test_a_head_that_the_base_has_adds_nothing(world: World, branches: Branches) -> None:
    for strategy in Strategy:
        assert (
            await made(await merge_heads(world.mirror, branches.one, [branches.base], strategy))
        ).commit == branches.one


async def test_a_fast_forward_stays_one_where_that_is_asked_for(world: World, branches: Branches) -> None:
    forward = await made(await merge_heads(world.mirror, branches.base, [branches.more], Strategy.IF_NECESSARY))
    assert forward.commit == branches.more
    merged = await made(await merge_heads(world.mirror, branches.base, [branches.more], Strategy.MERGE))
    assert (await world.mirror.show(merged.commit)).parents == (branches.base, branches.more)
    both = await made(await merge_heads(world.mirror, branches.one, [branches.two], Strategy.IF_NECESSARY))
    assert (await world.mirror.show(both.commit)).parents == (branches.one, branches.two)


async def test_a_squash_is_one_commit_for_each_head(world: World, branches: Branches) -> None:
    result = await made(
        await merge_heads(
            world.mirror, branches.one, [branches.more, branches.two], Strategy.SQUASH, message="All of it"
        )
    )
    assert await world.log(result.commit) == ["All of it", "All of it", "Do one", "Change"]
    assert {entry.path for entry in await world.mirror.list_tree(result.commit)} == {"f", "docs/b.md", "docs/c.md"}


async def test_a_rebase_keeps_authors_and_dates_and_leaves_out_what_is_there_already(
    world: World, branches: Branches
) -> None:
    onto = await world.commit(
        {"f": changed(10, "first"), "x": "x\n"}, start=branches.base, branch="onto", message="Onto"
    )
    await world.mirror.ensure([onto])
    result = await made(await merge_heads(world.mirror, onto, [branches.more, branches.one], Strategy.REBASE))
    assert await world.log(result.commit) == ["Do one", "Do more", "Onto", "Change"]
    (newest, *_) = await world.log(result.commit, "%an|%ad|%cn")
    assert newest.startswith("one|")
    assert newest.endswith("|prow")
    assert WHEN <= (await world.mirror.show(result.commit)).authored_at.timestamp() <= WHEN + 100


@pytest.mark.parametrize("onto", ["base", "one"])
async def test_a_rebase_leaves_merges_out(world: World, branches: Branches, onto: str) -> None:
    """As of somebody who kept the branch up to date by merging."""
    here = getattr(branches, onto)
    head = await made(await merge_heads(world.mirror, branches.more, [branches.two], Strategy.MERGE, message="Merge"))
    result = await made(await merge_heads(world.mirror, here, [head.commit], Strategy.REBASE))
    log = await world.log(result.commit)
    assert sorted(log) == sorted(["Do first", "Do more", "Do two", *await world.log(here)])
    assert await world.mirror.changed_files(here, result.commit) == ("docs/a.md", "docs/b.md", "docs/c.md", "f")


async def test_a_series_without_end_is_not_replayed(world: World, branches: Branches) -> None:
    head = "".join(
        f"commit refs/heads/long\ncommitter a <a@x> {WHEN} +0000\ndata 1\nx\n{f'from {branches.base}' if not n else ''}\n"
        for n in range(1_001)
    )
    await world.raw("fast-import", "--quiet", stdin=head.encode())
    long = await world.raw("rev-parse", "refs/heads/long")
    await world.mirror.ensure([long])
    with pytest.raises(TooLarge, match="1001 commits to replay"):
        await merge_heads(world.mirror, branches.one, [long], Strategy.REBASE)
    assert (await made(await merge_heads(world.mirror, branches.one, [long], Strategy.SQUASH))).commit == branches.one


async def test_a_rebase_keeps_what_was_empty_to_begin_with(world: World, branches: Branches) -> None:
    tree = await world.raw("rev-parse", f"{branches.base}^{{tree}}")
    empty = await world.raw("commit-tree", tree, "-p", branches.base, "-m", "Try the tests again")
    await world.raw("update-ref", "refs/heads/empty", empty)
    await world.mirror.ensure([empty])
    result = await made(await merge_heads(world.mirror, branches.one, [empty], Strategy.REBASE))
    assert await world.log(result.commit) == ["Try the tests again", "Do one", "Change"]


async def test_a_rebase_of_what_is_on_top_already_is_that(world: World, branches: Branches) -> None:
    assert (
        await made(await merge_heads(world.mirror, branches.base, [branches.more], Strategy.REBASE))
    ).commit == branches.more


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_the_first_head_that_conflicts_ends_it_and_names_the_files(
    world: World, branches: Branches, strategy: Strategy
) -> None:
    heads = [branches.two, branches.clash, branches.more]
    result = await merge_heads(world.mirror, branches.one, heads, strategy)
    assert result == Conflict(branches.clash, branches.clash, ("f",))
    assert await merged_tree(world.mirror, branches.one, heads, strategy) == result


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_the_tree_alone_is_the_same_as_that_of_the_commit(
    world: World, branches: Branches, strategy: Strategy
) -> None:
    heads = [branches.two, branches.more]
    result = await made(await merge_heads(world.mirror, branches.one, heads, strategy))
    assert await merged_tree(world.mirror, branches.one, heads, strategy) == result.tree
    assert await merged_tree(world.mirror, branches.one, heads, strategy) == result.tree


@pytest.mark.parametrize(("strategy", "commands"), [
    (Strategy.MERGE, [["merge", "--no-ff", "--no-stat", "-m", "merge"]]),
    (Strategy.SQUASH, [["merge", "--squash", "--no-stat"], ["commit", "--no-stat", "-m", "merge"]]),
    (Strategy.REBASE, []),
])  # fmt: skip
async def test_git_with_a_working_tree_comes_to_the_same(
    world: World, branches: Branches, strategy: Strategy, commands: Sequence[list[str]]
) -> None:
    here = world.folder / "clone"
    await world.raw("clone", "--quiet", str(world.remote), str(here))
    for command in (["config", "user.name", "p"], ["config", "user.email", "p@x"], ["checkout", "-q", branches.one]):
        await world.raw(*command, where=here)
    heads = [branches.two, branches.more]
    for head in heads:
        if strategy is Strategy.REBASE:
            await world.raw("rebase", "-q", await world.raw("rev-parse", "HEAD", where=here), head, where=here)
        for command in commands:
            await world.raw(*command, *([head] if command[0] == "merge" else []), where=here)
    result = await made(await merge_heads(world.mirror, branches.one, heads, strategy))
    assert result.tree == await world.raw("rev-parse", "HEAD^{tree}", where=here)
    assert len(await world.log(result.commit)) == len((await world.raw("log", "--format=%H", where=here)).splitlines())


async def test_a_renamed_file_takes_the_changes_of_the_other_side(world: World, branches: Branches) -> None:
    moved = await world.commit({"f": None, "g": changed(15, "moved")}, start=branches.base, branch="moved")
    await world.mirror.ensure([moved])
    merge = await try_merge(world.mirror, branches.one, moved)
    assert merge.clean
    assert await world.mirror.read_file(merge.tree, "g") == changed(3, "one").replace("\n15\n", "\nmoved\n").encode()


async def test_histories_with_nothing_in_common_do_not_merge(world: World, branches: Branches) -> None:
    alone = await world.commit({"z": "z\n"}, branch="alone")
    await world.mirror.ensure([alone])
    assert not (await try_merge(world.mirror, branches.base, alone)).clean
    assert await merge_heads(world.mirror, branches.base, [alone], Strategy.MERGE) == Conflict(alone, alone)


async def test_a_series_is_picked_onto_another_branch(world: World, branches: Branches) -> None:
    how = Writing(committer=BOT, sign_off=True)
    result = await made(
        await cherry_pick_range(world.mirror, branches.one, base=branches.base, head=branches.more, writing=how)
    )
    assert await world.log(result.commit) == ["Do more", "Do first", "Do one", "Change"]
    show = await world.mirror.show(result.commit)
    assert show.author_name == "wernher"
    assert show.message == "Do more\n\nSigned-off-by: prow-bot <bot@example.com>"
    assert (await world.log(result.commit, "%cn %ce"))[:2] == ["prow-bot bot@example.com"] * 2


async def test_a_pick_that_conflicts_names_commit_and_files(world: World, branches: Branches) -> None:
    onto = await world.commit({"f": changed(10, "other")}, start=branches.base, branch="other")
    await world.mirror.ensure([onto])
    result = await cherry_pick_range(world.mirror, onto, base=branches.base, head=branches.more)
    assert result == Conflict(branches.more, branches.first, ("f",))


async def test_the_first_commit_of_a_history_can_be_picked(world: World, branches: Branches) -> None:
    alone = await world.commit({"z": "z\n"}, branch="alone")
    await world.mirror.ensure([alone])
    result = await made(await cherry_pick(world.mirror, branches.one, [alone]))
    assert await world.mirror.read_file(result.commit, "z") == b"z\n"
    assert await world.mirror.read_file(result.commit, "docs/a.md") == b"a\n"


async def test_a_commit_that_is_not_here_is_told(world: World, branches: Branches) -> None:
    with pytest.raises(NoSuchRef):
        await merge_heads(world.mirror, branches.base, ["1" * 40], Strategy.REBASE)


@pytest.mark.parametrize("author", [
    " <a@x> 1700000000 +0100", ".,; <a@x> 1700000000 +0100", "Ærø <a@x> 1700000000 +0100", "\udcff <a@x> 1700000000 +0100",
    "a <a@x> 1 +051800", "a <a@x> 999999999999999999 +9999", "a <a@x>", "a", f"{'a' * 200_000} <a@x> 1 +0000",
], ids=lambda author: author[:40])  # fmt: skip
async def test_no_author_stops_a_pick(world: World, branches: Branches, author: str) -> None:
    tree = await world.raw("rev-parse", f"{branches.two}^{{tree}}")
    text = f"tree {tree}\nparent {branches.base}\nauthor {author}\ncommitter c <c@x> 1700000000 +0000\n\nOdd\n"
    odd = await world.raw(
        "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=text.encode("utf-8", "surrogateescape")
    )
    await world.raw("update-ref", "refs/heads/odd", odd)
    await world.mirror.ensure([odd])
    result = await made(await cherry_pick(world.mirror, branches.one, [odd]))
    assert (await world.log(result.commit))[0] == "Odd"


async def test_commits_are_signed_with_the_key_that_is_given(tmp_path: Path) -> None:
    key = tmp_path / "key"
    await keygen("-t", "ed25519", "-N", "", "-f", str(key))
    async with world_in(tmp_path, signing_key=str(key)) as world:
        base = await world.commit({"f": LINES})
        one, two = [await world.commit({name: "x\n"}, start=base, branch=name) for name in ("one", "two")]
        await world.mirror.ensure([one, two])
        result = await made(await merge_heads(world.mirror, one, [two], Strategy.MERGE, writing=Writing(committer=BOT)))
        signers = tmp_path / "signers"
        signers.write_text(f"bot@example.com {key.with_suffix('.pub').read_text()}")
        check = ["-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-commit", result.commit]
        await world.raw(*check, where=world.mirror.folder)
        plain = await merge_heads(
            world.mirror, one, [two], Strategy.MERGE, writing=Writing(committer=BOT, signed=False), message="plain"
        )
        assert isinstance(plain, Made)
        assert await world.raw("cat-file", "commit", plain.commit, where=world.mirror.folder) != ""
        assert "gpgsig" not in await world.raw("cat-file", "commit", plain.commit, where=world.mirror.folder)


async def keygen(*args: str) -> None:
    process = await asyncio.create_subprocess_exec("ssh-keygen", "-q", *args)
    assert await process.wait() == 0


@pytest.mark.parametrize("form", [("ed25519",), ("ecdsa", "-m", "PEM"), ("ecdsa", "-m", "PKCS8")], ids=" ".join)
async def test_a_signing_key_with_a_passphrase_is_told_at_once(tmp_path: Path, form: Sequence[str]) -> None:
    key = tmp_path / "key"
    await keygen("-t", *form, "-a", "1", "-N", "open sesame", "-f", str(key))
    with pytest.raises(UsageError, match="the key has a passphrase, and nobody is there to type it"):
        signing.check(key)
    await keygen("-p", "-P", "open sesame", "-N", "", "-f", str(key))
    signing.check(key)


async def test_what_cannot_sign_is_told_at_once(tmp_path: Path) -> None:
    key = tmp_path / "key"
    with pytest.raises(UsageError, match=r"--git-signing-key-path .*: there is no such file"):
        async with world_in(tmp_path, signing_key=str(key)):
            pass
    await keygen("-t", "ed25519", "-N", "", "-f", str(key))
    with pytest.raises(UsageError, match="this is no private SSH key"):
        signing.check(key.with_suffix(".pub"))
    with pytest.raises(UsageError, match="Is a directory"):
        signing.check(tmp_path)
    key.chmod(0o640)
    with pytest.raises(UsageError, match="others may read the key"):
        signing.check(key)
