"""clonerefs on real repositories: what lands in the folder, and what the records say."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from prow.lib.clock import SystemClock
from prow.lib.errors import UsageError
from prow.lib.virtual_clock import VirtualClock
from prow.model.refs import Pull, Refs
from prow.podutils import clonerefs
from prow.podutils.clone_rules import BadRefs, CloneRecord, check_refs, decode_records, format_records
from prow.podutils.options import CloneOptions
from prow.podutils.plan import clone_path
from prow.sim.verbs import RepoStory
from tests.support.github import served

_ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "ann",
    "GIT_AUTHOR_EMAIL": "ann@example.com",
    "GIT_COMMITTER_NAME": "ann",
    "GIT_COMMITTER_EMAIL": "ann@example.com",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
}


class Repository:
    """A repository that people push to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.base = self.commit("README.md", "hello\n")

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.path, env=_ENV, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, name: str, text: str) -> str:
        (self.path / name).write_text(text)
        self.git("add", name)
        self.git("commit", "-q", "-m", f"change {name}")
        return self.git("rev-parse", "HEAD")

    def pull(self, number: int, name: str, text: str) -> Pull:
        self.git("checkout", "-q", "-b", f"pr{number}", self.base)
        sha = self.commit(name, text)
        self.git("update-ref", f"refs/pull/{number}/head", sha)
        self.git("checkout", "-q", "main")
        return Pull(number=number, author="ann", sha=sha)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repository = Repository(tmp_path_factory.mktemp("origin") / "repo")
    repository.git("config", "uploadpack.allowAnySHA1InWant", "true")
    repository.git("config", "uploadpack.allowFilter", "true")
    return repository


def refs_of(repository: Repository, *pulls: Pull, **more: object) -> Refs:
    refs = Refs(
        org="o", repo="r", base_ref="main", base_sha=repository.base, clone_uri=f"file://{repository.path}", pulls=pulls
    )
    return msgspec.structs.replace(refs, **more)


def options_of(tmp_path: Path, *refs: Refs, **more: object) -> CloneOptions:
    options = CloneOptions(
        src_root=str(tmp_path / "go"),
        log=str(tmp_path / "logs/clone.json"),
        git_user_name="ci-robot",
        git_user_email="ci-robot@k8s.io",
        refs=refs,
    )
    return msgspec.structs.replace(options, **more)


async def clone(options: CloneOptions) -> tuple[CloneRecord, ...]:
    return await clonerefs.run(options, clock=SystemClock(), allow_local=True)


async def test_pulls_are_merged_onto_the_base(tmp_path: Path, repository: Repository) -> None:
    pulls = repository.pull(1, "one.txt", "1\n"), repository.pull(2, "two.txt", "2\n")
    options = options_of(tmp_path, refs_of(repository, *pulls))
    setup, record = await clone(options)
    folder = Path(clone_path(options.src_root, options.refs[0]))
    assert folder == tmp_path / "go/src/github.com/o/r"
    assert {name.name for name in folder.iterdir()} == {".git", "README.md", "one.txt", "two.txt"}
    assert (setup.refs, setup.failed, record.failed) == (Refs(), False, False)
    assert record.final_sha == repository.git("-C", str(folder), "rev-parse", "HEAD")
    assert decode_records(Path(options.log).read_bytes()) == (setup, record)
    assert Path(options.log).stat().st_mode & 0o777 == 0o755


async def test_equal_inputs_give_equal_merge_commits(tmp_path: Path, repository: Repository) -> None:
    pull = repository.pull(3, "three.txt", "3\n")
    shas = set()
    for attempt in ("a", "b"):
        (_, record) = await clone(options_of(tmp_path / attempt, refs_of(repository, pull)))
        shas.add(record.final_sha)
    assert len(shas) == 1
    assert shas != {""}


async def test_the_commands_are_those_that_readers_know(tmp_path: Path, repository: Repository) -> None:
    pull = repository.pull(4, "four.txt", "4\n")
    refs = refs_of(repository, pull, path_alias="example.org/alias")
    (_, record) = await clone(options_of(tmp_path, refs))
    folder = f"{tmp_path}/go/src/example.org/alias"
    uri = f"file://{repository.path}"
    base = repository.base
    dates = "GIT_AUTHOR_DATE=1700000001 GIT_COMMITTER_DATE=1700000001"
    assert [command.command for command in record.commands] == [
        f"PWD=/  mkdir -p {folder}",
        *(
            f"PWD={folder}  git {arguments}"
            for arguments in (
                "init",
                "config user.name ci-robot",
                "config user.email ci-robot@k8s.io",
                f"fetch {uri} --tags --prune",
                f"fetch {uri} {base}",
                f"checkout {base}",
                f"branch --force main {base}",
                "checkout main",
                f"fetch {uri} {pull.sha}",
            )
        ),
        f"PWD={folder} {dates} git merge --no-ff {pull.sha}",
        f"PWD={folder}  git submodule update --init --recursive",
    ]


async def test_a_conflict_is_a_failed_record_that_says_which_command(tmp_path: Path, repository: Repository) -> None:
    pulls = repository.pull(5, "README.md", "five\n"), repository.pull(6, "README.md", "six\n")
    (_, record) = await clone(options_of(tmp_path, refs_of(repository, *pulls)))
    assert (record.failed, record.final_sha, record.duration) == (True, "", 0)
    assert record.commands[-1].error == "exit status 1"
    assert "CONFLICT" in record.commands[-1].output
    text = format_records([record])
    assert text.startswith(
        f"# FAILED\n# Cloning o/r at main({repository.base})\n# Checking out pulls:\n#\t5({pulls[0].sha})\n"
    )
    assert "# Error: exit status 1\n# Final SHA: \n# Total runtime: 0s\n" in text


async def test_every_ref_is_cloned_and_one_failure_leaves_the_others(tmp_path: Path, repository: Repository) -> None:
    good = refs_of(repository, org="e", repo="f")
    bad = refs_of(repository, base_sha="0" * 39 + "1")
    records = await clonerefs.run(options_of(tmp_path, bad, good), clock=VirtualClock(), allow_local=True)
    assert {(record.refs.repo, record.failed) for record in records} == {("", False), ("f", False), ("r", True)}


async def test_a_fetch_is_tried_ten_times(tmp_path: Path) -> None:
    clock = VirtualClock()
    refs = Refs(org="o", repo="r", base_ref="main", clone_uri=f"file://{tmp_path}/nothing")
    (_, record) = await clonerefs.run(options_of(tmp_path, refs), clock=clock, allow_local=True)
    assert record.failed
    assert clock.monotonic() == pytest.approx(63.5)
    assert len(record.commands) == 5


async def test_depth_filter_and_sparse_checkout_narrow_the_clone(tmp_path: Path, repository: Repository) -> None:
    refs = refs_of(repository, clone_depth=1, sparse_checkout_files=("README.md",), skip_submodules=True)
    (_, record) = await clone(options_of(tmp_path, refs))
    assert not record.failed
    texts = [command.command.partition("git ")[2] for command in record.commands]
    assert "sparse-checkout init" in texts
    assert f"fetch --depth 1 --filter=blob:none --no-tags file://{repository.path} {repository.base}" in texts
    assert "sparse-checkout set README.md" in texts
    assert not any("--tags --prune" in text or "submodule" in text for text in texts)


async def test_hooks_and_configuration_of_the_user_are_not_used(tmp_path: Path, repository: Repository) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\nname = evil\n[core]\nhooksPath = /evil\n[alias]\ninit = !false\n")
    pull = repository.pull(7, "seven.txt", "7\n")
    options = options_of(tmp_path, refs_of(repository, pull))
    records = await clonerefs.run(
        options, clock=SystemClock(), allow_local=True, environ={**os.environ, "HOME": str(home), "GIT_DIR": "/evil"}
    )
    assert not any(record.failed for record in records)


async def test_a_submodule_on_this_machine_is_not_fetched(tmp_path: Path, repository: Repository) -> None:
    secret = Repository(tmp_path / "secret")
    evil = Repository(tmp_path / "evil")
    (evil.path / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = x\n\turl = {secret.path}\n')
    evil.git("add", ".gitmodules")
    evil.git("update-index", "--add", "--cacheinfo", f"160000,{secret.base},x")
    evil.git("commit", "-q", "-m", "submodule")
    refs = Refs(org="o", repo="evil", base_ref="main", clone_uri=f"file://{evil.path}")
    (_, record) = await clone(options_of(tmp_path, refs))
    assert record.failed
    assert "transport 'file' not allowed" in record.commands[-1].output
    assert not list((tmp_path / "go/src/github.com/o/evil/x").iterdir())


@pytest.mark.parametrize(
    "change",
    [
        {"base_ref": "--upload-pack=touch /evil"},
        {"base_ref": "+refs/heads/*:refs/heads/*"},
        {"base_ref": "a..b"},
        {"base_ref": "", "base_sha": ""},
        {"base_sha": "-x"},
        {"path_alias": "../../etc"},
        {"path_alias": "../src"},
        {"repo_link": "https://../../../etc", "clone_uri": ""},
        {"clone_uri": "ext::sh -c touch% /evil"},
        {"clone_uri": "::sh"},
        {"clone_uri": "--upload-pack=x"},
        {"clone_uri": "file:///etc"},
        {"clone_uri": "/etc"},
        {"clone_uri": "../x"},
        {"clone_uri": "ftp://example.org/x"},
        {"pulls": (Pull(number=1, sha="-x"),)},
        {"pulls": (Pull(number=1, ref="a:b"),)},
        {"sparse_checkout_files": ("--stdin",)},
    ],
)
def test_refs_that_could_misuse_git_are_refused(change: dict[str, object]) -> None:
    refs = Refs(org="o", repo="r", base_ref="main", base_sha="abc", clone_uri="https://example.org/o/r.git")
    check_refs(refs, "/src", allow_local=False)
    with pytest.raises(BadRefs):
        check_refs(msgspec.structs.replace(refs, **change), "/src", allow_local=False)


@pytest.mark.parametrize(
    "uri",
    ["git@github.com:o/r.git", "ssh://git@host/o/r", "https://github.com/o/r.git", "https://[::1]:8443/o/r.git", ""],
)
def test_usual_addresses_are_taken(uri: str) -> None:
    check_refs(Refs(org="o", repo="r", base_ref="release-1.0", clone_uri=uri), "/src", allow_local=False)


async def test_the_same_repository_twice_is_refused(tmp_path: Path, repository: Repository) -> None:
    refs = refs_of(repository)
    with pytest.raises(UsageError, match="cloned twice"):
        await clone(options_of(tmp_path, refs, refs))


async def test_a_token_is_sent_but_never_shown(tmp_path: Path) -> None:
    seen: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 404 gho_secret\r\nContent-Length: 10\r\nConnection: close\r\n\r\ngho_secret")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    token = tmp_path / "token"
    token.write_text("gho_secret\n")
    refs = Refs(org="o", repo="r", base_ref="main", clone_uri=f"http://127.0.0.1:{port}/o/r.git", skip_fetch_head=True)
    async with server:
        (_, record) = await clonerefs.run(
            options_of(tmp_path, refs, oauth_token_file=str(token)), clock=VirtualClock(), environ=_ENV
        )
    basic = base64.b64encode(b"gho_secret:x-oauth-basic")
    assert b"Authorization: Basic " + basic in seen[0]
    assert record.failed
    log = (tmp_path / "logs/clone.json").read_bytes()
    assert b"gho_secret" not in log
    assert basic not in log


async def test_a_missing_token_file_is_one_failed_record(tmp_path: Path, repository: Repository) -> None:
    records = await clone(options_of(tmp_path, refs_of(repository), oauth_token_file=str(tmp_path / "no")))
    assert [(record.refs, record.failed) for record in records] == [(Refs(), True)]


async def test_cookies_are_set_without_touching_the_users_configuration(tmp_path: Path, repository: Repository) -> None:
    cookie = tmp_path / "cookies"
    cookie.write_text("")
    (setup, record) = await clone(options_of(tmp_path, refs_of(repository), cookie_path=str(cookie)))
    assert setup.commands[0].command.endswith(f"git config --global http.cookiefile {cookie}")
    assert not setup.failed
    assert not record.failed


async def test_a_private_repository_is_cloned_as_a_github_app(tmp_path: Path) -> None:
    async with served(tmp_path) as sim:
        repo = await RepoStory.create(sim, "acme/rockets", files={"README.md": "hello\n"})
        repo.repo.private = True
        app = sim.world.app("prow", permissions={"contents": "read", "metadata": "read"})
        key = tmp_path / "app.pem"
        key.write_text(sim.world.new_private_key(app))
        refs = Refs(org="acme", repo="rockets", base_ref="main", clone_uri=f"{sim.world.base}/acme/rockets.git")
        as_app = {
            "github_app_id": str(app.id),
            "github_app_private_key_file": str(key),
            "github_api_endpoints": (sim.world.base,),
        }
        options = options_of(tmp_path, refs, **as_app)
        (_, refused) = await clonerefs.run(options, clock=SystemClock(), environ=_ENV)
        assert refused.failed
        assert "the GitHub App prow is not installed in acme" in refused.commands[0].error
        sim.world.install(app, "acme")
        (_, record) = await clonerefs.run(options, clock=SystemClock(), environ=_ENV)
        assert not record.failed
        assert (Path(clone_path(options.src_root, refs)) / "README.md").read_text() == "hello\n"
        log = (tmp_path / "logs/clone.json").read_text()
        assert not [token for token in sim.world.tokens if token in log]
        key.write_text("no key")
        (only,) = await clonerefs.run(options, clock=SystemClock(), environ=_ENV)
        assert "the GitHub App's key cannot be used" in only.commands[-1].error
