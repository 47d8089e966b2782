"""What is fetched from addresses that stand in answers."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import expect
from tests.sim.support import client

AT = "/repos/acme/widgets"


async def test_archives_are_of_any_ref(sim: Sim, repo: RepoStory) -> None:
    tip = await repo.push("mia", {"src/a.txt": "a\n"}, branch="feature/one")
    async with client(sim) as nobody:
        folder = f"acme-widgets-{tip[:7]}"
        lead = await nobody.get(f"/api/v3{AT}/tarball/feature/one")
        assert lead.status_code == 302
        packed = await nobody.get(lead.headers["location"])
        with tarfile.open(fileobj=io.BytesIO(packed.content)) as inside:
            assert f"{folder}/src/a.txt" in inside.getnames()
        packed = await nobody.get((await nobody.get(f"{AT}/zipball/{tip}")).headers["location"])
        assert f"{folder}/src/a.txt" in zipfile.ZipFile(io.BytesIO(packed.content)).namelist()
        gone = await nobody.get((await nobody.get(f"{AT}/zipball/gone")).headers["location"])
        assert gone.status_code == 404


async def test_a_file_is_at_its_download_url(sim: Sim, repo: RepoStory) -> None:
    await repo.push("mia", {"src/a b.txt": "a\n"}, branch="feature/one")
    async with client(sim) as nobody:
        told = await expect(nobody.get(f"{AT}/contents/src/a%20b.txt?ref=feature/one"), 200)
        assert (await nobody.get(told["download_url"])).text == "a\n"
        assert (await nobody.get("/acme/widgets/raw/main/gone")).status_code == 404


async def test_differences_are_at_the_addresses_of_a_pull_request(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix", files={"new.txt": "x\n"})
    async with client(sim) as nobody:
        told = await expect(nobody.get(f"{AT}/pulls/{pr.number}"), 200)
        assert "+x" in (await nobody.get(told["diff_url"])).text
        assert "Subject: [PATCH] Fix" in (await nobody.get(told["patch_url"])).text
        assert (await nobody.get("/acme/widgets/pull/99.diff")).status_code == 404
        compared = await expect(nobody.get(f"{AT}/compare/main...{pr.head_sha}"), 200)
        assert "+x" in (await nobody.get(compared["diff_url"])).text


async def test_files_of_releases_are_at_their_download_url(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "prow-bot") as bot, client(sim) as nobody:
        release = await expect(bot.post(f"{AT}/releases", json={"tag_name": "v1"}), 201)
        place = f"{AT}/releases/{release['id']}/assets?name=a.txt"
        asset = await expect(bot.post(place, content=b"hello", headers={"Content-Type": "text/plain"}), 201)
        assert (await nobody.get(asset["browser_download_url"])).text == "hello"
        assert (await nobody.get("/acme/widgets/releases/latest/download/a.txt")).text == "hello"
        assert (await nobody.get("/acme/widgets/releases/download/v1/b.txt")).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["raw/main/README.md", "legacy.zip/main", "pull/1.diff", "compare/main...main.diff", "releases/download/v1/a"],
)
async def test_what_is_private_is_there_for_those_who_see_it(sim: Sim, repo: RepoStory, path: str) -> None:
    repo.repo.private = True
    async with client(sim) as nobody, client(sim, "prow-bot") as bot:
        assert (await nobody.get(f"/acme/widgets/{path}")).status_code == 404
        if path.startswith(("raw", "legacy")):
            assert (await bot.get(f"/acme/widgets/{path}")).status_code == 200
