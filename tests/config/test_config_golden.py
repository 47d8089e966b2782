"""Real and made-up configurations load as they do in the original (recorded answers)."""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from prow.config.config import Config
from prow.config.documents import Document, Findings
from prow.config.errors import ConfigError
from prow.config.file_kinds import PLUGINS
from prow.config.inrepo import read_in_repo
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
from prow.model.base import to_json
from prow.model.decoration import DecorationConfig
from prow.model.prowjob import ProwJob
from tests.support.kubernetes import folder, kubernetes

T = TypeVar("T")

DATA = Path(__file__).parents[2].parent / "shared/data"
METAL3 = DATA / "metal3"

# The recorded answer depends on the day: a time in the future. Loading knows no clock.
NEEDS_A_CLOCK = {"load-168"}
# `transfer-issue` is a name that Metal3's own, older version knows; here it is known too.
NEWER_PLUGINS = {"plugins-metal3-check-unknown"}
# Prints a nil PodSpec as `nil`; here as any nil, `<nil>`.
NIL_POD = {"tmpl-text-0267", "tmpl-text-0268", "tmpl-text-0269"}


def cases(name: str) -> Iterator[dict[str, Any]]:
    path = DATA / f"golden/{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"put the recorded answers at {path} to run this")
    with gzip.open(path, "rt") as lines:
        for line in lines:
            yield json.loads(line)


def write(folder: Path, texts: dict[str, str]) -> Path:
    """A folder with these files in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@cache
def metal3() -> Config:
    if not METAL3.exists():
        pytest.skip(f"put Metal3's configuration at {METAL3} to run this")
    return load(METAL3 / "config.yaml", METAL3 / "jobs")


def attempt(work: Callable[[], T]) -> tuple[T | None, str]:
    """The result, or what the error says."""
    try:
        return work(), ""
    except ConfigError as error:
        return None, str(error)


def full(value: Any) -> Any:
    """Without what Go omits: empty and missing are the same."""
    if isinstance(value, dict):
        return {key: part for key, each in value.items() if (part := full(each)) not in (None, [], {}, "", 0, False)}
    return [full(each) for each in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:
    return full(json.loads(to_json(value)))


@pytest.mark.parametrize(("instance", "count"), [("metal3", 632), ("kubernetes", 6079)])
def test_every_effective_job_is_the_recorded_one_to_the_byte(instance: str, count: int) -> None:
    config = metal3() if instance == "metal3" else kubernetes()
    jobs: list[tuple[str, str, Any]] = []
    for repo in sorted(config.presubmits):
        jobs += [("presubmit", repo, job) for job in config.presubmits[repo]]
    for repo in sorted(config.postsubmits):
        jobs += [("postsubmit", repo, job) for job in config.postsubmits[repo]]
    jobs += [("periodic", "", job) for job in config.periodics]
    recorded = list(cases(f"effective-jobs-{instance}"))
    assert len(jobs) == len(recorded) == count
    texts: dict[str, list[str]] = {}
    for (kind, repo, job), case in zip(jobs, recorded, strict=True):
        assert (kind, repo, job.name) == (case["in"]["type"], case["in"]["repo"], case["in"]["name"])
        text = json.dumps(json.loads(to_json(job)), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(text.encode()).hexdigest() == case["out"]["sha256"], (job.name, case["out"]["job"], text)
        assert job.source.file.endswith(f"/{case['in']['source']}")
        if job.source.file not in texts:
            texts[job.source.file] = Path(job.source.file).read_text().splitlines()
        assert texts[job.source.file][job.source.line - 1].lstrip().startswith("- ")


def test_metal3_loads_without_a_warning() -> None:
    assert metal3().warnings == ()
    assert load_plugins(METAL3 / "plugins.yaml", strict=True).warnings == ()


def test_an_enabled_plugin_that_is_not_built_is_one_warning() -> None:
    metal3()
    (warning,) = load_plugins(METAL3 / "plugins.yaml", built={"trigger", "hold", "help", "size"}).warnings
    assert warning.startswith(f"{METAL3}/plugins.yaml:10:5: enabled, but not part of this build")
    assert "transfer-issue" in warning
    assert "trigger" not in warning


def test_configurations_are_accepted_and_refused_as_upstream_does(tmp_path: Path) -> None:
    different = set()
    for case in cases("config-load"):
        given = case["in"]
        folder = tmp_path / case["case"]
        write(folder, {"config.yaml": given["config"]})
        write(folder / "jobs", {name.removeprefix("jobs/"): text for name, text in given.get("jobs", {}).items()})
        write(folder / "shards", given.get("shards", {}))
        jobs = folder / "jobs" if "jobs" in given else ""
        shards, strict = Supplements((str(folder / "shards"),)), given.get("strict", False)
        config, problem = attempt(partial(load, folder / "config.yaml", jobs, supplemental=shards, strict=strict))
        if bool(problem) != bool(case.get("error")):
            different.add(case["case"])
        if problem or case.get("error"):
            assert not problem or problem.startswith(str(folder)), problem
            continue
        wanted = case["out"]["config"]
        assert config is not None
        if "pubsub_subscriptions" not in given["config"]:  # written as the triggers that were made of them
            assert full(tree(config)) == full(wanted), case["case"]
        repos = {
            *config.presubmits,
            *config.postsubmits,
            *(repo for each in config.tide.queries for repo in each.repos),
        }
        assert repos == set(case["out"]["all_repos"]), case["case"]
    assert different == NEEDS_A_CLOCK


def test_in_repo_jobs_are_accepted_and_refused_as_upstream_does() -> None:
    for case in cases("in-repo-config"):
        given = case["in"]
        org, repo = given["repo"].split("/")
        config = assemble(Document("config.yaml", given["config"].encode()), [], Findings(), check_presets=False)
        strict = given.get("strict", False)
        own, problem = attempt(partial(read_in_repo, given["files"], config, org=org, repo=repo, strict=strict))
        assert bool(problem) == bool(case.get("error")), (case, problem)
        if own is None:
            continue
        wanted = case["out"]["prow_yaml"]
        assert plain(own.presubmits) == full(wanted["presubmits"] or []), case["case"]
        assert plain(own.postsubmits) == full(wanted["postsubmits"] or []), case["case"]


def plugins_text(given: dict[str, Any]) -> str:
    if "plugins" in given:
        return str(given["plugins"])
    if given["instance"] == "metal3":
        return (METAL3 / "plugins.yaml").read_text()
    return (folder() / "config/prow/plugins.yaml").read_text()


def test_plugin_configurations_are_accepted_and_refused_as_upstream_does() -> None:
    recorded = list(cases("plugins-config"))
    text_of = {name: plugins_text({"instance": name}) for name in ("metal3", "kubernetes")}
    for case in recorded:
        given = case["in"]
        text = given["plugins"] if "plugins" in given else text_of[given["instance"]]
        document = Document("plugins.yaml", text.encode())
        named = sorted(given.get("shards", {}).items())
        shards = [Document(name, text.encode()) for name, text in named if name.endswith("_pluginconfig.yaml")]
        config, problem = attempt(partial(assemble_plugins, document, Findings(), shards=shards))
        if config is not None and given.get("check_unknown"):
            problem = ", ".join(sorted(config.enabled_plugins() - set(PLUGINS)))
        assert bool(problem) == bool(case.get("error")) or case["case"] in NEWER_PLUGINS, (case, problem)
        if config is None or problem or case.get("error"):
            continue
        if "config" in case["out"]:
            wanted = json.dumps(case["out"]["config"]).replace('"<default text>"', '""')
            assert plain(config) == full(json.loads(wanted)), case["case"]
        for name, answers in (case["out"].get("repos") or {}).items():
            check_repo(config, name, answers)


def check_repo(config: PluginsConfig, name: str, wanted: dict[str, Any]) -> None:
    at = tuple(name.split("/"))
    org, repo = at
    assert list(config.plugins_for(org, repo)) == list(dict.fromkeys(wanted["plugins"] or []))
    external = sorted(plain(config.external_plugins_for(org, repo)), key=lambda each: str(each["name"]))
    assert external == full(sorted(wanted["external_plugins"], key=lambda each: str(each["name"])))
    got = {
        "trigger": plain(config.trigger_for(org, repo)),
        "approve": plain(config.approve_for(org, repo)),
        "lgtm": plain(config.lgtm_for(org, repo)),
        "dco": plain(config.dco_for(org, repo)),
        "mdyaml": config.reads_front_matter(org, repo),
        "skip_collaborators": config.skips_collaborators(org, repo),
        "owners_filenames": plain(config.owners_filenames_for(org, repo)),
        "restricted_labels": {key: plain(each) for key, each in config.restricted_labels_for(org, repo).items()},
        "approve_self_approval": config.approve_for(org, repo).self_approval,
        "approve_consider_review_state": config.approve_for(org, repo).considers_reviews,
        "trigger_merged_pr_threshold": config.trigger_for(org, repo).merged_pr_threshold,
    }
    assert full(got) == full({key: wanted.get(key) for key in got}), name


def test_branchers_choose_branches_as_upstream_does() -> None:
    for case in cases("branchers"):
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
        except RegexError:
            assert case.get("error"), case
            continue
        assert not case.get("error"), case
        assert got == case["out"], case


def test_durations_in_yaml_are_read_as_upstream_does() -> None:
    for case in cases("durations"):
        form = case["in"]["form"]
        if form == "go":
            continue
        findings = Findings()
        document = Document("x.yaml", f"{form}: {case['in']['text']}\n".encode())
        struct = Tide if form == "sync_period" else DecorationConfig
        value = getattr(document.decode(struct, findings, coerce=False), form, None)
        assert bool(findings.errors) == bool(case.get("error")), (case, findings.errors)
        if case.get("error"):
            continue
        wanted = case["out"].get("ns")
        if wanted is None:
            assert value in {None, Tide().sync_period}, case
        else:
            assert durations.parse(str(value)) == wanted, case


def test_templates_see_a_prowjob_by_the_names_of_go() -> None:
    for case in cases("templates"):
        given = case["in"]
        if given["engine"] != "text" or case["case"] in NIL_POD:
            continue
        try:
            template = Template.parse(given["template"], replace=given.get("replace", False))
            got = template.render(prowjob_data(msgspec.convert(given["prowjob"], ProwJob)))
        except TemplateError:
            assert case.get("error"), case
        else:
            assert not case.get("error"), (case, got)
            assert got == case["out"]["text"], case


def test_an_empty_config_has_the_recorded_defaults() -> None:
    config = assemble(Document("config.yaml", b""), [], Findings())
    assert (config.prowjob_namespace, config.pod_namespace, config.log_level) == ("default", "default", "info")
    assert str(config.plank.pod_running_timeout) == "48h0m0s"
    assert config.tide.status_update_period == config.tide.sync_period == durations.MINUTE
    assert config.sinker.terminated_pod_ttl == 24 * durations.HOUR
    assert config.in_repo_config.clusters_for("o", "r") == {"default"}
    assert config.deck.spyglass.gcs_browser_prefixes == {"*": ""}
