"""Files and git's objects over REST: what is there, what is written, and how commits compare."""

from __future__ import annotations

import base64

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import expect
from tests.sim.support import Events, client, history, shown

PLACE = "/repos/acme/widgets"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def test_a_file_is_made_changed_and_deleted_by_commits(sim: Sim, repo: RepoStory, events: Events) -> None:
    path = f"{PLACE}/contents/docs/a%20b.md"
    async with client(sim, "prow-bot") as bot, client(sim, "mia") as mia:
        body = {"message": "Explain", "content": encoded("# A\n")}
        await expect(mia.put(path, json=body), 403)
        made = await expect(bot.put(path, json=body), 201)
        assert (made["content"]["path"], await repo.file("docs/a b.md")) == ("docs/a b.md", "# A\n")
        await expect(bot.put(path, json=body), 422)
        wrong = await expect(bot.put(path, json=body | {"sha": "0" * 40}), 409)
        assert "does not match" in wrong["message"]
        author = {"name": "Ada", "email": "ada@example.com"}
        changed = {"sha": made["content"]["sha"], "content": encoded("# B\n"), "author": author, "message": "Better"}
        again = await expect(bot.put(path, json=changed), 200)
        assert again["commit"]["author"]["name"] == "Ada"
        assert await shown(repo.repo, "main", "%an <%ae> %s") == "Ada <ada@example.com> Better"
        gone = {"message": "Away", "sha": again["content"]["sha"]}
        await expect(bot.request("DELETE", path, json={"message": "Away"}), 422)
        await expect(bot.request("DELETE", path, json=gone), 200)
        await expect(bot.get(path), 404)
    assert (await history(repo.repo))[:3] == ["Away", "Better", "Explain"]
    assert [p["commits"][0]["message"] for p in events.payloads("push")] == ["Explain", "Better", "Away"]


async def test_folders_links_and_large_files_are_told_as_they_are(sim: Sim, repo: RepoStory) -> None:
    await repo.push("wernher", {"src/a.py": "a", "src/deep/b.py": "b", "big.bin": b"x" * (1 << 20) + b"x"})
    async with client(sim, "prow-bot") as bot, client(sim) as nobody:
        listed = await expect(nobody.get(f"{PLACE}/contents/src"), 200)
        assert [(e["type"], e["path"]) for e in listed] == [("file", "src/a.py"), ("dir", "src/deep")]
        root = await expect(nobody.get(f"{PLACE}/contents"), 200)
        assert {e["name"] for e in root} == {"README.md", "run.sh", "src", "big.bin"}
        big = await expect(nobody.get(f"{PLACE}/contents/big.bin"), 200)
        assert (big["encoding"], big["content"], big["size"]) == ("none", "", (1 << 20) + 1)
        raw = await nobody.get(f"{PLACE}/contents/src/a.py", headers={"Accept": "application/vnd.github.raw"})
        assert raw.text == "a"
        link = await expect(bot.post(f"{PLACE}/git/blobs", json={"content": "src/a.py"}), 201)
        tree = {"base_tree": "main", "tree": [{"path": "link", "mode": "120000", "sha": link["sha"]}]}
        made = await expect(bot.post(f"{PLACE}/git/trees", json=tree), 201)
        commit = {"message": "Link", "tree": made["sha"], "parents": [await repo.tip()]}
        sha = (await expect(bot.post(f"{PLACE}/git/commits", json=commit), 201))["sha"]
        await expect(bot.patch(f"{PLACE}/git/refs/heads/main", json={"sha": sha}), 200)
        told = await expect(nobody.get(f"{PLACE}/contents/link"), 200)
        assert (told["type"], told["target"]) == ("symlink", "src/a.py")
        await expect(nobody.get(f"{PLACE}/contents/src?ref=nothing"), 404)


async def test_a_tree_is_built_from_another_and_read_as_a_whole(sim: Sim, repo: RepoStory) -> None:
    await repo.push("wernher", {"src/a.py": "a", "old.txt": "x"})
    async with client(sim, "prow-bot") as bot:
        wanted = [
            {"path": "src/b.py", "mode": "100755", "type": "blob", "content": "b"},
            {"path": "old.txt", "mode": "100644", "type": "blob", "sha": None},
        ]
        made = await expect(bot.post(f"{PLACE}/git/trees", json={"base_tree": "main", "tree": wanted}), 201)
        whole = await expect(bot.get(f"{PLACE}/git/trees/{made['sha']}?recursive=1"), 200)
        found = {e["path"]: (e["type"], e["mode"]) for e in whole["tree"]}
        assert found["src/b.py"] == ("blob", "100755")
        assert found["src"] == ("tree", "040000")
        assert "old.txt" not in found
        assert whole["truncated"] is False
        await expect(bot.post(f"{PLACE}/git/trees", json={"tree": [{"path": "a", "mode": "100600"}]}), 422)
        await expect(bot.post(f"{PLACE}/git/commits", json={"message": "x", "tree": "0" * 40}), 422)
        blob = next(e["sha"] for e in whole["tree"] if e["path"] == "src/b.py")
        read = await expect(bot.get(f"{PLACE}/git/blobs/{blob}"), 200)
        assert base64.b64decode(read["content"]) == b"b"


async def test_tags_are_objects_and_refs(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "prow-bot") as bot:
        sha = await repo.tip()
        wanted = {"tag": "v1", "message": "First", "object": sha, "type": "commit"}
        made = await expect(bot.post(f"{PLACE}/git/tags", json=wanted), 201)
        assert (made["message"], made["tagger"]["name"]) == ("First", "prow-bot")
        ref = await expect(bot.post(f"{PLACE}/git/refs", json={"ref": "refs/tags/v1", "sha": made["sha"]}), 201)
        assert ref["object"]["type"] == "tag"
        assert (await expect(bot.get(f"{PLACE}/git/tags/{made['sha']}"), 200))["object"]["sha"] == sha
        assert [(t["name"], t["commit"]["sha"]) for t in await expect(bot.get(f"{PLACE}/tags"), 200)] == [("v1", sha)]
        assert (await expect(bot.get(f"{PLACE}/commits/v1"), 200))["sha"] == sha


async def test_commits_are_listed_and_shown_with_what_they_change(sim: Sim, repo: RepoStory) -> None:
    await repo.push("wernher", {"src/a.py": "1\n2\n"}, message="Add a")
    sha = await repo.push("mia", {"README.md": "# more\n"}, message="Explain")
    async with client(sim) as nobody:
        listed = await expect(nobody.get(f"{PLACE}/commits"), 200)
        assert [c["commit"]["message"] for c in listed] == ["Explain", "Add a", "First commit"]
        assert listed[0]["author"]["login"] == "mia"
        below = await expect(nobody.get(f"{PLACE}/commits?path=src"), 200)
        assert [c["commit"]["message"] for c in below] == ["Add a"]
        one = await expect(nobody.get(f"{PLACE}/commits/{sha}"), 200)
        assert (one["stats"], [f["filename"] for f in one["files"]]) == (
            {"total": 2, "additions": 1, "deletions": 1},
            ["README.md"],
        )
        text = await nobody.get(f"{PLACE}/commits/{sha}", headers={"Accept": "application/vnd.github.patch"})
        assert "Subject: [PATCH] Explain" in text.text
        await expect(nobody.get(f"{PLACE}/commits/nothing"), 422)
        assert (await expect(nobody.get(f"{PLACE}/commits/heads/main/status"), 200))["state"] == "pending"


async def test_two_commits_compare_here_and_across_forks(sim: Sim, repo: RepoStory) -> None:
    base = await repo.tip()
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"}, branch="fix")
    await repo.push("wernher", {"other.txt": "y\n"})
    async with client(sim) as nobody:
        found = await expect(nobody.get(f"{PLACE}/compare/main...mia:fix"), 200)
        assert (found["status"], found["ahead_by"], found["behind_by"]) == ("diverged", 1, 1)
        assert found["merge_base_commit"]["sha"] == base
        assert [c["sha"] for c in found["commits"]] == [pr.head_sha]
        assert [f["filename"] for f in found["files"]] == ["new.txt"]
        same = await expect(nobody.get(f"{PLACE}/compare/main...main"), 200)
        assert (same["status"], same["total_commits"], same["files"]) == ("identical", 0, [])
        ahead = await expect(nobody.get(f"{PLACE}/compare/{base}...main"), 200)
        assert (ahead["status"], ahead["ahead_by"]) == ("ahead", 1)
        await expect(nobody.get(f"{PLACE}/compare/main...nothing"), 404)
        text = await nobody.get(f"{PLACE}/compare/main...mia:fix", headers={"Accept": "application/vnd.github.diff"})
        assert text.text.startswith("diff --git a/new.txt b/new.txt")


async def test_a_protected_branch_takes_no_files(sim: Sim, repo: RepoStory) -> None:
    repo.protect(reviews=1)
    async with client(sim, "prow-bot") as bot:
        path, body = f"{PLACE}/contents/new.txt", {"message": "x", "content": encoded("x")}
        refused = await expect(bot.put(path, json=body), 409)
        assert refused["message"] == "Could not update file: Changes must be made through a pull request."
        await expect(bot.put(path, json=body | {"branch": "nothing"}), 404)
