"""Sandboxes behind one small interface: a `View` becomes the command line that the entrypoint runs.

`Bubblewrap` shows the machine's own system read-only and nothing else of it: no state, no other job, no process but the job's
own; the network is shared. Its first process inside is the entrypoint's inner half (`--relay`), which reads the environment
from a file: no variable of a job touches a program outside. `Process` is no sandbox at all. Pure: nothing is started here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from prow.engines.local.model import Bind, View

TOOLS = "/tools"
ENTRYPOINT = f"{TOOLS}/entrypoint"
ENVIRONMENT = f"{TOOLS}/environment"
HOME = "/home/prow"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What programs need of /etc to find users, hosts, certificates, libraries and their own defaults; nothing with credentials.
_ETC = (
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "default/locale",
    "gai.conf",
    "group",
    "host.conf",
    "hosts",
    "inputrc",
    "java-11-openjdk",
    "java-17-openjdk",
    "java-21-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "login.defs",
    "magic",
    "magic.mime",
    "mime.types",
    "networks",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "perl",
    "pki/ca-trust",
    "pki/java",
    "pki/tls/certs",
    "profile",
    "profile.d",
    "protocols",
    "python3",
    "resolv.conf",
    "rpc",
    "services",
    "shells",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
)
# As root a job still owns these files of the kernel, capabilities or not, so they are read-only or empty for it.
_PROC_READONLY = ("acpi", "bus", "driver", "fs", "irq", "scsi", "sys", "sysrq-trigger", "tty", "pressure")
_PROC_EMPTY = ("config.gz", "kallsyms", "kcore", "key-users", "keys", "kmsg", "mtrr", "sched_debug", "timer_list")
_SYSTEM = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")


class Sandbox(Protocol):
    """`isolated`: the pod's paths exist inside, else paths are this machine's. `relayed`: a socket to the inner half exists."""

    name: str
    uses_images: bool
    isolated: bool
    relayed: bool

    def command(self, view: View) -> tuple[str, ...]:
        """The whole command line, to be run with a clean environment."""
        ...

    def remove(self, name: str) -> tuple[str, ...]:
        """What ends the sandbox of that name if it outlived its entrypoint; empty: it cannot."""
        ...

    def outer(self, mine: Mapping[str, str]) -> dict[str, str]:
        """The environment of the program that makes the sandbox; `mine`: that of this process. Nothing of the job is in it."""
        ...

    def inner(self, mine: Mapping[str, str], *, home: Path, tmp: Path) -> dict[str, str]:
        """What every command has in its environment before its own variables."""
        ...


def relay(view: View, *, entrypoint: str, environment: str, socket: bool) -> tuple[str, ...]:
    """The inner half and the command behind it."""
    fd = ("--fd",) if socket else ()
    folder = ("--chdir", view.workdir) if view.workdir else ()
    return (entrypoint, "--relay", *fd, "--env-file", environment, *folder, "--", *view.args)


class Bubblewrap:
    """bwrap(1), 0.8 or newer."""

    name = "bubblewrap"
    uses_images = False
    isolated = True
    relayed = True

    def __init__(
        self,
        *,
        program: str = "bwrap",
        readonly: tuple[str, ...] = (),
        path: tuple[str, ...] = (),
        root: Path = Path("/"),
    ) -> None:
        self._program = program
        self._readonly = readonly
        self._path = ":".join((*path, PATH))
        self._root = root

    def command(self, view: View) -> tuple[str, ...]:
        return (
            self._program,
            *(
                "--unshare-user",
                "--disable-userns",
                "--unshare-pid",
                "--unshare-ipc",
                "--unshare-uts",
                "--unshare-cgroup-try",
            ),
            *("--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL", "--hostname", view.hostname),
            *self._system(),
            *("--proc", "/proc", "--dev", "/dev"),
            *self._kernel(),
            *("--dir", "/run", "--dir", "/var", "--dir", "/root"),
            *("--ro-bind", str(view.entrypoint), ENTRYPOINT, "--ro-bind", str(view.env_file), ENVIRONMENT),
            *self._binds(view.binds),
            *("--chdir", "/", "--"),
            *relay(view, entrypoint=ENTRYPOINT, environment=ENVIRONMENT, socket=True),
        )

    def remove(self, name: str) -> tuple[str, ...]:  # noqa: ARG002 - it dies with its parent
        return ()

    def visible(self) -> tuple[str, ...]:
        """Folders of this machine that a job can read."""
        return ("/usr", *(f"/{name}" for name in _SYSTEM), *(f"/etc/{name}" for name in _ETC), *self._readonly)

    def outer(self, mine: Mapping[str, str]) -> dict[str, str]:  # noqa: ARG002 - nothing is passed on
        return {"PATH": PATH}

    def inner(self, mine: Mapping[str, str], *, home: Path, tmp: Path) -> dict[str, str]:  # noqa: ARG002
        return {"PATH": self._path, "HOME": HOME, "LANG": "C.UTF-8"}

    def _system(self) -> tuple[str, ...]:
        argv = ["--ro-bind", "/usr", "/usr"]
        for name in _SYSTEM:
            path = self._root / name
            if path.is_symlink():
                argv += ["--symlink", str(path.readlink()), f"/{name}"]
            elif path.is_dir():
                argv += ["--ro-bind", f"/{name}", f"/{name}"]
        for name in _ETC:
            if (self._root / "etc" / name).exists():
                argv += ["--ro-bind", f"/etc/{name}", f"/etc/{name}"]
        for folder in self._readonly:
            argv += ["--ro-bind", folder, folder]
        return tuple(argv)

    def _kernel(self) -> tuple[str, ...]:
        argv = ["--ro-bind-try", "/sys/devices/system/cpu", "/sys/devices/system/cpu"]
        for name in _PROC_READONLY:
            if (self._root / "proc" / name).exists():
                argv += ["--ro-bind", f"/proc/{name}", f"/proc/{name}"]
        for name in _PROC_EMPTY:
            if (self._root / "proc" / name).exists():
                argv += ["--ro-bind", "/dev/null", f"/proc/{name}"]
        return tuple(argv)

    def _binds(self, binds: tuple[Bind, ...]) -> tuple[str, ...]:
        argv: list[str] = []
        for bind in sorted(binds, key=lambda b: b.path.split("/")):  # an outer folder before what lies in it
            argv += ["--ro-bind" if bind.readonly else "--bind", str(bind.source), bind.path]
        return tuple(argv)


class Process:
    """No protection: the job runs as this user, sees everything this user sees, and uses this machine's paths."""

    name = "process"
    uses_images = False
    isolated = False
    relayed = True

    def command(self, view: View) -> tuple[str, ...]:
        return relay(view, entrypoint=str(view.entrypoint), environment=str(view.env_file), socket=True)

    def remove(self, name: str) -> tuple[str, ...]:  # noqa: ARG002 - the entrypoint ends everything
        return ()

    def outer(self, mine: Mapping[str, str]) -> dict[str, str]:
        return {"PATH": mine.get("PATH", PATH)}

    def inner(self, mine: Mapping[str, str], *, home: Path, tmp: Path) -> dict[str, str]:
        return {"PATH": mine.get("PATH", PATH), "HOME": str(home), "TMPDIR": str(tmp), "LANG": "C.UTF-8"}
