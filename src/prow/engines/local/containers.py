"""podman and docker as sandboxes: the job's own image, the job's folders mounted at the paths that pods have.

The first process in the container is the entrypoint's inner half, as in every sandbox. The engine's client passes SIGINT and
SIGTERM on to it. A container can outlive its client, so each has a name of its own, by which it is removed. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prow.engines.local.model import Bind, View
from prow.engines.local.sandbox import ENTRYPOINT, ENVIRONMENT, relay

# What a client needs to find its engine and its own folders.
_CLIENT = (
    "PATH",
    "HOME",
    "USER",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "CONTAINER_HOST",
    "CONTAINERS_CONF",
    "REGISTRY_AUTH_FILE",
    "TMPDIR",
)
_PULL = {"Always": "always", "IfNotPresent": "missing", "Never": "never"}


class ContainerEngine:
    """`program`: podman or docker; both understand every option used here."""

    uses_images = True
    isolated = True
    relayed = False

    def __init__(self, program: str) -> None:
        self.name = program
        self._program = program

    def command(self, view: View) -> tuple[str, ...]:
        tools = (
            Bind(source=view.entrypoint, path=ENTRYPOINT, readonly=True),
            Bind(source=view.env_file, path=ENVIRONMENT, readonly=True),
        )
        argv = [self._program, "run", "--rm", "--name", view.name, "--hostname", view.hostname, "--network", "bridge"]
        argv += ["--security-opt", "no-new-privileges", "--log-driver", "none"]
        argv += ["--pull", _PULL.get(view.pull, "always" if _newest(view.image) else "missing")]
        for bind in (*tools, *sorted(view.binds, key=lambda b: b.path.split("/"))):
            flags = ",readonly" if bind.readonly else ""
            argv += ["--mount", f"type=bind,{_field('source', str(bind.source))},{_field('target', bind.path)}{flags}"]
        argv += ["--entrypoint", ENTRYPOINT, view.image]
        return (*argv, *relay(view, entrypoint=ENTRYPOINT, environment=ENVIRONMENT, socket=False)[1:])

    def remove(self, name: str) -> tuple[str, ...]:
        return (self._program, "rm", "--force", name)

    def outer(self, mine: Mapping[str, str]) -> dict[str, str]:
        return {name: mine[name] for name in _CLIENT if name in mine}

    def inner(self, mine: Mapping[str, str], *, home: Path, tmp: Path) -> dict[str, str]:  # noqa: ARG002
        return {}


def _field(key: str, value: str) -> str:
    """One field of `--mount`, which both programs read as a line of CSV."""
    text = f"{key}={value}"
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n') else text


def _newest(image: str) -> bool:
    """Kubernetes pulls each time when the tag is `latest` or left out."""
    name = image.rpartition("/")[2]
    return "@" not in name and (":" not in name or name.endswith(":latest"))
