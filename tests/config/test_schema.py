"""The schemas: as shipped, for the real configs, and for what the loader refuses."""

from __future__ import annotations

import json
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from prow.cli.schema import KINDS, rendered, schema_for
from prow.config.decode import _FIELDS
from prow.config.field_docs import field_docs
from prow.config.file_kinds import RULES
from prow.config.inrepo import ProwYAML
from prow.lib import goyaml
from tests.support.data import METAL3, golden, needs_data
from tests.support.json_schema import problems
from tests.support.kubernetes import folder

ROOT = Path(__file__).parents[2]
SCHEMAS = {name: schema_for(kind) for name, kind in KINDS.items()}


def structs(kind: Any, seen: set[Any]) -> None:
    """Every struct that a type is made of."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in seen:
        seen.add(kind)
        for field in msgspec.structs.fields(kind):
            structs(field.type, seen)
    for argument in typing.get_args(kind):
        structs(argument, seen)


@pytest.mark.parametrize("name", KINDS)
def test_the_shipped_schema_and_the_reference_are_current(name: str) -> None:
    shipped = (ROOT / f"src/prow/config/schemas/{name}.json").read_text()
    assert shipped == rendered(KINDS[name], form="json"), "types or their docs changed: run make schemas"
    page = (ROOT / f"docs/configuration/{name}.md").read_text()
    assert page == rendered(KINDS[name], form="markdown"), "types or their docs changed: run make schemas"


def test_every_key_says_what_it_means() -> None:
    seen: set[Any] = set()
    for kind in KINDS.values():
        structs(kind.root, seen)
    missing = [
        f"{each.__name__}.{field.name}"
        for each in seen
        for field in msgspec.structs.fields(each)
        if field.name not in field_docs(each)
    ]
    assert missing == []


def test_fields_with_decoders_of_their_own_have_schemas_of_their_own() -> None:
    seen: set[Any] = set()
    for kind in KINDS.values():
        structs(kind.root, seen)
    assert {key for key in _FIELDS if key[0] in seen or key[0].__subclasses__()} <= set(RULES.overrides)


@needs_data
def test_metal3_is_what_the_schemas_describe() -> None:
    found = list(problems(goyaml.load((METAL3 / "config.yaml").read_bytes()), SCHEMAS["config"]))
    found += problems(goyaml.load((METAL3 / "plugins.yaml").read_bytes()), SCHEMAS["plugins"])
    found += problems(goyaml.load((METAL3 / "labels.yaml").read_bytes()), SCHEMAS["labels"])
    found += problems(goyaml.load((METAL3 / "generic-autobumper-config.yaml").read_bytes()), SCHEMAS["autobumper"])
    for file in sorted((METAL3 / "jobs").rglob("*.yaml")):
        found += problems(goyaml.load(file.read_bytes()), SCHEMAS["jobs"])
    assert found == []


@needs_data
def test_kubernetes_is_what_the_schemas_describe() -> None:
    config = folder() / "config"
    found = list(problems(goyaml.load((config / "prow/config.yaml").read_bytes()), SCHEMAS["config"]))
    found += problems(goyaml.load((config / "prow/plugins.yaml").read_bytes()), SCHEMAS["plugins"])
    for file in sorted((config / "jobs").rglob("*.yaml")):
        # One file is no job file (a .prowignore says so).
        if file.name != "default.yaml" or "registry" not in file.parts:
            found += problems(goyaml.load(file.read_bytes()), SCHEMAS["jobs"])
    found += problems(goyaml.load((folder() / "label_sync/labels.yaml").read_bytes()), SCHEMAS["labels"])
    # The loader takes keys in any case; an editor had better not.
    assert found == [".periodics[0].spec.containers[0].env[2].NAME: unknown"]


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        ("config", "plank: {pod_pendng_timeout: 1m}", "pod_pendng_timeout: unknown"),
        ("config", "tide: {sync_period: 1 day}", "sync_period: '1 day' does not match"),
        ("config", "tide: {merge_method: {org: {repo: {main: fast}}}}", "merge_method"),
        ("config", "pod_namespace: 1", "is none of ['string', 'null']"),
        ("config", "tide: {github_merge_blocks_policy: {'*': maybe}}", "none of ['ignore', 'permit', 'block', None]"),
        ("jobs", "periodics: [{interval: 1h}]", "name is missing"),
        ("jobs", "presubmits: {o/r: [{name: x, spec: {containers: [{iamge: y}]}}]}", "iamge: unknown"),
        ("plugins", "plugins: {o: [lgtm], o/r: {plugins: [size]}}", "plugins"),
        ("prow-yaml", "periodics: []", "periodics: unknown"),
        ("labels", "default: {labels: [{color: ff0000}]}", "name is missing"),
        ("autobumper", "includedConfigPaths: [a]\nprefixes: [{nam: b}]", "nam: unknown"),
        ("owners", "filters: {'.*': {approver: [a]}}", "approver: unknown"),
    ],
)  # fmt: skip
def test_mistakes_are_told_where_they_are(kind: str, text: str, problem: str) -> None:
    found = list(problems(goyaml.load(text), SCHEMAS[kind]))
    assert found
    assert problem in found[0]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("config", "tide: {sync_period: 1h30m0.5s, merge_method: {o: squash, o/r: rebase, p: {'*': {main: merge}}}}"),
        ("config", "plank: {default_decoration_configs: {'*': {timeout: 3600000000000, grace_period: 15s}}}"),
        ("config", "deck: null"),
        ("jobs", "presets: [{env: [{name: A, value: 1}]}]"),
        ("jobs", "presubmits: {o/r: [{name: x, trigger: 1, rerun_command: true}]}"),
        ("plugins", "plugins: {o: [lgtm, my-own], o/r: null}"),
        ("plugins", "milestone_applier: {o/r: {main: 1.37}}"),
        ("owners-aliases", "aliases: {team: [a, b]}"),
    ],
)  # fmt: skip
def test_what_the_loader_takes_is_fine(kind: str, text: str) -> None:
    assert list(problems(goyaml.load(text), SCHEMAS[kind])) == []


# Numbers as names of plugins; names of checks that are refused later; an unknown key inside a form of `plugins`.
DIFFERENT = {"0909", "0910", "0911", "1242", "1244", "1245", "1246", "1247", "x1423"}
ROOTS = {"JobConfig": "jobs", "Config": "config", "Configuration": "plugins", "ProwYAML": "prow-yaml"}


@needs_data
def test_what_the_original_takes_is_fine_but_for_keys() -> None:
    """Keys in another case, unknown keys where the original does not look, and keys that are needed are told all the same."""
    wrong = []
    for case in golden("yaml-structs"):
        kind = ROOTS.get(case["in"]["into"])
        if kind is None or "disallow_unknown_error" in case["out"] or "error" in case["out"]["lenient"]:
            continue
        found = problems(goyaml.load(case["in"]["text"]) or {}, SCHEMAS[kind])
        wrong += [(case["case"], each) for each in found if not each.endswith((": unknown", " is missing"))]
    assert {name.removeprefix("ys-Configuration-") for name, _ in wrong} == DIFFERENT


def test_a_schema_names_type_default_and_meaning() -> None:
    field = SCHEMAS["config"]["$defs"]["Plank"]["properties"]["pod_pending_timeout"]
    assert field["default"] == "10m0s"
    assert field["description"].startswith("How long a pod may be pending")
    assert SCHEMAS["config"]["$defs"]["Tide"]["properties"]["target_url"]["deprecated"] is True
    assert set(SCHEMAS["prow-yaml"]["properties"]) == {field.encode_name for field in msgspec.structs.fields(ProwYAML)}
    assert json.loads(rendered(KINDS["jobs"], form="json"))["$schema"].endswith("2020-12/schema")
