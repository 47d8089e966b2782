"""Real and made-up configurations load as they do in the original (recorded answers)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from prow.config.config import Config
from prow.config.documents import Document, Findings
from prow.config.errors import ConfigError
from prow.config.file_kinds import PLUGINS
from prow.config.inrepo import parse_files, read_in_repo
from prow.config.job import Presubmit
from prow.config.load import assemble, load
from prow.config.load_plugins import assemble_plugins, load_plugins
from prow.config.plugins import PluginsConfig
from prow.config.serialize import tree
from prow.config.supplemental import Supplements
from prow.config.template_data import prowjob_data
from prow.config.tide import Tide
from prow.lib import durations
from prow.lib.gotemplate import Template, TemplateError
from prow.lib.regex import RegexError
from prow.lib.virtual_clock import VirtualClock
from prow.model.base import to_json
from prow.model.decoration import DecorationConfig
from prow.model.prowjob import ProwJob
from tests.support.data import METAL3, golden, needs_data, replay, unlike, without_nothing
from tests.support.kubernetes import folder, kubernetes

T = TypeVar("T")

pytestmark = needs_data

RECORDED = datetime(2026, 8, 22, tzinfo=UTC)

NEWER_PLUGINS = {
    "plugins-metal3-check-unknown": "`transfer-issue` is a name that Metal3's own, older version knows; here it is known too"
}
NIL_POD = dict.fromkeys(
    ("tmpl-text-0267", "tmpl-text-0268", "tmpl-text-0269"),
    "a pod spec that is not there prints as `nil` in the original, unlike all other pointers; here as `<nil>` like them",
)


@cache
def metal3() -> Config:
    return load(METAL3 / "config.yaml", METAL3 / "jobs")


def write(folder: Path, texts: dict[str, str]) -> Path:
    """A folder with these files in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def attempt(work: Callable[[], T]) -> tuple[T | None, str]:
    """The result, or what the error says."""
    try:
        return work(), ""
    except ConfigError as error:
        return None, str(error)


def verdicts(case: dict[str, Any], problem: str) -> str:
    """What differs when one of both has refused the input."""
    refused = bool(case.get("error"))
    return (
        "" if refused is bool(problem) else f"{case.get('message', 'accepted')!r:.300} recorded, {problem!r:.300} here"
    )


def plain(value: Any) -> Any:
    return without_nothing(json.loads(to_json(value)))


@pytest.mark.parametrize(("instance", "count"), [("metal3", 632), ("kubernetes", 6079)])
def test_every_effective_job_is_the_recorded_one_to_the_byte(instance: str, count: int) -> None:
    config = metal3() if instance == "metal3" else kubernetes()
    jobs: list[tuple[str, str, Any]] = []
    for repo in sorted(config.presubmits):
        jobs += [("presubmit", repo, job) for job in config.presubmits[repo]]
    for repo in sorted(config.postsubmits):
        jobs += [("postsubmit", repo, job) for job in config.postsubmits[repo]]
    jobs += [("periodic", "", job) for job in config.periodics]
    recorded = list(golden(f"effective-jobs-{instance}"))
    assert len(jobs) == len(recorded) == count
    texts: dict[str, list[str]] = {}
    for (kind, repo, job), case in zip(jobs, recorded, strict=True):
        assert (kind, repo, job.name) == (case["in"]["type"], case["in"]["repo"], case["in"]["name"])
        text = msgspec.json.encode(job, order="sorted")
        assert hashlib.sha256(text).hexdigest() == case["out"]["sha256"], (job.name, case["out"]["job"], text)
        assert job.source.file.endswith(f"/{case['in']['source']}")
        if job.source.file not in texts:
            texts[job.source.file] = Path(job.source.file).read_text().splitlines()
        assert texts[job.source.file][job.source.line - 1].lstrip().startswith("- ")


def test_metal3_loads_without_a_warning() -> None:
    assert metal3().warnings == ()
    assert load_plugins(METAL3 / "plugins.yaml", strict=True).warnings == ()


def test_an_enabled_plugin_that_is_not_built_is_one_warning() -> None:
    (warning,) = load_plugins(METAL3 / "plugins.yaml", built={"trigger", "hold", "help", "size"}).warnings
    assert warning.startswith(f"{METAL3}/plugins.yaml:10:5: enabled, but not part of this build")
    assert "transfer-issue" in warning
    assert "trigger" not in warning


def test_configurations_are_accepted_and_refused_as_upstream_does(tmp_path: Path) -> None:
    clock = VirtualClock(RECORDED)

    def compare(case: dict[str, Any]) -> str:
        given = case["in"]
        folder = write(tmp_path / case["case"], {"config.yaml": given["config"]})
        write(folder / "jobs", {name.removeprefix("jobs/"): text for name, text in given.get("jobs", {}).items()})
        write(folder / "shards", given.get("shards", {}))
        jobs = folder / "jobs" if "jobs" in given else ""
        shards = Supplements((str(folder / "shards"),))
        strict = given.get("strict", False)
        work = partial(load, folder / "config.yaml", jobs, supplemental=shards, strict=strict, clock=clock)
        config, problem = attempt(work)
        if config is None or case.get("error"):
            assert not problem or problem.startswith(str(folder)), problem
            return verdicts(case, problem)
        queried = {repo for query in config.tide.queries for repo in query.repos}
        got = {
            "config": tree(config),
            "all_repos": sorted({*config.presubmits, *config.postsubmits, *queried}),
            "periodic_intervals": [
                {
                    "name": job.name,
                    "interval": str(job.interval_duration),
                    "minimum_interval": str(job.minimum_interval_duration),
                }
                for job in config.periodics
            ],
        }
        return unlike({"all_repos": [], "periodic_intervals": [], **case["out"]}, got)

    replay("config-load", compare, lines=335)


def test_in_repo_jobs_are_accepted_and_refused_as_upstream_does() -> None:
    def compare(case: dict[str, Any]) -> str:
        given = case["in"]
        org, repo = given["repo"].split("/")
        config = assemble(Document("config.yaml", given["config"].encode()), [], Findings(), check_presets=False)
        strict = given.get("strict", False)
        own, problem = attempt(partial(read_in_repo, given["files"], config, org=org, repo=repo, strict=strict))
        if own is None or case.get("error"):
            return verdicts(case, problem)
        presets = [preset for _, part in parse_files(given["files"], Findings()) for preset in part.presets]
        got = {
            "presets": tree(presets) or None,
            "presubmits": plain(own.presubmits),
            "postsubmits": plain(own.postsubmits),
        }
        return unlike(without_nothing(case["out"]["prow_yaml"]), without_nothing(got))

    replay("in-repo-config", compare, lines=56)


def plugins_text(given: dict[str, Any]) -> str:
    if "plugins" in given:
        return str(given["plugins"])
    if given["instance"] == "metal3":
        return (METAL3 / "plugins.yaml").read_text()
    return (folder() / "config/prow/plugins.yaml").read_text()


@cache
def plugins_of(text: str, shards: tuple[tuple[str, str], ...]) -> tuple[PluginsConfig | None, str]:
    documents = [Document(name, text.encode()) for name, text in shards]
    return attempt(partial(assemble_plugins, Document("plugins.yaml", text.encode()), Findings(), shards=documents))


def test_plugin_configurations_are_accepted_and_refused_as_upstream_does() -> None:
    def compare(case: dict[str, Any]) -> str:
        given = case["in"]
        named = tuple(sorted(given.get("shards", {}).items()))
        shards = tuple((name, text) for name, text in named if name.endswith("_pluginconfig.yaml"))
        config, problem = plugins_of(plugins_text(given), shards)
        if config is not None and given.get("check_unknown"):
            problem = ", ".join(sorted(config.enabled_plugins() - set(PLUGINS)))
        if config is None or problem or case.get("error"):
            return verdicts(case, problem)
        got: dict[str, Any] = {}
        recorded = json.loads(json.dumps(case["out"]).replace('"<default text>"', '""'))
        if "config" in recorded:
            got["config"] = plain(config)
        if "repos" in recorded:
            got["repos"] = {name: of_repo(config, name, wanted) for name, wanted in (recorded["repos"] or {}).items()}
        return unlike(without_nothing(recorded), without_nothing(got))

    replay("plugins-config", compare, lines=141, differences=NEWER_PLUGINS)


def of_repo(config: PluginsConfig, name: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """What holds for one repository. Plugins that are enabled twice run once; external plugins are recorded in any order."""
    org, _, repo = name.partition("/")
    wanted["plugins"] = list(dict.fromkeys(wanted["plugins"] or []))
    wanted["external_plugins"].sort(key=lambda each: str(each["name"]))
    approve, trigger = config.approve_for(org, repo), config.trigger_for(org, repo)
    return {
        "plugins": list(config.plugins_for(org, repo)),
        "external_plugins": sorted(plain(config.external_plugins_for(org, repo)), key=lambda each: str(each["name"])),
        "trigger": plain(trigger),
        "approve": plain(approve),
        "lgtm": plain(config.lgtm_for(org, repo)),
        "dco": plain(config.dco_for(org, repo)),
        "mdyaml": config.reads_front_matter(org, repo),
        "skip_collaborators": config.skips_collaborators(org, repo),
        "owners_filenames": plain(config.owners_filenames_for(org, repo)),
        "restricted_labels": {key: plain(each) for key, each in config.restricted_labels_for(org, repo).items()},
        "approve_self_approval": approve.self_approval,
        "approve_consider_review_state": approve.considers_reviews,
        "trigger_merged_pr_threshold": trigger.merged_pr_threshold,
        "preserved_branches": {
            branch: config.preserves_branch(org, repo, branch) for branch in wanted["preserved_branches"]
        },
    }


def test_branchers_choose_branches_as_upstream_does() -> None:
    def compare(case: dict[str, Any]) -> str:
        given = case["in"]
        first, second = (
            Presubmit(
                branches=tuple(given[name].get("branches") or ()),
                skip_branches=tuple(given[name].get("skip_branches") or ()),
            )
            for name in ("a", "b")
        )
        try:
            got = {
                "a": [first.runs_on_branch(branch) for branch in given["branches"]],
                "b": [second.runs_on_branch(branch) for branch in given["branches"]],
                "intersects_ab": first.intersects(second),
                "intersects_ba": second.intersects(first),
            }
        except RegexError as error:
            return verdicts(case, str(error))
        return verdicts(case, "") or unlike(case["out"], got)

    replay("branchers", compare, lines=250)


def test_durations_in_yaml_are_read_as_upstream_does() -> None:
    def compare(case: dict[str, Any]) -> str:
        form = case["in"]["form"]
        findings = Findings()
        document = Document("x.yaml", f"{form}: {case['in']['text']}\n".encode())
        struct = Tide if form == "sync_period" else DecorationConfig
        value = document.decode(struct, findings, coerce=False)
        problem = ", ".join(str(error) for error in findings.errors)
        if problem or case.get("error"):
            return verdicts(case, problem)
        text = getattr(value, form)
        got: dict[str, Any] = {"ns": None if text is None else int(durations.parse(str(text)))}
        wanted = case["out"]
        if "json" in wanted:
            got["json"] = json.loads(to_json(value))
        elif wanted["ns"] is None:
            wanted = {"ns": int(Tide().sync_period)}  # recorded before defaults
        return unlike(wanted, got)

    replay("durations", compare, lines=90, only=lambda case: case["in"]["form"] != "go")


def test_templates_see_a_prowjob_by_the_names_of_go() -> None:
    def compare(case: dict[str, Any]) -> str:
        given = case["in"]
        try:
            template = Template.parse(given["template"], replace=given.get("replace", False))
            got = template.render(prowjob_data(msgspec.convert(given["prowjob"], ProwJob)))
        except TemplateError as error:
            return verdicts(case, str(error))
        return verdicts(case, "") or unlike(case["out"], {"text": got})

    replay("templates", compare, lines=336, only=lambda case: case["in"]["engine"] == "text", differences=NIL_POD)


def test_an_empty_config_has_the_recorded_defaults() -> None:
    config = assemble(Document("config.yaml", b""), [], Findings())
    assert (config.prowjob_namespace, config.pod_namespace, config.log_level) == ("default", "default", "info")
    assert str(config.plank.pod_running_timeout) == "48h0m0s"
    assert config.tide.status_update_period == config.tide.sync_period == durations.MINUTE
    assert config.sinker.terminated_pod_ttl == 24 * durations.HOUR
    assert config.in_repo_config.clusters_for("o", "r") == {"default"}
    assert config.deck.spyglass.gcs_browser_prefixes == {"*": ""}
