"""Reading a pod spec: what this engine runs, what makes no difference here, and what it refuses by name.

Pure. A field that is unknown, or that would change how the job behaves, is refused (`Rejected` names it); a field that only
tells a cluster how to place or price a pod is noted in `Workload.ignored`. Empty values (null, false, 0, "", [], {}) are what
Kubernetes takes for absent.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from msgspec.structs import replace

from prow.engines.local.model import Container, KeyRef, Mount, Variable, Volume, Workload
from prow.engines.local.settings import Settings
from prow.jobs.engine import Rejected
from prow.model.paths import main_refs
from prow.model.prowjob import JobType, ProwJob
from prow.model.refs import Refs
from prow.podutils.clone_rules import names_a_helper
from prow.podutils.plan import clone_path

_GITHUB = "https://github.com"

IN_REPO = "prow.k8s.io/in-repo"
"""Label or annotation whose value `true` marks a job that came from the tested repository itself."""

_POD_IGNORED = frozenset(
    {
        "restartPolicy",
        "nodeSelector",
        "tolerations",
        "affinity",
        "serviceAccountName",
        "serviceAccount",
        "automountServiceAccountToken",
        "imagePullSecrets",
        "terminationGracePeriodSeconds",
        "priorityClassName",
        "priority",
        "preemptionPolicy",
        "dnsPolicy",
        "dnsConfig",
        "enableServiceLinks",
        "nodeName",
        "schedulerName",
        "topologySpreadConstraints",
        "runtimeClassName",
        "overhead",
        "os",
        "readinessGates",
        "hostname",
        "subdomain",
        "setHostnameAsFQDN",
        "hostNetwork",
        "resources",
    }
)
_CONTAINER_IGNORED = frozenset(
    {
        "resources",
        "ports",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "resizePolicy",
    }
)
_SECURITY_IGNORED = frozenset(
    {
        "runAsUser",
        "runAsGroup",
        "runAsNonRoot",
        "fsGroup",
        "fsGroupChangePolicy",
        "supplementalGroups",
        "supplementalGroupsPolicy",
        "seccompProfile",
        "seLinuxOptions",
        "appArmorProfile",
        "allowPrivilegeEscalation",
        "readOnlyRootFilesystem",
    }
)
_VARIABLE = re.compile(r"\$(\$|\(([^()]*)\))", re.ASCII)
_REMOTE = re.compile(r"(?:https?|git|ssh)://|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?", re.ASCII)


def workload(pod_spec: dict[str, Any], *, uses_images: bool) -> Workload:
    """Read the spec. Raises `Rejected` that names the first field which cannot be honoured."""
    ignored: list[str] = []
    for field, value in pod_spec.items():
        if not value or field in {"containers", "volumes"}:
            continue
        if field == "securityContext":
            _security(value, f"spec.{field}", ignored)
        elif field in _POD_IGNORED:
            ignored.append(field)
        else:
            raise Rejected(f"spec.{field}: jobs on this machine cannot have it")
    containers = tuple(
        _container(given, f"spec.containers[{i}]", ignored, uses_images=uses_images)
        for i, given in enumerate(_list(pod_spec, "containers", "spec"))
    )
    if not containers:
        raise Rejected("spec.containers: there is no container to run")
    volumes = tuple(_volume(given, f"spec.volumes[{i}]") for i, given in enumerate(_list(pod_spec, "volumes", "spec")))
    known = {volume.name for volume in volumes}
    for container in containers:
        for mount in container.mounts:
            if mount.volume not in known:
                raise Rejected(f"{mount.where}: there is no volume {mount.volume!r}")
    if len(containers) > 1 and len({container.name for container in containers}) < len(containers):
        raise Rejected("spec.containers: several containers need a name each")
    return Workload(containers=containers, volumes=volumes, ignored=tuple(dict.fromkeys(ignored)))


def _list(given: dict[str, Any], field: str, where: str) -> list[dict[str, Any]]:
    value = given.get(field) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Rejected(f"{where}.{field}: a list of objects was expected")
    return value


def _texts(given: dict[str, Any], field: str, where: str) -> tuple[str, ...]:
    value = given.get(field) or []
    if not isinstance(value, list) or not all(isinstance(item, str) and "\0" not in item for item in value):
        raise Rejected(f"{where}.{field}: a list of strings was expected")
    return tuple(value)


def _security(given: dict[str, Any], where: str, ignored: list[str]) -> None:
    for field, value in given.items():
        if not value or (field == "procMount" and value == "Default"):
            continue
        if field == "capabilities" and isinstance(value, dict) and not value.get("add"):
            ignored.append("securityContext.capabilities")
        elif field in _SECURITY_IGNORED:
            ignored.append(f"securityContext.{field}")
        else:
            what = f"{field}.add" if field == "capabilities" else field
            raise Rejected(f"{where}.{what}: jobs on this machine cannot have it")


def _container(given: dict[str, Any], where: str, ignored: list[str], *, uses_images: bool) -> Container:
    read = {"name", "image", "imagePullPolicy", "command", "args", "env", "envFrom", "workingDir", "volumeMounts"}
    for field, value in given.items():
        if not value or field in read:
            continue
        if field == "securityContext":
            _security(value, f"{where}.{field}", ignored)
        elif field in _CONTAINER_IGNORED:
            ignored.append(field)
        else:
            raise Rejected(f"{where}.{field}: jobs on this machine cannot have it")
    if given.get("envFrom"):
        raise Rejected(f"{where}.envFrom: jobs on this machine cannot have it; name the variables in env")
    args = _texts(given, "command", where) + _texts(given, "args", where)
    if not args:
        raise Rejected(f"{where}.command: command or args must be set, the image's own command is not used")
    if not uses_images:
        ignored += [field for field in ("image", "imagePullPolicy") if given.get(field)]
    elif not given.get("image"):
        raise Rejected(f"{where}.image: an image is needed to run this in a container")
    image = str(given.get("image") or "")
    if image.startswith("-"):
        raise Rejected(f"{where}.image: this is not the name of an image")
    workdir = str(given.get("workingDir") or "")
    return Container(
        name=_safe(given.get("name") or "test", f"{where}.name"),
        image=image,
        pull=str(given.get("imagePullPolicy") or ""),
        args=args,
        env=tuple(_variable(item, f"{where}.env[{i}]") for i, item in enumerate(_list(given, "env", where))),
        workdir=_path(workdir, f"{where}.workingDir") if workdir else "",
        mounts=tuple(
            _mount(m, f"{where}.volumeMounts[{i}]") for i, m in enumerate(_list(given, "volumeMounts", where))
        ),
    )


def _variable(given: dict[str, Any], where: str) -> Variable:
    name = given.get("name")
    if not isinstance(name, str) or not name or "=" in name or "\0" in name:
        raise Rejected(f"{where}.name: this cannot be the name of a variable")
    source = given.get("valueFrom")
    if not source:
        value = given.get("value")
        text = "" if value is None else str(value)
        if "\0" in text:
            raise Rejected(f"{where}.value: NUL cannot be part of a variable")
        return Variable(name=name, value=text)
    for kind, secret in (("secretKeyRef", True), ("configMapKeyRef", False)):
        ref = source.get(kind)
        if isinstance(ref, dict):
            at = f"{where}.valueFrom.{kind}"
            return Variable(
                name=name,
                ref=KeyRef(
                    secret=secret,
                    name=_safe(ref.get("name"), f"{at}.name"),
                    key=_safe(ref.get("key"), f"{at}.key"),
                    optional=bool(ref.get("optional")),
                    where=at,
                ),
            )
    raise Rejected(f"{where}.valueFrom.{next(iter(source))}: jobs on this machine cannot have it")


def _mount(given: dict[str, Any], where: str) -> Mount:
    for field, value in given.items():
        if value and field not in {"name", "mountPath", "readOnly", "subPath", "recursiveReadOnly"}:
            if field == "mountPropagation" and value == "None":
                continue
            raise Rejected(f"{where}.{field}: jobs on this machine cannot have it")
    sub_path = str(given.get("subPath") or "")
    if sub_path and (sub_path.startswith("/") or ".." in sub_path.split("/")):
        raise Rejected(f"{where}.subPath: a path inside the volume was expected")
    return Mount(
        volume=str(given.get("name") or ""),
        path=_path(given.get("mountPath"), f"{where}.mountPath"),
        sub_path=sub_path,
        readonly=bool(given.get("readOnly")),
        where=where,
    )


def _volume(given: dict[str, Any], where: str) -> Volume:
    kinds = [field for field, value in given.items() if field != "name" and value is not None]
    kind = kinds[0] if kinds else "emptyDir"
    name = _safe(given.get("name"), f"{where}.name")
    source = given.get(kind) or {}
    if kind == "emptyDir":
        return Volume(name=name, kind=kind, where=where)
    if kind == "hostPath":
        at = f"{where}.{kind}"
        return Volume(name=name, kind=kind, source=_path(source.get("path"), f"{at}.path"), where=at)
    if kind not in {"secret", "configMap"}:
        raise Rejected(f"{where}.{kind}: jobs on this machine cannot have it")
    label = "secretName" if kind == "secret" else "name"
    items = []
    for i, item in enumerate(_list(source, "items", f"{where}.{kind}")):
        path = str(item.get("path") or "")
        if not path or path.startswith("/") or ".." in path.split("/"):
            raise Rejected(f"{where}.{kind}.items[{i}].path: a path inside the volume was expected")
        items.append((_safe(item.get("key"), f"{where}.{kind}.items[{i}].key"), path))
    return Volume(
        name=name,
        kind=kind,
        source=_safe(source.get(label), f"{where}.{kind}.{label}"),
        items=tuple(items),
        optional=bool(source.get("optional")),
        where=f"{where}.{kind}",
    )


def _safe(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value.lstrip("._-") or "") or ".." in value or "/" in value:
        raise Rejected(f"{where}: {value!r} cannot be a name")
    return value


def _path(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value or ".." in value.split("/"):
        raise Rejected(f"{where}: an absolute path without `..` was expected")
    path = posixpath.normpath(value)
    if path in {"/", "//"} or path == "/tools" or path.startswith("/tools/"):
        raise Rejected(f"{where}: {path} cannot be used for this")
    return path


def expand(text: str, env: dict[str, str]) -> str:
    """Kubernetes' `$(NAME)`: replaced when the variable is known, left alone when not; `$$` is a `$`."""

    def replace(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return env.get(match[2], match[0])

    return _VARIABLE.sub(replace, text)


def may_clone_local(job: ProwJob, settings: Settings) -> bool:
    """Whether repositories on this machine's own disk are a source for this job."""
    return settings.local_clones and not is_in_repo(job)


def refuse_clones(job: ProwJob, code: str, settings: Settings) -> None:
    """Raise `Rejected` for code that would be put outside `code`, or that comes from this machine's own files.

    The code is fetched outside the sandbox.
    """
    root = posixpath.join(code, "src")
    for refs in (*((job.spec.refs,) if job.spec.refs is not None else ()), *job.spec.extra_refs):
        path = clone_path(code, refs)
        if not path.startswith(root + "/"):
            raise Rejected(f"refs of {refs.full_name}: the code would lie outside its folder (path_alias, repo_link)")
        for field, uri in (("clone_uri", refs.clone_uri), ("repo_link", refs.repo_link)):
            if uri.startswith("-") or names_a_helper(uri):
                raise Rejected(f"refs of {refs.full_name}: {field} is not an address to clone from")
            if uri and not may_clone_local(job, settings) and not _REMOTE.match(uri):
                raise Rejected(f"refs of {refs.full_name}: {field} must be an address of https, http, git or ssh")


def refuse_untrusted(job: ProwJob, wanted: Workload, settings: Settings) -> None:
    """Raise `Rejected` when the job uses Secrets or folders of this machine and may not."""
    for volume in wanted.volumes:
        if volume.kind in {"secret", "hostPath"}:
            _require_trust(job, f"{volume.where}", settings)
    for container in wanted.containers:
        for variable in container.env:
            if variable.ref is not None and variable.ref.secret:
                _require_trust(job, variable.ref.where, settings)


def may_fetch_with(job: ProwJob, secret: str, settings: Settings) -> bool:
    """Whether a Secret named in the job's decoration may be used to fetch its code."""
    return secret in settings.utility_secrets or not _distrust(job, settings)


def _require_trust(job: ProwJob, where: str, settings: Settings) -> None:
    why = _distrust(job, settings)
    if why:
        raise Rejected(f"{where}: {why}")


def _distrust(job: ProwJob, settings: Settings) -> str:
    """Why the job is not to be trusted with Secrets; empty when it is."""
    if is_in_repo(job):
        return "a job that comes from the tested repository itself gets no Secrets and no folders of this machine"
    refs = main_refs(job.spec)
    names = {"*"}
    if refs is not None:
        names |= {refs.full_name, refs.org}
    if job.spec.type is JobType.PERIODIC:
        names.add("periodics")
    if names & settings.trusted_repos:
        return ""
    who = refs.full_name if refs is not None else "periodics"
    return f"{who} is not allowed to use Secrets and folders of this machine; pass --allow-secrets={who} if it may"


def is_in_repo(job: ProwJob) -> bool:
    return "true" in {job.metadata.labels.get(IN_REPO), job.metadata.annotations.get(IN_REPO)}


def safe_name(name: str) -> bool:
    """Whether this can name a folder of ours."""
    return _NAME.fullmatch(name) is not None and ".." not in name


def with_clone_uris(job: ProwJob, github: str) -> ProwJob:
    """Where GitHub is not github.com: repositories that the job names without any address are cloned from there."""
    if github == _GITHUB:
        return job

    def located(refs: Refs) -> Refs:
        if refs.clone_uri or refs.repo_link:
            return refs
        return replace(refs, clone_uri=f"{github}/{refs.org}/{refs.repo}.git")

    spec = job.spec
    refs = located(spec.refs) if spec.refs is not None else None
    return replace(job, spec=replace(spec, refs=refs, extra_refs=tuple(located(r) for r in spec.extra_refs)))
