"""The demo's GitHub: an organisation with its people, and the repository that the story is about."""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec

from prow.lib.errors import UsageError
from prow.sim.gitrepo import GitFailed
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory

SAMPLE = Path(__file__).parent / "sample"
ORG = "acme"
BOT = "prow-bot"
MAINTAINER = "wernher"
REVIEWER = "katherine"
CONTRIBUTOR = "mia"


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What the story plays on. `files`: token, webhook secret and config for `prow up`."""

    sim: Sim
    repo: RepoStory
    token_path: Path
    hmac_path: Path


async def build(sim: Sim, folder: Path, *, full_name: str = f"{ORG}/rockets", clone: Path | None = None) -> Stage:
    """People, a repository, and the bot's credentials. `clone`: a local git repository in place of the sample."""
    world = sim.world
    world.org(full_name.partition("/")[0], members=[MAINTAINER, REVIEWER, BOT])
    world.user(BOT)
    world.user(CONTRIBUTOR)
    if clone is None:
        sample = SAMPLE / "repo"
        files: dict[str, str | bytes | None] = {
            str(path.relative_to(sample)): path.read_bytes() for path in sorted(sample.rglob("*")) if path.is_file()
        }
        repo = await RepoStory.create(sim, full_name, files=files)
    else:
        try:
            repo = await RepoStory.create(sim, full_name, clone=clone.resolve())
        except GitFailed as error:
            raise UsageError(f"--clone {clone}: cannot be cloned: {error}") from error
    repo.collaborator(BOT, "write")
    repo.collaborator(MAINTAINER, "admin")
    token_path, hmac_path = folder / "token", folder / "hmac"
    _write_secret(token_path, world.token(BOT))
    _write_secret(hmac_path, secrets.token_hex(20))
    return Stage(sim=sim, repo=repo, token_path=token_path, hmac_path=hmac_path)


def _write_secret(path: Path, value: str) -> None:
    path.touch(mode=0o600)
    path.write_text(value)
