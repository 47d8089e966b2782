"""Settings of config.yaml, and keys that nothing reads. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from prow.checkconfig.model import At, Known, Problem, in_config, in_job, in_query
from prow.config.config import Config
from prow.config.syntax import url_problem

APP_INSTALLATION = "validate-github-app-installation"


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
    if why := known.unanswered.get(APP_INSTALLATION):
        yield Problem(f"GitHub cannot be asked where the App is installed: {why}", in_config())
    if known.installed is None:
        return
    seen: set[str] = set()
    for repo in sorted(known_repos(known.config)):
        org = repo.partition("/")[0]
        if org.lower() not in known.installed and org not in seen:
            seen.add(org)
            yield Problem(
                f"the config is about {org}, but the GitHub App is not installed there, or suspended",
                _first(known.config, repo),
            )


def _first(config: Config, repo: str) -> At:
    """A job of the repository, or the query that names it."""
    jobs = (*config.presubmits.get(repo, ()), *config.postsubmits.get(repo, ()))
    if jobs:
        return in_job(jobs[0])
    return next(in_query(query, about=repo) for query in config.tide.queries if repo in query.repos)


def known_repos(config: Config) -> set[str]:
    """Every repository that tide's queries or jobs name."""
    queried = {repo for query in config.tide.queries for repo in query.repos}
    return {*queried, *config.presubmits, *config.postsubmits}
