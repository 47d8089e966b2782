"""Kubernetes' PodSpec (core/v1): checked, and written as Kubernetes would write it again.

Specs stay plain JSON; what Go's types do to them on the way through is done here: unknown keys are told, types are
checked, quantities get their canonical text, empty fields go, and the few fields that are always there appear. The
types are a table. `name*` is always written; `?` keeps an explicit zero (a Go pointer); a bare struct type is always
written (a Go struct value); `?Struct` only when given. Types: s text, i whole number, b boolean, q quantity, p port
(number or text), any; `[]T` list, `{}T` map.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prow.config.decode import Decoder, Report, Where, compiled, spell, unwind
from prow.lib import quantities

_TABLE = """
PodSpec: volumes []Volume, initContainers []Container, containers* []Container, ephemeralContainers []any,
 restartPolicy s, terminationGracePeriodSeconds ?i, activeDeadlineSeconds ?i, dnsPolicy s, nodeSelector {}s,
 serviceAccountName s, serviceAccount s, automountServiceAccountToken ?b, nodeName s, hostNetwork b, hostPID b,
 hostIPC b, shareProcessNamespace ?b, securityContext ?PodSecurityContext, imagePullSecrets []LocalRef, hostname s,
 subdomain s, affinity ?Affinity, schedulerName s, tolerations []Toleration, hostAliases []HostAlias,
 priorityClassName s, priority ?i, dnsConfig ?DNSConfig, readinessGates []ReadinessGate, runtimeClassName ?s,
 enableServiceLinks ?b, preemptionPolicy ?s, overhead {}q, topologySpreadConstraints []TopologySpread,
 setHostnameAsFQDN ?b, os ?OS, hostUsers ?b, schedulingGates []Named, resourceClaims []PodClaim,
 resources ?Resources, hostnameOverride ?s
Named: name* s
LocalRef: name s
OS: name* s
ReadinessGate: conditionType* s
PodClaim: name* s, resourceClaimName ?s, resourceClaimTemplateName ?s
HostAlias: ip* s, hostnames []s
DNSConfig: nameservers []s, searches []s, options []DNSOption
DNSOption: name s, value ?s
Container: name* s, image s, command []s, args []s, workingDir s, ports []Port, envFrom []EnvFrom, env []EnvVar,
 resources Resources, resizePolicy []ResizePolicy, restartPolicy ?s, restartPolicyRules []RestartRule,
 volumeMounts []VolumeMount,
 volumeDevices []VolumeDevice, livenessProbe ?Probe, readinessProbe ?Probe, startupProbe ?Probe,
 lifecycle ?Lifecycle, terminationMessagePath s, terminationMessagePolicy s, imagePullPolicy s,
 securityContext ?SecurityContext, stdin b, stdinOnce b, tty b
Port: name s, hostPort i, containerPort* i, protocol s, hostIP s
EnvVar: name* s, value s, valueFrom ?EnvSource
EnvSource: fieldRef ?FieldRef, resourceFieldRef ?ResourceFieldRef, configMapKeyRef ?KeyRef, secretKeyRef ?KeyRef,
 fileKeyRef ?FileKeyRef
FileKeyRef: volumeName* s, path* s, key* s, optional ?b
FieldRef: apiVersion s, fieldPath* s
ResourceFieldRef: containerName s, resource* s, divisor* q
KeyRef: name s, key* s, optional ?b
EnvFrom: prefix s, configMapRef ?OptionalRef, secretRef ?OptionalRef
OptionalRef: name s, optional ?b
Resources: limits {}q, requests {}q, claims []ResourceClaim
ResourceClaim: name* s, request s
ResizePolicy: resourceName* s, restartPolicy* s
RestartRule: action s, exitCodes ?ExitCodes
ExitCodes: operator* s, values []i
VolumeMount: name* s, readOnly b, recursiveReadOnly ?s, mountPath* s, subPath s, mountPropagation ?s, subPathExpr s
VolumeDevice: name* s, devicePath* s
Probe: exec ?Exec, httpGet ?HTTPGet, tcpSocket ?TCPSocket, grpc ?GRPC, initialDelaySeconds i, timeoutSeconds i,
 periodSeconds i, successThreshold i, failureThreshold i, terminationGracePeriodSeconds ?i
Exec: command []s
HTTPGet: path s, port* p, host s, scheme s, httpHeaders []Header
Header: name* s, value* s
TCPSocket: port* p, host s
GRPC: port* i, service* ?s
Lifecycle: postStart ?Handler, preStop ?Handler, stopSignal ?s
Handler: exec ?Exec, httpGet ?HTTPGet, tcpSocket ?TCPSocket, sleep ?Sleep
Sleep: seconds* i
SecurityContext: capabilities ?Capabilities, privileged ?b, seLinuxOptions ?SELinux, windowsOptions ?any,
 runAsUser ?i, runAsGroup ?i, runAsNonRoot ?b, readOnlyRootFilesystem ?b, allowPrivilegeEscalation ?b,
 procMount ?s, seccompProfile ?Profile, appArmorProfile ?Profile
Capabilities: add []s, drop []s
SELinux: user s, role s, type s, level s
Profile: type* s, localhostProfile ?s
PodSecurityContext: seLinuxOptions ?SELinux, windowsOptions ?any, runAsUser ?i, runAsGroup ?i, runAsNonRoot ?b,
 supplementalGroups []i, supplementalGroupsPolicy ?s, fsGroup ?i, sysctls []Sysctl, fsGroupChangePolicy ?s,
 seccompProfile ?Profile, appArmorProfile ?Profile, seLinuxChangePolicy ?s
Sysctl: name* s, value* s
Toleration: key s, operator s, value s, effect s, tolerationSeconds ?i
TopologySpread: maxSkew* i, topologyKey* s, whenUnsatisfiable* s, labelSelector ?Selector, minDomains ?i,
 nodeAffinityPolicy ?s, nodeTaintsPolicy ?s, matchLabelKeys []s
Selector: matchLabels {}s, matchExpressions []SelectorRequirement
SelectorRequirement: key* s, operator* s, values []s
Affinity: nodeAffinity ?NodeAffinity, podAffinity ?PodAffinity, podAntiAffinity ?PodAffinity
NodeAffinity: requiredDuringSchedulingIgnoredDuringExecution ?NodeSelector,
 preferredDuringSchedulingIgnoredDuringExecution []PreferredTerm
NodeSelector: nodeSelectorTerms* []NodeTerm
NodeTerm: matchExpressions []SelectorRequirement, matchFields []SelectorRequirement
PreferredTerm: weight* i, preference NodeTerm
PodAffinity: requiredDuringSchedulingIgnoredDuringExecution []PodTerm,
 preferredDuringSchedulingIgnoredDuringExecution []WeightedPodTerm
WeightedPodTerm: weight* i, podAffinityTerm PodTerm
PodTerm: labelSelector ?Selector, namespaces []s, topologyKey* s, namespaceSelector ?Selector, matchLabelKeys []s,
 mismatchLabelKeys []s
Volume: name* s, hostPath ?HostPath, emptyDir ?EmptyDir, gcePersistentDisk ?any, awsElasticBlockStore ?any,
 gitRepo ?GitRepo, secret ?SecretVolume, nfs ?NFS, iscsi ?any, glusterfs ?any, persistentVolumeClaim ?PVC, rbd ?any,
 flexVolume ?any, cinder ?any, cephfs ?any, flocker ?any, downwardAPI ?DownwardVolume, fc ?any, azureFile ?any,
 configMap ?ConfigMapVolume, vsphereVolume ?any, quobyte ?any, azureDisk ?any, photonPersistentDisk ?any,
 projected ?Projected, portworxVolume ?any, scaleIO ?any, storageos ?any, csi ?CSI, ephemeral ?any, image ?ImageVolume
HostPath: path* s, type ?s
EmptyDir: medium s, sizeLimit ?q
GitRepo: repository* s, revision s, directory s
SecretVolume: secretName s, items []KeyToPath, defaultMode ?i, optional ?b
KeyToPath: key* s, path* s, mode ?i
NFS: server* s, path* s, readOnly b
PVC: claimName* s, readOnly b
DownwardVolume: items []DownwardFile, defaultMode ?i
DownwardFile: path* s, fieldRef ?FieldRef, resourceFieldRef ?ResourceFieldRef, mode ?i
ConfigMapVolume: name s, items []KeyToPath, defaultMode ?i, optional ?b
Projected: sources* []Projection, defaultMode ?i
Projection: secret ?SecretProjection, downwardAPI ?DownwardVolume, configMap ?SecretProjection,
 serviceAccountToken ?TokenProjection, clusterTrustBundle ?any, podCertificate ?any
SecretProjection: name s, items []KeyToPath, optional ?b
TokenProjection: audience s, expirationSeconds ?i, path* s
CSI: driver* s, readOnly ?b, fsType ?s, volumeAttributes {}s, nodePublishSecretRef ?LocalRef
ImageVolume: reference s, pullPolicy s
"""

# In Go these embed a struct: what lies below keeps its strict types where numbers else become text.
_EMBED = {"Volume": ("name",), "Probe": (), "EnvVar": ("name", "value", "valueFrom"), "KeyRef": ("key", "optional")}
_ZERO: dict[str, Any] = {"s": "", "i": 0, "b": False, "q": "0", "p": 0}


def _rows() -> dict[str, list[tuple[str, str]]]:
    rows: dict[str, list[tuple[str, str]]] = {}
    for block in _TABLE.replace("\n ", " ").strip().splitlines():
        name, _, fields = block.partition(": ")
        rows[name] = [(field, kind) for field, _, kind in (part.strip().partition(" ") for part in fields.split(","))]
    return rows


_ROWS = _rows()
_MADE: dict[tuple[str, bool], Decoder] = {}


def fields_of(kind: str) -> list[tuple[str, str]]:
    """Name and type of each field of a type of the table."""
    return [(name.rstrip("*"), field_kind) for name, field_kind in _ROWS[kind]]


def coerces(kind: str, field: str) -> bool:
    """Whether numbers may become text in this field, where the file allows it."""
    return kind not in _EMBED or field in _EMBED[kind]


def decoder(kind: str, *, coerce: bool = False) -> Decoder:
    """A decoder for a type of the table, `[]Name` and `{}Name` included; made when it is first used."""
    key = (kind, coerce)
    if key not in _MADE:
        _MADE[key] = _make(kind, coerce)
    return _MADE[key]


def _make(kind: str, coerce: bool) -> Decoder:  # noqa: FBT001
    kind = kind.removeprefix("?")
    if kind.startswith("[]"):
        return _many(kind[2:], coerce)
    if kind.startswith("{}"):
        return _mapping(kind[2:], coerce)
    simple: dict[str, Callable[[], Decoder]] = {
        "s": lambda: compiled(str, coerce=coerce),
        "i": lambda: compiled(int, coerce=coerce),
        "b": lambda: compiled(bool, coerce=coerce),
        "any": lambda: lambda value, _where, _report: value,
        "q": lambda: quantity,
        "p": lambda: _port,
    }
    return simple[kind]() if kind in simple else _object(kind, coerce)


def _many(item: str, coerce: bool) -> Decoder:  # noqa: FBT001
    each = decoder(item, coerce=coerce)

    def decode_list(value: Any, where: Where, report: Report) -> list[Any]:
        if value.__class__ is not list:
            report.expected(where, "a list", value)
            return []
        return [
            (_ZERO.get(item, {}) if part is None else each(part, (where, index), report))
            for index, part in enumerate(value)
        ]

    return decode_list


def _mapping(item: str, coerce: bool) -> Decoder:  # noqa: FBT001
    each = decoder(item, coerce=coerce)

    def decode_map(value: Any, where: Where, report: Report) -> dict[str, Any]:
        if value.__class__ is not dict:
            report.expected(where, "a mapping", value)
            return {}
        return {
            key: (_ZERO.get(item) if part is None else each(part, (where, key), report)) for key, part in value.items()
        }

    return decode_map


def _object(kind: str, coerce: bool) -> Decoder:  # noqa: FBT001
    shallow = _EMBED.get(kind)
    entries: dict[str, tuple[str, Decoder, bool]] = {}
    always: dict[str, Any] = {}
    for name, field_kind in _ROWS[kind]:
        field = name.rstrip("*")
        deep = coerce and (shallow is None or field in shallow)
        # Lazily, since types of the table meet themselves.
        entries[field] = (field, _later(field_kind, deep), field_kind.startswith("?"))
        if name.endswith("*"):
            always[field] = _ZERO.get(field_kind)
        elif field_kind[0].isupper():
            always[field] = {}
    folded = {field.casefold(): entry for field, entry in entries.items()}

    def decode_object(value: Any, where: Where, report: Report) -> dict[str, Any]:
        if value.__class__ is not dict:
            report.expected(where, "a mapping", value)
            return {}
        result = {field: {} if empty == {} else empty for field, empty in always.items()}
        for key, part in value.items():
            entry = entries.get(key)
            if entry is None:
                entry = folded.get(key.casefold())
                if entry is None:
                    report.unread(where, key, entries)
                    continue
            if part is None:
                continue
            field, decode, pointer = entry
            decoded = decode(part, (where, key), report)
            if pointer or decoded or field in always:
                result[field] = decoded
        return result

    return decode_object


def _later(kind: str, coerce: bool) -> Decoder:  # noqa: FBT001
    made: list[Decoder] = []

    def decode(value: Any, where: Where, report: Report) -> Any:
        if not made:
            made.append(decoder(kind, coerce=coerce))
        return made[0](value, where, report)

    return decode


def quantity(value: Any, where: Where, report: Report) -> str:
    """A quantity in Kubernetes' canonical text; numbers are welcome."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        report.expected(where, "a quantity such as 100m or 512Mi", value)
        return "0"
    text = value if isinstance(value, str) else _json_number(value)
    try:
        return quantities.canonical(text)
    except quantities.QuantityError as error:
        report.wrong(where, f"{spell(unwind(where))}: {error}")
        return "0"


def _json_number(value: float) -> str:
    return str(int(value)) if isinstance(value, int) or (value.is_integer() and abs(value) < 1e21) else repr(value)


def _port(value: Any, where: Where, report: Report) -> int | str:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    report.expected(where, "a port: a number or a name", value)
    return 0
