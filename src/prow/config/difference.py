"""What differs between two effective configs: jobs that came, went or changed, and settings. Pure."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from prow.config.config import Config
from prow.config.job import Brancher, JobBase, Postsubmit, Presubmit
from prow.config.plugins import PluginsConfig
from prow.config.serialize import tree, without_jobs
from prow.config.value_paths import spell
from prow.lib.goyaml import Path

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


class Setting(msgspec.Struct, frozen=True):
    """One value that differs. None: it is not set there."""

    path: str
    old: Any = None
    new: Any = None


class JobChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    change: str
    type: str
    repo: str
    name: str
    branches: tuple[str, ...] = ()
    source: str
    """Where it is written: in the new config, for removed jobs in the old one."""
    settings: tuple[Setting, ...] = ()


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    jobs: tuple[JobChange, ...] = ()
    settings: tuple[Setting, ...] = ()
    plugins: tuple[Setting, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.jobs or self.settings or self.plugins)


class _Key(NamedTuple):
    type: str
    repo: str
    name: str


def difference(
    old: Config, new: Config, old_plugins: PluginsConfig | None = None, new_plugins: PluginsConfig | None = None
) -> Difference:
    """From `old` to `new`: jobs by type, repository and name, settings by path."""
    plugins: tuple[Setting, ...] = ()
    if old_plugins is not None or new_plugins is not None:
        plugins = settings(tree(old_plugins or PluginsConfig()), tree(new_plugins or PluginsConfig()))
    return Difference(
        jobs=tuple(_jobs(old, new)), settings=settings(without_jobs(old), without_jobs(new)), plugins=plugins
    )


def settings(old: Any, new: Any) -> tuple[Setting, ...]:
    """The values that differ, by path."""
    return tuple(Setting(spell(path), before, after) for path, before, after in _values(old, new, ()))


def _jobs(old: Config, new: Config) -> Iterator[JobChange]:
    before, after = _by_key(old), _by_key(new)
    for key in dict.fromkeys((*before, *after)):
        gone, come = list(before.get(key, ())), list(after.get(key, ()))
        pairs = []
        for job in list(gone):
            # Names may repeat on other branches: the same branches first, then what is left in order.
            same = next((each for each in come if _branches(each) == _branches(job)), None)
            if same is not None:
                pairs.append((job, same))
                gone.remove(job)
                come.remove(same)
        left = min(len(gone), len(come))
        pairs += list(zip(gone[:left], come[:left], strict=True))
        for was, now in pairs:
            if was is not now and (changed := settings(tree(was), tree(now))):
                yield _change(CHANGED, key, now, changed)
        yield from (_change(REMOVED, key, job) for job in gone[left:])
        yield from (_change(ADDED, key, job) for job in come[left:])


def _by_key(config: Config) -> dict[_Key, list[JobBase]]:
    found: dict[_Key, list[JobBase]] = defaultdict(list)
    for repo, job in config.all_jobs():
        found[_Key(_type(job), repo, job.name)].append(job)
    return found


def _type(job: JobBase) -> str:
    if isinstance(job, Presubmit):
        return "presubmit"
    return "postsubmit" if isinstance(job, Postsubmit) else "periodic"


def _branches(job: JobBase) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (job.branches, job.skip_branches) if isinstance(job, Brancher) else ((), ())


def _change(change: str, key: _Key, job: JobBase, changed: tuple[Setting, ...] = ()) -> JobChange:
    return JobChange(
        change=change,
        type=key.type,
        repo=key.repo,
        name=key.name,
        branches=_branches(job)[0],
        source=f"{job.source.file}:{job.source.line}",
        settings=changed,
    )


def _values(old: Any, new: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            yield from _values(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _lists(old, new, path)
    else:
        yield path, old, new


def _lists(old: Sequence[Any], new: Sequence[Any], path: Path) -> Iterator[tuple[Path, Any, Any]]:
    """Mappings with names by their names; otherwise what was taken out and put in."""
    if _names(old) and _names(new):
        before, after = ({item["name"]: item for item in items} for items in (old, new))
        for name in dict.fromkeys((*before, *after)):
            yield from _values(before.get(name), after.get(name), (*path, name))
        return
    texts = [[msgspec.json.encode(item, order="sorted") for item in items] for items in (old, new)]
    for what, a, b, c, d in difflib.SequenceMatcher(None, texts[0], texts[1], autojunk=False).get_opcodes():
        if what == "equal":
            continue
        same = min(b - a, d - c)
        for index in range(same):
            yield from _values(old[a + index], new[c + index], (*path, c + index))
        yield from (((*path, index), old[index], None) for index in range(a + same, b))
        yield from (((*path, index), None, new[index]) for index in range(c + same, d))


def _names(items: Sequence[Any]) -> bool:
    """Whether every item is a mapping with a name of its own."""
    names = [item.get("name") for item in items if isinstance(item, dict)]
    return len(names) == len(items) == len(set(names)) and all(isinstance(name, str) and name for name in names)
