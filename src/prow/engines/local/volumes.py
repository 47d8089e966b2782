"""Volumes and values from Secrets and ConfigMaps, which are folders here: `<volumes>/{secrets,configmaps}/<name>/<key>`.

Everything is copied into the run's own folder, so that a job sees what was there when it started, and no link of ours leads out
of it. Names were checked by `rules`; keys are the files of the folder, those that begin with `..` are Kubernetes' own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prow.engines.local.folder import JobFolder
from prow.engines.local.model import Bind, Container, KeyRef, Volume, Workload
from prow.engines.local.rules import expand, may_fetch_with
from prow.engines.local.settings import Settings
from prow.jobs.engine import Rejected
from prow.model.prowjob import ProwJob

_LARGEST = 1 << 20


def check(wanted: Workload, settings: Settings) -> None:
    """Raise `Rejected` for a Secret, ConfigMap, key or folder that is not there."""
    for volume in wanted.volumes:
        if volume.kind == "hostPath" and not Path(volume.source).exists():
            raise Rejected(f"{volume.where}.path: {volume.source} does not exist on this machine")
        if volume.kind in {"secret", "configMap"}:
            _keys(volume, settings)
    for container in wanted.containers:
        for variable in container.env:
            if variable.ref is not None:
                _value(variable.ref, settings)


def prepare(wanted: Workload, folder: JobFolder, settings: Settings) -> dict[str, Path]:
    """Make the volumes of one run; where each lies."""
    made: dict[str, Path] = {}
    for volume in wanted.volumes:
        if volume.kind == "hostPath":
            made[volume.name] = Path(volume.source)
            continue
        path = made[volume.name] = folder.volumes / volume.name
        path.mkdir(mode=0o700)
        if volume.kind == "emptyDir":
            continue
        for name, content in _keys(volume, settings).items():
            target = path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o600)
    return made


def binds(container: Container, wanted: Workload, made: Mapping[str, Path]) -> tuple[Bind, ...]:
    """Where the container sees the volumes. Secrets and ConfigMaps are never writable."""
    kinds = {volume.name: volume.kind for volume in wanted.volumes}
    found = []
    for mount in container.mounts:
        source = made[mount.volume]
        if mount.sub_path:
            source /= mount.sub_path
            if kinds[mount.volume] == "emptyDir":
                source.mkdir(parents=True, exist_ok=True)
            if not source.exists():
                raise Rejected(f"{mount.where}.subPath: there is no {mount.sub_path} in volume {mount.volume}")
        readonly = mount.readonly or kinds[mount.volume] in {"secret", "configMap"}
        found.append(Bind(source=source, path=mount.path, readonly=readonly))
    return tuple(found)


def variables(container: Container, base: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The container's own variables on top of `base`, references resolved and expanded in the order they are written."""
    env = dict(base)
    for variable in container.env:
        if variable.ref is None:
            env[variable.name] = expand(variable.value, env)
            continue
        value = _value(variable.ref, settings)
        if value is not None:
            env[variable.name] = value.decode("utf-8", "replace").replace("\0", "")
    return env


def secret_values(wanted: Workload, settings: Settings) -> tuple[bytes, ...]:
    """What of the job's Secrets has to be censored. What cannot be read any more is left out."""
    found: list[bytes] = []
    for volume in wanted.volumes:
        if volume.kind == "secret":
            try:
                found += _keys(volume, settings).values()
            except Rejected:
                continue
    for container in wanted.containers:
        for variable in container.env:
            if variable.ref is not None and variable.ref.secret:
                try:
                    value = _value(variable.ref, settings)
                except Rejected:
                    continue
                found += [value] if value is not None else []
    return tuple(value for value in found if value.strip())


def fetching_secrets(job: ProwJob, settings: Settings) -> dict[str, Path]:
    """Secrets that the clone needs, by their place below the utilities' folder of secrets. Raises `Rejected`."""
    decoration = job.spec.decoration_config
    if decoration is None or decoration.skip_cloning or not (job.spec.refs or job.spec.extra_refs):
        return {}
    wanted = {f"ssh/{name}": ("ssh_key_secrets", name) for name in decoration.ssh_key_secrets}
    if decoration.cookiefile_secret:
        wanted["cookiefile"] = ("cookiefile_secret", decoration.cookiefile_secret.partition("/")[0])
    if decoration.oauth_token_secret is not None:
        wanted["oauth"] = ("oauth_token_secret", decoration.oauth_token_secret.name)
    if decoration.github_app_private_key_secret is not None:
        wanted["github-app"] = ("github_app_private_key_secret", decoration.github_app_private_key_secret.name)
    found = {}
    for place, (field, name) in wanted.items():
        where = f"decoration_config.{field}"
        if not may_fetch_with(job, name, settings):
            raise Rejected(
                f"{where}: Secret {name} may not be used by this job; name its repository by --allow-secrets if it may"
            )
        if "/" in name or name in {"", ".", ".."}:
            raise Rejected(f"{where}: {name!r} cannot be the name of a Secret")
        found[place] = _folder("secrets", name, where, settings)
    return found


def _folder(kind: str, name: str, where: str, settings: Settings) -> Path:
    noun = "Secret" if kind == "secrets" else "ConfigMap"
    if settings.volumes is None:
        raise Rejected(f"{where}: {noun} {name} is needed, but there is no --volumes-dir")
    path = settings.volumes / kind / name
    if not path.is_dir():
        raise Rejected(f"{where}: there is no {noun} {name}; put its keys as files into {path}")
    return path


def _keys(volume: Volume, settings: Settings) -> dict[str, bytes]:
    """Contents by their path inside the volume."""
    secret = volume.kind == "secret"
    try:
        folder = _folder("secrets" if secret else "configmaps", volume.source, volume.where, settings)
    except Rejected:
        if volume.optional:
            return {}
        raise
    present = {file.name: file for file in folder.iterdir() if file.is_file() and not file.name.startswith("..")}
    if not volume.items:
        return {name: _read(file, volume.where) for name, file in present.items()}
    found = {}
    for key, path in volume.items:
        if key in present:
            found[path] = _read(present[key], volume.where)
        elif not volume.optional:
            raise Rejected(f"{volume.where}.items: {volume.source} has no key {key}")
    return found


def _value(ref: KeyRef, settings: Settings) -> bytes | None:
    try:
        file = _folder("secrets" if ref.secret else "configmaps", ref.name, ref.where, settings) / ref.key
        if not file.is_file():
            raise Rejected(f"{ref.where}: {ref.name} has no key {ref.key}")
    except Rejected:
        if ref.optional:
            return None
        raise
    return _read(file, ref.where)


def _read(file: Path, where: str) -> bytes:
    try:
        with file.open("rb") as content:
            data = content.read(_LARGEST + 1)
    except OSError as error:
        raise Rejected(f"{where}: {file} cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise Rejected(f"{where}: {file} is larger than a Secret or ConfigMap can be (1 MiB)")
    return data
