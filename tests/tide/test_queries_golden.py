"""Queries, contexts, methods and commit texts against what the original answered."""

from __future__ import annotations

from datetime import datetime

import msgspec

from prow.config import tide_search
from prow.config.context_policy import PolicyError
from prow.config.errors import ConfigError
from prow.config.tide import TideQuery
from prow.config.validate_config import query_problems
from prow.model.pull_facts import ContextState, HeadContext, Mergeable, PullFacts, check_run_state
from prow.tide import contexts, methods, queries
from prow.tide.model import ContextClass, PoolKey
from prow.tide.required import requirements_of
from prow.tide.settings import pool_rules
from tests.support.data import needs_data
from tests.tide.configs import cases, config_of

pytestmark = needs_data


def test_searches_are_worded_as_upstream_words_them() -> None:
    for case, given, out in cases("tide-queries"):
        assert out is not None
        query = msgspec.convert(given["query"], TideQuery)
        assert tide_search.search_strings_by_org(query) == out["org_queries"], case
        text = tide_search.search_string(query)
        if "query" in out:
            assert text == out["query"], case
        else:
            assert sorted(text.split()) == out["query_tokens_sorted"], case
        assert bool(list(query_problems(query))) == bool(out.get("validate_error")), case


def test_loaded_queries_are_merged_sorted_and_scoped_as_upstream_does() -> None:
    for case, given, out in cases("tide-queries-loaded"):
        assert out is not None
        config = config_of(given)
        loaded = config.tide.queries
        assert [tide_search.search_strings_by_org(query) for query in loaded] == [
            each["org_queries"] for each in out["queries"]
        ], case
        wanted = [msgspec.convert(each["query"], TideQuery) for each in out["queries"]]
        assert list(loaded) == wanted, case
        scope = queries.scope(loaded)
        assert {org: sorted(names) for org, names in scope.orgs.items()} == {
            org: names or [] for org, names in out["org_exceptions"].items()
        }, case
        assert sorted(scope.repos) == (out["repos"] or []), case


def test_searches_are_dated_in_utc() -> None:
    def moment(text: str | None) -> datetime | None:
        return datetime.fromisoformat(text) if text else None

    for case, given, out in cases("tide-dated-queries"):
        assert out is not None
        if "-05:00" in str(given):  # the original writes local time and calls it UTC
            continue
        if given.get("start", "2026").startswith("19") or given.get("end", "2026").startswith("19"):
            continue  # before 1970 it leaves the bound open; before 2007 its callers never ask
        assert queries.dated(given["query"], moment(given.get("start")), moment(given.get("end"))) == out["dated"], case


def test_check_runs_of_one_name_count_as_the_best_of_them() -> None:
    for case, given, out in cases("tide-check-runs"):
        runs = [
            HeadContext(name=run["name"], state=check_run_state(run["status"], run["conclusion"]), check_run=True)
            for run in given["runs"]
            if f"{run['status']}{run['conclusion']}".isupper()  # REST's lower case means the same to us
        ]
        if len(runs) < len(given["runs"]):
            continue
        found = sorted((c.name, c.state.value) for c in contexts.best_check_runs(runs))
        wanted = sorted((each["context"], each["state"]) for each in out or ())  # type: ignore[index]
        assert found == wanted, case


def test_merge_methods_come_from_the_same_level_of_the_config() -> None:
    for case, given, out in cases("tide-merge-methods"):
        try:
            config = config_of(given)
        except ConfigError:
            assert out is None, case
            continue
        assert out is not None, case
        key = PoolKey(given["org"], given["repo"], given["branch"])
        rules = pool_rules(config, key, allowed_methods=None)
        assert rules.method == out["configured"], case
        assert methods.method_of(rules, tuple(given.get("labels") or ())) == out["method"], case
        assert config.tide.merge_method_for(key.org, key.repo) == out["without_branch"], case


def test_commits_are_worded_by_the_templates() -> None:
    for case, given, out in cases("tide-merge-details"):
        assert out is not None
        if ".GitHub" in given["config"]:
            continue  # the recorded record had no GitHub part
        pr = given["pr"]
        pull = PullFacts(
            org=pr["Org"],
            repo=pr["Repo"],
            number=pr["Number"],
            title=pr["Title"],
            body=pr["Body"],
            author=pr["AuthorLogin"],
            base_ref=pr["BaseRefName"],
            head_ref=pr["HeadRefName"],
            head_sha=pr["HeadRefOID"],
            mergeable=Mergeable(pr["Mergeable"]),
            updated_at=datetime.fromisoformat(pr["UpdatedAtTime"]),
        )
        assert methods.commit_text(config_of(given).tide, pull) == (out["title"], out["message"]), case


def test_context_policies_are_those_of_upstream() -> None:
    for case, given, out in cases("context-policies"):
        config = config_of(given)
        key = PoolKey(given["org"], given["repo"], given["branch"])
        try:
            policy = contexts.policy_for(config, key, config.presubmits_for(key.org, key.repo))
        except PolicyError:
            assert out is None, case
            continue
        assert out is not None, case
        wanted = out["policy"]
        assert policy.required == set(wanted.get("required-contexts") or ()), case
        assert policy.if_present == set(wanted.get("required-if-present-contexts") or ()), case
        assert policy.optional == set(wanted.get("optional-contexts") or ()), case
        assert policy.skip_unknown == bool(wanted.get("skip-unknown-contexts")), case
        for name, optional in out["is_optional"].items():
            if name != "tide":  # upstream leaves it out before it asks
                assert (contexts.class_of(policy, name) is ContextClass.OPTIONAL) == optional, (case, name)
        there = [HeadContext(name=name, state=ContextState.SUCCESS) for name in given["contexts"]]
        missing = [context.name for context in contexts.unsuccessful(policy, there)]
        assert missing == (out["missing_required"] or []), case


def test_pull_requests_are_as_far_from_queries_as_upstream_finds() -> None:
    for case, given, out in cases("tide-query-weights"):
        assert out is not None
        config = config_of(given)
        pr = given["pr"]
        key = PoolKey(given["org"], given["repo"], given["branch"])
        pull = PullFacts(
            org=key.org,
            repo=key.repo,
            number=pr["number"],
            author=pr.get("author", ""),
            base_ref=key.branch,
            head_sha=pr["sha"],
            labels=tuple(pr.get("labels") or ()),
            milestone=pr.get("milestone", ""),
            review_decision=pr.get("review_decision", ""),
            merge_state=pr.get("merge_state_status", ""),
            contexts=tuple(
                HeadContext(name=c["context"], state=ContextState(c["state"])) for c in pr.get("contexts") or ()
            ),
        )
        needs = requirements_of(config, key, ())
        policy = needs.policy  # type: ignore[union-attr]
        rules = pool_rules(config, key, allowed_methods=None)
        gaps = queries.gaps_of(rules, pull, contexts.unsuccessful(policy, pull.contexts))
        assert [gap.weight for gap in gaps] == [each["weight"] for each in out["weights"]], case
        assert any(gap.met for gap in gaps) == out["fulfilled"], case
        assert all(str(difference) for gap in gaps for difference in gap.differences)
