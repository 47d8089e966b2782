"""Organisations: who belongs to them, who is told so, teams and what they inherit, invitations."""

from __future__ import annotations

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import bearer, expect, installed
from tests.sim.support import client


async def test_whoever_is_no_member_is_sent_to_the_public_list(sim: Sim) -> None:
    sim.world.org("acme", members=["katherine"], public=True)
    async with client(sim, "prow-bot") as member, client(sim, "mia") as outsider:
        assert (await member.get("/orgs/acme/members/wernher")).status_code == 204
        assert (await member.get("/orgs/acme/members/mia")).status_code == 404
        moved = await outsider.get("/orgs/acme/members/wernher")
        assert (moved.status_code, moved.headers["location"]) == (
            302,
            f"{sim.world.base}/orgs/acme/public_members/wernher",
        )
        await expect(outsider.get("/orgs/acme/public_members/wernher"), 404)
        await expect(outsider.get("/orgs/acme/public_members/katherine"), 204)
        seen = [u["login"] for u in await expect(outsider.get("/orgs/acme/members"), 200)]
        assert seen == ["katherine"]
        everybody = {u["login"] for u in await expect(member.get("/orgs/acme/members"), 200)}
        assert everybody == {"wernher", "prow-bot", "katherine"}


async def test_members_decide_themselves_whether_they_are_public(sim: Sim) -> None:
    async with client(sim, "wernher") as wernher, client(sim, "mia") as outsider:
        await expect(wernher.put("/orgs/acme/public_members/wernher"), 204)
        await expect(outsider.get("/orgs/acme/public_members/wernher"), 204)
        await expect(wernher.put("/orgs/acme/public_members/prow-bot"), 403)
        await expect(wernher.delete("/orgs/acme/public_members/wernher"), 204)
        await expect(outsider.get("/orgs/acme/public_members/wernher"), 404)


async def test_an_invitation_is_pending_until_it_is_accepted(sim: Sim) -> None:
    sim.world.org("acme", owners=["boss"])
    sim.world.user("mia")
    async with client(sim, "boss") as boss, client(sim, "mia") as mia, client(sim, "wernher") as member:
        await expect(member.put("/orgs/acme/memberships/mia", json={"role": "member"}), 403)
        made = await expect(boss.put("/orgs/acme/memberships/mia", json={"role": "member"}), 200)
        assert (made["state"], made["role"]) == ("pending", "member")
        await expect(boss.get("/orgs/acme/members/mia"), 404)
        assert [i["login"] for i in await expect(boss.get("/orgs/acme/invitations"), 200)] == ["mia"]
        mine = await expect(mia.get("/user/memberships/orgs?state=pending"), 200)
        assert [m["organization"]["login"] for m in mine] == ["acme"]
        accepted = await expect(mia.patch("/user/memberships/orgs/acme", json={"state": "active"}), 200)
        assert accepted["state"] == "active"
        await expect(boss.get("/orgs/acme/members/mia"), 204)
        assert await expect(boss.get("/orgs/acme/invitations"), 200) == []
        promoted = await expect(boss.put("/orgs/acme/memberships/mia", json={"role": "admin"}), 200)
        assert (promoted["state"], promoted["role"]) == ("active", "admin")
        await expect(boss.delete("/orgs/acme/memberships/mia"), 204)
        await expect(boss.get("/orgs/acme/memberships/mia"), 404)


async def test_an_invitation_can_be_taken_back_and_can_fail(sim: Sim) -> None:
    org = sim.world.org("acme", owners=["boss"])
    sim.world.user("mia")
    async with client(sim, "boss") as boss:
        by_mail = await expect(boss.post("/orgs/acme/invitations", json={"email": "ada@example.com"}), 201)
        assert (by_mail["login"], by_mail["email"]) == (None, "ada@example.com")
        await expect(boss.put("/orgs/acme/memberships/mia", json={}), 200)
        invited = (await expect(boss.get("/orgs/acme/invitations"), 200))[1]
        await expect(boss.delete(f"/orgs/acme/invitations/{invited['id']}"), 204)
        await expect(boss.delete(f"/orgs/acme/invitations/{invited['id']}"), 404)
        await expect(boss.get("/orgs/acme/memberships/mia"), 404)
        sim.world.fail_invitation(org, org.invitations[0], "Invitation expired")
        assert await expect(boss.get("/orgs/acme/invitations"), 200) == []
        failed = await expect(boss.get("/orgs/acme/failed_invitations"), 200)
        assert [f["failed_reason"] for f in failed] == ["Invitation expired"]


async def test_the_last_owner_stays(sim: Sim) -> None:
    sim.world.org("acme", owners=["boss"])
    async with client(sim, "boss") as boss:
        await expect(boss.delete("/orgs/acme/memberships/boss"), 403)
        await expect(boss.put("/orgs/acme/memberships/boss", json={"role": "member"}), 403)


async def test_settings_of_an_organisation_are_its_owners(sim: Sim, repo: RepoStory) -> None:
    sim.world.org("acme", owners=["boss"])
    repo.repo.private = True
    async with client(sim, "boss") as boss, client(sim, "wernher") as member:
        await expect(member.patch("/orgs/acme", json={"description": "x"}), 403)
        await expect(member.get("/repos/acme/widgets"), 200)
        changed = await expect(
            boss.patch("/orgs/acme", json={"description": "Rockets", "default_repository_permission": "none"}), 200
        )
        assert (changed["description"], changed["default_repository_permission"]) == ("Rockets", "none")
        await expect(member.get("/repos/acme/widgets"), 404)


async def test_a_team_comes_and_goes_with_its_members_and_repositories(sim: Sim, repo: RepoStory) -> None:
    sim.world.org("acme", members=["ada"], owners=["boss"])
    path = "/orgs/acme/teams/release-managers"
    async with client(sim, "boss") as boss, client(sim, "ada") as ada, client(sim, "mia") as outsider:
        made = await expect(boss.post("/orgs/acme/teams", json={"name": "Release Managers", "privacy": "closed"}), 201)
        assert (made["slug"], made["members_count"]) == ("release-managers", 1)
        await expect(boss.post("/orgs/acme/teams", json={"name": "release managers"}), 422)
        await expect(outsider.get(path), 404)
        await expect(ada.patch(path, json={"description": "x"}), 403)
        joined = await expect(boss.put(f"{path}/memberships/ada", json={"role": "maintainer"}), 200)
        assert joined == {"url": joined["url"], "role": "maintainer", "state": "active"}
        await expect(ada.patch(path, json={"description": "x"}), 200)
        assert (await expect(ada.get(f"/teams/{made['id']}/members?role=maintainer"), 200))[0]["login"] == "boss"
        await expect(ada.put(f"{path}/repos/acme/widgets", json={"permission": "push"}), 403)
        await expect(boss.put(f"{path}/repos/acme/widgets", json={"permission": "push"}), 204)
        listed = (await expect(ada.get(f"{path}/repos"), 200))[0]
        assert (listed["name"], listed["role_name"], listed["permissions"]["push"]) == ("widgets", "write", True)
        assert [t["permission"] for t in await expect(ada.get("/repos/acme/widgets/teams"), 200)] == ["push"]
        await expect(boss.delete(f"{path}/memberships/ada"), 204)
        await expect(boss.get(f"{path}/memberships/ada"), 404)
        await expect(boss.patch(path, json={"name": "Shippers"}), 200)
        assert "shippers" in repo.repo.teams
        await expect(boss.delete("/orgs/acme/teams/shippers"), 204)
        assert repo.repo.teams == {}


async def test_whoever_is_new_to_the_organisation_is_pending_in_the_team(sim: Sim) -> None:
    org = sim.world.org("acme", owners=["boss"])
    sim.world.add_team(org, "core")
    sim.world.user("mia")
    async with client(sim, "boss") as boss, client(sim, "mia") as mia:
        joined = await expect(boss.put("/orgs/acme/teams/core/memberships/mia"), 200)
        assert joined["state"] == "pending"
        assert [i["login"] for i in await expect(boss.get("/orgs/acme/teams/core/invitations"), 200)] == ["mia"]
        assert await expect(boss.get("/orgs/acme/teams/core/members"), 200) == []
        await expect(mia.patch("/user/memberships/orgs/acme", json={"state": "active"}), 200)
        assert [u["login"] for u in await expect(boss.get("/orgs/acme/teams/core/members"), 200)] == ["mia"]


async def test_a_child_team_has_the_rights_of_its_parent_and_its_members_count_there(sim: Sim, repo: RepoStory) -> None:
    org = sim.world.org("acme", members=["ada"], owners=["boss"])
    core = sim.world.add_team(org, "core")
    sim.world.add_team(org, "docs", members=["ada"], parent=core)
    repo.repo.teams["core"] = "write"
    async with client(sim, "boss") as boss, client(sim, "ada") as ada:
        assert [u["login"] for u in await expect(boss.get("/orgs/acme/teams/core/members"), 200)] == ["ada"]
        await expect(boss.get("/orgs/acme/teams/core/memberships/ada"), 200)
        assert [t["slug"] for t in await expect(boss.get("/orgs/acme/teams/core/teams"), 200)] == ["docs"]
        child = await expect(boss.get("/orgs/acme/teams/docs"), 200)
        assert child["parent"]["slug"] == "core"
        told = await expect(ada.get("/repos/acme/widgets/collaborators/ada/permission"), 200)
        assert told["permission"] == "write"
        loop = await boss.patch("/orgs/acme/teams/core", json={"parent_team_id": child["id"]})
        assert loop.status_code == 422


async def test_secret_teams_are_seen_by_their_members_and_owners(sim: Sim) -> None:
    org = sim.world.org("acme", members=["ada"], owners=["boss"])
    sim.world.add_team(org, "hush", members=["ada"], privacy="secret")
    async with client(sim, "boss") as boss, client(sim, "ada") as ada, client(sim, "wernher") as other:
        await expect(boss.get("/orgs/acme/teams/hush"), 200)
        await expect(ada.get("/orgs/acme/teams/hush/members"), 200)
        await expect(other.get("/orgs/acme/teams/hush"), 404)
        assert await expect(other.get("/orgs/acme/teams"), 200) == []


async def test_a_collaborator_from_outside_is_invited_and_accepts(sim: Sim, repo: RepoStory) -> None:
    repo.collaborator("wernher", "admin")
    sim.world.user("mia")
    path = "/repos/acme/widgets/collaborators/mia"
    async with client(sim, "wernher") as admin, client(sim, "mia") as mia, client(sim, "prow-bot") as bot:
        await expect(bot.put(path, json={"permission": "push"}), 403)
        made = await expect(admin.put(path, json={"permission": "triage"}), 201)
        await expect(admin.get(path), 404)
        await expect(admin.patch(f"/repos/acme/widgets/invitations/{made['id']}", json={"permissions": "write"}), 200)
        assert [i["permissions"] for i in await expect(admin.get("/repos/acme/widgets/invitations"), 200)] == ["write"]
        mine = await expect(mia.get("/user/repository_invitations"), 200)
        assert [i["repository"]["full_name"] for i in mine] == ["acme/widgets"]
        await expect(mia.patch(f"/user/repository_invitations/{made['id']}"), 204)
        await expect(admin.get(path), 204)
        assert (await expect(admin.get(f"{path}/permission"), 200))["permission"] == "write"
        outside = await expect(admin.get("/repos/acme/widgets/collaborators?affiliation=outside"), 200)
        assert [u["login"] for u in outside] == ["mia"]
        await expect(admin.put(path, json={"permission": "maintain"}), 204)
        await expect(admin.delete(path), 204)
        await expect(admin.get(path), 404)


async def test_members_are_added_to_a_repository_without_asking(sim: Sim, repo: RepoStory) -> None:
    repo.collaborator("wernher", "admin")
    sim.world.org("acme", members=["ada"])
    async with client(sim, "wernher") as admin, client(sim, "ada") as ada:
        await expect(admin.put("/repos/acme/widgets/collaborators/ada", json={"permission": "admin"}), 204)
        mine = await expect(ada.get("/repos/acme/widgets"), 200)
        assert mine["permissions"]["admin"] is True
        declined = await expect(admin.put("/repos/acme/widgets/collaborators/mia", json={}), 404)
        assert declined["message"] == "Not Found"


async def test_an_app_sees_members_when_it_was_granted_that(sim: Sim) -> None:
    async with (
        bearer(sim, installed(sim, "knows", {"members": "read"})) as knows,
        bearer(sim, installed(sim, "guesses", {"issues": "read"})) as guesses,
    ):
        await expect(knows.get("/orgs/acme/members/wernher"), 204)
        assert (await guesses.get("/orgs/acme/members/wernher")).status_code == 302
        await expect(guesses.get("/orgs/acme/teams"), 403)
        assert await expect(knows.get("/orgs/acme/teams"), 200) == []


async def test_a_member_may_become_somebody_from_outside(sim: Sim, repo: RepoStory) -> None:
    sim.world.org("acme", owners=["boss"])
    repo.collaborator("wernher", "write")
    path = "/orgs/acme/outside_collaborators"
    async with client(sim, "boss") as boss, client(sim, "wernher") as wernher:
        await expect(wernher.put(f"{path}/wernher"), 403)
        await expect(boss.delete(f"{path}/wernher"), 422)
        await expect(boss.put(f"{path}/mia"), 404)
        await expect(boss.put(f"{path}/boss"), 403)
        await expect(boss.put(f"{path}/wernher"), 204)
        assert sim.world.permission(repo.repo, "wernher") == "write"
        assert [one["login"] for one in await expect(boss.get(path), 200)] == ["wernher", "prow-bot"][:1]
        await expect(boss.delete(f"{path}/wernher"), 204)
        assert sim.world.permission(repo.repo, "wernher") == "read"


async def test_somebody_sees_his_own_teams_and_others_his_public_organisations(sim: Sim, repo: RepoStory) -> None:
    repo.add_team("crew", ["wernher"], "write")
    sim.world.org("globex", members=["wernher"], public=True)
    async with client(sim, "wernher") as wernher, client(sim) as anybody:
        mine = await expect(wernher.get("/user/teams"), 200)
        assert [(one["slug"], one["organization"]["login"], one["repos_count"]) for one in mine] == [
            ("crew", "acme", 1)
        ]
        assert [one["login"] for one in await expect(anybody.get("/users/wernher/orgs"), 200)] == ["globex"]
        await expect(anybody.get("/users/nobody/orgs"), 404)
