"""Logs and artifacts in an S3 bucket, as Metal3 keeps them: written there, linked there, read from there by the dashboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3  # type: ignore[import-untyped]
import msgspec
import pytest
from moto.server import ThreadedMotoServer

from prow.lib.http_client import http_client
from tests.support.prow import CONFIG, PLUGINS, github, job, running, settings_for

KEYS = {"region": "us-east-1", "access_key": "minioadmin", "secret_key": "minio-secret-key"}
JOBS = "presubmits:\n  acme/rockets:\n" + job("unit", "echo counted down; echo 10 > $ARTIFACTS/count.txt")


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


async def test_a_run_lies_in_the_bucket_and_its_page_shows_it(tmp_path: Path, endpoint: str) -> None:
    s3 = boto3.client(
        "s3", endpoint_url=endpoint, region_name=KEYS["region"],
        aws_access_key_id=KEYS["access_key"], aws_secret_access_key=KEYS["secret_key"],
    )  # fmt: skip
    s3.create_bucket(Bucket="prow-logs")
    credentials = tmp_path / "s3.json"
    credentials.write_text(json.dumps(KEYS | {"endpoint": endpoint, "insecure": True, "s3_force_path_style": True}))
    config = CONFIG.replace("bucket: prow-logs", "bucket: s3://prow-logs")
    async with github(tmp_path, files={"run.sh": "exit 0\n"}) as (sim, repo):
        settings = await settings_for(tmp_path, sim, config=config, jobs=JOBS, plugins=PLUGINS)
        settings = msgspec.structs.replace(settings, bucket_dir="", s3_credentials_file=str(credentials))
        async with running(settings, sim, repo, may=["label size/*"]) as world:
            pr = await repo.open_pull_request("wernher", title="Change", files={"run.sh": "exit 1\n"})
            status = await pr.expect_status("unit", "success")
            where = status.target_url.removeprefix("https://prow.example/view/s3/prow-logs/")
            assert where.startswith("pr-logs/pull/acme_rockets/1/unit/")
            async with http_client(world.system.deck_url) as client:
                page = await client.get(f"/view/s3/prow-logs/{where}")
            assert "counted down" in page.text
    listed = {entry["Key"].removeprefix(f"{where}/") for entry in s3.list_objects_v2(Bucket="prow-logs")["Contents"]}
    for name in ("started.json", "finished.json", "build-log.txt", "clone-log.txt", "prowjob.json"):
        assert name in listed
    assert "artifacts/count.txt" in listed
    assert f"pr-logs/directory/unit/{where.rpartition('/')[2]}.txt" in listed
    finished = json.loads(s3.get_object(Bucket="prow-logs", Key=f"{where}/finished.json")["Body"].read())
    assert finished["result"] == "SUCCESS"
