"""No input ends in a traceback, hangs, or takes memory without bound: it loads, or it is refused where it stands."""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prow.config.config import Config
from prow.config.documents import Document, Findings
from prow.config.errors import ConfigError, ConfigErrors
from prow.config.inrepo import read_in_repo
from prow.config.job import Presubmit
from prow.config.load import assemble
from prow.config.load_plugins import assemble_plugins
from prow.config.validate_job import clashes
from prow.lib.gotemplate import Template, TemplateError
from tests.config import hostile
from tests.support.data import METAL3, needs_data
from tests.support.kubernetes import folder

MAIN = Document(
    "config.yaml",
    b"plank: {default_decoration_configs: {'*': {utility_images: {clonerefs: c, initupload: i, entrypoint: e, sidecar: s}, "
    b"gcs_configuration: {bucket: b, path_strategy: explicit}}}}",
)
CENTRAL = assemble(MAIN, [], Findings())


def as_config(text: bytes) -> object:
    return assemble(Document("a.yaml", text), [], Findings())


def as_jobs(text: bytes) -> object:
    return assemble(MAIN, [Document("a.yaml", text)], Findings())


def as_plugins(text: bytes) -> object:
    return assemble_plugins(Document("a.yaml", text), Findings())


def as_own(text: bytes) -> object:
    return read_in_repo({".prow.yaml": text}, CENTRAL, org="o", repo="r")


WAYS: tuple[Callable[[bytes], object], ...] = (as_config, as_jobs, as_plugins, as_own)


def told_or_loaded(text: bytes, *ways: Callable[[bytes], object]) -> list[ConfigError]:
    """Every way of reading the text loads, or says what is wrong and where, one bounded line each."""
    found: list[ConfigError] = []
    for way in ways or WAYS:
        try:
            assert way(text) is not None
        except ConfigError as error:
            found += error.errors if isinstance(error, ConfigErrors) else (error,)
    for each in found:
        assert each.file in {"a.yaml", ".prow.yaml"}, each
        assert each.line > 0, each
        assert each.column > 0, each
        assert each.message.isprintable()
        assert 0 < len(each.message) < 700
    return found


# Texts made of what a configuration is made of.

KEYS = st.sampled_from(
    """presubmits postsubmits periodics presets name labels spec containers args env branches run_if_changed trigger cron
    interval decorate decoration_config timeout plank tide queries merge_method deck spyglass lenses plugins approve repos
    config_updater maps o/r o * << Name BRANCHES always_run extra_refs slack_reporter_configs branch-protection""".split()  # noqa: SIM905
)
SCALARS = st.one_of(
    st.sampled_from(["y", "~", "0x1F", "08", "1_0", "1e3", ".5", "1.30", "2026-01-02", "=", "!!binary aGk=", "!!int x", "*a", "&a b",
                     "'('", '"{{.X}}"', "'{{range 9}}'", "o/r", "5m", "-1", "99999999999999999999", "1Gi", "@daily", "[", "\t", "\u00e9\u2028"]),
    st.integers().map(str),
    st.text(max_size=8),
)  # fmt: skip


def indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))


BLOCKS: st.SearchStrategy[str] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(st.tuples(KEYS, inner), max_size=4).map(
            lambda pairs: "\n".join(f"{key}:\n{indented(value)}" for key, value in pairs)
        ),
        st.lists(inner, max_size=4).map(lambda items: "\n".join(f"-\n{indented(item)}" for item in items)),
    ),
    max_leaves=20,
)
BOUNDED = settings(
    max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


@given(st.one_of(BLOCKS.map(lambda text: text.encode("utf-8", "replace")), st.binary(max_size=60)))
@BOUNDED
def test_no_text_ends_in_a_traceback(text: bytes) -> None:
    told_or_loaded(text)


def values(depth: int = 3) -> st.SearchStrategy[Any]:
    """Values of the wrong type in the right places."""
    plain = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
    )
    if not depth:
        return plain
    return st.one_of(
        plain, st.lists(values(depth - 1), max_size=2), st.dictionaries(KEYS, values(depth - 1), max_size=2)
    )


@given(st.fixed_dictionaries({"name": values(1)}, optional={
    key: values() for key in ("labels", "agent", "spec", "branches", "run_if_changed", "always_run", "cron", "interval", "retry", "trigger",
                              "rerun_command", "decoration_config", "reporter_config", "rerun_auth_config", "extra_refs", "context")
}))  # fmt: skip
@BOUNDED
def test_no_job_ends_in_a_traceback(job: dict[str, Any]) -> None:
    told_or_loaded(json.dumps({"presubmits": {"o/r": [job]}, "periodics": [job]}).encode(), as_jobs)
    told_or_loaded(json.dumps({"presubmits": [job]}).encode(), as_own)


# Real files, spoilt.


def edited(text: bytes, chance: random.Random) -> bytes:
    """One edit as people make them."""
    lines = text.split(b"\n")
    index = chance.randrange(len(lines))
    line = lines[index]
    match chance.randrange(6):
        case 0:
            del lines[index]
        case 1:
            lines.insert(index, line)
        case 2:
            lines[index] = (
                b" " * chance.choice([1, 2]) + line if chance.random() < 0.5 else line[chance.choice([1, 2]) :]
            )
        case 3 if line:
            at = chance.randrange(len(line))
            lines[index] = (
                line[:at]
                + chance.choice([b"\t", b":", b"-", b"'", b'"', b"[", b"}", b"&", b"\xff", b"\x00", b"#", b""])
                + line[at + 1 :]
            )
        case 4:
            key = line.partition(b":")[0]
            lines[index] = (
                key
                + b": "
                + chance.choice([b"", b"3", b"true", b"[]", b"{}", b"'x'", b"1.5", b"~", b"(", b"{{", b"&a", b"- x"])
            )
        case _:
            lines[index:] = [line[: len(line) // 2]]
    return b"\n".join(lines)


@needs_data
def test_every_job_file_of_metal3_with_one_edit_loads_or_is_told() -> None:
    told = 0
    for file in sorted((METAL3 / "jobs").rglob("*.yaml")):
        chance, text = random.Random(file.name), file.read_bytes()
        for _ in range(4):
            told += len(told_or_loaded(edited(text, chance), as_jobs))
    assert told > 40


@needs_data
def test_job_files_of_kubernetes_with_one_edit_load_or_are_told() -> None:
    files = sorted((folder() / "config/jobs").rglob("*.yaml"), key=lambda file: file.relative_to(folder()))
    chance, told = random.Random(5), 0
    for file in chance.sample([file for file in files if file.stat().st_size < 20_000], 60):
        told += len(told_or_loaded(edited(file.read_bytes(), chance), as_jobs))
    assert told > 20


@needs_data
@pytest.mark.parametrize("name", ["config.yaml", "plugins.yaml"])
def test_truncated_files_load_or_are_told(name: str) -> None:
    text = (METAL3 / name).read_bytes()
    chance = random.Random(name)
    for _ in range(25):
        cut = text[: chance.randrange(len(text))]
        for way in (as_config, as_plugins):
            told_or_loaded(cut, way)
            told_or_loaded(edited(text, chance), way)


# What explodes.


@pytest.mark.parametrize("name", hostile.TEXTS)
def test_what_is_built_to_explode_stays_within_bounds(name: str) -> None:
    """In a process of its own, which may take 20 seconds of a processor and 2 GB of memory and no more."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.config.hostile", name],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_bound,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    assert done.stdout.count("\n") == len(hostile.TEXTS[name])


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))


@pytest.mark.parametrize(
    "text",
    [
        '{{printf "%1000000000d" 1}}',
        '{{printf "%*d" 1000000000 1}}',
        '{{printf "%.1000000000f" 1.0}}',
        '{{$x := "%"}}{{printf (printf "%s99999999d" $x) 1}}',
        '{{$x := "aaaaaaaa"}}' + "{{$x = print $x $x}}" * 40,
        '{{$x := "aaaaaaaa"}}' + "{{$x = println $x $x}}" * 40,
        '{{$x := "\\\\"}}' + "{{$x = js $x}}" * 40,
        '{{"aaaaaaaa"' + ' | printf "%[1]s%[1]s"' * 40 + "}}",
        '{{printf "' + "%[1]s" * 10_000 + '" "' + "a" * 10_000 + '"}}',
        '{{define "a"}}{{template "a"}}{{end}}{{template "a"}}',
        "".join(f'{{{{define "a{n}"}}}}{{{{template "a{n + 1}"}}}}{{{{template "a{n + 1}"}}}}{{{{end}}}}' for n in range(40))
        + '{{define "a40"}}{{end}}{{template "a0"}}',
        "{{range 1000000000}}{{end}}",
        "{{range 1000}}{{range 1000}}{{range 1000}}{{end}}{{end}}{{end}}",
        "{{" + "(" * 5_000 + "1" + ")" * 5_000 + "}}",
        "{{if 1}}" * 3_000 + "{{end}}" * 3_000,
        "{{" + "9" * 10_000 + "}}",
    ],
)  # fmt: skip
def test_a_template_that_explodes_is_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        Template.parse(text).render({})


def test_usual_widths_are_fine() -> None:
    assert Template.parse('{{printf "%05d|%-4s|%.2f" 7 "a" 1.5}}').render({}) == "00007|a   |1.50"


def test_very_many_unknown_keys_are_told_in_part() -> None:
    config = assemble(Document("config.yaml", b"".join(b"key_%d: 1\n" % n for n in range(20_000))), [], Findings())
    assert 0 < len(config.warnings) < 1_000


def test_very_many_errors_are_told_in_part() -> None:
    for text in (
        b"log_level: []\ndisabled_clusters: [" + b"[]," * 20_000 + b"]",
        b"tide: {queries: [" + b"{}," * 20_000 + b"]}",
    ):
        with pytest.raises(ConfigErrors) as caught:
            assemble(Document("config.yaml", text), [], Findings())
        assert len(caught.value.errors) == 1_001
        assert str(caught.value).endswith("there are more errors than these")


# Thousands of jobs of one name are told apart by their branches in time that does not grow with the square of them.

BRANCHES = st.lists(st.sampled_from(["a", "b", "c", "ab", "."]), max_size=3).map(tuple)
JOBS = st.lists(
    st.builds(
        Presubmit, name=st.sampled_from("xy"), context=st.sampled_from("pq"), branches=BRANCHES, skip_branches=BRANCHES
    ),
    max_size=6,
)


@given(JOBS)
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_jobs_clash_when_two_of_them_meet(jobs: list[Presubmit]) -> None:
    by_pairs = [
        index
        for index, job in enumerate(jobs)
        if any(
            other.intersects(job) and (other.name == job.name or other.context == job.context) for other in jobs[:index]
        )
    ]
    assert [index for index, _ in clashes(jobs)][:1] == by_pairs[:1]


def test_a_good_config_is_a_config() -> None:
    assert isinstance(as_config(b""), Config)
