"""Small syntaxes inside a config: Kubernetes names and labels, label selectors, URLs, media types. Pure checks."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

_NAME = re.compile(r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]", re.ASCII)
_DOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - RFC 9110's word for it
_MEDIA = re.compile(
    rf"\s*{_TOKEN}(?:/{_TOKEN})?\s*(?:;\s*{_TOKEN}\s*=\s*(?:{_TOKEN}|\"(?:[^\"\\]|\\.)*\")\s*)*;?\s*", re.ASCII
)
# Beyond, the patterns above take longer than they are worth.
_LONGEST = 1024
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@lru_cache(4096)  # thousands of jobs have the same few
def qualified_name_problem(key: str) -> str | None:
    """Why a text is no label or annotation key, or None."""
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > 253 or not _DOMAIN.fullmatch(prefix)):
        return f"the part before the slash of {key!r} must be a DNS name"
    if len(name) > 63 or not _NAME.fullmatch(name):
        return f"{key!r} must be at most 63 letters, digits, `-`, `_`, `.`, and begin and end with a letter or digit"
    return None


@lru_cache(4096)
def label_value_problem(value: str) -> str | None:
    if value and (len(value) > 63 or not _NAME.fullmatch(value)):
        return f"{value!r} must be at most 63 letters, digits, `-`, `_`, `.`, and begin and end with a letter or digit"
    return None


@lru_cache(1024)
def url_problem(text: str) -> str | None:
    """Why Go could not parse this as a URL, or None."""
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        return "it has control characters"
    if text.startswith(":"):
        return "the scheme is missing"
    try:
        parts = urlsplit(text)
        host, port = parts.netloc.rpartition("@")[2], None
        if host and not host.startswith("["):
            host, colon, port = host.rpartition(":") if ":" in host else (host, "", "")
            if ":" in host or (colon and not (port or "").isdigit() and port):
                return "the port is not a number"
        elif host:
            rest = host.partition("]")[2]
            if rest and not re.fullmatch(r":[0-9]*", rest):
                return "the port is not a number"
    except ValueError as error:
        return str(error)
    if " " in parts.netloc:
        return "the host has a space"
    if _ESCAPE.search(parts.path) or _ESCAPE.search(parts.netloc):
        return "a % is not followed by two hexadecimal digits"
    if not parts.scheme and ":" in text.partition("/")[0]:
        return "the first part has a colon"
    return None


def media_type_problem(text: str) -> str | None:
    return (
        None if len(text) <= _LONGEST and _MEDIA.fullmatch(text) else f"{text!r} is not a media type such as text/plain"
    )


def selector_problem(text: str) -> str | None:
    """Why a text is no Kubernetes label selector (`a=b,c!=d,e in (f,g),!h`), or None."""
    rest = text.strip()
    if not rest:
        return None
    if len(rest) > _LONGEST:
        return f"it is longer than {_LONGEST} characters"
    requirement = re.compile(
        r"\s*(?:!\s*(?P<no>[^\s,=!()<>]+)|(?P<key>[^\s,=!()<>]+)\s*"
        r"(?:(?P<set>in|notin)\s*\((?P<values>[^()]*)\)|(?P<op>==|=|!=|>|<)\s*(?P<value>[^\s,=!()<>]*))?)\s*(?:,|$)"
    )
    position = 0
    while position < len(rest):
        found = requirement.match(rest, position)
        if found is None:
            return f"{rest[position:]!r} is no requirement such as a=b, a in (b,c) or !a"
        wrong = qualified_name_problem(found["no"] or found["key"])
        values = (
            [found["value"] or ""] if found["op"] else [part.strip() for part in (found["values"] or "").split(",")]
        )
        wrong = wrong or next((problem for value in values if (problem := label_value_problem(value))), None)
        if wrong:
            return wrong
        position = found.end()
    return "it ends with a comma" if rest.endswith(",") else None
