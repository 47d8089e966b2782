"""What is pure in the git room: objects as git stores them, messages, names, and what git means by the way it ended."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prow.git import trees
from prow.git.commits import parse, signed_off
from prow.git.errors import (
    Broken,
    GitFailed,
    InTheWay,
    LeftLocked,
    NoAccess,
    NoSuchRef,
    NoSuchRepository,
    TooLarge,
    UnsafeObjects,
)
from prow.git.failures import Output, failure, parse_version
from prow.git.finder import Finder, Memory
from prow.git.model import Identity, TreeEntry
from prow.git.refs import excludes, read_answer
from prow.git.safety import environment, is_old_blemish
from prow.git.trees import Folder, Node, TreeCache

SHA = st.integers(0, 2**160 - 1).map(lambda number: f"{number:040x}")
NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: b"\0" not in name and b"/" not in name)
MODES = st.sampled_from(
    [("100644", "blob"), ("100755", "blob"), ("120000", "blob"), ("40000", "tree"), ("160000", "commit")]
)
BOT = Identity("prow-bot", "bot@x")


@given(st.dictionaries(NAMES, st.tuples(MODES, SHA), max_size=20))
def test_a_folder_is_read_as_git_wrote_it(entries: dict[bytes, tuple[tuple[str, str], str]]) -> None:
    data = b"".join(
        mode.encode() + b" " + name + b"\0" + bytes.fromhex(sha) for name, ((mode, _), sha) in entries.items()
    )
    found = trees.parse(data)
    assert [name.encode("utf-8", "surrogateescape") for name in found] == list(entries)
    assert [(node.kind, node.sha) for node in found.values()] == [(kind, sha) for (_, kind), sha in entries.values()]


@given(st.binary(max_size=200))
def test_anything_else_is_damage(data: bytes) -> None:
    try:
        found = trees.parse(data)
    except Broken:
        return
    assert sum(len(name.encode("utf-8", "surrogateescape")) + 22 for name in found) <= len(data) or not found


def test_few_folders_are_kept() -> None:
    cache = TreeCache(most=10)
    node = Node("100644", "blob", "1" * 40)
    for number in range(5):
        cache.put(str(number), {str(n): node for n in range(4)})
    assert [number for number in range(5) if cache.get(str(number)) is not None] == [3, 4]
    cache.put("large", {str(n): node for n in range(11)})
    assert cache.get("large") is None


# Refs


@given(st.dictionaries(st.text("abc/", min_size=1, max_size=9), SHA, max_size=4), st.data())
def test_a_list_of_refs_is_read_whole_or_not_at_all(known: dict[str, str], drawn: st.DataObject) -> None:
    lines = [f"{sha} {ref} symref-target:refs/heads/main peeled:{sha}\n" for ref, sha in known.items()]
    data = b"".join(b"%04x%s" % (len(line) + 4, line.encode()) for line in lines) + b"0000"
    assert read_answer(data) == known
    with pytest.raises(ValueError, match=r"."):
        read_answer(data[: drawn.draw(st.integers(0, len(data) - 1))])
    with pytest.raises(ValueError, match="more than"):
        read_answer(data + b"0000")


@given(st.binary(max_size=60))
def test_anything_else_is_no_list_of_refs(data: bytes) -> None:
    try:
        found = read_answer(data)
    except ValueError:
        return
    assert all(len(sha) == 40 for sha in found.values())


@pytest.mark.parametrize(("wanted", "other", "out"), [
    ("refs/heads/a/b", "refs/heads/a", True), ("refs/heads/a", "refs/heads/a/b", True), ("refs/heads/a", "refs/heads/a", False),
    ("refs/heads/a", "refs/heads/ab", False), ("refs/heads/ab", "refs/heads/a", False), ("refs/heads/*", "refs/heads/a", True),
    ("refs/heads/*", "refs/tags/a", False),
])  # fmt: skip
def test_a_ref_is_a_file_or_a_folder(wanted: str, other: str, out: bool) -> None:
    assert excludes(wanted, other) is out


# Finding files

PATHS = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join), max_size=30)


class Disk:
    """Trees in memory. `read`: how many were asked for."""

    def __init__(self) -> None:
        self.folders: dict[str, Folder] = {}
        self.read = 0

    def add(self, files: dict[str, str]) -> str:
        """The folder of these files; the same for the same files."""
        nodes: dict[str, Node] = {}
        below: dict[str, dict[str, str]] = {}
        for path, content in files.items():
            first, slash, rest = path.partition("/")
            if slash:
                below.setdefault(first, {})[rest] = content
            else:
                nodes[f"{first}.f"] = Node("100644", "blob", content)
        for name, inner in below.items():
            nodes[name] = Node("040000", "tree", self.add(inner))
        sha = repr(sorted((name, node.sha) for name, node in nodes.items()))
        self.folders[sha] = nodes
        return sha

    async def get(self, shas: object) -> dict[str, Folder]:
        wanted = list(shas)  # type: ignore[call-overload]
        self.read += len(wanted)
        return {sha: self.folders[sha] for sha in wanted}


@given(st.lists(PATHS, min_size=1, max_size=4), st.integers(1, 40))
def test_a_finder_finds_what_a_look_at_every_file_finds(commits: list[list[str]], keep: int) -> None:
    memory = Disk()
    finder = Finder(lambda path: path.endswith("a.f"), lambda folder: folder != "b", memory=Memory(keep))
    for paths in commits:
        files = {path: f"{path}!" for path in paths}
        found = asyncio.run(finder.find(memory.add(files), memory.get))
        wanted = sorted(f"{path}.f" for path in files if path.endswith("a") and not path.startswith("b/"))
        assert [entry.path for entry in found] == wanted


def test_a_finder_reads_only_folders_that_it_does_not_know() -> None:
    memory = Disk()
    finder = Finder(lambda _: True)
    files = {f"{a}/{b}/f": "1" for a in "abcdef" for b in "abcdef"}
    asyncio.run(finder.find(memory.add(files), memory.get))
    memory.read = 0
    found = asyncio.run(finder.find(memory.add(files | {"c/d/f": "2"}), memory.get))
    assert memory.read == 3
    assert TreeEntry("100644", "blob", "2", "c/d/f.f") in found
    memory.read = 0
    asyncio.run(finder.find(memory.add(files), memory.get))
    assert memory.read == 0


# Commits


def test_a_commit_is_read_with_its_odd_lines() -> None:
    said = parse(
        b"tree 1111111111111111111111111111111111111111\nparent 22\nparent 33\nauthor \xc5 ngstr\xf6m <a@x> 1700000000 -0330\n"
        b"committer c <c@x> 1700000001 +0000\nencoding ISO-8859-1\ngpgsig -----BEGIN\n tree fake\n\n parent fake\n -----END\n\nTitle\n\nBody \xe9\n"
    )
    assert said.parents == ("22", "33")
    assert said.author.who == Identity("Å ngström", "a@x")
    assert said.author.when == "@1700000000 -0330"
    assert said.author.at == datetime(2023, 11, 14, 18, 43, 20, tzinfo=timezone(-timedelta(hours=3, minutes=30)))
    assert said.message.endswith("Title\n\nBody é\n")


@pytest.mark.parametrize(
    "encoding", ["hex", "zlib", "undefined", "idna", "punycode", "rot13", "a\0b", "none-such", "utf-8", ""]
)
def test_no_encoding_that_a_commit_names_breaks_the_reader(encoding: str) -> None:
    said = parse(f"tree 1\nparent 22\nauthor Ærø <a@x> 1 +0000\nencoding {encoding}\n\nFix Ærø\n".encode())
    assert (said.author.who.name, said.message, said.parents) == ("Ærø", "Fix Ærø\n", ("22",))


@given(st.binary(max_size=300), st.booleans())
def test_no_commit_breaks_the_reader(data: bytes, whole: bool) -> None:
    try:
        said = parse((b"tree 1\nauthor " if whole else b"") + data)
    except Broken:
        assert not whole
        return
    assert said.author.at <= datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(("message", "signed"), [
    ("Fix", "Fix\n\nSigned-off-by: prow-bot <bot@x>\n"),
    ("Fix\n\nBody.\n", "Fix\n\nBody.\n\nSigned-off-by: prow-bot <bot@x>\n"),
    ("Fix\n\nBody.\n\nSigned-off-by: A <a@x>\n", "Fix\n\nBody.\n\nSigned-off-by: A <a@x>\nSigned-off-by: prow-bot <bot@x>\n"),
    ("fix: this", "fix: this\n\nSigned-off-by: prow-bot <bot@x>\n"),
    ("Fix\n\nSigned-off-by: prow-bot <bot@x>", "Fix\n\nSigned-off-by: prow-bot <bot@x>\n"),
    ("", "\n\nSigned-off-by: prow-bot <bot@x>\n"),
])  # fmt: skip
def test_a_message_is_signed_off_once_and_where_git_looks(message: str, signed: str) -> None:
    assert signed_off(message, BOT) == signed
    assert signed_off(signed, BOT) == signed


# What git means


@pytest.mark.parametrize(("text", "kind"), [
    ("fatal: couldn't find remote ref refs/heads/gone", NoSuchRef),
    ("fatal: remote error: upload-pack: not our ref 1111", NoSuchRef),
    ("remote: Repository not found. fatal: repository 'https://github.com/a/b/' not found", NoSuchRepository),
    ("fatal: unable to access 'https://github.com/a/b/': The requested URL returned error: 403", NoAccess),
    ("fatal: Authentication failed for 'https://github.com/a/b/'", NoAccess),
    ("fatal: could not read Username for 'https://github.com': terminal prompts disabled", NoAccess),
    ("fatal: unable to access 'https://github.com/a/b/': Could not resolve host: github.com", GitFailed),
    ("fatal: unable to access 'https://github.com/a/b/': The requested URL returned error: 502", GitFailed),
    ("error: RPC failed; curl 56 recv failure; fatal: early EOF; fatal: index-pack failed", GitFailed),
    ("error: object 1111111111111111111111111111111111111111: hasDotdot: contains '..'; fatal: fsck error in packed object", UnsafeObjects),
    ("error: index-pack died of signal 25", TooLarge),
    ("fatal: Unable to create '/m/packed-refs.lock': File exists.", LeftLocked),
    ("error: object file objects/11/11 is empty; fatal: loose object 11 is corrupt", Broken),
    ("error: file /m/objects/pack/pack-1.pack is far too short to be a packfile", Broken),
    ("fatal: not a git repository: '/m'", Broken),
    ("fatal: bad config line 1 in file /m/config", Broken),
    ("remote: fatal: bad tree object 11; error: git upload-pack: git-pack-objects died with error.; fatal: early EOF", GitFailed),
    ("remote: error: Unable to create '/srv/x.lock': File exists.", GitFailed),
    ("remote: Enumerating objects: 3; fatal: bad object 1111111111111111111111111111111111111111", Broken),
    ("error: cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create 'refs/heads/a/b'", InTheWay),
    ("error: some local refs could not be updated; try running; 'git remote prune origin' to remove any old, conflicting branches", InTheWay),
    ("fatal: files '/m/tmp_pack_a' and '/m/pack-1.pack' differ in contents; fatal: index-pack failed", Broken),
    (f"fatal: bad object {'1' * 40}; {'x' * 1000}", Broken),
    ("fatal: Out of memory, malloc failed (tried to allocate 1052 bytes)", TooLarge),
    ("fatal: write error: No space left on device; fatal: index-pack failed", GitFailed),
    ("", GitFailed),
])  # fmt: skip
def test_the_end_of_a_git_has_a_meaning(text: str, kind: type[Exception]) -> None:
    assert type(failure("fetch", Output(128, b"", text))) is kind


def test_only_harmless_faults_are_blemishes() -> None:
    fault = f"error: object {'1' * 40}: %s: text; fatal: fsck error in packed object"
    assert is_old_blemish(fault % "zeroPaddedFilemode")
    assert not is_old_blemish(fault % "hasDotgit")
    assert not is_old_blemish("fatal: index-pack failed")


@pytest.mark.parametrize(("text", "version"), [
    ("git version 2.39.5 (Apple Git-154)", (2, 39)), ("git version 3.0.rc1", (3, 0)), ("gut 1", None), ("", None),
])  # fmt: skip
def test_versions_are_read(text: str, version: tuple[int, int] | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("given", "authorities"),
    [
        ({"SSL_CERT_FILE": "/ours.pem"}, "/ours.pem"),
        ({"SSL_CERT_FILE": "/ours.pem", "GIT_SSL_CAINFO": "/gits.pem"}, "/gits.pem"),
        ({}, None),
    ],
)
def test_git_trusts_whom_we_trust(given: dict[str, str], authorities: str | None) -> None:
    assert environment(given, "/home", {}).get("GIT_SSL_CAINFO") == authorities


def test_a_line_of_megabytes_that_names_no_author_holds_nobody_up() -> None:
    line = b"a <" * 1_000_000
    read = parse(b"tree " + b"1" * 40 + b"\nauthor " + line + b"\ncommitter c <c@x> 1 +0000\n\nHello\n")
    assert (read.author.who, read.author.when) == (Identity("", ""), "@0 +0000")
