"""The rules config.yaml must keep outside of jobs (`spec/config` §1), as (path, what is wrong). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from prow.config.branch_protection import Policy
from prow.config.config import Config
from prow.config.sections import Controller
from prow.config.syntax import selector_problem, url_problem
from prow.config.template_data import prowjob_data
from prow.config.tide import MERGE, REBASE, SQUASH, Tide, TideQuery
from prow.config.validate_job import Finding, rerun_auth_problem
from prow.lib import regex
from prow.lib.gotemplate import Template, TemplateError
from prow.lib.goyaml import Path
from prow.model.prowjob import ProwJob

_PROJECT_NUMBER = re.compile(r"[0-9]+", re.ASCII)


def config_problems(config: Config, now: datetime) -> Iterator[Finding]:
    """Asked of the config as it was written, before `finish`."""
    yield from _controller_problems(("plank",), config.plank, replace=False)
    yield from _plank_problems(config)
    yield from _jenkins_problems(config)
    yield from _tide_problems(config.tide)
    yield from _deck_problems(config)
    yield from _reporter_problems(config)
    if wrong := url_problem(config.github.link_url):
        yield ("github", "link_url"), f"{config.github.link_url!r} is no URL: {wrong}"
    yield from _protection_problems(("branch-protection",), config.branch_protection, top=True)
    for key, webhook in config.managed_webhooks.org_repo_config.items():
        if webhook.token_created_after is not None and webhook.token_created_after > now:
            yield (
                ("managed_webhooks", "org_repo_config", key, "token_created_after"),
                "token_created_after must not be in the future",
            )
    yield from _optional_problems(config)


def _controller_problems(path: Path, controller: Controller, *, replace: bool) -> Iterator[Finding]:
    if controller.max_concurrency < 0:
        yield (*path, "max_concurrency"), "max_concurrency must not be negative"
    if controller.max_goroutines < 0:
        yield (*path, "max_goroutines"), "max_goroutines must be positive"
    if controller.report_template and controller.report_templates:
        yield (*path, "report_template"), "report_template and report_templates exclude each other"
    yield from _template((*path, "job_url_template"), controller.job_url_template, replace=replace)
    yield from _template((*path, "report_template"), controller.report_template)
    for key, text in controller.report_templates.items():
        yield from _template((*path, "report_templates", key), text)


def _template(path: Path, text: str, *, html: bool = False, replace: bool = False) -> Iterator[Finding]:
    try:
        Template.parse(text, html=html, replace=replace)
    except TemplateError as error:
        yield path, f"not a Go template: {error}"


def _plank_problems(config: Config) -> Iterator[Finding]:
    plank = config.plank
    if plank.default_decoration_configs and plank.default_decoration_config_entries:
        yield (
            ("plank", "default_decoration_config_entries"),
            "default_decoration_configs and default_decoration_config_entries exclude each other",
        )
    for key, url in plank.job_url_prefix_config.items():
        if wrong := url_problem(url):
            yield ("plank", "job_url_prefix_config", key), f"{url!r} is no URL: {wrong}"


def _jenkins_problems(config: Config) -> Iterator[Finding]:
    operators = config.jenkins_operators
    for index, operator in enumerate(operators):
        path: Path = ("jenkins_operators", index)
        yield from _controller_problems(path, operator, replace=True)
        if len(operators) == 1 and operator.label_selector:
            yield (*path, "label_selector"), "a single jenkins operator must not have a label_selector"
        if len(operators) > 1 and not operator.label_selector:
            yield path, "each of several jenkins operators needs a label_selector"
        if wrong := selector_problem(operator.label_selector):
            yield (*path, "label_selector"), f"not a label selector: {wrong}"


def _tide_problems(tide: Tide) -> Iterator[Finding]:
    if tide.max_goroutines < 0:
        yield ("tide", "max_goroutines"), "max_goroutines must be positive"
    if tide.target_url and tide.target_urls:
        yield ("tide", "target_url"), "target_url and target_urls exclude each other"
    if tide.pr_status_base_url and tide.pr_status_base_urls:
        yield ("tide", "pr_status_base_url"), "pr_status_base_url and pr_status_base_urls exclude each other"
    if tide.pr_status_base_urls and "*" not in tide.pr_status_base_urls:
        yield ("tide", "pr_status_base_urls"), "pr_status_base_urls needs a value for `*`"
    for key, policy in tide.github_merge_blocks_policy.items():
        if policy not in {"ignore", "permit", "block"}:
            yield ("tide", "github_merge_blocks_policy", key), f"{policy!r} must be ignore, permit or block"
    for key, template in tide.merge_commit_template.items():
        yield from _template(("tide", "merge_commit_template", key, "title"), template.title)
        yield from _template(("tide", "merge_commit_template", key, "body"), template.body)
    for key, value in tide.merge_method.items():
        yield from _method_problems(("tide", "merge_method", key), value, branch="@" in key)
    for index, query in enumerate(tide.queries):
        for where, wrong in query_problems(query):
            yield ("tide", "queries", index, *where), f"tide query: {wrong}"


def _method_problems(path: Path, value: object, *, branch: bool) -> Iterator[Finding]:
    if isinstance(value, dict):
        for key, part in value.items():
            below = (*path, key)
            if len(path) > 3 and (wrong := regex.check(key)):
                yield below, f"the branch pattern {key!r} is not a regular expression (RE2): {wrong}"
            yield from _method_problems(below, part, branch=len(path) > 3)
    elif value not in {MERGE, REBASE, SQUASH} and (value or branch):
        yield path, f"the merge method {value!r} must be merge, rebase or squash"


def query_problems(query: TideQuery) -> Iterator[Finding]:
    """What is wrong with a tide query by itself (`spec/config` §1.4.2)."""
    for name in query.__struct_fields__:
        values = getattr(query, name)
        if isinstance(values, tuple):
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                yield (_camel(name),), f"{_camel(name)} has {', '.join(twice)} more than once"
    if not query.orgs and not query.repos:
        yield (), "it needs orgs or repos"
    for index, org in enumerate(query.orgs):
        if not org or "/" in org:
            yield ("orgs", index), f"{org!r} is no org"
    for name, repos in (("repos", query.repos), ("excludedRepos", query.excluded_repos)):
        for index, repo in enumerate(repos):
            org, slash, rest = repo.partition("/")
            if not (org and slash and rest) or "/" in rest:
                yield (name, index), f"{repo!r} is not of the form org/repo"
            elif (org in query.orgs) is (name == "repos"):
                text = (
                    f"{repo} is in already, with its org"
                    if name == "repos"
                    else f"{repo} has no effect: the org {org} is not in orgs"
                )
                yield (name, index), text
    both = sorted(set(query.labels) & set(query.missing_labels))
    if both:
        yield ("missingLabels",), f"{', '.join(both)} cannot be required and forbidden"
    if query.included_branches and query.excluded_branches:
        yield ("excludedBranches",), "includedBranches and excludedBranches exclude each other"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _deck_problems(config: Config) -> Iterator[Finding]:
    deck, spyglass = config.deck, config.deck.spyglass
    if spyglass.size_limit < 0:
        yield ("deck", "spyglass", "size_limit"), "size_limit must not be negative"
    for index, lens in enumerate(spyglass.lenses):
        for name in ("required_files", "optional_files"):
            yield from _regexes(("deck", "spyglass", "lenses", index, name), getattr(lens, name))
    for pattern in spyglass.viewers:
        if wrong := regex.check(pattern):
            yield ("deck", "spyglass", "viewers", pattern), f"not a regular expression (RE2): {wrong}"
    for name in ("gcs_browser_prefixes", "gcs_browser_prefixes_by_bucket"):
        if spyglass.gcs_browser_prefix and "*" in getattr(spyglass, name):
            yield ("deck", "spyglass", name, "*"), f"gcs_browser_prefix and {name}[*] exclude each other"
    yield from _template(("deck", "spyglass", "announcement"), spyglass.announcement, html=bool(spyglass.announcement))
    link = spyglass.pr_history_link_template
    yield from _template(("deck", "spyglass", "pr_history_link_template"), link, html=bool(link))
    for index, log in enumerate(deck.external_agent_logs):
        path: Path = ("deck", "external_agent_logs", index)
        yield from _template((*path, "url_template"), log.url_template)
        if wrong := selector_problem(log.selector):
            yield (*path, "selector"), f"not a label selector: {wrong}"
    if deck.rerun_auth_configs and deck.default_rerun_auth_configs:
        yield (
            ("deck", "default_rerun_auth_configs"),
            "rerun_auth_configs and default_rerun_auth_configs exclude each other",
        )
    for key, auth in deck.rerun_auth_configs.items():
        if wrong := rerun_auth_problem(auth):
            yield ("deck", "rerun_auth_configs", key), wrong
    for index, entry in enumerate(deck.default_rerun_auth_configs):
        if entry.rerun_auth_configs is not None and (wrong := rerun_auth_problem(entry.rerun_auth_configs)):
            yield ("deck", "default_rerun_auth_configs", index), wrong
    if deck.additional_allowed_buckets and deck.skip_storage_path_validation is not False:
        yield (
            ("deck", "additional_allowed_buckets"),
            "additional_allowed_buckets needs skip_storage_path_validation: false",
        )


def _regexes(path: Path, patterns: Sequence[str]) -> Iterator[Finding]:
    for index, pattern in enumerate(patterns):
        if wrong := regex.check(pattern):
            yield (*path, index), f"not a regular expression (RE2): {wrong}"


def _reporter_problems(config: Config) -> Iterator[Finding]:
    for index, kind in enumerate(config.github_reporter.job_types_to_report):
        if kind not in {"presubmit", "postsubmit"}:
            yield ("github_reporter", "job_types_to_report", index), f"{kind!r} must be presubmit or postsubmit"
    for key, slack in config.slack_reporter_configs.items():
        path: Path = ("slack_reporter_configs", key)
        if not slack.channel:
            yield path, "a slack reporter needs a channel"
        try:
            template = Template.parse(slack.report_template)
            if slack.report_template:
                template.render(prowjob_data(ProwJob()))
        except TemplateError as error:
            yield (*path, "report_template"), f"the template fails for a job without refs: {error}"


def _protection_problems(path: Path, policy: Policy, *, top: bool = False) -> Iterator[Finding]:
    if top and policy.include and policy.exclude:
        yield (*path, "include"), "include and exclude exclude each other here"


def _optional_problems(config: Config) -> Iterator[Finding]:
    if wrong := config.gerrit.allowed_presubmit_trigger_re and regex.check(config.gerrit.allowed_presubmit_trigger_re):
        yield ("gerrit", "allowed_presubmit_trigger_re"), f"not a regular expression (RE2): {wrong}"
    if config.gerrit.deck_url and (wrong := url_problem(config.gerrit.deck_url)):
        yield ("gerrit", "deck_url"), f"{config.gerrit.deck_url!r} is no URL: {wrong}"
    if config.pubsub_triggers and config.pubsub_subscriptions:
        yield ("pubsub_subscriptions",), "pubsub_subscriptions and pubsub_triggers exclude each other"
    seen = set()
    for index, client in enumerate(config.gangway.allowed_api_clients):
        path: Path = ("gangway", "allowed_api_clients", index)
        if client.gcp is None:
            yield path, "a client needs a cloud vendor (gcp)"
            continue
        if client.gcp.endpoint_api_consumer_type != "PROJECT":
            yield (*path, "gcp", "endpoint_api_consumer_type"), "the type must be PROJECT"
        if not _PROJECT_NUMBER.fullmatch(client.gcp.endpoint_api_consumer_number):
            yield (*path, "gcp", "endpoint_api_consumer_number"), "the number must have digits only"
        if not client.allowed_jobs_filters or not all(each.tenant_id for each in client.allowed_jobs_filters):
            yield path, "a client needs allowed_jobs_filters, each with a tenant_id"
        if client.gcp in seen:
            yield path, "the client is there twice"
        seen.add(client.gcp)
