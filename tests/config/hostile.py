"""Inputs that are built to take time or memory, read one after another: `python -m tests.config.hostile NAME`.

A process of its own, so that the test can bound what it may take.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from prow.config.documents import Document, Findings
from prow.config.errors import ConfigError
from prow.config.inrepo import read_in_repo
from prow.config.load import assemble
from prow.config.load_plugins import assemble_plugins
from prow.lib import regex

MIB = 1024 * 1024
SPEC = "spec: {containers: [{image: x}]}"


def jobs(text: str) -> None:
    assemble(Document("config.yaml", b""), [Document("a.yaml", text.encode())], Findings())


def config(text: str) -> None:
    assemble(Document("config.yaml", text.encode()), [], Findings())


def plugins(text: str) -> None:
    assemble_plugins(Document("plugins.yaml", text.encode()), Findings())


def own(text: str) -> None:
    central = assemble(Document("config.yaml", b""), [], Findings())
    read_in_repo({f".prow/{n}.yaml": part for n, part in enumerate(text.split("\n---\n"))}, central, org="o", repo="r")


def searched(pattern: str) -> None:
    regex.compile(pattern).matches("a" * MIB + "!")


def bomb(levels: int, wide: int = 10) -> str:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * wide)}]" for n in range(1, levels)]
    return "\n".join(lines)


LONG = "x" * (10 * MIB)
Input = tuple[Callable[[str], None], Callable[[], str]]
TEXTS: dict[str, list[Input]] = {
    "scalars": [
        (jobs, lambda: f"presubmits:\n  o/r:\n  - name: {LONG}!\n    {SPEC}\n"),
        (jobs, lambda: f"presubmits:\n  o/r:\n  - {{name: j, branches: ['{LONG}'], {SPEC}}}\n"),
        (jobs, lambda: f"presubmits:\n  o/r:\n  - {{name: j, labels: {{a: {LONG}, {LONG}: a}}, {SPEC}}}\n"),
        (jobs, lambda: f"periodics: [{{name: j, cron: '{'1,' * MIB}', {SPEC}}}]\n"),
        (jobs, lambda: f"periodics: [{{name: j, interval: {'1h' * (MIB // 8)}, {SPEC}}}]\n"),
        (jobs, lambda: f"periodics: [{{name: j, interval: 1{'0' * MIB}h, {SPEC}}}]\n"),
        (jobs, lambda: f"{LONG}: 1\n"),
        (jobs, lambda: f"presets: {'9' * MIB}\n"),
        (jobs, lambda: f"presubmits: {{o/r: [{{name: j, spec: {{containers: [{{resources: {{limits: {{cpu: {LONG}}}}}}}]}}}}]}}\n"),
        (config, lambda: f"plank: {{job_url_template: '{{{{{LONG}}}}}'}}\n"),
        (config, lambda: f"slack_reporter_configs: {{'*': {{channel: c, report_template: '{LONG}{{{{.}}}}'}}}}\n"),
        (config, lambda: f"github: {{link_url: 'http://{LONG}:x'}}\n"),
        (config, lambda: f"tide: {{max_goroutines: {'9' * MIB}}}\n"),
        (plugins, lambda: f"plugins: {{o: ['{LONG}']}}\nsize: {{s: '{LONG}'}}\n"),
        (own, lambda: f"presubmits: [{{name: {LONG[:MIB - 200]}, {SPEC}}}]\n"),
    ],
    "blanks": [
        (config, lambda: f"jenkins_operators: [{{}}, {{label_selector: 'a{' ' * MIB}!'}}]\n"),
        (own, lambda: "presubmits: [{name: j, decorate: true, decoration_config: {gcs_configuration: {mediaTypes: {a: 'text/plain; a=b"
         + " " * 900_000 + "!'}}}, spec: {containers: [{args: [a]}]}}]\n"),
        (own, lambda: "presubmits:\n" + " " * 900_000 + "- [\n"),
    ],
    "depth": [
        (config, lambda: "[" * MIB),
        (config, lambda: "{a: " * MIB),
        (config, lambda: "- " * MIB),
        (config, lambda: "\n".join(" " * n + "a:" for n in range(3_000))),
        (config, lambda: "? " * MIB),
        (jobs, lambda: "prow_ignored: " + "[" * 390 + "]" * 390),
    ],
    "aliases": [
        (config, lambda: bomb(12)),
        (jobs, lambda: bomb(40, 2)),
        (jobs, lambda: "a0: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 60))),
        (own, lambda: "prow_ignored: &s {containers: [" + "{image: x}," * 5_000 + "]}\npresubmits:\n"
         + "".join(f"- {{name: j{n}, context: c{n}, spec: *s}}\n" for n in range(1_500))),
        (own, lambda: "\n---\n".join("a: &a [" + "x," * 900 + "]\nprow_ignored: [" + "*a," * 100 + "]" for _ in range(200))),
    ],
    "many": [
        (config, lambda: "".join(f"key_{n}: 1\n" for n in range(20_000))),
        (config, lambda: "log_level: a\n" * 20_000),
        (config, lambda: "disabled_clusters: [" + "[]," * 20_000 + "]"),
        (jobs, lambda: "presubmits: {o/r: [" + "{}," * 2_000 + "]}"),
        (own, lambda: "\n---\n".join("presets: [" + "{}," * 20_000 + "]" for _ in range(8))),
        (own, lambda: "presets: [{env: [" + "".join(f"{{name: a{n}}}," for n in range(3_000)) + "]}]\npresubmits: [{name: j, spec: {containers: ["
         + "{image: x}," * 3_000 + "]}}]"),
        (own, lambda: "presets: [{tolerations: [" + "".join(f"{{key: a{n}}}," for n in range(20_000)) + "]}]\n"
         f"presubmits: [{{name: j, {SPEC}}}]"),
        (own, lambda: "\n---\n".join("presubmits:\n" + "".join(
            f"- {{name: j, branches: [{', '.join(f'b{f}-{n}-{b}' for b in range(40))}], {SPEC}}}\n" for n in range(300)) for f in range(3))),
        (own, lambda: "\n---\n".join("presubmits:\n" + "".join(
            f"- {{name: j, skip_branches: ['^b{f}-{n}$'], {SPEC}}}\n" for n in range(300)) for f in range(3))),
    ],
    "patterns": [
        (searched, lambda: "(a*)*b"),
        (searched, lambda: "(a|aa)+$"),
        (searched, lambda: "(.*)(.*)(.*)(.*)(.*)[^a]x"),
        (searched, lambda: "(((a{100}){100}){100})"),
        (searched, lambda: "(?:a?){500}a{500}"),
        (searched, lambda: "|".join(["a{1000}"] * 5_000)),
        (searched, lambda: "(" * 20_000),
        (searched, lambda: "(?i)" + "\\pL{500}" * 20),
        (jobs, lambda: "presubmits:\n  o/r:\n" + "".join(f"  - {{name: j{n}, branches: ['(a{{900}}){{1,1}}{n}'], {SPEC}}}\n" for n in range(300))),
    ],
}  # fmt: skip


def run(name: str) -> None:
    """Each is read or refused; a line for each."""
    for read, text in TEXTS[name]:
        try:
            read(text())
        except (ConfigError, regex.RegexError) as error:
            if len(str(error)) > 2 * MIB:
                raise
            sys.stdout.write(f"{str(error)[:100]!r}\n")
        else:
            sys.stdout.write("read\n")


if __name__ == "__main__":
    run(sys.argv[1])
