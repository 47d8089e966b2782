"""Many file contents in three processes at most, however many files: what is missing here comes in one fetch.

A mirror is partial, and git would get missing contents one by one. So it is asked first what is there; whatever is not is
fetched at once, and then everything is read in one go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from prow.git import safety
from prow.git.errors import Broken

Ask = Callable[[list[str], bytes, bool, int], Awaitable[bytes]]
"""(arguments, input, whether the remote may be asked, most bytes of the answer) → what git wrote."""

_FETCH = ["fetch", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--quiet", "--no-progress"]
_LINE = 128
"""More than a line of `cat-file` about one object has, whatever hash it uses."""


async def read(ask: Ask, shas: Iterable[str], *, max_file: int) -> dict[str, bytes]:
    """Contents by SHA; of files larger than `max_file` nothing. Raises Broken for what nobody has."""
    wanted = [safety.commit(sha) for sha in dict.fromkeys(shas)]
    if not wanted:
        return {}
    sizes = await _sizes(ask, wanted)
    missing = [sha for sha in wanted if sha not in sizes]
    if missing:
        await ask(
            [*_FETCH, "--filter=blob:none", "--stdin", "--end-of-options", "origin"], _lines(missing), True, 1 << 16
        )
        sizes |= await _sizes(ask, missing)
        if lost := next((sha for sha in missing if sha not in sizes), None):
            raise Broken(f"the remote did not send the file {lost}")
    small = [sha for sha in wanted if sizes[sha] <= max_file]
    if not small:
        return {}
    expected = sum(sizes[sha] + _LINE for sha in small)
    return _contents(await ask(["cat-file", "--batch"], _lines(small), False, expected))


async def _sizes(ask: Ask, shas: list[str]) -> dict[str, int]:
    answer = await ask(["cat-file", "--batch-check"], _lines(shas), False, len(shas) * _LINE)
    rows = [line.split() for line in answer.decode().splitlines()]
    return {row[0]: int(row[2]) for row in rows if len(row) == 3 and row[1] == "blob"}


def _contents(answer: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    position = 0
    while position < len(answer):
        end = answer.index(b"\n", position)
        sha, _, size = answer[position:end].decode().split(" ")
        found[sha] = answer[end + 1 : end + 1 + int(size)]
        position = end + 1 + int(size) + 1
    return found


def _lines(shas: list[str]) -> bytes:
    return "".join(f"{sha}\n" for sha in shas).encode()
