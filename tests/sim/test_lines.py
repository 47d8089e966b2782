"""What a pull request changes line by line, and comments that stand there."""

from __future__ import annotations

from typing import Any

import pytest

from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory
from tests.sim.callers import expect
from tests.sim.support import ask, client

AT = "/repos/acme/widgets"
SONG = "".join(f"line {n}\n" for n in range(1, 31))


@pytest.fixture
async def pr(repo: RepoStory) -> PullStory:
    """It changes line 15 of thirty, and nothing near the ends."""
    await repo.push("prow-bot", {"song.txt": SONG})
    return await repo.open_pull_request(
        "mia", title="Count", files={"song.txt": SONG.replace("line 15\n", "line fifteen\n")}
    )


async def files_of(sim: Sim, pr: PullStory) -> dict[str, Any]:
    async with client(sim, "prow-bot") as bot:
        told = await expect(bot.get(f"{AT}/pulls/{pr.number}/files"), 200)
        return {one["filename"]: one for one in told}


async def test_a_changed_file_is_told_with_its_blob_and_its_patch(sim: Sim, pr: PullStory) -> None:
    song = (await files_of(sim, pr))["song.txt"]
    assert song["status"] == "modified"
    assert song["patch"].splitlines()[0].startswith("@@ -12,7 +12,7 @@")
    assert song["patch"].splitlines()[4:6] == ["-line 15", "+line fifteen"]
    async with client(sim, "prow-bot") as bot:
        raw = {"Accept": "application/vnd.github.raw"}
        blob = await bot.get(f"{AT}/git/blobs/{song['sha']}", headers=raw)
        assert "line fifteen" in blob.text
        compared = await expect(bot.get(f"{AT}/compare/main...{pr.head_sha}"), 200)
        commit = await expect(bot.get(f"{AT}/commits/{pr.head_sha}"), 200)
    assert compared["files"][0]["patch"] == commit["files"][0]["patch"] == song["patch"]


async def test_a_file_with_another_name_is_renamed_and_a_binary_one_has_no_patch(sim: Sim, repo: RepoStory) -> None:
    await repo.push("prow-bot", {"song.txt": SONG, "old": "away\n"})
    pr = await repo.open_pull_request(
        "mia", title="Rename", files={"song.txt": None, "hymn.txt": SONG, "pixel": "\0\1", "old": None}
    )  # fmt: skip
    found = await files_of(sim, pr)
    assert found["hymn.txt"]["status"] == "renamed"
    assert found["hymn.txt"]["previous_filename"] == "song.txt"
    assert found["hymn.txt"]["changes"] == 0
    assert found["old"]["status"] == "removed"
    assert found["old"]["patch"] == "@@ -1 +0,0 @@\n-away"
    assert "patch" not in found["pixel"]
    assert "song.txt" not in found


async def test_a_comment_stands_on_a_line_of_the_patch(sim: Sim, pr: PullStory) -> None:
    about = {"body": "Why?", "path": "song.txt", "commit_id": pr.head_sha}
    async with client(sim, "prow-bot") as bot:
        said = await expect(bot.post(f"{AT}/pulls/{pr.number}/comments", json=about | {"line": 15}), 201)
        assert (said["line"], said["position"], said["side"]) == (15, 5, "RIGHT")
        assert said["diff_hunk"].splitlines()[-1] == "+line fifteen"
        gone = await expect(bot.post(f"{AT}/pulls/{pr.number}/comments", json=about | {"position": 4}), 201)
        assert (gone["line"], gone["side"]) == (15, "LEFT")
        whole = await expect(
            bot.post(f"{AT}/pulls/{pr.number}/comments", json=about | {"subject_type": "file"}), 201
        )  # fmt: skip
        assert (whole["subject_type"], whole["line"]) == ("file", None)
        several = about | {"line": 16, "start_line": 14}
        assert (await expect(bot.post(f"{AT}/pulls/{pr.number}/comments", json=several), 201))["start_line"] == 14


@pytest.mark.parametrize(
    ("more", "field", "message"),
    [
        ({"line": 1}, "line", "must be part of the diff"),
        ({"position": 99}, "position", "must be part of the diff"),
        ({"line": 15, "start_line": 15}, "start_line", "must precede the end line."),
        ({"line": 15, "start_line": 2}, "start_line", "must be part of the same hunk as the line."),
    ],
)
async def test_a_comment_beside_the_patch_is_refused(
    sim: Sim, pr: PullStory, more: dict[str, int], field: str, message: str
) -> None:
    about = {"body": "Why?", "path": "song.txt", "commit_id": pr.head_sha}
    async with client(sim, "prow-bot") as bot:
        refused = await expect(bot.post(f"{AT}/pulls/{pr.number}/comments", json=about | more), 422)
    name = f"pull_request_review_thread.{field}"
    assert (refused["errors"][0]["field"], refused["errors"][0]["message"]) == (name, f"{name} {message}")


async def test_a_comment_on_another_file_or_on_a_commit_that_is_not_there_is_refused(sim: Sim, pr: PullStory) -> None:
    about = {"body": "Why?", "path": "song.txt", "line": 15, "commit_id": pr.head_sha}
    async with client(sim, "prow-bot") as bot:
        place = f"{AT}/pulls/{pr.number}/comments"
        assert (await expect(bot.post(place, json=about | {"path": "run.sh"}), 422))["errors"][0]["field"] == "path"
        refused = await expect(bot.post(place, json=about | {"commit_id": "f" * 40}), 422)
        assert refused["errors"][0]["message"] == "commit_id is not part of the pull request"


async def test_a_review_with_one_comment_beside_the_patch_is_refused_whole(sim: Sim, pr: PullStory) -> None:
    comments = [{"path": "song.txt", "line": line, "body": "Why?"} for line in (15, 1)]
    async with client(sim, "prow-bot") as bot:
        place = f"{AT}/pulls/{pr.number}/reviews"
        refused = await expect(bot.post(place, json={"event": "COMMENT", "comments": comments}), 422)
        assert refused["errors"] == [
            (
                "Pull request review thread line must be part of the diff and "
                "Pull request review thread diff hunk can't be blank"
            )
        ]
        assert await expect(bot.get(place), 200) == []


async def test_a_comment_goes_with_its_line_and_is_outdated_when_that_changes(
    sim: Sim, repo: RepoStory, pr: PullStory
) -> None:
    about = {"body": "Why?", "path": "song.txt", "line": 15, "commit_id": pr.head_sha}
    async with client(sim, "prow-bot") as bot:
        place = f"{AT}/pulls/{pr.number}/comments"
        made = await expect(bot.post(place, json=about), 201)
        song = SONG.replace("line 15\n", "line fifteen\n")
        await pr.push({"song.txt": f"a\nb\n{song}"})
        (moved,) = await expect(bot.get(place), 200)
        assert (moved["line"], moved["original_line"]) == (17, 15)
        assert (moved["commit_id"], moved["original_commit_id"]) == (pr.head_sha, made["commit_id"])
        await pr.push({"song.txt": SONG.replace("line 15\n", "line XV\n")})
        (old,) = await expect(bot.get(place), 200)
        assert (old["line"], old["position"], old["original_line"]) == (None, None, 15)
    query = '{repository(owner: "acme", name: "widgets") {pullRequest(number: %d) {reviewThreads(first: 5) {nodes {isOutdated line}}}}}'
    told = await ask(sim, query % pr.number)
    threads = told["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"]
    assert threads == [{"isOutdated": True, "line": None}]
