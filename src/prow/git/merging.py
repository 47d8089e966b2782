"""Merges, squashes, rebases and cherry-picks of commits of a mirror, without a working tree. All commits must be here (`Mirror.ensure`).

`git merge-tree --write-tree` merges two commits and finds their merge base by itself (its `--merge-base` needs git 2.40). To bring a
commit C onto O, O's tree and C's tree become synthetic children of C's parent: the merge base of these two is just that parent.

A merge in a partial mirror needs file contents. It is tried with what is here; when that is not enough, all that it can need is
listed, fetched in one request, and the merge is made again.
"""

from __future__ import annotations

from collections.abc import Sequence

from prow.git import safety
from prow.git.commits import Writing, read_commit, write_commit, write_stand_in
from prow.git.errors import TooLarge
from prow.git.failures import failure
from prow.git.local import Local, text
from prow.git.mirror import Mirror
from prow.git.model import PROW, Conflict, Made, Merge, Strategy

MESSAGE = "merge"
_UNRELATED = "unrelated histories"
_SUBMODULE = "160000"
_MOST_RENAMED = 4_000
_MOST_BASES = 16
_MOST_REPLAYED = 1_000
_A_FEW = 4


async def try_merge(mirror: Mirror, base: str, head: str) -> Merge:
    """Merge two commits, and write no commit. Unrelated histories do not merge."""
    sides = (safety.commit(base), safety.commit(head))
    return await mirror.mended(lambda: _merged(mirror.local, *sides), needs=sides)


async def is_mergeable(mirror: Mirror, base: str, head: str) -> bool:
    return (await try_merge(mirror, base, head)).clean


async def merged_tree(mirror: Mirror, base: str, heads: Sequence[str], strategy: Strategy) -> str | Conflict:
    """The tree that `merge_heads` would come to; it is remembered."""
    commits = (safety.commit(base), *(safety.commit(head) for head in heads))
    local = mirror.local

    async def make() -> str | Conflict:
        if strategy is Strategy.REBASE:
            done = await _all_joined(local, base, heads, strategy, MESSAGE, Writing(committer=PROW, signed=False))
            return done if isinstance(done, Conflict) else done.tree
        here, tree = base, await local.root(base)
        for number, head in enumerate(heads, 1):
            if await _is_just_ahead(local, here, head):
                tree = await local.root(head)
            else:
                merge = await _merged(local, here, head)
                if not merge.clean:
                    return Conflict(head, head, merge.conflicts)
                tree = merge.tree
            if number < len(heads):
                parents = (here,) if strategy is Strategy.SQUASH else (here, head)
                here = await write_stand_in(local, tree, parents)
        return tree

    known = local.merges.get((strategy, commits))
    if known is None:
        known = await mirror.mended(make, needs=commits)
        local.merges.put((strategy, commits), known)
    return known


async def merge_heads(
    mirror: Mirror,
    base: str,
    heads: Sequence[str],
    strategy: Strategy,
    *,
    message: str = MESSAGE,
    writing: Writing | None = None,
) -> Made | Conflict:
    """Bring heads onto a base, one after the other; the first that does not go ends it.

    `merge` makes a merge commit of each unless it is in the base already; `ifNecessary` also lets the base move on to it; `squash` makes one
    commit of each; `rebase` replays its commits, authors kept. What changes nothing adds nothing. Raises TooLarge for more than 1,000 commits to replay.
    """
    commits = (safety.commit(base), *(safety.commit(head) for head in heads))
    how = writing or Writing(committer=PROW)
    return await mirror.mended(lambda: _all_joined(mirror.local, base, heads, strategy, message, how), needs=commits)


async def cherry_pick(
    mirror: Mirror, onto: str, commits: Sequence[str], *, head: str = "", writing: Writing | None = None
) -> Made | Conflict:
    """Replay single commits on top of `onto`, in this order, authors and dates kept. Those that change nothing there are left out."""
    wanted = (safety.commit(onto), *(safety.commit(each) for each in commits))
    how = writing or Writing(committer=PROW)

    async def make() -> Made | Conflict:
        here = Made(onto, await mirror.local.root(onto))
        return await _replayed(mirror.local, here, commits, head or wanted[-1], how)

    return await mirror.mended(make, needs=wanted)


async def cherry_pick_range(
    mirror: Mirror, onto: str, *, base: str, head: str, writing: Writing | None = None
) -> Made | Conflict:
    """Replay what a pull request consists of: the commits from `base` to `head` but for merges, as its series of patches would."""
    commits = await mirror.commits_between(base, head, merges=False)
    return await cherry_pick(mirror, onto, commits, head=head, writing=writing)


async def _all_joined(
    local: Local, base: str, heads: Sequence[str], strategy: Strategy, message: str, writing: Writing
) -> Made | Conflict:
    here = Made(base, await local.root(base))
    for head in heads:
        if strategy is Strategy.REBASE:
            step = await _rebased(local, here, head, writing)
        else:
            step = await _joined(local, here, head, strategy, message, writing)
        if isinstance(step, Conflict):
            return step
        here = step
    return here


async def _joined(
    local: Local, here: Made, head: str, strategy: Strategy, message: str, writing: Writing
) -> Made | Conflict:
    if await _contains(local, here.commit, head):
        return here
    if strategy is Strategy.IF_NECESSARY and await _contains(local, head, here.commit):
        return Made(head, await local.root(head))
    merge = await _merged(local, here.commit, head)
    if not merge.clean:
        return Conflict(head, head, merge.conflicts)
    if strategy is Strategy.SQUASH and merge.tree == here.tree:
        return here
    parents = (here.commit,) if strategy is Strategy.SQUASH else (here.commit, head)
    return Made(await write_commit(local, merge.tree, parents, message, writing), merge.tree)


async def _rebased(local: Local, here: Made, head: str, writing: Writing) -> Made | Conflict:
    output = await local.run(["rev-list", "--topo-order", "--reverse", "--parents", head, f"^{here.commit}", "--"])
    local.expect(output, "rev-list")
    rows = [line.split() for line in output.data.decode().splitlines()]
    linear = all(len(row) == 2 for row in rows)
    if rows and linear and rows[0][1] == here.commit:
        return Made(head, await local.root(head))
    return await _replayed(local, here, [row[0] for row in rows if len(row) <= 2], head, writing)


async def _replayed(local: Local, here: Made, commits: Sequence[str], head: str, writing: Writing) -> Made | Conflict:
    if len(commits) > _MOST_REPLAYED:
        raise TooLarge(f"{local.remote}: {head} has {len(commits)} commits to replay, more than {_MOST_REPLAYED}")
    for commit in commits:
        facts = await read_commit(local, commit)
        parent = facts.parents[0] if facts.parents else ""
        before = await local.root(parent) if parent else safety.EMPTY_TREE
        merge = await _three_way(local, parent, before, here.tree, facts.tree)
        if not merge.clean:
            return Conflict(head, commit, merge.conflicts)
        if merge.tree == here.tree and facts.tree != before:
            continue
        made = await write_commit(local, merge.tree, (here.commit,), facts.message, writing, author=facts.author)
        here = Made(made, merge.tree)
    return here


async def _three_way(local: Local, parent: str, before: str, ours: str, theirs: str) -> Merge:
    """Merge two trees as changes of the tree `before`, which `parent` has (no commit: nothing has)."""
    if before in {ours, theirs}:
        return Merge(clean=True, tree=theirs if before == ours else ours)
    parent = parent or await write_stand_in(local, before, ())
    return await _merged(
        local, await write_stand_in(local, ours, (parent,)), await write_stand_in(local, theirs, (parent,))
    )


async def _contains(local: Local, commit: str, other: str) -> bool:
    output = await local.run(["merge-base", "--is-ancestor", other, commit])
    local.expect(output, "merge-base", ok=(0, 1))
    return output.code == 0


async def _is_just_ahead(local: Local, base: str, head: str) -> bool:
    """Whether a head was begun on this very base a few commits ago, as most are: then there is nothing to merge. Needs no process."""
    layer = {head}
    for _ in range(_A_FEW):
        layer = {parent for commit in layer for parent in (await read_commit(local, commit)).parents}
        if base in layer:
            return True
        if len(layer) > _A_FEW:
            break
    return False


async def _merged(local: Local, one: str, other: str) -> Merge:
    args = ["merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", "--end-of-options", one, other]
    output = await local.run(args)
    if output.code > 1 and _UNRELATED in output.error:
        return Merge(clean=False)
    if output.code > 1 and local.partial and not isinstance(failure("merge-tree", output), TooLarge):
        await local.fill(await _contents_for(local, one, other))
        output = await local.run_online(args)
    local.expect(output, "merge-tree", ok=(0, 1))
    tree, *paths = [text(part) for part in output.data.split(b"\0") if part]
    return Merge(clean=output.code == 0, tree=tree, conflicts=tuple(dict.fromkeys(paths)))


async def _contents_for(local: Local, one: str, other: str) -> set[str]:
    """The file contents that a merge can need: of what both sides changed, and of what a side may have renamed."""
    output = await local.run(["merge-base", "--all", "--end-of-options", one, other])
    local.expect(output, "merge-base", ok=(0, 1))
    wanted: set[str] = set()
    for base in output.data.decode().split()[:_MOST_BASES]:
        left, right = await _changes(local, base, one), await _changes(local, base, other)
        for path in left.keys() & right.keys():
            wanted.update((*left[path], *right[path]))
        for side in (left, right):
            gone = {old for old, new in side.values() if not new}
            come = {new for old, new in side.values() if not old}
            if gone and come and len(gone) + len(come) <= _MOST_RENAMED:
                wanted |= gone | come
    return wanted - {""}


async def _changes(local: Local, before: str, after: str) -> dict[str, tuple[str, str]]:
    """By path: the contents before and after; empty where there are none."""
    output = await local.run(["diff-tree", "-r", "-z", "--raw", "--no-renames", "--end-of-options", before, after])
    local.expect(output, "diff-tree")
    parts = text(output.data).split("\0")
    found: dict[str, tuple[str, str]] = {}
    for facts, path in zip(parts[::2], parts[1::2], strict=False):
        old_mode, new_mode, old, new, _ = facts.removeprefix(":").split(" ")
        found[path] = (_content(old_mode, old), _content(new_mode, new))
    return found


def _content(mode: str, sha: str) -> str:
    return "" if mode == _SUBMODULE or not sha.strip("0") else sha
