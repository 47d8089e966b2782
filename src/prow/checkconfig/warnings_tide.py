"""What tide asks of pull requests, and whether the plugins that set its labels are on there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from prow.checkconfig.model import At, Known, Problem, in_config, in_job, in_plugins, in_query
from prow.checkconfig.repo_sets import Item, RepoSet, merged_by, with_external_plugin, with_plugin
from prow.config.config import Config
from prow.config.context_policy import PolicyError, wanted_contexts
from prow.config.plugins import PluginsConfig
from prow.config.tide import TideQuery

_NO_BRANCH = "master"


class _Pair(NamedTuple):
    """A plugin and the label it gives. `required`: tide merges with it; else: without it."""

    plugin: str
    label: str
    required: bool = False


_APPROVALS = (_Pair("lgtm", "lgtm", required=True), _Pair("approve", "approved", required=True))
_BLOCKS = (
    _Pair("hold", "do-not-merge/hold"),
    _Pair("wip", "do-not-merge/work-in-progress"),
    _Pair("bugzilla", "bugzilla/invalid-bug"),
    _Pair("verify-owners", "do-not-merge/invalid-owners-file"),
    _Pair("release-note", "do-not-merge/release-note-label-needed"),
    _Pair("cherry-pick-unapproved", "do-not-merge/cherry-pick-not-approved"),
    _Pair("blockade", "do-not-merge/blocked-paths"),
)
_REBASE = _Pair("needs-rebase", "needs-rebase")


def mismatched_tide(known: Known) -> Iterator[Problem]:
    """All labels that plugins give. `needs-rebase` in one direction: tide merges no conflict whatever its queries say."""
    if known.plugins is None:
        return
    for pair in (*_APPROVALS, *_BLOCKS):
        yield from _mismatch(known.config, known.plugins, pair)
    on = with_external_plugin(known.plugins, _REBASE.plugin)
    yield from _not_on(known.config.tide.queries, _REBASE, on)


def mismatched_approvals(known: Known) -> Iterator[Problem]:
    """`lgtm` and `approved` alone."""
    if known.plugins is None:
        return
    for pair in _APPROVALS:
        yield from _mismatch(known.config, known.plugins, pair)


def _mismatch(config: Config, plugins: PluginsConfig, pair: _Pair) -> Iterator[Problem]:
    queries = config.tide.queries
    on = with_plugin(plugins, pair.plugin)
    yield from _not_on(queries, pair, on)
    asked = merged_by(query for query in queries if _asks(query, pair))
    verb = "require" if pair.required else "forbid"
    for item in (on & merged_by(queries)) - asked:
        yield Problem(
            f"{item} has the plugin {pair.plugin}, but the tide queries there do not {verb} the label {pair.label}",
            in_plugins("plugins", _key(plugins, pair.plugin, item)),
        )


def _not_on(queries: Sequence[TideQuery], pair: _Pair, on: RepoSet) -> Iterator[Problem]:
    asking = [query for query in queries if _asks(query, pair)]
    field, verb = ("labels", "requires") if pair.required else ("missingLabels", "forbids")
    for item in merged_by(asking) - on:
        kind = "external plugin" if pair is _REBASE else "plugin"
        yield Problem(
            f"tide {verb} the label {pair.label} in {item}, but the {kind} {pair.plugin} is not on there",
            _of_query(asking, item.key, field, pair.label),
        )


def _asks(query: TideQuery, pair: _Pair) -> bool:
    return pair.label in (query.labels if pair.required else query.missing_labels)


def _of_query(queries: Sequence[TideQuery], key: str, field: str, label: str) -> At:
    """The label in the first of the queries that names the org or repository."""
    org = key.partition("/")[0]
    for query in queries:
        if key in (*query.orgs, *query.repos) or ("/" in key and org in query.orgs):
            about = key if key in (*query.orgs, *query.repos) else org
            return in_query(query, field, label, about=about)
    return in_config("tide", "queries")


def _key(plugins: PluginsConfig, plugin: str, item: Item) -> str:
    """Under which key the plugin is on: the repository, or its org."""
    entry = plugins.plugins.get(item.key)
    return item.key if entry is not None and plugin in entry.plugins else item.key.partition("/")[0]


def needs_ok_to_test(known: Known) -> Iterator[Problem]:
    """Somebody's lgtm is worth more than the label that waits for it."""
    for query in known.config.tide.queries:
        if "lgtm" in query.labels and "needs-ok-to-test" in query.missing_labels:
            yield Problem(
                "the query requires lgtm and forbids needs-ok-to-test: a change that was reviewed need not wait for tests "
                "to be allowed, so leave needs-ok-to-test out",
                in_query(query, "missingLabels", "needs-ok-to-test"),
            )


def tide_context_policy(known: Known) -> Iterator[Problem]:
    """Every branch that the config names is tried; `master` where it names none. Contexts of in-repo jobs are not known here."""
    config = known.config
    for name, branches in sorted(_branches(config).items()):
        org, slash, repo = name.partition("/")
        if not slash or "/" in repo:
            continue  # a Gerrit address
        jobs = config.presubmits_for(org, repo)
        for branch in sorted(branches) or [_NO_BRANCH]:
            try:
                wanted_contexts(config, org, repo, branch, jobs)
            except PolicyError as error:
                yield Problem(f"{name}, branch {branch}: {error}", _of_policy(config, org, repo, branch))


def _branches(config: Config) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, jobs in config.presubmits.items():
        found.setdefault(name, set()).update(branch for job in jobs for branch in job.branches)
    for org, of_org in config.branch_protection.orgs.items():
        for repo, protection in of_org.repos.items():
            found.setdefault(f"{org}/{repo}", set()).update(protection.branches)
    for org, options in config.tide.context_options.orgs.items():
        for repo, of_repo in options.repos.items():
            found.setdefault(f"{org}/{repo}", set()).update(of_repo.branches)
    return found


def _of_policy(config: Config, org: str, repo: str, branch: str) -> At:
    """The narrowest options that hold for the branch, or its first job."""
    path: tuple[str, ...] = ("tide", "context_options")
    options = config.tide.context_options.orgs.get(org)
    if options is None:
        jobs = config.presubmits_for(org, repo)
        return in_job(jobs[0], "context") if jobs else in_config(*path)
    path = (*path, "orgs", org)
    of_repo = options.repos.get(repo)
    if of_repo is not None:
        path = (*path, "repos", repo, *(("branches", branch) if branch in of_repo.branches else ()))
    return in_config(*path)
