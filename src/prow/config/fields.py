"""Decoders of single fields that follow rules of their own; importing this module registers them."""

from __future__ import annotations

from typing import Any

from prow.config import podspec
from prow.config.branch_protection import Policy
from prow.config.config import Config
from prow.config.decode import (
    Decoder,
    Report,
    Where,
    compiled,
    duration,
    register_embedded,
    register_field,
    register_null,
    register_type,
    spell,
    struct_decoder,
    unwind,
)
from prow.config.job import Brancher, JobBase, Preset
from prow.config.plugin_options import ConfigUpdater, RepoPlugins
from prow.config.plugins import PluginsConfig
from prow.config.sections import Controller, InRepoConfig, LensSpec
from prow.config.tide import Tide
from prow.lib import durations
from prow.model.decoration import DecorationConfig, Resources, SchedulingOptions
from prow.model.prowjob import SlackReporterConfig


def _duration_text(value: Any, where: Where, report: Report) -> str:
    return durations.format(duration(value, where, report))


def _duration_or_nanoseconds(value: Any, where: Where, report: Report) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value == int(value):
            return durations.format(compiled(int, coerce=False)(value, where, report))
        report.expected(where, "a duration such as 15m, or whole nanoseconds", value)
        return ""
    return _duration_text(value, where, report)


def _tupled(kind: str, *, coerce: bool) -> Decoder:
    many = podspec.decoder(f"[]{kind}", coerce=coerce)
    return lambda value, where, report: tuple(many(value, where, report))


def _null_says_nothing(kind: Any) -> Decoder:
    """A mapping whose null values are as keys that are not there: a wider key or the default decides."""
    decode = compiled(kind, coerce=False)

    def decode_given(value: Any, where: Where, report: Report) -> Any:
        given = {key: part for key, part in value.items() if part is not None} if isinstance(value, dict) else value
        return decode(given, where, report)

    return decode_given


def _merge_method(value: Any, where: Where, report: Report) -> dict[str, Any]:
    """org, `org/repo`, `org/repo@branch` → method; or org → repo → method, or {branch regex: method}."""
    if not isinstance(value, dict):
        report.expected(where, "a mapping", value)
        return {}
    return {key: _method(part, (where, key), report, depth=2) for key, part in value.items()}


def _method(value: Any, where: Where, report: Report, *, depth: int) -> Any:
    if value is None:
        return ""
    if isinstance(value, dict) and depth:
        return {key: _method(part, (where, key), report, depth=depth - 1) for key, part in value.items()}
    if not isinstance(value, str):
        report.expected(where, "merge, rebase or squash", value)
        return ""
    return value


def _plugins(coerce: bool) -> Decoder:  # noqa: FBT001
    """The old form (org → list of names) for every entry, or the new one for every entry."""
    names = compiled(dict[str, tuple[str, ...]], coerce=coerce)
    entries = compiled(dict[str, RepoPlugins], coerce=coerce)

    def decode(value: Any, where: Where, report: Report) -> dict[str, RepoPlugins]:
        if isinstance(value, dict) and any(isinstance(part, list) for part in value.values()):
            lists = [key for key, part in value.items() if isinstance(part, dict)]
            if lists:
                path = spell(unwind((where, lists[0])))
                report.wrong((where, lists[0]), f"{path}: expected a list, as the other entries of `plugins` have one")
                return {}
            old: dict[str, tuple[str, ...]] = names(value, where, report)
            return {key: RepoPlugins(plugins=plugins) for key, plugins in old.items()}
        new: dict[str, RepoPlugins] = entries(value, where, report)
        return new

    return decode


def _free_json(value: Any, _where: Where, _report: Report) -> Any:
    return value


def _level(value: Any, where: Where, report: Report) -> str:
    text: str = compiled(str, coerce=False)(value, where, report)
    levels = ("panic", "fatal", "error", "warn", "warning", "info", "debug", "trace")
    if text and text.lower() not in levels:
        report.wrong(where, f"log_level: {text!r} is no level; use one of {', '.join(levels)}")
    return text or "info"


def _register() -> None:
    for embedded in (JobBase, Brancher, Controller, Tide, Policy, SlackReporterConfig):
        register_embedded(embedded)
    for name in ("timeout", "grace_period"):
        register_field(DecorationConfig, name, lambda _: _duration_or_nanoseconds)
    for name in ("pod_pending_timeout", "pod_running_timeout", "pod_unscheduled_timeout"):
        register_field(DecorationConfig, name, lambda _: _duration_text)
    register_field(DecorationConfig, "default_memory_request", lambda _: podspec.quantity)
    for name in ("clonerefs", "initupload", "place_entrypoint", "sidecar"):
        register_field(Resources, name, lambda _: podspec.decoder("Resources"))
    register_field(SchedulingOptions, "affinity", lambda _: podspec.decoder("Affinity"))
    register_field(SchedulingOptions, "tolerations", lambda _: _tupled("Toleration", coerce=False))
    register_field(JobBase, "spec", lambda coerce: podspec.decoder("PodSpec", coerce=coerce))
    for name, kind in (
        ("env", "EnvVar"),
        ("volumes", "Volume"),
        ("volume_mounts", "VolumeMount"),
        ("tolerations", "Toleration"),
    ):
        register_field(Preset, name, lambda coerce, kind=kind: _tupled(kind, coerce=coerce))  # type: ignore[misc]
    register_field(InRepoConfig, "enabled", lambda _: _null_says_nothing(dict[str, bool]))
    register_field(InRepoConfig, "allowed_clusters", lambda _: _null_says_nothing(dict[str, tuple[str, ...]]))
    register_field(LensSpec, "config", lambda _: _free_json)
    register_null(LensSpec, "config")
    register_field(Tide, "merge_method", lambda _: _merge_method)
    register_field(Config, "log_level", lambda _: _level)
    register_field(PluginsConfig, "plugins", _plugins)
    register_type(ConfigUpdater, lambda _: struct_decoder(ConfigUpdater, coerce=False))


_register()
