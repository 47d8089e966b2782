from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import boto3  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer

from prow.lib.errors import UsageError
from prow.storage.buckets import Buckets
from prow.storage.credentials import S3Credentials, read_s3, s3_arguments
from prow.storage.ports import BadPath, ObjectNotFound
from tests.contract.storage import AttributesContract, StorageContract


class TestMemory(StorageContract, AttributesContract):
    @pytest.fixture
    def storage(self) -> Buckets:
        return Buckets()

    @pytest.fixture
    def base(self) -> str:
        return "memory://bucket"


class TestFile(StorageContract):
    @pytest.fixture
    def storage(self) -> Buckets:
        return Buckets()

    @pytest.fixture
    def base(self, tmp_path: Path) -> str:
        return f"file://{tmp_path}/bucket/inner"

    async def test_type_and_encoding_are_kept_where_the_file_system_can(self, storage: Buckets, tmp_path: Path) -> None:
        probe = tmp_path / "probe"
        probe.touch()
        try:
            os.setxattr(probe, "user.mime_type", b"x")
        except OSError:
            pytest.skip("this file system has no extended attributes; use another --basetemp")
        await storage.put(f"file://{tmp_path}/log", b"zzz", content_type="text/css", content_encoding="gzip")
        info = await storage.stat(f"file://{tmp_path}/log")
        assert (info.content_type, info.content_encoding) == ("text/css", "gzip")

    async def test_a_plain_absolute_path_is_a_local_file(self, storage: Buckets, tmp_path: Path) -> None:
        await storage.put(f"{tmp_path}/x/y.txt", b"local")
        assert (tmp_path / "x/y.txt").read_bytes() == b"local"

    async def test_files_outside_the_roots_are_refused(self, tmp_path: Path) -> None:
        storage = Buckets(local_roots=[tmp_path / "in"])
        await storage.put(f"file://{tmp_path}/in/x.txt", b"x")
        for path in ("/out/x.txt", "/inside.txt", "/in/../out.txt"):
            with pytest.raises(BadPath):
                await storage.put(f"file://{tmp_path}{path}", b"x")
        assert [info async for info in storage.list(f"file://{tmp_path}/in")]
        with pytest.raises(BadPath):
            _ = [info async for info in storage.list(f"file://{tmp_path}/")]


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class TestS3(StorageContract, AttributesContract):
    @pytest.fixture
    def storage(self, s3_endpoint: str, tmp_path: Path) -> Buckets:
        file = tmp_path / "service-account.json"
        file.write_text(
            json.dumps(
                {
                    "region": "us-east-1",
                    "endpoint": s3_endpoint.removeprefix("http://"),
                    "insecure": True,
                    "s3_force_path_style": True,
                    "access_key": "minio",
                    "secret_key": "minio123",
                }
            )
        )
        return Buckets(s3_credentials_file=str(file))

    @pytest.fixture
    def base(self, s3_endpoint: str, request: pytest.FixtureRequest) -> str:
        client = boto3.client(
            "s3",
            endpoint_url=s3_endpoint,
            region_name="us-east-1",
            aws_access_key_id="minio",
            aws_secret_access_key="minio123",
        )
        name = f"bucket-{abs(hash(request.node.nodeid))}"
        client.create_bucket(Bucket=name)
        client.close()
        return f"s3://{name}"

    async def test_user_metadata_is_kept(self, storage: Buckets, base: str, s3_endpoint: str) -> None:
        await storage.put(f"{base}/1.txt", b"s3://b/x", metadata={"link": "s3://b/x"})
        client = boto3.client(
            "s3",
            endpoint_url=s3_endpoint,
            region_name="us-east-1",
            aws_access_key_id="minio",
            aws_secret_access_key="minio123",
        )
        head = client.head_object(Bucket=base.removeprefix("s3://"), Key="1.txt")
        client.close()
        assert head["Metadata"] == {"link": "s3://b/x"}

    async def test_a_missing_bucket_is_an_error_that_names_the_path(self, storage: Buckets) -> None:
        with pytest.raises(ObjectNotFound, match="no-such-bucket"):
            await storage.put("s3://no-such-bucket/x.txt", b"x")


@pytest.mark.parametrize(
    ("credentials", "endpoint", "plain", "unchecked"),
    [
        (S3Credentials(endpoint="s3.example:8080"), "https://s3.example:8080", False, False),
        (S3Credentials(endpoint="s3.example:8080", insecure=True), "http://s3.example:8080", True, False),
        (S3Credentials(endpoint="https://s3.example:7480/"), "https://s3.example:7480", False, False),
        (S3Credentials(endpoint="https://s3.example", insecure=True), "https://s3.example", False, True),
        (S3Credentials(endpoint="http://s3.example"), "http://s3.example", True, False),
    ],
)
def test_endpoints_are_read_with_and_without_a_scheme(
    credentials: S3Credentials, endpoint: str, *, plain: bool, unchecked: bool
) -> None:
    config, client = s3_arguments(credentials)
    assert config["endpoint"] == endpoint
    assert client == {"allow_http": plain, "allow_invalid_certificates": unchecked}


def test_half_of_a_key_pair_leaves_the_credentials_to_the_environment() -> None:
    config, _ = s3_arguments(S3Credentials(access_key="only"))
    assert "access_key_id" not in config


@pytest.mark.parametrize("text", ["", "[]", '{"region": 5}'])
def test_bad_s3_credentials_are_one_line_with_the_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "s3.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"s3\.json"):
        read_s3(str(file))
    with pytest.raises(UsageError, match="cannot read"):
        read_s3(str(tmp_path / "missing.json"))
