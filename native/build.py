"""Build the static entrypoint: `python native/build.py [--target aarch64-linux-musl] [--output build/entrypoint]`.

The compiler is the `ziglang` wheel with musl, so that one small file runs in every image; without that wheel the system's
`cc -static` serves. Nothing is done when the output was built from the same sources in the same way (`<output>.hash`).
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = ("entrypoint.c", "options.c", "relay.c")
HEADERS = ("options.h", "relay.h")
FLAGS = ("-std=c11", "-Os", "-static", "-s", "-Wall", "-Wextra", "-Werror")


def compiler(target: str) -> list[str]:
    """The command that compiles for `target`; empty when there is none."""
    if importlib.util.find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc", "-target", target]
    native = target.startswith(platform.machine())
    found = shutil.which("musl-gcc") or shutil.which("cc")
    return [found] if found and native else []


def fingerprint(command: list[str]) -> str:
    """Equal for equal sources and the same way of building."""
    digest = hashlib.sha256("\0".join([*command[1:], *FLAGS]).encode())
    for name in (*SOURCES, *HEADERS):
        digest.update(name.encode() + b"\0" + (HERE / name).read_bytes())
    return digest.hexdigest()


def build(target: str, output: Path) -> bool:
    """Make `output` unless it is up to date. True: it was built now. `SystemExit` with one line when that is impossible."""
    command = compiler(target)
    if not command:
        raise SystemExit(f"No compiler for {target}: run `pip install ziglang`, or install a C compiler.")
    stamp = output.with_name(output.name + ".hash")
    wanted = fingerprint(command)
    if output.exists() and stamp.exists() and stamp.read_text().strip() == wanted:
        return False
    output.parent.mkdir(parents=True, exist_ok=True)
    fresh = output.with_name(f"{output.name}.{os.getpid()}.new")
    try:
        subprocess.run([*command, *FLAGS, "-o", str(fresh), *(str(HERE / name) for name in SOURCES)], check=True)
        fresh.replace(output)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"The entrypoint cannot be built: the compiler ended with {error.returncode}.") from error
    finally:
        fresh.unlink(missing_ok=True)
    stamp.write_text(wanted + "\n")
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the static entrypoint.")
    parser.add_argument("--target", default=f"{platform.machine()}-linux-musl", help="as zig names it")
    parser.add_argument("--output", type=Path, default=HERE.parent / "build" / "entrypoint")
    given = parser.parse_args()
    print(f"{given.output}: {'built' if build(given.target, given.output) else 'up to date'}")  # noqa: T201 - a tool


if __name__ == "__main__":
    main()
