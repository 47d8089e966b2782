"""The edge where deliveries come in: who sent this, is it signed, what does it say.

Before the signature is proved only sender, organisation and repository are decoded (`Origin`), since the organisation
chooses the key. The signature is compared in constant time over the raw bytes. What comes after, the typed decoding of
the whole payload, is in `github.payloads` and offered here too. `spec/plugins-review` §1.2 to §1.4.
"""

from __future__ import annotations

import binascii
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from prow.github.errors import InvalidWebhook
from prow.github.payloads import decode, generic_comment
from prow.lib import goyaml

__all__ = ["HmacSecrets", "Origin", "Verifier", "decode", "generic_comment", "origin_of", "sign", "verify"]

_PREFIX = "sha256="
_ANYONE = "*"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a delivery comes from. `org` and `repo` are empty when the event has none."""

    sender: str
    org: str
    repo: str
    key: str
    """`org/repo`, or the organisation alone, or empty: what the HMAC secret is looked up by."""


class _Account(msgspec.Struct, gc=False):
    login: str | None = None


class _Repository(msgspec.Struct, gc=False):
    owner: _Account | None = None
    name: str | None = None
    full_name: str | None = None


class _Envelope(msgspec.Struct, gc=False):
    sender: _Account | None = None
    organization: _Account | None = None
    repository: _Repository | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope | None)


def origin_of(body: bytes) -> Origin:
    """Decode only who and where. Raises InvalidWebhook("invalid payload")."""
    try:
        envelope = _ENVELOPE.decode(body) or _Envelope()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidWebhook("invalid payload") from None
    repository = envelope.repository or _Repository()
    full_name = repository.full_name or ""
    organization = (envelope.organization or _Account()).login or ""
    owner, _, name = full_name.partition("/")
    return Origin(
        sender=(envelope.sender or _Account()).login or "",
        org=(repository.owner or _Account()).login or owner or organization,
        repo=repository.name or name,
        key=full_name or organization,
    )


class HmacSecrets(msgspec.Struct, frozen=True):
    """The content of an HMAC secret file: keys by `org/repo`, `org` or `*`. A pure value; never log it."""

    by_name: Mapping[str, tuple[bytes, ...]]

    def __repr__(self) -> str:
        return f"HmacSecrets({', '.join(self.by_name)})"

    @classmethod
    def parse(cls, content: bytes) -> HmacSecrets:
        """Read either format; what does not parse as the map of lists is one key for everyone. Never fails."""
        content = content.strip()
        try:
            return cls(_hierarchy(goyaml.load(content)))
        except (goyaml.YamlError, UnicodeDecodeError, _NotHierarchical):
            return cls({_ANYONE: (content,)})

    def lookup(self, key: str) -> tuple[bytes, ...] | None:
        """The keys of the most specific name that exists: `org/repo`, else `org`, else `*`; None when there is none."""
        for name in (key, key.partition("/")[0], _ANYONE):
            found = self.by_name.get(name)
            if found is not None:
                return found
        return None


class _NotHierarchical(Exception):
    pass


def _hierarchy(tree: Any) -> dict[str, tuple[bytes, ...]]:
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise _NotHierarchical
    return {name: tuple(filter(None, map(_token, _list(tokens)))) for name, tokens in tree.items()}


def _list(tokens: Any) -> list[Any]:
    if tokens is None:
        return []
    if not isinstance(tokens, list):
        raise _NotHierarchical
    return tokens


def _token(entry: Any) -> bytes:
    """One key; an empty one is left out by the caller, since anybody could sign with it."""
    if entry is None:
        return b""
    if not isinstance(entry, dict):
        raise _NotHierarchical
    fields = {name.lower(): value for name, value in entry.items()}
    created = fields.get("created_at")
    if created is not None and not _is_rfc3339(created):
        raise _NotHierarchical
    return _text(fields.get("value")).encode()


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return goyaml.format_float(value)
        case _:
            raise _NotHierarchical


def _is_rfc3339(value: Any) -> bool:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value.replace(",", "."))
    except ValueError:
        return False
    return True


def sign(body: bytes, key: bytes) -> str:
    """The `X-Hub-Signature-256` of a body."""
    return _PREFIX + hmac.digest(key, body, "sha256").hex()


def verify(body: bytes, signature: str, secrets: HmacSecrets) -> Origin:
    """Prove that GitHub sent `body`; gives its origin. Raises InvalidWebhook with the reason that the answer carries."""
    origin = origin_of(body)
    if not signature.startswith(_PREFIX):
        raise InvalidWebhook("invalid signature")
    try:
        given = binascii.unhexlify(signature[len(_PREFIX) :])
    except ValueError:
        raise InvalidWebhook("invalid signature") from None
    keys = secrets.lookup(origin.key)
    if keys is None:
        raise InvalidWebhook("failed to get an appropriate hmac secret")
    # Every key is tried, so the time does not tell which one fits.
    fits = [hmac.compare_digest(hmac.digest(key, body, "sha256"), given) for key in keys]
    if not any(fits):
        raise InvalidWebhook(f"misconfigured webhook secret from organization/repo: {origin.key}")
    return origin


class _HasValue(Protocol):
    @property
    def value(self) -> bytes: ...


class Verifier:
    """`verify` against a secret file that may change while we run (`lib.secrets.Secret`)."""

    def __init__(self, secret: _HasValue) -> None:
        self._secret = secret
        self._content = secret.value
        self._parsed = HmacSecrets.parse(self._content)

    def verify(self, body: bytes, signature: str) -> Origin:
        content = self._secret.value
        if content is not self._content:
            self._parsed = HmacSecrets.parse(content)
            self._content = content
        return verify(body, signature, self._parsed)
