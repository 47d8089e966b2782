"""How GitHub is asked, as flags say it: what goes together, what cannot be, and what it becomes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from prow.cli import checkconfig
from prow.cli.given import Given
from prow.cli.groups import GitHubFlags
from prow.cli.tide import TideFlags
from prow.github.rules import Options
from prow.lib.errors import UsageError
from prow.lib.flags import Seconds

APP = {"github_app_id": "7", "github_app_private_key_path": "/key.pem"}


def settings(**given: object) -> object:
    return Given([GitHubFlags(**given)]).github()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"github_endpoint": ("ghproxy",)}, '--github-endpoint "ghproxy": give an address such as https://api.github.com'),
        ({"github_endpoint": ("https://a", "ftp://b")}, '--github-endpoint "ftp://b"'),
        ({"github_graphql_endpoint": "graphql"}, '--github-graphql-endpoint "graphql"'),
        ({"github_host": "https://github.com/acme"}, '--github-host "https://github.com/acme"'),
        ({"github_endpoint": ("http://127.0.0.1:99999",)}, '--github-endpoint "http://127.0.0.1:99999": give an address'),
        ({"github_endpoint": ("http://[::1",)}, '--github-endpoint "http://[::1": give an address'),
        ({"github_endpoint": ("https://api.github.com?x=1",)}, '--github-endpoint "https://api.github.com?x=1": give an address'),
        ({"github_endpoint": ("https://me:ghp_1@api.github.com",)}, "--github-endpoint"),
        ({"github_graphql_endpoint": "http://graphql:0"}, '--github-graphql-endpoint "http://graphql:0"'),
        ({"github_host": ""}, '--github-host "": give a host name such as github.com'),
        ({"github_host": "github.com/acme"}, '--github-host "github.com/acme"'),
        ({"max_retries": 0}, "--github-client.max-retries: give 1 or more"),
        ({"request_timeout": Seconds(0)}, "--github-client.request-timeout: give a time above 0"),
        ({"initial_delay": Seconds(-1)}, "cannot be negative"),
        ({"max_404_retries": -1}, "cannot be negative"),
        ({"github_app_id": "7"}, "--github-app-id and --github-app-private-key-path go together"),
        ({"github_app_private_key_path": "/key.pem"}, "go together"),
        ({**APP, "github_token_path": "/token"}, "--github-token-path and --github-app-id: give one"),
        ({"github_hourly_tokens": 300}, "--github-hourly-tokens and --github-allowed-burst: give both above 0, or both 0"),
        ({"github_hourly_tokens": 300, "github_allowed_burst": 301}, "must not be larger"),
        ({"github_hourly_tokens": -1, "github_allowed_burst": -1}, "give both above 0"),
        ({"github_throttle_org": ("acme:100:10",)}, "only a GitHub App has a budget for each organisation"),
        ({**APP, "github_throttle_org": ("acme",)}, "--github-throttle-org=acme: give org:hourly:burst"),
        ({**APP, "github_throttle_org": ("acme:x:1",)}, "give org:hourly:burst"),
        ({**APP, "github_throttle_org": ("acme:0:1",)}, "both numbers are at least 1"),
        ({**APP, "github_throttle_org": ("acme:10:11",)}, "the burst is at most the hourly number"),
        ({**APP, "github_throttle_org": ("acme:10:1", "Acme:20:2")}, "Acme is given twice"),
        ({"github_cache_size_mb": 0}, "--github-cache-sizeMB: give 1 or more"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_one_clear_line(given: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings(**given)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_settings_are_what_the_flags_say() -> None:
    found = Given([
        GitHubFlags(
            **APP,
            github_endpoint=("http://ghproxy", ""),
            github_host="github.acme.example",
            github_throttle_org=("Acme:1000:100",),
            github_hourly_tokens=360,
            github_allowed_burst=300,
        )
    ]).github()  # fmt: skip
    assert found.endpoints == ("http://ghproxy", "https://api.github.com")
    assert found.git_base == "https://github.acme.example"
    assert (found.app_id, found.app_key_path) == ("7", "/key.pem")
    assert found.limits.orgs == {"acme": (1000, 100)}
    assert (found.limits.hourly_tokens, found.limits.allowed_burst) == (360, 300)


def test_how_stubborn_the_client_is_comes_from_flags() -> None:
    found = Given([
        GitHubFlags(
            request_timeout=Seconds(30), max_retries=3, max_404_retries=1, backoff_timeout=Seconds(60), initial_delay=Seconds(1)
        )
    ]).github()  # fmt: skip
    assert found.options == Options(
        request_timeout=30, max_retries=3, max_404_retries=1, backoff_timeout=60, initial_delay=1
    )
    assert Given([GitHubFlags()]).github().options == Options()


def test_hourly_tokens_of_0_alone_switch_the_throttle_off() -> None:
    found = Given([GitHubFlags(github_hourly_tokens=0, github_allowed_burst=300)]).github()
    assert (found.limits.hourly_tokens, found.limits.allowed_burst) == (0, 0)


def test_tide_has_two_limits_that_are_one_and_checkconfig_has_its_own() -> None:
    plain = Given([GitHubFlags()]).github()
    both = TideFlags(sync_hourly_tokens=800, status_hourly_tokens=400).limited(plain).limits
    assert (both.hourly_tokens, both.allowed_burst) == (1200, 600)
    assert TideFlags().limited(plain).limits.hourly_tokens == 0
    assert checkconfig.GitHubFlags().limits().hourly_tokens == 3000


def test_a_github_that_is_tried_out_may_be_without_tls() -> None:
    found = Given([GitHubFlags(github_host="http://127.0.0.1:8081")]).github()
    assert found.git_base == "http://127.0.0.1:8081"


def test_only_an_app_pays_for_cryptography() -> None:
    code = "import sys, prow.cli.github_client; print(sorted({'jwt', 'cryptography'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_cache_is_in_memory_unless_a_folder_is_named() -> None:
    assert Given([GitHubFlags()]).github().cache_dir == ""
    assert Given([GitHubFlags()]).github(cache=Path("/state/github")).cache_dir == "/state/github"
    named = Given([GitHubFlags(github_cache_dir="/cache", github_cache_size_mb=10)]).github(cache=Path("/state/github"))
    assert (named.cache_dir, named.cache_bytes) == ("/cache", 10 << 20)
