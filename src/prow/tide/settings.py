"""What config.yaml says about one pool (`spec/tide` §0). Pure."""

from __future__ import annotations

from prow.config.config import Config
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
    raise NotImplementedError
