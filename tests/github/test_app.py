"""As a GitHub App against the simulated GitHub: tokens of installations, their renewal, and what is said when there are none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path

import httpx2
import msgspec
import pytest

from prow.cli.github_client import GitHubSettings, open_github, open_tokens
from prow.github.apps import Apps
from prow.github.client import GitHub
from prow.github.errors import BadCredentials, BadName, Refused
from prow.github.installations import NotInstalled
from prow.github.limiter import Limits
from prow.github.rules import Options
from prow.github.tokens import FixedToken, TokenFile, Tokens
from prow.lib.errors import UsageError
from prow.lib.secrets import Secrets
from prow.lib.virtual_clock import VirtualClock
from prow.sim.apps import App, Installation, new_key
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.support.github import served

PERMISSIONS = {"contents": "write", "issues": "write", "pull_requests": "write", "statuses": "write", "members": "read"}
TOKENS = ("POST", "/app/installations/{installation}/access_tokens")
LIST = ("GET", "/app/installations")


@cache
def _keys() -> tuple[str, str]:
    return new_key()


class World:
    """The App `prow` is installed in acme and in widgets, and not in others."""

    def __init__(self, folder: Path, sim: Sim, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.sim = sim
        self.clock = sim.clock
        self.secrets = Secrets(self.clock)
        self._stack = stack
        self.app: App = sim.world.app("prow", permissions=PERMISSIONS)
        self.key_path = folder / "app.pem"
        private, public = _keys()
        self.app.public_keys.append(public)
        self.key_path.write_text(private)
        self.installed: dict[str, Installation] = {}
        self.repos: dict[str, RepoStory] = {}

    async def repo(self, org: str) -> RepoStory:
        self.sim.world.org(org)
        self.repos[org] = await RepoStory.create(self.sim, f"{org}/rockets", files={"a": "a\n"})
        return self.repos[org]

    def install(self, org: str) -> None:
        self.installed[org] = self.sim.world.install(self.app, org)

    def tokens(self, *, app_id: str = "") -> Tokens:
        settings = self.settings(app_id)
        tokens = open_tokens(settings, secrets=self.secrets, clock=self.clock, component="test", stack=self._stack)
        assert tokens is not None
        return tokens

    async def github(self, tokens: Tokens | None = None, *, limits: Limits | None = None) -> GitHub:
        return await open_github(
            msgspec.structs.replace(self.settings(), limits=limits or Limits()),
            tokens or self.tokens(),
            clock=self.clock,
            component="test",
            dry_run=False,
            stack=self._stack,
        )

    def settings(self, app_id: str = "") -> GitHubSettings:
        return GitHubSettings(
            endpoints=(self.sim.world.base,),
            graphql_endpoint=f"{self.sim.world.base}/graphql",
            app_id=app_id or str(self.app.id),
            app_key_path=str(self.key_path),
            options=Options(initial_delay=0.01, max_retries=3),
        )

    def asked(self, call: tuple[str, str]) -> int:
        return self.sim.world.calls[call]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with served(tmp_path, clock=VirtualClock()) as sim, AsyncExitStack() as stack:
        made = World(tmp_path, sim, stack)
        await made.repo("acme")
        sim.world.org("widgets")
        for org in ("acme", "widgets"):
            made.install(org)
        sim.world.calls.clear()
        yield made


async def test_each_organisation_is_asked_with_a_token_of_its_own_made_once(world: World) -> None:
    github = await world.github()
    await world.repo("widgets")
    for _ in range(2):
        await asyncio.gather(
            *(github.get_ref(org, "rockets", f"heads/{name}") for org in ("acme", "widgets") for name in ["main"] * 5)
        )
    assert world.asked(TOKENS) == 2
    assert world.asked(LIST) == 1
    pr = await world.repos["acme"].open_pull_request("mia", title="Change", files={"a": "b\n"})
    await github.add_labels("acme", "rockets", pr.number, ["x"])
    made = await github.create_comment("acme", "rockets", pr.number, "hello")
    assert made.author == (await github.current_user()).login == "prow[bot]"
    assert (await github.current_user()).email == "prow@users.noreply.github.com"


async def test_one_organisation_can_have_a_limit_of_its_own(world: World) -> None:
    github = await world.github(limits=Limits(orgs={"acme": (3600, 2)}))
    began = world.clock.monotonic()
    await github.list_teams("widgets")
    await github.get_repo("acme", "rockets")
    await github.list_repo_labels("acme", "rockets")
    await github.list_teams("widgets")
    assert world.clock.monotonic() == began
    await github.get_file("acme", "rockets", "a")
    assert world.clock.monotonic() - began == pytest.approx(1.0, abs=0.1)


async def test_a_token_is_renewed_a_minute_before_it_expires_and_keeps_its_identity(world: World) -> None:
    tokens = world.tokens()
    first = await tokens.credential("acme")
    await world.clock.sleep(58 * 60)
    assert await tokens.credential("ACME") == first
    await world.clock.sleep(61)
    second = await tokens.credential("acme")
    assert second.token != first.token
    assert (second.identity, second.budget) == (first.identity, "prow - acme")
    assert (await tokens.credential("widgets")).identity != first.identity


async def test_a_proxy_in_between_is_told_whose_budget_it_is_and_until_when(world: World) -> None:
    seen: list[httpx2.Headers] = []

    def proxy(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers)
        return httpx2.Response(200, json={"full_name": "acme/rockets", "slug": "prow", "id": 1})

    tokens = world.tokens()
    expires = (await tokens.credential("acme")).expires
    assert expires is not None
    github = GitHub.open(clock=world.clock, component="test", tokens=tokens, http=httpx2.MockTransport(proxy))
    await github.get_repo("acme", "rockets")
    await github.area(Apps).get_app()
    await github.area(Apps).get_repo_installation("acme", "rockets")
    assert seen[0]["x-prow-ghcache-token-budget-identifier"] == "prow - acme"
    assert seen[0]["x-prow-token-expires-at"] == f"{expires:%Y-%m-%dT%H:%M:%SZ}"
    assert seen[1]["x-prow-ghcache-token-budget-identifier"] == str(world.app.id)
    assert seen[2]["x-prow-ghcache-token-budget-identifier"] == "prow"
    await github.aclose()


async def test_git_gets_the_same_token(world: World) -> None:
    tokens = world.tokens()
    assert await tokens.token("acme") == (await tokens.credential("acme")).token


async def test_tokens_are_censored_and_forgotten_when_they_are_over(world: World) -> None:
    tokens = world.tokens()
    seen = []
    for _ in range(4):
        seen.append((await tokens.token("acme")).encode())
        await world.clock.sleep(3600)
    known = set(world.secrets.values())
    assert seen[3] in known
    assert seen[2] in known
    assert not {seen[0], seen[1]} & known


async def test_where_it_is_not_installed_the_error_names_the_organisation_and_what_to_do(world: World) -> None:
    await world.repo("others")
    github = await world.github()
    for _ in range(3):
        with pytest.raises(NotInstalled) as caught:
            await github.get_repo("others", "rockets")
    assert str(caught.value) == (
        "the GitHub App prow is not installed in others: an owner of others can install it at "
        "https://github.com/apps/prow/installations/new"
    )
    assert world.asked(LIST) == 1
    world.install("others")
    with pytest.raises(NotInstalled):
        await github.get_repo("others", "rockets")
    await world.clock.sleep(61)
    assert (await github.get_repo("others", "rockets")).full_name == "others/rockets"


async def test_an_organisation_that_comes_up_for_the_first_time_is_looked_for_at_once(world: World) -> None:
    await world.repo("others")
    github = await world.github()
    await github.get_repo("acme", "rockets")
    world.install("others")
    assert (await github.get_repo("others", "rockets")).full_name == "others/rockets"
    assert world.asked(LIST) == 2


async def test_a_suspended_installation_is_said_and_works_again_when_that_ends(world: World) -> None:
    installation = world.installed["acme"]
    world.sim.world.suspend(installation, "mia")
    github = await world.github()
    with pytest.raises(
        NotInstalled, match=r"in acme is suspended since 2026-\d\d-\d\d .* an owner of acme can end that"
    ):
        await github.get_repo("acme", "rockets")
    world.sim.world.unsuspend(installation)
    await world.clock.sleep(61)
    assert (await github.get_repo("acme", "rockets")).full_name == "acme/rockets"


async def test_an_installation_suspended_after_it_was_listed_is_said_too(world: World) -> None:
    github = await world.github()
    await github.list_teams("widgets")
    world.sim.world.suspend(world.installed["acme"], "mia")
    for _ in range(2):
        with pytest.raises(NotInstalled, match="suspended"):
            await github.get_repo("acme", "rockets")
    assert world.asked(TOKENS) == 2


async def test_an_installation_that_was_removed_is_looked_for_again(world: World) -> None:
    github = await world.github()
    await github.list_teams("widgets")
    world.sim.world.uninstall(world.installed["acme"])
    with pytest.raises(NotInstalled, match="not installed in acme any more"):
        await github.get_repo("acme", "rockets")
    world.install("acme")
    assert (await github.get_repo("acme", "rockets")).full_name == "acme/rockets"


async def test_a_revoked_token_is_replaced_once_and_the_call_goes_through(world: World) -> None:
    tokens = world.tokens()
    github = await world.github(tokens)
    world.sim.world.revoke(await tokens.token("acme"))
    assert (await github.get_repo("acme", "rockets")).full_name == "acme/rockets"
    assert world.asked(TOKENS) == 2
    pr = await world.repos["acme"].open_pull_request("mia", title="Change", files={"a": "b\n"})
    world.sim.world.revoke(await tokens.token("acme"))
    await github.create_comment("acme", "rockets", pr.number, "once")
    assert [c.body for c in pr.comments] == ["once"]


async def test_a_call_that_names_no_organisation_cannot_be_made(world: World) -> None:
    github = await world.github()
    with pytest.raises(BadName, match="a GitHub App asks for an organisation, and this names none"):
        await github.graphql(dict, "{viewer {login}}", {})


async def test_the_app_itself_asks_with_its_own_signature(world: World) -> None:
    apps = (await world.github()).area(Apps)
    assert (await apps.get_app()).slug == "prow"
    assert {i.account.login for i in await apps.list_installations() if i.account} == {"acme", "widgets"}
    assert (await apps.get_repo_installation("acme", "rockets")) is not None
    assert world.asked(TOKENS) == 0


async def test_a_new_key_in_the_file_is_used_when_the_old_one_is_refused(world: World) -> None:
    github = await world.github()
    await github.get_repo("acme", "rockets")
    await world.clock.sleep(3600)
    world.app.public_keys.clear()
    world.key_path.write_text(world.sim.world.new_private_key(world.app))
    assert (await github.get_repo("acme", "rockets")).full_name == "acme/rockets"


async def test_a_file_that_is_no_key_any_more_leaves_the_last_good_one(world: World) -> None:
    tokens = world.tokens()
    await tokens.credential("acme")
    world.key_path.write_text("oops")
    await world.secrets.load(world.key_path).reread()
    await world.clock.sleep(3600)
    assert (await tokens.credential("acme")).token


async def test_the_wrong_app_and_the_wrong_key_are_told_apart(world: World, caplog: pytest.LogCaptureFixture) -> None:
    github = await world.github(world.tokens(app_id="4711"))
    with pytest.raises(Refused, match="no App with the id 4711: see --github-app-id"):
        await github.get_repo("acme", "rockets")
    world.app.public_keys.clear()
    github = await world.github()
    for _ in range(3):
        with pytest.raises(BadCredentials, match="does the key of --github-app-private-key-path belong to the App"):
            await github.get_repo("acme", "rockets")
    assert caplog.text.count("GitHub does not know the App's key") == 1


@pytest.mark.parametrize("text", ["no key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"])
async def test_what_is_no_key_is_refused_in_one_line(world: World, text: str) -> None:
    world.key_path.write_text(text)
    with pytest.raises(UsageError, match=r"^--github-app-private-key-path: this is no RSA private key in PEM form"):
        world.tokens()


async def test_a_key_of_another_kind_is_refused(world: World) -> None:
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    other = ed25519.Ed25519PrivateKey.generate()
    world.key_path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(UsageError, match="RSA"):
        world.tokens()


async def test_a_changed_token_file_is_read_at_once_when_the_old_token_is_refused(tmp_path: Path, world: World) -> None:
    file = tmp_path / "token"
    file.write_text("revoked")
    settings = GitHubSettings(endpoints=(world.sim.world.base,), token_path=str(file))
    async with AsyncExitStack() as stack:
        tokens = open_tokens(settings, secrets=world.secrets, clock=world.clock, component="test", stack=stack)
        github = await open_github(settings, tokens, clock=world.clock, component="test", dry_run=False, stack=stack)
        with pytest.raises(BadCredentials, match="401"):
            await github.get_repo("acme", "rockets")
        file.write_text(world.sim.world.token("mia"))
        assert (await github.get_repo("acme", "rockets")).full_name == "acme/rockets"


async def test_that_github_does_not_know_the_token_is_said_once_for_each(
    tmp_path: Path, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "token"
    file.write_text("revoked")
    secret = world.secrets.load(file)
    github = await world.github(TokenFile(secret))
    for text in ("revoked", "revoked", "another"):
        file.write_text(text)
        await secret.reread()
        with pytest.raises(BadCredentials):
            await github.get_repo("acme", "rockets")
        await world.clock.sleep(60)
    said = [record.getMessage() for record in caplog.records]
    assert [text.partition(".")[0] for text in said] == ["GitHub does not know our token (any more)"] * 2


async def test_a_token_that_github_does_not_know_is_tried_again_now_and_then(world: World) -> None:
    """Whatever waits for it, GitHub is not asked all the time: it locks out who does that."""
    github = await world.github(FixedToken("revoked"))
    refused = []
    for _ in range(50):
        with pytest.raises(BadCredentials) as caught:
            await github.get_repo("acme", "rockets")
        refused.append(str(caught.value))
        await world.clock.sleep(0.5)
    assert sum("GitHub answered 401" in text for text in refused) == 3


@pytest.mark.parametrize("text", ["two words", "tok\nen", "t\u00f6ken"])
async def test_a_file_with_no_token_any_more_leaves_the_last_one(tmp_path: Path, world: World, text: str) -> None:
    file = tmp_path / "token"
    file.write_text("ghp_good")
    secret = world.secrets.load(file)
    tokens = TokenFile(secret)
    file.write_text(text)
    await secret.reread()
    assert (secret.text, await tokens.token("acme")) == (text, "ghp_good")
    file.write_text("ghp_better")
    await secret.reread()
    assert (await tokens.credential("acme")).token == "ghp_better"


async def test_a_token_that_cannot_be_renewed_is_refused_after_one_call(world: World) -> None:
    github = await world.github(FixedToken("revoked"))
    with pytest.raises(BadCredentials, match="401"):
        await github.get_repo("acme", "rockets")
    assert sum(world.sim.world.calls.values()) <= 1
