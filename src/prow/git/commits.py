"""Commit objects: read as git stores them, and written with author, committer, sign-off and signature."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import msgspec

from prow.git.errors import Broken
from prow.git.local import Local
from prow.git.model import Identity

_WHEN = re.compile(r" ?(-?\d{1,18})? ?([+-]\d{4})?", re.ASCII)
_TRAILER = re.compile(r"[A-Za-z0-9-]+: \S", re.ASCII)
_CRUD = str.maketrans(dict.fromkeys("\0\n\r<>", ""))
_SIGNED_OFF = "Signed-off-by: "
_NO_TIME = "@0 +0000"
_LONGEST_NAME = 4096


class Authored(msgspec.Struct, frozen=True):
    """Who wrote it first, and when, as git notes it (`@seconds zone`)."""

    who: Identity
    when: str

    @property
    def at(self) -> datetime:
        seconds, zone = self.when[1:].split(" ")
        sign = -1 if zone[0] == "-" else 1
        minutes = min(int(zone[1:-2] or 0) * 60 + int(zone[-2:]), 23 * 60)
        try:
            return datetime.fromtimestamp(int(seconds), timezone(sign * timedelta(minutes=minutes)))
        except (OverflowError, ValueError, OSError):
            return datetime.fromtimestamp(0, UTC)


class Parsed(msgspec.Struct, frozen=True):
    """What a commit object says."""

    tree: str
    parents: tuple[str, ...]
    author: Authored
    message: str


class Writing(msgspec.Struct, frozen=True, kw_only=True):
    """How commits are written. `author` None: the committer, or who wrote the commit that is replayed. `signed`: if there is a key."""

    committer: Identity
    author: Identity | None = None
    sign_off: bool = False
    signed: bool = True


def parse(data: bytes) -> Parsed:
    """A commit object. Raises Broken."""
    head, _, body = data.partition(b"\n\n")
    fields: dict[str, list[bytes]] = {}
    for line in head.split(b"\n"):
        name, _, value = line.partition(b" ")
        if name:  # lines that begin with a blank go on with a signature
            fields.setdefault(name.decode("ascii", "replace"), []).append(value)
    if "tree" not in fields:
        raise Broken("a commit object cannot be parsed")
    encoding = fields.get("encoding", [b""])[0].decode("ascii", "replace")
    return Parsed(
        tree=fields["tree"][0].decode("ascii", "replace"),
        parents=tuple(parent.decode("ascii", "replace") for parent in fields.get("parent", ())),
        author=_authored(_text(fields.get("author", [b""])[0], encoding)),
        message=_text(body, encoding),
    )


def signed_off(message: str, who: Identity) -> str:
    """The message with a `Signed-off-by` line of `who` at its end, once."""
    line = f"{_SIGNED_OFF}{who.name} <{who.email}>"
    text = message.rstrip()
    last = text.rpartition("\n\n")[2].splitlines()
    if line in last:
        return f"{text}\n"
    follows = "\n\n" in text and bool(last) and all(_TRAILER.match(each) or each[:1].isspace() for each in last)
    return f"{text}\n{line}\n" if follows else f"{text}\n\n{line}\n"


async def read_commit(local: Local, commit: str) -> Parsed:
    """A commit that is here. Raises NoSuchRef."""
    return parse(await local.commit_data(commit))


async def write_commit(
    local: Local, tree: str, parents: Sequence[str], message: str, writing: Writing, *, author: Authored | None = None
) -> str:
    """A new commit; it belongs to no branch until somebody pushes it."""
    now = f"@{int(local.tools.clock.now().timestamp())} +0000"
    committer = writing.committer
    wrote = author if author is not None and writing.author is None else Authored(writing.author or committer, now)
    if writing.sign_off:
        message = signed_off(message, committer)
    key = local.tools.signing_key if writing.signed else ""
    return await _written(local, tree, parents, message, author=wrote, committer=Authored(committer, now), key=key)


async def write_stand_in(local: Local, tree: str, parents: Sequence[str]) -> str:
    """A commit for git to calculate with; the same one for the same tree and parents."""
    nobody = Authored(Identity("prow", "prow@localhost"), _NO_TIME)
    return await _written(local, tree, parents, "stand-in", author=nobody, committer=nobody)


async def _written(
    local: Local,
    tree: str,
    parents: Sequence[str],
    message: str,
    *,
    author: Authored,
    committer: Authored,
    key: str = "",
) -> str:
    settings = {"gpg.format": "ssh", "user.signingKey": key} if key else {}
    flags = [*(["-S"] if key else []), *(word for parent in parents for word in ("-p", parent))]
    text = (message.replace("\0", "").rstrip() + "\n").encode("utf-8", "replace")
    env = {
        f"GIT_{role}_{name}": value
        for role, who in (("AUTHOR", author), ("COMMITTER", committer))
        for name, value in _env(who)
    }
    output = await local.run(["commit-tree", *flags, tree], stdin=text, env=env, settings=settings)
    local.expect(output, "commit-tree")
    return output.data.decode().strip()


def _env(authored: Authored) -> tuple[tuple[str, str], ...]:
    email = authored.who.email[:_LONGEST_NAME].translate(_CRUD)
    name = authored.who.name[:_LONGEST_NAME].translate(_CRUD).strip(" .,:;\"\\'")
    return ("NAME", name or email.partition("@")[0] or "unknown"), ("EMAIL", email), ("DATE", authored.when)


def _authored(line: str) -> Authored:
    name, _, rest = line.partition("<")
    email, closed, rest = rest.partition(">")
    found = _WHEN.match(rest)
    if not closed or found is None:
        return Authored(Identity("", ""), _NO_TIME)
    seconds, zone = found.groups()
    return Authored(Identity(name.strip(), email.strip()), f"@{seconds or 0} {zone or '+0000'}")


def _text(data: bytes, encoding: str) -> str:
    """Whoever wrote the commit named the encoding: it may be none, or none of texts."""
    try:
        return data.decode(encoding or "utf-8", "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")
