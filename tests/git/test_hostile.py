"""Repositories that mean harm, and ones that are merely old: what a mirror takes of them, and what it does with it."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from pathlib import Path

import pytest

from prow.git.errors import BadName, NoSuchFile, NoSuchRef, OtherHashes, TookTooLong, TooLarge, UnsafeObjects
from prow.git.finder import Finder
from prow.git.merging import try_merge
from prow.lib.errors import Permanent
from prow.sim import gitrepo
from tests.git.support import Limits, World, world_in


@pytest.mark.parametrize("partial", [True, False])
async def test_names_that_lead_out_of_a_tree_are_not_taken(tmp_path: Path, partial: bool) -> None:
    async with world_in(tmp_path, partial=partial) as world:
        blob = await world.blob(b"harm\n")
        for name in (b"..", b".", b".git", b".GIT", b"a/b", b"git~1"):
            bad = await world.tree_commit([("100644", blob, name)])
            with pytest.raises(UnsafeObjects) as caught:
                await world.mirror.ensure([bad])
            assert isinstance(caught.value, Permanent)
            assert not await world.mirror.has(bad)


async def test_old_blemishes_do_not_keep_a_repository_out(world: World) -> None:
    blob = await world.blob(b"old\n")
    old = await world.tree_commit([("0100644", blob, b"f")])
    await world.mirror.ensure([old])
    assert await world.mirror.read_file(old, "f") == b"old\n"
    inner = await world.raw("rev-parse", f"{old}^{{tree}}")
    newer = await world.tree_commit([("40000", inner, b"inner")])
    await world.mirror.fetch(["refs/heads/main"])
    assert await world.mirror.resolve("refs/heads/main") == newer


async def test_harm_behind_an_old_blemish_is_not_taken_and_others_keep_what_they_have(world: World) -> None:
    good = await world.commit({"f": "good\n"}, branch="good")
    await world.mirror.ensure([good])
    folder = world.mirror.local.identity
    tree = await world.strange_tree([("100644", await world.blob(b"harm\n"), b"..")])
    text = f"tree {tree}\nparent {good}\nauthor m <m@x> 1 +051800\ncommitter m <m@x> 1 +0000\n\nBad\n"  # git sees commits first
    bad = await world.raw("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=text.encode())
    await world.raw("update-ref", "refs/heads/main", bad)
    caught = await asyncio.gather(
        world.mirror.fetch(["refs/heads/main"]), world.mirror.fetch(["refs/heads/good"]), return_exceptions=True
    )
    assert [type(each) for each in caught] == [UnsafeObjects, type(None)]
    assert "hasDotdot" in str(caught[0])
    assert not await world.mirror.has(bad)
    assert await world.mirror.read_file(good, "f") == b"good\n"
    assert world.mirror.local.identity == folder


async def test_links_out_of_the_repository_lead_nowhere(world: World) -> None:
    commits: dict[str, str] = {}
    own = await world.raw("mktree", stdin=f"100644 blob {await world.blob(b'x')}\tpasswd\n".encode())
    for target in ("/etc/passwd", "../../../etc/passwd", "..", "loop", "dir/../../x", "none", "", "a\0b"):
        link = await world.blob(target.encode())
        inner = await world.raw("mktree", stdin=f"120000 blob {link}\tloop\n".encode())
        entries = [("40000", inner, b"dir"), ("40000", own, b"etc"), ("120000", link, b"loop")]
        commits[target] = await world.tree_commit(entries)
    await world.mirror.ensure(commits.values())
    for commit in commits.values():
        for path in ("loop", "dir/loop", "loop/passwd"):
            with pytest.raises(NoSuchFile):
                await world.mirror.read_file(commit, path)
        found = await world.mirror.find(commit, Finder(lambda _: True))
        assert await world.mirror.read_files(commit, found, max_file=100) == {"etc/passwd": b"x"}


async def test_links_inside_the_repository_are_followed(world: World) -> None:
    real = await world.commit({"docs/real/f": "here\n"})
    files, away = await world.raw("rev-parse", f"{real}:docs"), await world.blob(b"real/../real")
    back = await world.blob(b"../docs/../docs/away/f")
    inner = await world.raw("mktree", stdin=f"{await world.raw('ls-tree', files)}\n120000 blob {away}\taway\n".encode())
    outer = await world.raw("mktree", stdin=f"120000 blob {back}\tlink\n".encode())
    commit = await world.tree_commit([("40000", inner, b"docs"), ("40000", outer, b"other")])
    await world.mirror.ensure([commit])
    assert await world.mirror.read_file(commit, "other/link") == b"here\n"
    assert await world.mirror.read_file(commit, "docs/away/f") == b"here\n"


async def test_no_hook_filter_driver_or_setting_of_a_mirror_runs(world: World) -> None:
    """Even when somebody could write into the mirror."""
    base = await world.commit(
        {"f": "1\n", ".gitattributes": "* filter=evil merge=union diff=evil\n", ".gitconfig": "[x]\n"}
    )
    one = await world.commit({"f": "2\n"}, start=base, branch="one")
    two = await world.commit({"f": "3\n"}, start=base, branch="two")
    await world.mirror.fetch(["refs/heads/main"])
    mark = world.folder / "owned"
    hooks = world.mirror.folder / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-merge", "pre-push", "fsmonitor-watchman", "pre-auto-gc"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (hooks / name).chmod(0o755)
    (world.mirror.folder / "info").mkdir(exist_ok=True)
    (world.mirror.folder / "info" / "attributes").write_text("* filter=evil diff=evil\n")
    await world.mirror.fetch(["refs/heads/one"])
    await world.mirror.ensure([two])
    for path in ("f", ".gitattributes"):
        await world.mirror.read_file(two, path)
    blobs = [await world.raw("rev-parse", f"{commit}:f") for commit in (one, two)]
    await world.raw("update-ref", f"refs/replace/{blobs[0]}", blobs[1], where=world.mirror.folder)
    await world.mirrors._readers.aclose()
    assert (await try_merge(world.mirror, one, two)).conflicts == ("f",)
    assert await world.mirror.read_file(one, "f") == b"2\n"
    assert not mark.exists()


async def test_a_person_s_configuration_is_not_read(world: World) -> None:
    (world.folder / "home" / ".gitconfig").write_text(
        "[alias]\n\tfetch = !false\n[fetch]\n\tfsckObjects = bad\n[core]\n\tbare = x\n"
    )
    (world.folder / "home" / ".netrc").write_text("machine 127.0.0.1 login x password y\n")
    commit = await world.commit({"f": "1\n"})
    await world.mirror.ensure([commit])
    assert await world.mirror.read_file(commit, "f") == b"1\n"


async def test_no_other_transport_is_tried(world: World) -> None:
    mark = world.folder / "owned"
    for address in (f"ext::sh -c touch% {mark}", str(world.remote), "git://127.0.0.1:9/acme/rockets"):
        output = await world.git.run(
            ["ls-remote", "--end-of-options", address], remote="https://github.com/acme/rockets"
        )
        assert "not allowed" in output.error
    assert not mark.exists()


async def test_the_environment_and_files_of_a_person_do_not_count(tmp_path: Path) -> None:
    """Neither what it tells git to do, nor what git would write for it."""
    person = tmp_path / "person"
    person.mkdir()
    (person / ".gitconfig").write_text('[url "file:///nowhere/"]\n\tinsteadOf = "file://"\n')
    (person / "system").write_text("[prow]\n\tx = y\n")
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(person), "XDG_CONFIG_HOME": str(person), "GIT_DIR": "/nowhere",
        "GIT_OBJECT_DIRECTORY": str(person / "objects"), "GIT_TRACE": str(person / "trace"), "GIT_EXEC_PATH": str(person),
        "GIT_TRACE_CURL": str(person / "trace"), "GIT_CONFIG_PARAMETERS": "'core.bare=x'", "GIT_NAMESPACE": "x",
    }  # fmt: skip
    async with world_in(tmp_path, environ=environ) as world:
        commit = await world.commit({"f": "1\n"})
        await world.mirror.fetch(["refs/heads/main"])
        assert await world.mirror.read_file(commit, "f") == b"1\n"
        told = await world.git.run(["config", "--get", "prow.x"], env={"GIT_CONFIG_SYSTEM": str(person / "system")})
        assert told.code == 1
    assert {path.name for path in person.iterdir()} == {".gitconfig", "system"}


async def test_submodules_are_never_fetched(world: World) -> None:
    mark = world.folder / "owned"
    await world.commit({".gitmodules": f'[submodule "x"]\n\tpath = x\n\turl = "ext::sh -c touch% {mark}"\n'})
    modules = await world.raw("rev-parse", "main:.gitmodules")
    commit = await world.tree_commit([("100644", modules, b".gitmodules"), ("160000", "1" * 40, b"x")])
    await world.mirror.fetch(["refs/heads/main"])
    assert {(entry.kind, entry.path) for entry in await world.mirror.list_tree(commit)} == {
        ("blob", ".gitmodules"),
        ("commit", "x"),
    }
    assert [entry.path for entry in await world.mirror.find(commit, Finder(lambda _: True))] == [".gitmodules"]
    with pytest.raises(NoSuchFile):
        await world.mirror.read_file(commit, "x/f")
    assert not mark.exists()


async def test_submodule_files_that_attack_git_are_not_taken(tmp_path: Path) -> None:
    async with world_in(tmp_path, partial=False) as world:
        for text in (
            '[submodule "../../x"]\n\tpath = x\n\turl = y\n',
            '[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch\n',
            '[submodule "x"]\n\tpath = -x\n\turl = y\n',
        ):
            commit = await world.commit({".gitmodules": text})
            with pytest.raises(UnsafeObjects):
                await world.mirror.ensure([commit])


async def test_branches_named_like_something_else_never_reach_git(world: World) -> None:
    names = ["-f", "--upload-pack=x", "a b", "a..b", "a\nb", "x.lock", "@{-1}", "a~1", "refs\\x", "", "/", "x" * 600]
    mirror = world.mirror
    for name in names:
        for call in (mirror.fetch([f"refs/heads/{name}"]), mirror.fetch([name]), mirror.resolve(name)):
            with pytest.raises((BadName, NoSuchRef)):
                await call


@pytest.mark.parametrize("name", ["x" * 251, "ä" * 126, "a/" + "x" * 251, "a\ud800"])
async def test_a_name_that_no_file_can_have_costs_no_mirror(world: World, name: str) -> None:
    """Anybody may write such a name into a comment."""
    await world.commit({"f": "1\n"})
    await world.mirror.fetch(["refs/heads/main"])
    before = world.mirror.local.identity
    for call in (world.mirror.fetch([f"refs/heads/{name}"]), world.mirror.resolve(f"refs/heads/{name}")):
        with pytest.raises(BadName):
            await call
    assert world.mirror.local.identity == before


async def test_the_longest_names_are_names(world: World) -> None:
    name = f"refs/heads/{'x' * 240}/{'y' * 240}"
    commit = await world.commit({"f": "1\n"})
    await world.raw("update-ref", name, commit)
    await world.mirror.fetch([name])
    assert await world.mirror.resolve(name) == commit


async def test_a_branch_named_like_an_option_is_a_branch(world: World) -> None:
    commit = await world.commit({"f": "1\n"})
    await world.raw("update-ref", "refs/heads/--exec", commit)
    await world.mirror.fetch(["refs/heads/--exec"])
    assert await world.mirror.resolve("refs/heads/--exec") == commit


async def test_tags_of_tags_lead_to_a_commit_and_not_for_ever(world: World) -> None:
    tagged = [await world.commit({"f": "1\n"})]
    for kind in ("commit", *["tag"] * 11):
        text = f"object {tagged[-1]}\ntype {kind}\ntag t\ntagger m <m@x> 1 +0000\n\nx\n"
        tagged.append(await world.raw("hash-object", "-t", "tag", "-w", "--stdin", stdin=text.encode()))
        await world.raw("update-ref", f"refs/tags/t{len(tagged)}", tagged[-1])
    await world.mirror.fetch(["refs/tags/t4", "refs/tags/t13"])
    assert await world.mirror.read_file(await world.mirror.resolve("refs/tags/t4"), "f") == b"1\n"
    with pytest.raises(NoSuchRef, match="is no commit"):
        await world.mirror.read_file(await world.mirror.resolve("refs/tags/t13"), "f")


async def endless(world: World) -> str:
    """A tree of 8 to the power of 12 files, made of 13 folders."""
    tree = await world.raw("mktree", stdin=f"100644 blob {await world.blob(b'x')}\tf\n".encode())
    for _ in range(12):
        rows = "".join(f"040000 tree {tree}\t{name}\n" for name in "abcdefgh")
        tree = await world.raw("mktree", stdin=rows.encode())
    return tree


async def test_a_merge_with_a_tree_without_end_does_not_take_all_memory(tmp_path: Path) -> None:
    """What one side changed may be anywhere in it."""
    async with world_in(tmp_path, most_memory=100 << 20) as world:
        lines = "".join(f"{number}\n" for number in range(20))
        base = await world.commit({"f": lines})
        one = await world.commit({"f": f"top\n{lines}"}, start=base, branch="one")
        root = await world.raw("mktree", stdin=f"040000 tree {await endless(world)}\tbomb\n".encode())
        bomb = await world.raw("commit-tree", root, "-p", base, "-m", "Bomb")
        await world.raw("update-ref", "refs/heads/two", bomb)
        await world.mirror.ensure([one, bomb])
        with pytest.raises(TooLarge):
            await try_merge(world.mirror, one, bomb)


async def test_a_tree_without_end_is_given_up(world: World) -> None:
    tree = await endless(world)
    bomb = await world.raw("commit-tree", tree, "-m", "Bomb")
    await world.raw("update-ref", "refs/heads/main", bomb)
    await world.mirror.ensure([bomb])
    with pytest.raises(TooLarge, match="more than 5000 folders"):
        await world.mirror.find(bomb, Finder(lambda _: True, most_folders=5_000))
    assert await world.mirror.find(bomb, Finder(lambda _: True, lambda folder: folder == "a")) == ()


async def test_files_folders_and_packs_have_bounds(tmp_path: Path) -> None:
    limits = Limits(file=1000, folder=2000, listing=4000)
    async with world_in(tmp_path, limits=limits, largest_file=300_000) as world:
        large = await world.commit({"large": "x" * 1001, "small": "x" * 1000})
        wide = await world.commit({f"folder/file-{number:04}": "x" for number in range(100)}, start=large)
        await world.mirror.ensure([wide])
        assert len(await world.mirror.read_file(wide, "small")) == 1000
        with pytest.raises(TooLarge, match="large is larger than"):
            await world.mirror.read_file(wide, "large")
        with pytest.raises(TooLarge, match="the tree"):
            await world.mirror.read_file(wide, "folder/file-0001")
        with pytest.raises(TooLarge):
            await world.mirror.list_tree(wide)
        entries = await world.mirror.find(large, Finder(lambda _: True))
        with pytest.raises(TooLarge, match="999 bytes together"):
            await world.mirror.read_files(large, entries, max_file=1000, max_all=999)


async def test_a_pack_larger_than_the_bound_is_given_up(tmp_path: Path) -> None:
    async with world_in(tmp_path, partial=False, largest_file=100_000) as world:
        huge = await world.commit({"huge": random.Random(1).randbytes(200_000)})
        with pytest.raises(TooLarge):
            await world.mirror.ensure([huge])
        assert list(world.cache.rglob("tmp_*")) == []


async def test_contents_larger_than_the_bound_are_given_up(tmp_path: Path) -> None:
    async with world_in(tmp_path, largest_file=100_000) as world:
        huge = await world.commit({"huge": random.Random(1).randbytes(200_000), "f": "1\n"})
        await world.mirror.ensure([huge])
        with pytest.raises(TooLarge):
            await world.mirror.read_file(huge, "huge")
        assert list(world.cache.rglob("tmp_*")) == []
        assert await world.mirror.read_file(huge, "f") == b"1\n"


async def test_a_server_that_never_ends_is_left(tmp_path: Path) -> None:
    async with world_in(tmp_path, limits=Limits(fetch_seconds=0.3)) as world:
        commit = await world.commit({"f": "1\n"})
        (world.remote / "HEAD").unlink()
        os.mkfifo(world.remote / "HEAD")
        with pytest.raises(TookTooLong):
            await world.mirror.ensure([commit])


async def test_a_repository_with_other_hashes_is_refused(world: World) -> None:
    """GitHub has none; a git server of one's own may."""
    shutil.rmtree(world.remote)
    await gitrepo.git("init", "--quiet", "--bare", "--object-format=sha256", str(world.remote))
    made = await world.raw("commit-tree", "-m", "x", await world.raw("mktree"))
    await world.raw("update-ref", "refs/heads/main", made)
    with pytest.raises(OtherHashes, match="sha256"):
        await world.mirror.fetch(["refs/heads/main"])
    with pytest.raises(BadName, match="40 digits"):
        await world.mirror.ensure([made])
