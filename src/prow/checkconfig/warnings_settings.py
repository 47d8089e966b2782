"""Settings of config.yaml, and keys that nothing reads. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from prow.checkconfig.model import Known, Problem, in_config
from prow.config.config import Config
from prow.config.syntax import url_problem


def managed_webhooks(known: Known) -> Iterator[Problem]:
    webhooks = known.config.managed_webhooks.org_repo_config
    for name in webhooks:
        org, slash, _ = name.partition("/")
        if slash and org in webhooks:
            yield Problem(
                f"{name} has a webhook beside the one of {org}, so every event would come twice",
                in_config("managed_webhooks", "org_repo_config", name),
            )


def validate_urls(known: Known) -> Iterator[Problem]:
    link = known.config.status_error_link
    if wrong := url_problem(link):
        yield Problem(f"{link!r} is no URL: {wrong}", in_config("status_error_link"))


def unknown_fields(known: Known) -> Iterator[Problem]:
    """The loader has found them while it read the files."""
    return (Problem(found.message, in_config(), told=found) for found in known.unknown_keys)


def unknown_fields_all(known: Known) -> Iterator[Problem]:
    yield from unknown_fields(known)
    yield from (Problem(found.message, in_config(), told=found) for found in known.unknown_in_jobs)


def app_installation(known: Known) -> Iterator[Problem]:
    """What GitHub has said about it is in `installed`."""
    if known.installed is None:
        return
    seen: set[str] = set()
    for repo in sorted(known_repos(known.config)):
        org = repo.partition("/")[0]
        if org not in known.installed and org not in seen:
            seen.add(org)
            yield Problem(f"the config is about {org}, but the GitHub App is not installed there", in_config())


def known_repos(config: Config) -> set[str]:
    """Every repository that tide's queries or jobs name."""
    queried = {repo for query in config.tide.queries for repo in query.repos}
    return {*queried, *config.presubmits, *config.postsubmits}
