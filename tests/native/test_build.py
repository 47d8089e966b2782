"""The build of the entrypoint is skipped when nothing changed, and says what is missing when it cannot be done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "native" / "build.py"


def build(*argv: str, isolated: bool = False) -> subprocess.CompletedProcess[str]:
    flags = ["-I", "-S"] if isolated else []
    return subprocess.run([sys.executable, *flags, BUILD, *argv], capture_output=True, text=True, check=False, env={})


def test_a_second_build_does_nothing() -> None:
    assert build().returncode == 0
    assert build().stdout.endswith("up to date\n")


def test_a_machine_without_a_compiler_is_told_what_to_install(tmp_path: Path) -> None:
    found = build("--output", str(tmp_path / "entrypoint"), "--target", "riscv64-linux-musl", isolated=True)
    assert found.returncode == 1
    assert found.stderr == "No compiler for riscv64-linux-musl: run `pip install ziglang`, or install a C compiler.\n"
