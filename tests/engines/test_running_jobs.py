"""Real runs on this machine: volumes, timeouts, aborts, places, and what a restart finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from prow.engines.local.detect import choose
from prow.engines.local.folder import JobFolder, Stage
from prow.engines.local.settings import Settings
from prow.jobs.engine import Phase, Rejected
from prow.lib.clock import SystemClock
from prow.lib.errors import UsageError
from tests.engines.support import build_log, engine, finished, has_said, job, pod, reaches, record, run_job, running
from tests.support.sandbox import SANDBOX

STARTED = frozenset({Phase.RUNNING})


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    folder = tmp_path / "bucket"
    folder.mkdir()
    return folder


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    for name, content in {
        "secrets/bot/token": "open-sesame-77",
        "configmaps/settings/colour": "green",
        "configmaps/settings/..data": "not a key",
    }.items():
        path = tmp_path / "volumes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "volumes"


def plain(state: Path, **settings: Any) -> Any:
    """An engine in the sandbox that there is."""
    return engine(state, sandbox=SANDBOX, allow_unsandboxed=True, **settings)


@pytest.mark.usefixtures("bubblewrap")
async def test_secrets_config_maps_and_empty_dirs_are_mounts(tmp_path: Path, bucket: Path, volumes: Path) -> None:
    script = """
        cat /keys/token; echo; cat /settings/a/shade; echo " $COLOUR"; ls -A /settings /scratch/inner
        echo x > /scratch/inner/file && echo written; echo x > /keys/token || echo read-only; ls /keys | wc -l
    """
    spec = pod(
        "bash", "-c", script,
        volumes=[
            {"name": "keys", "secret": {"secretName": "bot"}},
            {"name": "settings", "configMap": {"name": "settings", "items": [{"key": "colour", "path": "a/shade"}]}},
            {"name": "scratch", "emptyDir": {}},
            {"name": "absent", "secret": {"secretName": "nobody", "optional": True}},
        ],
    )  # fmt: skip
    spec["containers"][0] |= {
        "env": [{"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "colour"}}}],
        "volumeMounts": [
            {"name": "keys", "mountPath": "/keys"},
            {"name": "settings", "mountPath": "/settings"},
            {"name": "scratch", "mountPath": "/scratch"},
            {"name": "scratch", "mountPath": "/scratch/inner", "subPath": "inner"},
            {"name": "absent", "mountPath": "/absent"},
        ],
    }
    async with running(engine(tmp_path / "state", volumes=volumes, trusted_repos=frozenset({"periodics"}))) as one:
        ended = await run_job(one, job(spec, bucket=bucket))
    assert ended.phase is Phase.SUCCEEDED, ended
    log = build_log(bucket)
    assert "green green" in log
    assert "written" in log
    assert "read-only" in log
    assert "open-sesame-77" not in log
    assert "XXXXXXXXXXXXXX" in log


@pytest.mark.parametrize(
    ("volume", "says"),
    [
        ({"secret": {"secretName": "other"}}, "spec.volumes[0].secret: there is no Secret other; put its keys as files into"),
        ({"configMap": {"name": "other"}}, "spec.volumes[0].configMap: there is no ConfigMap other"),
        ({"secret": {"secretName": "bot", "items": [{"key": "k", "path": "p"}]}}, "spec.volumes[0].secret.items: bot has no key k"),
        ({"hostPath": {"path": "/not/there"}}, "spec.volumes[0].hostPath.path: /not/there does not exist on this machine"),
    ],
)  # fmt: skip
async def test_a_volume_that_is_not_there_is_named(
    tmp_path: Path, volumes: Path, volume: dict[str, Any], says: str
) -> None:
    async with running(plain(tmp_path / "state", volumes=volumes, trusted_repos=frozenset({"*"}))) as one:
        with pytest.raises(Rejected) as refused:
            await one.start(job(pod("true", volumes=[{"name": "x", **volume}])))
    assert says in str(refused.value)


async def test_the_exit_code_is_told(tmp_path: Path, bucket: Path) -> None:
    async with running(plain(tmp_path / "state")) as one:
        ended = await run_job(one, job(pod("sh", "-c", "exit 7"), bucket=bucket))
    assert (ended.phase, ended.message) == (Phase.FAILED, "exit code 7")
    assert finished(bucket)["result"] == "FAILURE"


async def test_a_job_past_its_time_is_ended(tmp_path: Path, bucket: Path) -> None:
    async with running(plain(tmp_path / "state")) as one:
        ended = await run_job(one, job(pod("sleep", "99"), bucket=bucket, timeout="200ms", grace="200ms"))
    assert (ended.phase, ended.message) == (Phase.FAILED, "not started or timed out")
    assert "Process did not finish before 200ms timeout" in build_log(bucket)


async def test_an_aborted_job_may_clean_up_and_says_aborted(tmp_path: Path, bucket: Path) -> None:
    # An interrupt comes first, and ends a bash that is just between two commands.
    script = "trap '' INT; trap 'echo cleaned up; exit 0' TERM; echo begun; while :; do sleep 0.05; done"
    async with running(plain(tmp_path / "state")) as one:
        await one.start(job(pod("bash", "-c", script), bucket=bucket))
        await has_said(tmp_path / "state", "begun")
        await one.abort("run-1")
        ended = await reaches(one, "run-1", frozenset({Phase.FAILED}))
    assert ended.message == "aborted"
    assert finished(bucket)["result"] == "ABORTED"
    assert "cleaned up" in build_log(bucket)


async def test_a_job_without_a_place_waits_and_says_so_and_can_be_aborted(tmp_path: Path, bucket: Path) -> None:
    async with running(plain(tmp_path / "state", max_jobs=1)) as one:
        await one.start(job(pod("sleep", "99"), bucket=bucket))
        await reaches(one, "run-1", STARTED)
        waiting = job(pod("true"), name="run-2", build_id="18", bucket=bucket)
        await one.start(waiting)
        await reaches(one, "run-2", frozenset(Phase), message="waits for one of 1 places")
        await one.abort("run-2")
        assert (await reaches(one, "run-2", frozenset({Phase.FAILED}))).message == "aborted"
        await one.abort("run-1")
        await reaches(one, "run-1", frozenset({Phase.FAILED}))


async def test_a_running_command_is_found_again_after_a_restart(tmp_path: Path, bucket: Path) -> None:
    state = tmp_path / "state"
    async with running(plain(state)) as one:
        await one.start(job(pod("bash", "-c", "echo begun; sleep 0.5; echo went on"), bucket=bucket))
        await has_said(state, "begun")
    async with running(plain(state)) as again:
        ended = await reaches(again, "run-1", frozenset({Phase.SUCCEEDED}))
    assert ended.phase is Phase.SUCCEEDED
    assert record(state)["attempt"] == 1
    assert build_log(bucket).count("begun") == 1


async def test_a_command_that_was_lost_runs_again_and_that_is_told(tmp_path: Path, bucket: Path) -> None:
    state = tmp_path / "state"
    async with running(plain(state)) as one:
        await one.start(job(pod("bash", "-c", "echo begun; sleep 0.1"), bucket=bucket))
        await has_said(state, "begun")
        await reaches(one, "run-1", STARTED)
    async with running(plain(state)) as settled:
        await reaches(settled, "run-1", frozenset({Phase.SUCCEEDED}))
    # As after a power cut: the record says that it runs, and neither entrypoint nor marker is there.
    folder = JobFolder(state / "jobs/run-1/17")
    folder.save(msgspec.structs.replace(folder.load(), stage=Stage.RUNNING, phase=Phase.RUNNING))
    (folder.logs / "marker-file.txt").unlink()
    async with running(plain(state)) as again:
        await reaches(again, "run-1", frozenset({Phase.SUCCEEDED}))
    assert record(state)["attempt"] == 2


async def test_one_process_may_use_the_folder(tmp_path: Path) -> None:
    async with running(plain(tmp_path / "state")):
        with pytest.raises(UsageError, match="another prow process runs its jobs in this folder"):
            await plain(tmp_path / "state").open()


@pytest.mark.usefixtures("bubblewrap")
@pytest.mark.parametrize(("setting", "flag"), [("state", "--state-dir"), ("volumes", "--volumes-dir")])
async def test_folders_that_jobs_could_read_are_refused(tmp_path: Path, setting: str, flag: str) -> None:
    given: dict[str, Any] = {"state": tmp_path / "state", setting: Path("/usr/share")}
    with pytest.raises(UsageError, match=rf"{flag} /usr/share: jobs can read /usr; choose a folder elsewhere"):
        await engine(given.pop("state"), **given).open()


@pytest.mark.parametrize("sandbox", ["bubblewrap", "podman", "process"])
async def test_elsewhere_than_on_linux_one_line_says_where_jobs_run(tmp_path: Path, sandbox: str) -> None:
    settings = Settings(state=tmp_path, sandbox=sandbox, allow_unsandboxed=True)
    with pytest.raises(UsageError, match="jobs run on Linux, and this is Darwin: start Prow in a Linux container"):
        await choose(settings, SystemClock(), system="Darwin")
