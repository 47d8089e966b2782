"""Which sandbox works on this machine, tried for real, and what to do when none does."""

from __future__ import annotations

import asyncio
import platform
import shutil
import tempfile
from pathlib import Path

import msgspec

import prow
from prow.engines.local.containers import ContainerEngine
from prow.engines.local.model import Bind, View
from prow.engines.local.sandbox import Bubblewrap, Process, Sandbox
from prow.engines.local.settings import BUBBLEWRAP, DOCKER, PODMAN, PROCESS, SANDBOXES, Settings
from prow.lib.clock import Clock
from prow.lib.errors import UsageError

_LONGEST = 20.0
_PROBE = "test ! -w /proc/sys/kernel/core_pattern && test ! -w /usr"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One sandbox and whether it works here; `why`: one line when it does not."""

    name: str
    works: bool
    why: str = ""


async def detect(settings: Settings, clock: Clock) -> tuple[Finding, ...]:
    """Try every sandbox that protects. Takes a few milliseconds for bubblewrap."""
    program = find_entrypoint(settings)
    findings = [await _try_bubblewrap(settings, program, clock)]
    for name in (PODMAN, DOCKER):
        findings.append(await _try_engine(name, clock))
    return tuple(findings)


async def choose(settings: Settings, clock: Clock, *, system: str = platform.system()) -> Sandbox:
    """The sandbox that the settings ask for. Raises `UsageError` that says what to install or which flags to pass."""
    if system != "Linux":
        raise UsageError(f"jobs run on Linux, and this is {system}: start Prow in a Linux container or virtual machine")
    if settings.sandbox not in SANDBOXES:
        raise UsageError(f"--engine={settings.sandbox}: there is no such sandbox; use one of {', '.join(SANDBOXES)}")
    if settings.sandbox == PROCESS:
        if not settings.allow_unsandboxed:
            raise UsageError(
                "--engine=process runs jobs without any protection: they can read everything this user can. "
                "Add --allow-unsandboxed if you trust every author, or use --engine=bubblewrap"
            )
        return Process()
    if settings.sandbox == BUBBLEWRAP:
        finding = await _try_bubblewrap(settings, find_entrypoint(settings), clock)
        if finding.works:
            return bubblewrap(settings)
    else:
        finding = await _try_engine(settings.sandbox, clock)
        if finding.works:
            return ContainerEngine(settings.sandbox)
    raise UsageError(f"--engine={settings.sandbox} does not work here: {finding.why}")


def bubblewrap(settings: Settings) -> Bubblewrap:
    return Bubblewrap(program=shutil.which("bwrap") or "bwrap", readonly=settings.readonly, path=settings.path)


def find_entrypoint(settings: Settings) -> Path:
    """The static program: as set, inside the package, or in the checkout's build folder. `UsageError` when it is nowhere."""
    package = Path(prow.__file__).resolve().parent
    if settings.entrypoint is not None:
        places = [settings.entrypoint]
    else:
        places = [package / "_native" / "entrypoint", package.parents[1] / "build" / "entrypoint"]
    for place in places:
        if place.is_file():
            return place
    where = ", ".join(str(place) for place in places)
    raise UsageError(
        f"the entrypoint program is missing ({where}); run `make setup`, or python native/build.py in a checkout"
    )


async def _try_bubblewrap(settings: Settings, entrypoint: Path, clock: Clock) -> Finding:
    instead = "; or use --engine=podman, --engine=docker, or --engine=process --allow-unsandboxed"
    if shutil.which("bwrap") is None:
        why = f"bwrap is not installed (Debian and Ubuntu: apt-get install bubblewrap){instead}"
        return Finding(name=BUBBLEWRAP, works=False, why=why)
    with tempfile.TemporaryDirectory() as folder:
        env_file = Path(folder, "environment")
        env_file.write_bytes(b"PATH=/usr/bin:/bin\0")
        view = View(
            name="probe",
            hostname="probe",
            binds=(Bind(source=Path(folder), path="/logs/artifacts"),),
            entrypoint=entrypoint,
            env_file=env_file,
            workdir="/",
            args=("sh", "-c", _PROBE),
        )
        argv = list(bubblewrap(settings).command(view))
        argv.remove("--fd")  # nobody listens
        code, text = await _run(tuple(argv), clock)
    if code == 0:
        return Finding(name=BUBBLEWRAP, works=True)
    hint = text or "files of the kernel stayed writable inside"
    if "Unknown option" in text:
        hint = f"bwrap is older than 0.8 ({text})"
    elif "namespace" in text or "Operation not permitted" in text or "Permission denied" in text:
        hint += " (allow user namespaces: sysctl kernel.unprivileged_userns_clone=1, on Ubuntu"
        hint += " kernel.apparmor_restrict_unprivileged_userns=0; in a container: --privileged)"
    return Finding(name=BUBBLEWRAP, works=False, why=hint + instead)


async def _try_engine(name: str, clock: Clock) -> Finding:
    if shutil.which(name) is None:
        return Finding(name=name, works=False, why=f"{name} is not installed; or use --engine=bubblewrap")
    code, text = await _run((name, "version"), clock)
    if code == 0:
        return Finding(name=name, works=True)
    return Finding(name=name, works=False, why=f"`{name} version` fails: {text or code}")


async def _run(argv: tuple[str, ...], clock: Clock) -> tuple[int, str]:
    """Exit code and the last line that was printed."""
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        with clock.busy():
            async with clock.timeout(_LONGEST):
                output, _ = await process.communicate()
    except TimeoutError:
        return 1, "it gives no answer"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return process.returncode or 0, lines[-1][:300] if lines else ""
