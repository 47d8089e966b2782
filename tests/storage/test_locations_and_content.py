from __future__ import annotations

import pytest

from prow.storage import content
from prow.storage.locations import locate
from prow.storage.ports import BadPath


@pytest.mark.parametrize(
    ("path", "scheme", "bucket", "key"),
    [
        ("gs://b/logs/1", "gs", "b", "logs/1"),
        ("b/logs/1", "gs", "b", "logs/1"),
        ("s3://prow-logs/a", "s3", "prow-logs", "a"),
        ("mem://b/a", "memory", "b", "a"),
        ("memory://b/a", "memory", "b", "a"),
        ("file:///srv/logs/a", "file", "", "srv/logs/a"),
        ("/srv/logs/a", "file", "", "srv/logs/a"),
    ],
)
def test_paths_are_read(path: str, scheme: str, bucket: str, key: str) -> None:
    location = locate(path)
    assert (location.scheme, location.bucket, location.key) == (scheme, bucket, key)


@pytest.mark.parametrize(
    "path", ["ftp://b/a", "s3:///a", "s3://b", "file://host/a", "s3://b c/a", "s3://u@b/a", "", "gs://b/a/"]
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(BadPath):
        locate(path)


def test_a_folder_may_end_in_a_slash_or_be_the_bucket() -> None:
    assert locate("s3://b/logs/", folder=True).key == "logs"
    assert locate("s3://b/", folder=True).key == ""
    assert locate("s3://b", folder=True).key == ""


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", content.TEXT),
        (b"hello", content.TEXT),
        (b'{"a": 1}', content.TEXT),
        (b"\x1b[31mred\x1b[0m", content.TEXT),
        (b"  <!DOCTYPE HTML >", "text/html; charset=utf-8"),
        (b"<?xml version", "text/xml; charset=utf-8"),
        (b"\x1f\x8b\x08rest", "application/x-gzip"),
        (b"PK\x03\x04", "application/zip"),
        (b"\x00\x01", content.BINARY),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
    ],
)
def test_the_first_bytes_tell_the_type(head: bytes, kind: str) -> None:
    assert content.sniff(head) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a/b.txt", content.TEXT),
        ("x.LOG", content.TEXT),
        ("x.json", "application/json"),
        ("none", ""),
        ("a.b/none", ""),
    ],
)
def test_the_extension_tells_the_type(name: str, kind: str) -> None:
    assert content.of_name(name) == kind
