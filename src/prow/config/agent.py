"""The configuration of a running process: immutable snapshots, replaced when the files change.

`load` reads everything once and fails like any bad input. `watch` looks at the files every second (names, times, sizes,
through links, so the swap of a mounted ConfigMap is seen, and so are edits deep in the tree) and loads again when
something changed; only changed files are read and decoded again. A configuration that does not load is told, counted,
and not used: the last good one stays. A snapshot taken by a consumer never changes. All reading and checking happens in
a thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection

import msgspec
from prometheus_client import Counter, Gauge, Histogram

from prow.config.cache import Cache
from prow.config.config import Config
from prow.config.errors import ConfigError, ConfigErrors
from prow.config.load import NO_SUPPLEMENTS as NO_CONFIG_SUPPLEMENTS
from prow.config.load import Loader
from prow.config.load_plugins import NO_SUPPLEMENTS as NO_PLUGIN_SUPPLEMENTS
from prow.config.load_plugins import load_plugins
from prow.config.plugins import PluginsConfig
from prow.config.supplemental import Supplements
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.open_work import in_thread

POLL_SECONDS = 1.0
# Safety net for file systems without honest times: load again after this many quiet looks, as upstream does.
QUIET_LOOKS = 600

_LOADS = Counter("prow_config_loads", "Loads of the configuration by result.", ["result"])
_GOOD = Gauge(
    "prow_config_last_load_good", "1 when the configuration on disk is the one in use, 0 when it was refused."
)
_SECONDS = Histogram(
    "prow_config_load_seconds",
    "Time to read the configuration, all of it or what has changed.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

Stamp = tuple[tuple[str, int, int, int], ...]


class Snapshot(msgspec.Struct, frozen=True):
    """One consistent state of all files."""

    config: Config
    plugins: PluginsConfig

    @property
    def hash(self) -> str:
        """Names the content: recorded with decisions."""
        return f"{self.config.hash}-{self.plugins.hash}" if self.plugins.hash else self.config.hash


Subscriber = Callable[[Snapshot, Snapshot], None]


class ConfigAgent:
    """Keeps the current snapshot. `built`: names of the plugins of this build; enabled others are warned of."""

    def __init__(
        self,
        config_path: str | os.PathLike[str],
        job_config_path: str | os.PathLike[str] = "",
        plugin_config_path: str | os.PathLike[str] = "",
        *,
        supplemental: Supplements = NO_CONFIG_SUPPLEMENTS,
        supplemental_plugins: Supplements = NO_PLUGIN_SUPPLEMENTS,
        built: Collection[str] | None = None,
        strict: bool = False,
        cache: Cache | None = None,
    ) -> None:
        self._loader = Loader(config_path, job_config_path, supplemental=supplemental, strict=strict, cache=cache)
        self._reading = threading.Lock()
        self._plugins: tuple[Stamp, PluginsConfig] | None = None
        self._paths = (
            os.fspath(config_path),
            os.fspath(job_config_path),
            os.fspath(plugin_config_path),
            *supplemental.paths,
            *supplemental_plugins.paths,
        )
        self._suffixes = (".yaml", ".yml", *filter(None, (supplemental.suffix, supplemental_plugins.suffix)))
        self._supplemental_plugins = supplemental_plugins
        self._built = built
        self._strict = strict
        self._snapshot: Snapshot | None = None
        self._stamp: Stamp = ()
        self._subscribers: list[Subscriber] = []
        self._log = logs.get("config")
        self._warned: frozenset[str] = frozenset()

    @classmethod
    def of(cls, config: Config, plugins: PluginsConfig | None = None) -> ConfigAgent:
        """An agent without files, for tests and for configs made in memory."""
        agent = cls("")
        agent._snapshot = Snapshot(config, plugins or PluginsConfig())
        return agent

    @property
    def snapshot(self) -> Snapshot:
        """Take it once at the start of a piece of work. `load` must have been awaited."""
        if self._snapshot is None:
            raise ConfigError("the configuration is not loaded yet")
        return self._snapshot

    @property
    def config(self) -> Config:
        return self.snapshot.config

    @property
    def plugins(self) -> PluginsConfig:
        return self.snapshot.plugins

    @property
    def hash(self) -> str:
        return self.snapshot.hash

    def subscribe(self, subscriber: Subscriber) -> None:
        """Called in the event loop with (old, new) after every change; it must not block."""
        self._subscribers.append(subscriber)

    async def load(self) -> None:
        """Load for the first time. Raises ConfigError."""
        stamp = await in_thread(_stamp, self._paths, self._suffixes)
        snapshot = await in_thread(self._read)
        self._stamp = stamp
        self._use(snapshot)

    async def reload(self, *, distrust: bool = False) -> bool:
        """Load again; False when what is on disk is refused, and then the last good snapshot stays.

        `distrust`: read also what seems unchanged.
        """
        stamp = await in_thread(_stamp, self._paths, self._suffixes)
        # Noted before it is known to be good: a bad file is read again when it changes, not every second.
        self._stamp = stamp
        text = "the new configuration is refused, the last good one stays in use"
        try:
            snapshot = await in_thread(self._read, distrust=distrust)
        except ConfigError as error:
            for each in error.errors if isinstance(error, ConfigErrors) else (error,):
                self._log.error(text, problem=str(each))
        except Exception:  # noqa: BLE001 - no file may end the process that follows it
            self._log.exception(text)
        else:
            self._use(snapshot)
            return True
        _LOADS.labels("refused").inc()
        _GOOD.set(0)
        return False

    async def watch(self, clock: Clock) -> None:
        """Follow the files until cancelled. `load` must have been awaited."""
        quiet = 0
        while True:
            await clock.sleep(POLL_SECONDS)
            stamp = await in_thread(_stamp, self._paths, self._suffixes)
            quiet += 1
            if stamp != self._stamp or quiet >= QUIET_LOOKS:
                await self.reload(distrust=quiet >= QUIET_LOOKS)
                quiet = 0

    def _read(self, *, distrust: bool = False) -> Snapshot:
        with self._reading, _SECONDS.time():
            config = self._loader.load(distrust=distrust)
            return Snapshot(config, self._read_plugins(distrust=distrust))

    def _read_plugins(self, *, distrust: bool) -> PluginsConfig:
        path = self._paths[2]
        if not path:
            return PluginsConfig()
        extra = self._supplemental_plugins
        stamp = _stamp((path, *extra.paths), self._suffixes)
        if distrust or self._plugins is None or self._plugins[0] != stamp:
            plugins = load_plugins(path, supplemental=extra, built=self._built, strict=self._strict)
            self._plugins = (stamp, plugins)
        return self._plugins[1]

    def _use(self, snapshot: Snapshot) -> None:
        before, self._snapshot = self._snapshot, snapshot
        _LOADS.labels("loaded").inc()
        _GOOD.set(1)
        warnings = (*snapshot.config.warnings, *snapshot.plugins.warnings)
        for warning in warnings:
            if warning not in self._warned:
                self._log.warning(warning)
        self._warned = frozenset(warnings)
        if before is None or before.hash == snapshot.hash:
            return
        self._log.info("the configuration has changed", before=before.hash, now=snapshot.hash)
        for subscriber in self._subscribers:
            try:
                subscriber(before, snapshot)
            except Exception:  # noqa: BLE001 - one subscriber must not keep the others from the news
                self._log.exception("a subscriber failed on the new configuration")


def _stamp(paths: tuple[str, ...], suffixes: tuple[str, ...]) -> Stamp:
    """Names, identities, times and sizes of every file that may matter."""
    found: list[tuple[str, int, int, int]] = []
    for path in paths:
        if not path:
            continue
        _note(path, found)
        if os.path.isdir(path):  # noqa: PTH112 - hundreds of times a minute
            for folder, folders, files in os.walk(path):
                folders[:] = sorted(name for name in folders if not name.startswith(".."))
                for name in sorted(files):
                    file = os.path.join(folder, name)  # noqa: PTH118
                    if file.endswith(suffixes) or name == ".prowignore":
                        _note(file, found)
    _note(os.path.join(os.path.dirname(paths[0]), "VERSION"), found)  # noqa: PTH118, PTH120
    return tuple(found)


def _note(path: str, found: list[tuple[str, int, int, int]]) -> None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return
    found.append((path, status.st_ino, status.st_mtime_ns, status.st_size))
