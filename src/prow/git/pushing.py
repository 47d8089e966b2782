"""What a mirror's commits become elsewhere: refs of the repository, or of a fork, moved with the value that the caller knows.

Each ref is moved only from the value that was expected (`--force-with-lease`), or forward where nothing was expected. Why the server
does not take a push comes back as a typed reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from prow.git import safety
from prow.git.errors import EmptyRepository, PushRefused, Refusal
from prow.git.failures import Output, failure
from prow.git.mirror import Mirror
from prow.git.model import NOTHING, Heads
from prow.lib.errors import ProwError

_DENIED = re.compile(r"Permission to \S+ denied|returned error: 403|Write access to repository not granted", re.ASCII)
_REASONS: tuple[tuple[re.Pattern[str], Refusal], ...] = (
    (re.compile(r"GH\d{3}:|protected (?:branch|ref)|rule violations", re.IGNORECASE | re.ASCII), Refusal.PROTECTED),
    (re.compile(r"hook declined", re.ASCII), Refusal.HOOK_DECLINED),
    (re.compile(r"stale info|remote ref updated since|failed to update ref|cannot lock ref", re.ASCII), Refusal.MOVED),
    (re.compile(r"non-fast-forward|fetch first|needs force", re.ASCII), Refusal.NON_FAST_FORWARD),
)


class Update(msgspec.Struct, frozen=True):
    """A ref (full name) and the commit that it gets; NOTHING removes it.

    `expected`: the commit that it has, NOTHING: that it is new, None: anything that the new commit contains.
    """

    ref: str
    commit: str
    expected: str | None = None


class Fork(msgspec.Struct, frozen=True):
    org: str
    repo: str


async def push(mirror: Mirror, updates: Sequence[Update], *, to: Fork | None = None) -> None:
    """Move refs of the repository or of a fork: all of them or none. Raises PushRefused, NoAccess, NoSuchRepository, GitFailed."""
    if not updates:
        return
    local = mirror.local
    args = [
        "push",
        "--porcelain",
        "--no-verify",
        "--no-signed",
        "--no-progress",
        "--no-follow-tags",
        "--recurse-submodules=no",
    ]
    if len(updates) > 1:
        args.append("--atomic")
    specs: list[str] = []
    for update in updates:
        ref = safety.ref(update.ref)
        commit = safety.commit(update.commit)
        if update.expected is not None:
            expected = safety.commit(update.expected)
            args.append(f"--force-with-lease={ref}:{'' if expected == NOTHING else expected}")
        specs.append(f":{ref}" if commit == NOTHING else f"{commit}:{ref}")
    address = mirror.address(to.org, to.repo) if to else local.remote
    org = to.org if to else local.org

    async def send() -> Output:
        return await local.run_online([*args, "--end-of-options", address, *specs], org=org)

    needs = [update.commit for update in updates if update.commit != NOTHING]
    output = await mirror.mended(send, needs=needs)
    if output.code:
        raise _refusal(address, output)


async def heads(mirror: Mirror, *, of: Fork | None = None) -> Heads:
    """The branches that the repository, or a fork, has now, and its default branch. Raises EmptyRepository, NoSuchRepository, NoAccess, GitFailed."""
    local = mirror.local
    address = mirror.address(of.org, of.repo) if of else local.remote
    args = ["ls-remote", "--quiet", "--symref", "--end-of-options", address, "HEAD", "refs/heads/*"]
    output = await local.run_online(args, org=of.org if of else "")
    if output.code:
        raise failure(f"{address}: ls-remote", output)
    branches: dict[str, str] = {}
    default = ""
    for line in output.data.decode("utf-8", "replace").splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: refs/heads/"):
            default = value.removeprefix("ref: refs/heads/")
        elif name.startswith("refs/heads/"):
            branches[name.removeprefix("refs/heads/")] = value
    if not branches:
        raise EmptyRepository(f"{address} has no commits yet")
    return Heads(branches, default)


def _refusal(address: str, output: Output) -> ProwError:
    """What a failed push means. git tells refusals of refs in lines of `!`, other failures in its error text. Pure."""
    rows = [line.split("\t") for line in output.data.decode("utf-8", "replace").splitlines() if line.startswith("!\t")]
    refused = "; ".join(f"{row[1].rpartition(':')[2]}: {row[2]}" for row in rows if len(row) == 3)
    if _DENIED.search(output.error):
        reason = Refusal.NO_PERMISSION
    elif refused:
        told = f"{output.error} {refused}"
        reason = next((kind for pattern, kind in _REASONS if pattern.search(told)), Refusal.OTHER)
    else:
        return failure(f"{address}: push", output)
    said = "; ".join(part for part in (refused, output.told) if part)
    return PushRefused(f"{address} did not take the push ({reason}): {said}", reason=reason)
