"""Defaults of config.yaml that depend on other fields, and old keys turned into new ones (`spec/config` §0.2, §1). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from prow.config.config import Config
from prow.config.defaults import DEFAULT_TENANT, matching
from prow.config.sections import (
    Controller,
    Deck,
    LensFile,
    LensSpec,
    ProwJobDefaultEntry,
    PubSubTrigger,
    RerunAuthEntry,
    SlackReporter,
    Spyglass,
)
from prow.config.tide import Tide, TideQuery

C = TypeVar("C", bound=Controller)
S = TypeVar("S", bound=msgspec.Struct)

SLACK_TEMPLATE = (
    "Job {{.Spec.Job}} of type {{.Spec.Type}} ended with state {{.Status.State}}. <{{.Status.URL}}|View logs>"
)
_RENAMED_LENSES = {"build-log-viewer": "buildlog", "metadata-viewer": "metadata", "junit-viewer": "junit"}


def finish(config: Config) -> Config:
    """The config with every default in it. Expects what `validate_config.conflicts` finds nothing wrong with."""
    config = unset_to_default(config, "prowjob_namespace", "pod_namespace", "log_level", "status_error_link")
    in_repo = config.in_repo_config
    if "*" not in in_repo.allowed_clusters:
        in_repo = replace(in_repo, allowed_clusters={**in_repo.allowed_clusters, "*": ("default",)})
    return replace(
        config,
        plank=_controller(config.plank),
        jenkins_operators=tuple(_controller(operator) for operator in config.jenkins_operators),
        tide=_tide(config.tide, config.prowjob_default_entries),
        sinker=replace(config.sinker, terminated_pod_ttl=config.sinker.terminated_pod_ttl or config.sinker.max_pod_age),
        deck=_deck(config.deck),
        github=unset_to_default(config.github, "link_url"),
        github_reporter=unset_to_default(config.github_reporter, "job_types_to_report"),
        gerrit=unset_to_default(config.gerrit, "ratelimit"),
        slack_reporter_configs={key: _slack(each) for key, each in config.slack_reporter_configs.items()},
        pubsub_triggers=tuple(unset_to_default(each, "max_outstanding_messages") for each in _pubsub(config)),
        in_repo_config=in_repo,
    )


def _pubsub(config: Config) -> Iterable[PubSubTrigger]:
    """The old form as the new one."""
    yield from config.pubsub_triggers
    for project, subscriptions in sorted(config.pubsub_subscriptions.items()):
        yield PubSubTrigger(project=project, topics=subscriptions, allowed_clusters=("*",))


def unset_to_default(struct: S, *names: str) -> S:
    """Go cannot tell an explicit zero from nothing in these fields: both mean the default."""
    defaults = type(struct)()
    changes = {name: getattr(defaults, name) for name in names if not getattr(struct, name)}
    return replace(struct, **changes) if changes else struct


def _controller(controller: C) -> C:
    controller = unset_to_default(controller, "max_goroutines")
    if controller.report_template:
        return replace(controller, report_templates={"*": controller.report_template})
    return controller


def _slack(reporter: SlackReporter) -> SlackReporter:
    return reporter if reporter.report_template else replace(reporter, report_template=SLACK_TEMPLATE)


def _tide(tide: Tide, defaults: Iterable[ProwJobDefaultEntry]) -> Tide:
    tide = unset_to_default(tide, "max_goroutines")
    return replace(
        tide,
        status_update_period=tide.status_update_period or tide.sync_period,
        target_urls={"*": tide.target_url} if tide.target_url else tide.target_urls,
        pr_status_base_urls={"*": tide.pr_status_base_url} if tide.pr_status_base_url else tide.pr_status_base_urls,
        queries=combined(tide.queries, tuple(defaults)),
    )


def combined(queries: Iterable[TideQuery], defaults: Sequence[ProwJobDefaultEntry] = ()) -> tuple[TideQuery, ...]:
    """Queries that differ only in orgs and repos become one, unless those belong to other tenants; sorted by their JSON text, as
    upstream does (`spec/tide` §0.1)."""
    groups: dict[tuple[bytes, frozenset[str]], TideQuery] = {}
    for query in queries:
        lists = {
            name: tuple(sorted(getattr(query, name)))
            for name in ("labels", "missing_labels", "included_branches", "excluded_branches")
        }
        same = replace(query, **lists, orgs=(), repos=(), excluded_repos=())
        key = (msgspec.json.encode(same), _tenants(query, defaults))
        before = groups.get(key, same)
        groups[key] = replace(
            before,
            orgs=(*before.orgs, *query.orgs),
            repos=(*before.repos, *query.repos),
            excluded_repos=(*before.excluded_repos, *query.excluded_repos),
        )
    return tuple(sorted(groups.values(), key=msgspec.json.encode))


def _tenants(query: TideQuery, defaults: Sequence[ProwJobDefaultEntry]) -> frozenset[str]:
    """Whose the orgs and repositories of a query are; the last entry that says something about one counts."""
    found = set()
    for name in (*query.orgs, *query.repos):
        given = [
            entry.config.tenant_id
            for entry in matching(defaults, name, "*")
            if entry.config is not None and entry.config.tenant_id
        ]
        found.add(given[-1] if given else DEFAULT_TENANT)
    return frozenset(found)


def _deck(deck: Deck) -> Deck:
    entries = deck.default_rerun_auth_configs
    if not entries and deck.rerun_auth_configs:
        ordered = sorted(deck.rerun_auth_configs, key=lambda key: (key != "", key != "*", "/" in key, key))
        entries = tuple(RerunAuthEntry(repo=key, rerun_auth_configs=deck.rerun_auth_configs[key]) for key in ordered)
    return replace(deck, default_rerun_auth_configs=entries, spyglass=_spyglass(deck.spyglass))


def _spyglass(spyglass: Spyglass) -> Spyglass:
    spyglass = unset_to_default(spyglass, "size_limit")
    prefix = spyglass.gcs_browser_prefix
    viewers = [
        LensFile(required_files=(pattern,), lens=LensSpec(name=name))
        for pattern in spyglass.viewers
        for name in spyglass.viewers[pattern]
    ]
    renamed = {
        pattern: tuple(_RENAMED_LENSES.get(name, name) for name in names) for pattern, names in spyglass.viewers.items()
    }
    return replace(
        spyglass,
        lenses=(*spyglass.lenses, *sorted(viewers, key=lambda lens: lens.lens.name)),
        viewers=renamed,
        gcs_browser_prefixes={"*": prefix, **spyglass.gcs_browser_prefixes},
        gcs_browser_prefixes_by_bucket={"*": prefix, **spyglass.gcs_browser_prefixes_by_bucket},
    )
