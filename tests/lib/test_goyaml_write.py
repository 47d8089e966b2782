"""Whatever is written is read as it was."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from prow.lib import goyaml
from prow.lib.goyaml_write import dump

# What libyaml cannot write in any style without loss: control characters and lone surrogates.
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=60)
TRICKY = st.sampled_from(
    ["y", "no", "~", "0x1f", "1_000", "1e3", ".5", "08", "<<", "=", "- a", "a: b", "#", "'", '"', "---", "2026-01-02", "1:30", "\n"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS | TRICKY
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS | TRICKY, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read_as_it_was(value: Any) -> None:
    assert goyaml.load(dump(value)) == value


@given(st.dictionaries(st.text("ab01-./", min_size=1, max_size=6), st.just(1), min_size=2))
def test_the_order_of_keys_does_not_depend_on_the_order_they_came_in(value: dict[str, int]) -> None:
    turned = dict(reversed(value.items()))
    assert dump(value) == dump(turned)
