"""Plugins that should be on, and options that cannot work. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from prow.checkconfig.model import Known, Problem, in_job, in_plugins
from prow.checkconfig.repo_sets import RepoSet, with_plugin
from prow.config.plugins import PluginsConfig

USING_OWNERS = ("approve", "blunderbuss", "rifle", "owners-label")
OWNERS_PRESENCE = "verify-owners-presence"
_VERIFY, _TRIGGER = "verify-owners", "trigger"


def using_owners(plugins: PluginsConfig) -> RepoSet:
    """Where a plugin reads OWNERS."""
    found = RepoSet()
    for name in USING_OWNERS:
        found |= with_plugin(plugins, name)
    return found


def validate_owners(known: Known) -> Iterator[Problem]:
    if known.plugins is None:
        return
    for item in using_owners(known.plugins) - with_plugin(known.plugins, _VERIFY):
        key = item.key if item.key in known.plugins.plugins else item.key.partition("/")[0]
        names = [name for name in USING_OWNERS if item.key in with_plugin(known.plugins, name) or _on(known, name, key)]
        yield Problem(
            f"{item} uses OWNERS files ({', '.join(names)}), but {_VERIFY} is not on there to check changes to them",
            in_plugins("plugins", key),
        )


def _on(known: Known, plugin: str, key: str) -> bool:
    return known.plugins is not None and plugin in known.plugins.plugins[key].plugins


def missing_trigger(known: Known) -> Iterator[Problem]:
    if known.plugins is None:
        return
    on = with_plugin(known.plugins, _TRIGGER)
    config = known.config
    for repo in sorted({*config.presubmits, *config.postsubmits}):
        jobs = (*config.presubmits.get(repo, ()), *config.postsubmits.get(repo, ()))
        if jobs and repo not in on:
            yield Problem(
                f"{repo} has jobs, but the plugin {_TRIGGER}, which starts them, is not on there", in_job(jobs[0])
            )


def validate_label(known: Known) -> Iterator[Problem]:
    if known.plugins is None:
        return
    options = known.plugins.label
    for key, entries in options.restricted_labels.items():
        for index, entry in enumerate(entries):
            place = in_plugins("label", "restricted_labels", key, index, "label")
            if not entry.label:
                yield Problem(f"a restricted label of {key} has no name", place)
            elif entry.label in options.additional_labels:
                yield Problem(
                    f"the label {entry.label} is restricted for {key}, but anybody may set it: it is in additional_labels",
                    place,
                )


def config_updater_acls(known: Known) -> Iterator[Problem]:
    if known.plugins is None:
        return
    for pattern, entry in known.plugins.config_updater.maps.items():
        for name in ("allowed_repos", "denied_repos"):
            for index, repo in enumerate(getattr(entry, name)):
                wrong = _repo_problem(repo)
                if wrong:
                    yield Problem(wrong, in_plugins("config_updater", "maps", pattern, name, index))


def _repo_problem(repo: str) -> str:
    if not repo:
        return "an org or org/repo is missing"
    if repo.count("/") > 1:
        return f"{repo!r} has too many slashes for an org/repo"
    return f"{repo!r} has no org" if repo.startswith("/") else ""


def owners_presence(known: Known) -> Iterator[Problem]:
    """What GitHub has said about it is in `without_owners`."""
    if known.plugins is None:
        return
    if why := known.unanswered.get(OWNERS_PRESENCE):
        yield Problem(f"GitHub cannot be asked for OWNERS: {why}", in_plugins("plugins"))
    for repo in known.without_owners or ():
        key = repo if repo in known.plugins.plugins else repo.partition("/")[0]
        yield Problem(
            f"{repo} has plugins that use OWNERS files, but no file OWNERS at the top of its default branch",
            in_plugins("plugins", key),
        )
