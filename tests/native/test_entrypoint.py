"""The entrypoint's contract (`spec/prowjobs-and-pods` §5.3), with the real static program and real commands."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = ROOT / "build" / "entrypoint"
    subprocess.run([sys.executable, ROOT / "native" / "build.py"], check=True, stdout=subprocess.DEVNULL)
    return output


class Wrapped:
    """One call of the entrypoint in a folder of its own."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.log = folder / "process-log.txt"
        self.marker = folder / "marker-file.txt"

    def options(self, *args: str, **more: Any) -> dict[str, Any]:
        base = {"timeout": 0, "grace_period": 0, "args": args, "container_name": "test"}
        return base | {"process_log": str(self.log), "marker_file": str(self.marker)} | more

    def start(
        self, *args: str, raw: str | None = None, fds: tuple[int, ...] = (), **more: Any
    ) -> subprocess.Popen[str]:
        options = raw if raw is not None else json.dumps(self.options(*args, **more))
        return subprocess.Popen(
            [self.program],
            env={"PATH": os.environ["PATH"], "ENTRYPOINT_OPTIONS": options},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=fds,
        )

    def run(self, *args: str, **more: Any) -> tuple[int, str]:
        with self.start(*args, **more) as process:
            output, _ = process.communicate(timeout=20)
        return process.returncode, output

    def flags(self, *argv: str) -> tuple[int, str]:
        found = subprocess.run(
            [self.program, *argv],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return found.returncode, found.stdout


@pytest.fixture
def wrapped(program: Path, tmp_path: Path) -> Wrapped:
    return Wrapped(program, tmp_path)


def messages(output: str) -> list[str]:
    return [json.loads(line)["msg"] for line in output.splitlines() if line.startswith("{")]


MILLISECOND = 1_000_000


class TestExitCodes:
    def test_the_commands_code_is_the_marker_and_the_exit_code(self, wrapped: Wrapped) -> None:
        code, output = wrapped.run("sh", "-c", "echo out; echo err >&2; exit 3")
        assert code == 3
        assert wrapped.marker.read_text() == "3"
        assert output.startswith("out\nerr\n")
        assert wrapped.log.read_text() == output

    def test_success_writes_nothing_but_the_output(self, wrapped: Wrapped) -> None:
        assert wrapped.run("echo", "fine") == (0, "fine\n")
        assert wrapped.marker.read_text() == "0"

    def test_a_command_ended_by_a_signal_is_minus_one(self, wrapped: Wrapped) -> None:
        code, _ = wrapped.run("sh", "-c", "kill -9 $$")
        assert (code, wrapped.marker.read_text()) == (255, "-1")

    def test_a_command_that_cannot_be_started_is_127_and_says_why(self, wrapped: Wrapped) -> None:
        code, output = wrapped.run("/no/such/program")
        assert (code, wrapped.marker.read_text()) == (127, "127")
        assert "No such file" in output
        assert "No such file" in wrapped.log.read_text()

    def test_always_zero_hides_the_code_from_the_caller_only(self, wrapped: Wrapped) -> None:
        code, _ = wrapped.run("sh", "-c", "exit 5", always_zero=True)
        assert (code, wrapped.marker.read_text()) == (0, "5")

    def test_a_log_that_cannot_be_written_is_127(self, wrapped: Wrapped) -> None:
        code, _ = wrapped.run("true", process_log="/no/such/folder/log")
        assert (code, wrapped.marker.read_text()) == (127, "127")

    def test_a_marker_that_cannot_be_written_is_127(self, wrapped: Wrapped) -> None:
        assert wrapped.run("true", marker_file="/no/such/folder/marker")[0] == 127


class TestTimeout:
    def test_a_command_past_its_time_is_interrupted_and_127(self, wrapped: Wrapped) -> None:
        code, output = wrapped.run("sleep", "60", timeout=50 * MILLISECOND, grace_period=5000 * MILLISECOND)
        assert (code, wrapped.marker.read_text()) == (127, "127")
        assert messages(output)[:2] == [
            "Process did not finish before 50ms timeout",
            "Process gracefully exited before 5s grace period",
        ]
        assert [json.loads(line)["level"] for line in wrapped.log.read_text().splitlines()][:2] == ["error", "error"]

    def test_a_command_that_ignores_the_interrupt_is_killed_after_the_grace_period(self, wrapped: Wrapped) -> None:
        script = "trap '' INT; while :; do sleep 1; done"
        code, output = wrapped.run("sh", "-c", script, timeout=80 * MILLISECOND, grace_period=80 * MILLISECOND)
        assert code == 127
        assert "Process did not exit before 80ms grace period" in messages(output)

    def test_propagated_codes_are_the_commands_own(self, wrapped: Wrapped) -> None:
        script = "trap 'exit 9' INT; while :; do sleep 0.01; done"
        code, _ = wrapped.run("sh", "-c", script, timeout=100 * MILLISECOND, propagate_error_code=True)
        assert (code, wrapped.marker.read_text()) == (9, "9")

    def test_long_durations_read_as_go_writes_them(self, wrapped: Wrapped) -> None:
        with wrapped.start("sh", "-c", "echo up; exec sleep 60", grace_period=5_400_500 * MILLISECOND) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            process.terminate()
            output = process.stdout.read()
        assert "Process gracefully exited before 1h30m0.5s grace period" in messages(output)


class TestSignals:
    @pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "terminated"), (signal.SIGINT, "interrupt")])
    def test_a_signal_aborts_with_130(self, wrapped: Wrapped, number: signal.Signals, name: str) -> None:
        with wrapped.start("sh", "-c", "echo up; exec sleep 60") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            process.send_signal(number)
            output = process.stdout.read()
        assert (process.returncode, wrapped.marker.read_text()) == (130, "130")
        assert f"Entrypoint received interrupt: {name}" in messages(output)

    def test_the_command_gets_an_interrupt_and_then_the_signal(self, wrapped: Wrapped) -> None:
        script = "trap 'echo INT' INT; trap 'echo TERM; exit 0' TERM; echo up; while :; do sleep 0.01; done"
        with wrapped.start("sh", "-c", script) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            process.terminate()
            output = process.stdout.read()
        assert [line for line in output.splitlines() if line in {"INT", "TERM"}] == ["INT", "TERM"]

    def test_a_byte_in_the_control_file_ends_the_command_as_a_signal_does(self, wrapped: Wrapped) -> None:
        control = wrapped.folder / "control"
        os.mkfifo(control)
        writer = os.open(control, os.O_RDWR)
        os.write(writer, b"T")  # before anybody listens
        code, output = wrapped.run("sleep", "60", control=str(control))
        os.close(writer)
        assert (code, wrapped.marker.read_text()) == (130, "130")
        assert "Entrypoint received interrupt: terminated" in messages(output)


class TestPreviousMarker:
    def test_a_failed_step_before_keeps_the_command_from_running(self, wrapped: Wrapped) -> None:
        (wrapped.folder / "before").write_text("1")
        _, output = wrapped.run("echo", "ran", previous_marker=str(wrapped.folder / "before"))
        assert wrapped.marker.read_text() == "1130"
        assert "ran" not in output.splitlines()

    def test_the_command_runs_once_the_step_before_succeeded(self, wrapped: Wrapped) -> None:
        before = wrapped.folder / "before"
        with wrapped.start("echo", "ran", previous_marker=str(before)) as process:
            (wrapped.folder / "fresh").write_text("0")
            (wrapped.folder / "fresh").rename(before)
            output, _ = process.communicate(timeout=20)
        assert (process.returncode, output) == (0, "ran\n")

    def test_a_marker_that_is_no_number_is_127(self, wrapped: Wrapped) -> None:
        (wrapped.folder / "before").write_text("what")
        wrapped.run("true", previous_marker=str(wrapped.folder / "before"))
        assert wrapped.marker.read_text() == "127"


class TestLeftovers:
    def test_orphans_are_ended_before_the_marker_is_there(self, wrapped: Wrapped) -> None:
        # The orphan leaves the group and closes the output, so nothing but being its subreaper reaches it.
        script = "setsid sh -c 'echo $$ > pid; exec sleep 60' >/dev/null 2>&1 & while ! test -s pid; do :; done"
        code, _ = wrapped.run("sh", "-c", f"cd {wrapped.folder}; {script}")
        assert code == 0
        with pytest.raises(ProcessLookupError):
            os.kill(int((wrapped.folder / "pid").read_text()), 0)

    def test_a_holder_of_the_output_keeps_the_step_open_until_the_timeout(self, wrapped: Wrapped) -> None:
        code, output = wrapped.run(
            "sh", "-c", "sleep 60 & exit 0", timeout=100 * MILLISECOND, grace_period=50 * MILLISECOND
        )
        assert code == 127
        assert "Process did not finish before 100ms timeout" in messages(output)

    def test_the_lock_is_held_for_life_and_hidden_from_the_command(self, wrapped: Wrapped) -> None:
        lock = os.open(wrapped.folder / "lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(lock, fcntl.LOCK_EX)
        script = f"ls -l /proc/self/fd | grep -c {wrapped.folder}/lock; exec sleep 60"
        with wrapped.start("sh", "-c", script, fds=(lock,), lock_fd=lock) as process:
            os.close(lock)
            assert process.stdout is not None
            assert process.stdout.readline() == "0\n"
            again = os.open(wrapped.folder / "lock", os.O_RDWR)
            with pytest.raises(BlockingIOError):
                fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
            assert os.getsid(process.pid) == process.pid
            process.terminate()
            process.communicate(timeout=20)
        fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(again)


class TestOptions:
    def test_every_escape_of_json_arrives(self, wrapped: Wrapped) -> None:
        text = 'q" \\ / \b\f\n\r\t é € 😀 \u2028'
        for raw in (
            json.dumps(wrapped.options("printf", "%s", text)),
            json.dumps(wrapped.options("printf", "%s", text), ensure_ascii=False),
        ):
            wrapped.run(raw=raw)
            assert wrapped.log.read_bytes() == text.encode()

    def test_half_a_surrogate_pair_becomes_the_replacement_character(self, wrapped: Wrapped) -> None:
        raw = json.dumps(wrapped.options("printf", "%s", "MARK")).replace("MARK", "\\ud83d!")
        assert wrapped.run(raw=raw) == (0, "\ufffd!")

    def test_unknown_keys_of_any_kind_are_ignored(self, wrapped: Wrapped) -> None:
        unknown = {"a": {"b": [1, -2.5e3, None, True, "x", {}, []]}, "c": [], "d": {}}
        assert wrapped.run("echo", "fine", **unknown) == (0, "fine\n")

    @pytest.mark.parametrize(
        "raw",
        [
            "",
            "[]",
            "{",
            '{"args":["a"',
            '{"args":"a"}',
            '{"args":["a\\u0000b"]}',
            '{"args":["\\x"]}',
            '{"timeout":"1h"}',
            '{"timeout":99999999999999999999}',
            '{"x":' + "[" * 100 + "]" * 100 + "}",
            "{} {}",
        ],
    )
    def test_what_is_not_such_an_object_is_refused(self, wrapped: Wrapped, raw: str) -> None:
        code, output = wrapped.run(raw=raw)
        assert code == 1
        assert messages(output) == ["Invalid options"]
        assert not wrapped.marker.exists()

    @pytest.mark.parametrize("missing", ["args", "process_log", "marker_file"])
    def test_options_without_what_is_needed_are_refused(self, wrapped: Wrapped, missing: str) -> None:
        options = wrapped.options("true")
        del options[missing]
        assert wrapped.run(raw=json.dumps(options))[0] == 1

    def test_always_zero_and_propagate_exclude_each_other(self, wrapped: Wrapped) -> None:
        assert wrapped.run("true", always_zero=True, propagate_error_code=True)[0] == 1

    def test_flags_serve_where_there_is_no_variable(self, wrapped: Wrapped) -> None:
        argv = [
            "--timeout=1h",
            "-grace-period",
            "2s",
            f"--process-log={wrapped.log}",
            "--marker-file",
            str(wrapped.marker),
        ]
        artifacts = wrapped.folder / "deep" / "artifacts"
        code, output = wrapped.flags(*argv, f"--artifact-dir={artifacts}", "--", "sh", "-c", "exit 4")
        assert (code, wrapped.marker.read_text()) == (4, "4")
        assert artifacts.is_dir()
        assert output == wrapped.log.read_text()

    def test_an_unknown_flag_is_refused(self, wrapped: Wrapped) -> None:
        code, output = wrapped.flags("--frobnicate=1")
        assert code == 1
        assert "unknown flag" in output

    def test_notes_come_before_the_output(self, wrapped: Wrapped) -> None:
        _, output = wrapped.run("echo", "fine", notes=['say "this"', "and that"])
        assert messages(output) == ['say "this"', "and that"]
        assert output.splitlines()[-1] == "fine"


class TestFiles:
    def test_the_marker_appears_whole_and_leaves_nothing_beside_it(self, wrapped: Wrapped) -> None:
        wrapped.run("true")
        assert wrapped.marker.stat().st_mode & 0o777 == 0o777
        assert sorted(path.name for path in wrapped.folder.iterdir()) == ["marker-file.txt", "process-log.txt"]

    def test_copy_mode_places_the_program_with_its_mode(self, wrapped: Wrapped) -> None:
        target = wrapped.folder / "tools" / "entrypoint"
        assert wrapped.flags("--copy-mode-only", f"--copy-destination={target}") == (0, "")
        assert target.read_bytes() == wrapped.program.read_bytes()
        assert target.stat().st_mode == wrapped.program.stat().st_mode

    def test_copy_mode_from_the_variable_needs_nothing_else(self, wrapped: Wrapped) -> None:
        target = wrapped.folder / "tools" / "entrypoint"
        assert wrapped.run(raw=json.dumps({"copy_mode_only": True, "copy_dst": str(target)})) == (0, "")
        assert target.exists()

    def test_the_command_reads_end_of_file(self, wrapped: Wrapped) -> None:
        assert wrapped.run("cat") == (0, "")

    def test_the_command_inherits_no_descriptor_but_the_three(self, wrapped: Wrapped) -> None:
        ours, theirs = os.pipe()
        with wrapped.start("bash", "-c", "cd /proc/self/fd; echo *", fds=(theirs,)) as process:
            output, _ = process.communicate(timeout=20)
        os.close(ours)
        os.close(theirs)
        assert output == "0 1 2 3\n"  # 3 is the folder that is listed

    def test_much_output_arrives_whole(self, wrapped: Wrapped) -> None:
        _, output = wrapped.run("sh", "-c", "head -c 20000000 /dev/zero")
        assert len(output) == wrapped.log.stat().st_size == 20_000_000


class TestRelay:
    """The inner half, without a sandbox around it."""

    def relay(self, program: Path, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, "--relay", *argv],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    def test_the_environment_comes_from_the_file(self, wrapped: Wrapped) -> None:
        (wrapped.folder / "env").write_bytes(b"A=1\nstill\0B=\0")
        found = self.relay(wrapped.program, "--env-file", str(wrapped.folder / "env"), "--", "sh", "-c", 'echo "$A|$B"')
        assert found.stdout == "1\nstill|\n"

    def test_the_working_directory_is_made_and_entered(self, wrapped: Wrapped) -> None:
        found = self.relay(wrapped.program, "--chdir", str(wrapped.folder / "work"), "--", "pwd")
        assert found.stdout == f"{wrapped.folder}/work\n"

    def test_a_program_that_is_missing_is_named(self, wrapped: Wrapped) -> None:
        found = self.relay(wrapped.program, "--", "no-such-program")
        assert found.returncode == 127
        assert found.stderr == "entrypoint: cannot start no-such-program: No such file or directory\n"

    def test_codes_and_signals_end_as_a_shell_reports_them(self, wrapped: Wrapped) -> None:
        assert self.relay(wrapped.program, "--", "sh", "-c", "exit 6").returncode == 6
        assert self.relay(wrapped.program, "--", "sh", "-c", "kill -TERM $$").returncode == 143

    def test_signals_come_in_and_the_true_status_goes_out_through_the_socket(self, wrapped: Wrapped) -> None:
        ours, theirs = socket.socketpair()
        script = f"exec 3<&{theirs.fileno()} && exec {wrapped.program} --relay --fd -- sh -c 'echo up; exec sleep 60'"
        with (
            ours,
            subprocess.Popen(
                ["bash", "-c", script], stdout=subprocess.PIPE, text=True, pass_fds=(theirs.fileno(),)
            ) as process,
        ):
            theirs.close()
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            ours.send(bytes([signal.SIGTERM]))
            (status,) = struct.unpack("i", ours.recv(4))
        assert os.WTERMSIG(status) == signal.SIGTERM
        assert process.returncode == 143

    def test_a_relayed_command_keeps_its_minus_one(self, wrapped: Wrapped) -> None:
        inner = [str(wrapped.program), "--relay", "--fd", "--", "sh", "-c", "kill -9 $$"]
        code, _ = wrapped.run(*inner, relayed=True)
        assert (code, wrapped.marker.read_text()) == (255, "-1")
