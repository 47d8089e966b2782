"""What config.yaml says about one pool (`spec/tide` §0). Pure."""

from __future__ import annotations

from prow.config.config import Config
from prow.config.sections import most_specific
from prow.config.tide import MERGE, REBASE, SQUASH
from prow.tide.model import PoolKey, PoolRules


def pool_rules(
    config: Config,
    key: PoolKey,
    *,
    allowed_methods: frozenset[str] | None,
    batches: bool = False,
    wait_for_reviews: bool = False,
) -> PoolRules:
    """`allowed_methods`: of `merge`, `squash`, `rebase` those that the repository allows; None while that is not known."""
    tide = config.tide
    org, repo, branch = key
    prefer_existing = most_specific(tide.prioritize_existing_batches, org, repo)
    labels = {SQUASH: tide.squash_label, REBASE: tide.rebase_label, MERGE: tide.merge_label}
    return PoolRules(
        key=key,
        queries=tuple(query for query in tide.queries if query.applies_to(org, repo)),
        method=tide.merge_method_for(org, repo, branch),
        method_labels={label: method for method, label in labels.items() if label},
        allowed_methods=allowed_methods,
        github_blocks=tide.merge_blocks_policy_for(org, repo),
        priority=tide.priority,
        batches=batches,
        batch_limit=tide.batch_limit_for(org, repo),
        prefer_existing_batches=True if prefer_existing is None else prefer_existing,
        wait_for_reviews=wait_for_reviews,
        show_all_queries=tide.display_all_tide_queries_in_status,
        target_url=tide.target_url_for(org, repo),
        status_base_url=most_specific(tide.pr_status_base_urls, org, repo) or "",
    )
