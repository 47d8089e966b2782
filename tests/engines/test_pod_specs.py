"""What of a pod spec can be honoured on this machine; what cannot ends the job with the field's name."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from prow.engines.local import rules
from prow.engines.local.settings import Settings
from prow.jobs.engine import Rejected
from prow.model.refs import Refs
from tests.engines.support import job, pod


def container(**fields: Any) -> dict[str, Any]:
    return {"containers": [{"image": "alpine", "command": ["true"], **fields}]}


SECRET = {"name": "token", "secret": {"secretName": "bot"}}
HOST = {"name": "disk", "hostPath": {"path": "/dev"}}
REFUSED = [
    ({}, "spec.containers: there is no container"),
    (pod("true", initContainers=[{"name": "x"}]), "spec.initContainers: jobs on this machine cannot have it"),
    (pod("true", hostPID=True), "spec.hostPID: jobs on this machine cannot have it"),
    (pod("true", shareProcessNamespace=True), "spec.shareProcessNamespace:"),
    (pod("true", securityContext={"sysctls": [{"name": "x"}]}), "spec.securityContext.sysctls:"),
    (pod("true", containers="one"), "spec.containers: a list of objects"),
    (container(command=[], args=[]), "spec.containers[0].command: command or args must be set"),
    (container(command=["a\0b"]), "spec.containers[0].command: a list of strings"),
    (container(lifecycle={"postStart": {}}), "spec.containers[0].lifecycle:"),
    (container(tty=True), "spec.containers[0].tty:"),
    (container(envFrom=[{"secretRef": {}}]), "spec.containers[0].envFrom:"),
    (container(securityContext={"privileged": True}), "spec.containers[0].securityContext.privileged:"),
    (container(securityContext={"capabilities": {"add": ["NET_ADMIN"]}}), "securityContext.capabilities.add:"),
    (container(workingDir="relative"), "spec.containers[0].workingDir: an absolute path"),
    (container(image="--privileged"), "spec.containers[0].image: this is not the name of an image"),
    (container(name="../up"), "spec.containers[0].name: '../up' cannot be a name"),
    (container(env=[{"name": "A=B"}]), "spec.containers[0].env[0].name:"),
    (container(env=[{"name": "A", "valueFrom": {"fieldRef": {}}}]), "spec.containers[0].env[0].valueFrom.fieldRef:"),
    (container(volumeMounts=[{"name": "x", "mountPath": "/x"}]), "there is no volume 'x'"),
    (container(volumeMounts=[{"name": "x", "mountPath": "/../etc"}]), "an absolute path without `..`"),
    (container(volumeMounts=[{"name": "x", "mountPath": "/tools/x"}]), "/tools/x cannot be used for this"),
    (container(volumeMounts=[{"name": "x", "mountPath": "/"}]), "/ cannot be used for this"),
    (container(volumeMounts=[{"name": "x", "mountPath": "/x", "subPath": "../y"}]), "a path inside the volume"),
    (container(volumeMounts=[{"name": "x", "mountPath": "/x", "mountPropagation": "Bidirectional"}]), ".mountPropagation:"),
    (pod("true", volumes=[{"name": "x", "persistentVolumeClaim": {"claimName": "y"}}]), ".persistentVolumeClaim:"),
    (pod("true", volumes=[{"name": "x", "secret": {"secretName": "../../etc"}}]), "cannot be a name"),
    (pod("true", volumes=[{"name": "x", "configMap": {"name": "y", "items": [{"key": "k", "path": "/etc/x"}]}}]), "a path inside"),
    (pod("true", volumes=[{"name": "x", "hostPath": {"path": "/a/../b"}}]), "an absolute path without `..`"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "says"), REFUSED)
def test_a_field_that_cannot_be_honoured_is_named(spec: dict[str, Any], says: str) -> None:
    with pytest.raises(Rejected) as refused:
        rules.workload(spec, uses_images=True)
    assert says in str(refused.value)


def test_what_makes_no_difference_here_is_kept_to_be_told() -> None:
    spec = container(resources={"requests": {"cpu": "2"}}, securityContext={"runAsUser": 1000})
    wanted = rules.workload(spec | {"nodeSelector": {"a": "b"}, "tolerations": []}, uses_images=False)
    assert set(wanted.ignored) == {"resources", "securityContext.runAsUser", "image", "nodeSelector"}


def test_an_image_is_needed_only_where_images_are_used() -> None:
    spec = {"containers": [{"command": ["true"]}]}
    assert rules.workload(spec, uses_images=False).containers[0].args == ("true",)
    with pytest.raises(Rejected, match="an image is needed"):
        rules.workload(spec, uses_images=True)


@pytest.mark.parametrize("volume", [SECRET, HOST])
@pytest.mark.parametrize(
    ("trusted", "labels", "allowed"),
    [
        ((), {}, False),
        (("periodics",), {}, True),
        (("*",), {}, True),
        (("acme",), {}, True),
        (("acme/rockets",), {}, True),
        (("acme/planes",), {}, False),
        (("*", "acme/rockets"), {rules.IN_REPO: "true"}, False),
    ],
)
def test_secrets_and_host_paths_are_for_those_who_are_named(
    volume: dict[str, Any], trusted: tuple[str, ...], labels: dict[str, str], allowed: bool
) -> None:
    spec = pod("true", volumes=[volume])
    wanted = job(spec, refs=Refs(org="acme", repo="rockets", base_ref="main"), labels=labels)
    settings = Settings(state=None, trusted_repos=frozenset(trusted))  # type: ignore[arg-type]
    where = rf"spec\.volumes\[0\]\.{'secret' if volume is SECRET else 'hostPath'}: "
    with nullcontext() if allowed else pytest.raises(Rejected, match=where):
        rules.refuse_untrusted(wanted, rules.workload(spec, uses_images=False), settings)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [("$(A)-$(B)", "1-$(B)"), ("$$(A)", "$(A)"), ("$A ${A}", "$A ${A}"), ("$$", "$"), ("$(A", "$(A")],
)
def test_variables_are_expanded_as_kubernetes_does(text: str, becomes: str) -> None:
    assert rules.expand(text, {"A": "1"}) == becomes
