"""JSON as Go's encoder writes it: `<`, `>`, `&`, U+2028 and U+2029 are escaped; indented with one tab a level on request.

Readers of buckets and of `JOB_SPEC` compare these texts, so the form is part of the contract.
"""

from __future__ import annotations

import re

import msgspec

_ENCODER = msgspec.json.Encoder(order="deterministic")
_LEADING = re.compile(rb"^ +", re.MULTILINE)


def go_json(value: object, *, indent: bool = False) -> bytes:
    """`value` as Go's `json.Marshal` (or `MarshalIndent(v, "", "\\t")`) writes it, keys of structs in their order, of maps sorted."""
    data = _ENCODER.encode(value)
    if indent:
        # A line break inside a text is escaped, so spaces at the start of a line are the formatter's.
        data = _LEADING.sub(lambda spaces: b"\t" * len(spaces[0]), msgspec.json.format(data, indent=1))
    for plain, escaped in (
        (b"<", b"\\u003c"),
        (b">", b"\\u003e"),
        (b"&", b"\\u0026"),
        ("\u2028".encode(), b"\\u2028"),
        ("\u2029".encode(), b"\\u2029"),
    ):
        if plain in data:
            data = data.replace(plain, escaped)
    return data
