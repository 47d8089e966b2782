"""Censoring: every form of a secret, across pieces, in archives; and never a byte more or less."""

from __future__ import annotations

import base64
import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prow.lib.errors import Permanent
from prow.lib.regex import Regex, RegexError
from prow.podutils import files, secret_files
from prow.podutils.censor import Censor, Stream, forms
from prow.podutils.censor_files import Globs, censor_file, translate

SECRET = b"hunter2-hunter2"


def censor_of(*secrets: bytes) -> Censor:
    return Censor(frozenset[bytes]().union(*(forms(secret) for secret in secrets)))


def test_a_secret_is_replaced_plain_trimmed_and_in_base64() -> None:
    raw = SECRET + b"\n"
    censor = censor_of(raw)
    for form in (SECRET, base64.b64encode(raw), base64.b64encode(SECRET)):
        assert censor.censored(b"a " + form + b" b") == b"a " + b"X" * len(form) + b" b"


@pytest.mark.parametrize("raw", [b"", b"  \n", b"true", b"False\n"])
def test_what_is_no_secret_is_not_replaced(raw: bytes) -> None:
    assert forms(raw) == frozenset()


def test_secrets_shorter_than_the_minimum_stay() -> None:
    assert forms(b"abc", minimum=4) == frozenset()
    assert forms(b"abcd", minimum=4)


def test_overlapping_secrets_are_covered_whole() -> None:
    assert Censor([b"abcd", b"cdef"]).censored(b"-abcdef-") == b"-XXXXXX-"
    assert Censor([b"aba"]).censored(b"ababa") == b"XXXXX"


@given(
    secrets=st.lists(st.binary(min_size=1, max_size=6), min_size=1, max_size=9),
    pieces=st.lists(st.one_of(st.binary(max_size=8), st.sampled_from([b"ab", b"aa", b"ba"])), max_size=20),
)
def test_pieces_do_not_matter(secrets: list[bytes], pieces: list[bytes]) -> None:
    censor = Censor(secrets)
    stream = Stream(censor)
    streamed = b"".join([stream.feed(piece) for piece in pieces] + [stream.finish()])
    whole = b"".join(pieces)
    assert streamed == censor.censored(whole)
    assert len(streamed) == len(whole)
    kept = bytearray(whole)
    for secret in secrets:
        at = whole.find(secret)
        while at >= 0:
            kept[at : at + len(secret)] = b"X" * len(secret)
            at = whole.find(secret, at + 1)
    assert streamed == bytes(kept)


def test_many_and_long_secrets_are_found() -> None:
    secrets = [os.urandom(length) for length in range(8, 3000, 150)]
    censor = Censor(secrets)
    data = os.urandom(1000)
    for secret in secrets:
        assert censor.censored(data + secret + data) == data + b"X" * len(secret) + data


def found(path: Path) -> files.Found:
    root, parts = files.split(str(path))
    return files.Found(root, parts[-1:], parts, path.stat().st_size)


def test_a_secret_across_pieces_of_a_file_is_replaced_and_the_mode_kept(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    edge = (64 << 10) - 7
    file.write_bytes(b"." * edge + SECRET + b"." * 100_000)
    file.chmod(0o640)
    assert censor_file(found(file), censor_of(SECRET), piece=1)
    assert file.read_bytes() == b"." * edge + b"X" * len(SECRET) + b"." * 100_000
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["log.txt"]


def test_a_file_without_secrets_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_bytes(b"nothing")
    inode = file.stat().st_ino
    assert not censor_file(found(file), censor_of(SECRET))
    assert file.stat().st_ino == inode


def test_a_tar_archive_keeps_its_members_and_links(tmp_path: Path) -> None:
    file = tmp_path / "logs.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        for name, data in (("a/secret.txt", b"x" + SECRET + b"y"), ("b.txt", b"fine")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "b.txt"
        archive.addfile(link)
    assert censor_file(found(file), censor_of(SECRET))
    with tarfile.open(file) as archive:
        assert archive.getnames() == ["a/secret.txt", "b.txt", "link"]
        member = archive.extractfile("a/secret.txt")
        assert member is not None
        assert member.read() == b"x" + b"X" * len(SECRET) + b"y"


def test_a_gzipped_log_and_a_zip_are_censored(tmp_path: Path) -> None:
    packed = tmp_path / "log.gz"
    packed.write_bytes(gzip.compress(b"a" + SECRET))
    assert censor_file(found(packed), censor_of(SECRET))
    assert gzip.decompress(packed.read_bytes()) == b"a" + b"X" * len(SECRET)
    zipped = tmp_path / "x.zip"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("d/one", SECRET * 2)
        archive.writestr("two", b"fine")
    assert censor_file(found(zipped), censor_of(SECRET))
    with zipfile.ZipFile(zipped) as archive:
        assert archive.read("d/one") == b"X" * len(SECRET) * 2
        assert archive.read("two") == b"fine"


def test_a_broken_archive_is_censored_from_outside_and_reported(tmp_path: Path) -> None:
    file = tmp_path / "x.gz"
    file.write_bytes(gzip.compress(b"a" * 1000)[:-12] + SECRET)
    with pytest.raises(Permanent, match="from outside only"):
        censor_file(found(file), censor_of(SECRET))
    assert SECRET not in file.read_bytes()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    outside = tmp_path / "outside"
    outside.write_bytes(SECRET)
    (tmp_path / "logs/link").symlink_to(outside)
    with pytest.raises(OSError, match="symbolic"):
        censor_file(found(tmp_path / "logs/link"), censor_of(SECRET))
    assert outside.read_bytes() == SECRET


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("*.txt", "a.txt", True),
        ("*.txt", "d/a.txt", False),
        ("**/*.txt", "a.txt", True),
        ("**/*.txt", "d/e/a.txt", True),
        ("logs/**", "logs/a/b", True),
        ("logs/**", "logs", True),
        ("logs/**", "logsx", False),
        ("**", "a/b", True),
        ("a?c", "abc", True),
        ("[!a]b", "ab", False),
        ("[a-c]b", "bb", True),
        ("*.{png,jpg}", "x.jpg", True),
        ("*.{png,jpg}", "x.gif", False),
        ("a+b(c)", "a+b(c)", True),
        ("a\\*", "a*", True),
        ("a\\*", "ab", False),
    ],
)
def test_globs(glob: str, path: str, *, matches: bool) -> None:
    assert Regex(translate(glob)).matches(path) is matches


def test_excludes_win_over_includes() -> None:
    globs = Globs(["**/*.log"], ["skip/**"])
    assert globs.allow("a/b.log")
    assert not globs.allow("skip/b.log")
    assert not globs.allow("a/b.txt")
    assert Globs([], []).allow("anything")


@pytest.mark.parametrize("glob", ["[a", "{a"])
def test_bad_globs_are_refused(glob: str) -> None:
    with pytest.raises(RegexError):
        Regex(translate(glob))


def test_secrets_are_read_from_files_docker_configs_and_ini(tmp_path: Path) -> None:
    folder = tmp_path / "secret"
    (folder / "..data").mkdir(parents=True)
    (folder / "..data/token").write_text("hidden-version")
    (folder / "token").write_text("token-value\n")
    (folder / ".dockerconfigjson").write_text('{"auths":{"host":{"auth":"auth-value","password":"password-value"}}}')
    (folder / "aws.ini").write_text("[default]\nkey = ini-value\n")
    values, errors = secret_files.load([str(folder)], ini_names=["aws.ini"])
    assert not errors
    assert {b"token-value", b"auth-value", b"password-value", b"ini-value"} <= values
    assert b"hidden-version" not in values


def test_one_unreadable_secret_does_not_spare_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "secret"
    folder.mkdir()
    (folder / ".dockercfg").write_text("no json")
    (folder / "token").write_text("token-value")
    values, errors = secret_files.load([str(folder), str(tmp_path / "missing")])
    assert b"token-value" in values
    assert len(errors) == 2
