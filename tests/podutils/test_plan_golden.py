"""Option strings and environment against the pods that the original makes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from prow.model.gojson import go_json
from prow.model.prowjob import ProwJob
from prow.podutils import jobspec
from prow.podutils.environment import ARTIFACTS_DIR, CODE_DIR, environment, reserved
from prow.podutils.options import CLONEREFS_ENV, ENTRYPOINT_ENV, INITUPLOAD_ENV, SIDECAR_ENV
from prow.podutils.plan import Layout, plan

_GOLDEN = Path(__file__).parents[2].parent / "shared/data/golden"
_BUILD = "1899999999999999999"

pytestmark = pytest.mark.skipif(not _GOLDEN.exists(), reason="put the recorded answers into ../shared/data/golden")


def _cases(name: str) -> list[dict[str, Any]]:
    with gzip.open(_GOLDEN / name) as lines:
        return [json.loads(line) for line in lines]


def _variables(container: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable.get("value", "") for variable in container.get("env", ())}


@pytest.mark.parametrize("name", ["prowjobs-and-pods.jsonl.gz", "prowjobs-and-pods-synthetic.jsonl.gz"])
def test_pods_get_the_options_of_the_original(name: str) -> None:
    compared = 0
    for case in _cases(name):
        pod = case.get("out", {}).get("pod")
        job = msgspec.convert(case["out"]["prowjob"], ProwJob) if pod else ProwJob()
        if job.spec.decoration_config is None:
            continue
        given: dict[str, str] = {}
        for container in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]:
            given |= _variables(container)
        made = plan(job.spec)
        expected = {INITUPLOAD_ENV: go_json(made.init).decode(), SIDECAR_ENV: go_json(made.sidecar).decode()}
        if made.clone is not None:
            expected[CLONEREFS_ENV] = go_json(made.clone).decode()
        assert {key: given.get(key) for key in (CLONEREFS_ENV, INITUPLOAD_ENV, SIDECAR_ENV) if key in given} == expected
        commands = pod["spec"]["containers"][:-1]
        assert [_variables(command)[ENTRYPOINT_ENV] for command in commands] == [
            go_json(options).decode() for options in made.entrypoints
        ]
        if made.workdir is not None:
            assert {command["workingDir"] for command in commands} == {made.workdir}
        variables = environment(jobspec.of(job, _BUILD), agent=job.spec.agent, artifacts=ARTIFACTS_DIR, gopath=CODE_DIR)
        assert {key: _variables(commands[0]).get(key) for key in variables} == variables
        compared += 1
    assert compared > 100


def test_job_spec_and_environment_are_those_of_the_original() -> None:
    for case in _cases("storage-paths.jsonl.gz"):
        text = {
            **case["in"]["spec"],
            "buildid": case["in"]["build_id"],
            "prowjobid": "11111111-2222-4333-8444-555555555555",
        }
        spec = jobspec.decode(json.dumps(text))
        assert jobspec.encode(spec) == case["out"]["job_spec"]
        assert environment(spec) == case["out"]["env"]
        assert list(reserved(spec.type)) == case["out"]["env_for_type"]


def test_a_layout_moves_every_path() -> None:
    case = next(case for case in _cases("prowjobs-and-pods.jsonl.gz") if case["in"]["type"] == "presubmit")
    job = msgspec.convert(case["out"]["prowjob"], ProwJob)
    made = plan(
        job.spec, Layout(logs="/run/1/logs", code="/run/1/code", s3_credentials_file="", gcs_credentials_file="")
    )
    assert made.clone is not None
    assert made.clone.src_root == "/run/1/code"
    assert made.init.log == "/run/1/logs/clone.json"
    assert made.sidecar.entries[0].marker_file == "/run/1/logs/marker-file.txt"
    assert made.sidecar.gcs_options is not None
    assert made.sidecar.gcs_options.s3_credentials_file == ""
    assert made.workdir is not None
    assert made.workdir.startswith("/run/1/code/src/")
