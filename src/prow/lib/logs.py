"""Logs as the operators' tools expect them: one JSON object a line, logrus' keys, secrets replaced.

Keys: `component`, `level` and `severity` (the same), `msg`, `time`, `file`, `func`, then the fields of the call
(`spec/deployment` §2.8). Registered secrets are replaced by `X`s of the same length anywhere in the line.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import msgspec

from prow.lib.errors import UsageError

_SHORTEST_SECRET = 4

_secrets: set[bytes] = set()
_pattern: re.Pattern[str] | None = None
_lock = threading.Lock()
_component = ""

_BY_NAME = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "panic": logging.CRITICAL,
}
_LEVELS = {"WARNING": "warning", "CRITICAL": "fatal"}


def censor(*values: bytes) -> None:
    """Register secrets. Values shorter than four bytes are not replaced: they would blacken half of every line."""
    with _lock:
        _secrets.update(*(_forms(value) for value in values if len(value) >= _SHORTEST_SECRET))
        _compile()


def uncensor(*values: bytes) -> None:
    """These are secrets no more, such as tokens that have expired."""
    with _lock:
        _secrets.difference_update(*(_forms(value) for value in values))
        _compile()


def _forms(value: bytes) -> set[bytes]:
    return {value, msgspec.json.encode(value.decode("utf-8", "replace"))[1:-1]}


def _compile() -> None:
    global _pattern  # noqa: PLW0603 - one censor per process, as there is one standard error
    texts = sorted((v.decode("utf-8", "replace") for v in _secrets), key=len, reverse=True)
    _pattern = re.compile("|".join(re.escape(text) for text in texts)) if texts else None


def censored(text: str) -> str:
    """`text` with every registered secret replaced by `X`s."""
    pattern = _pattern
    return pattern.sub(lambda match: "X" * len(match[0]), text) if pattern is not None else text


class JsonFormatter(logging.Formatter):
    """One line of JSON per record."""

    def format(self, record: logging.LogRecord) -> str:
        level = _LEVELS.get(record.levelname, record.levelname.lower())
        line: dict[str, Any] = {
            "component": _component or record.name,
            "file": f"{record.pathname.rpartition('/prow/')[2]}:{record.lineno}",
            "func": record.funcName,
            "level": level,
            "msg": record.getMessage(),
            "severity": level,
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["error"] = str(record.exc_info[1])
            line["stack"] = self.formatException(record.exc_info)
        return censored(msgspec.json.encode(line, enc_hook=str).decode())


class TextFormatter(logging.Formatter):
    """For a person at a terminal: time, level, text, fields."""

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{k}={v}" for k, v in getattr(record, "fields", {}).items())
        time = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        text = f"{time} {record.levelname.lower():7} {record.name}: {record.getMessage()} {fields}".rstrip()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return censored(text)


class Logger:
    """A component's logger; fields are given by name and bound with `bind`."""

    __slots__ = ("_fields", "_logger")

    def __init__(self, logger: logging.Logger, fields: dict[str, Any]) -> None:
        self._logger = logger
        self._fields = fields

    def bind(self, **fields: Any) -> Logger:
        return Logger(self._logger, {**self._fields, **fields})

    def debug(self, text: str, **fields: Any) -> None:
        self._write(logging.DEBUG, text, fields)

    def info(self, text: str, **fields: Any) -> None:
        self._write(logging.INFO, text, fields)

    def warning(self, text: str, **fields: Any) -> None:
        self._write(logging.WARNING, text, fields)

    def error(self, text: str, **fields: Any) -> None:
        self._write(logging.ERROR, text, fields)

    def exception(self, text: str, **fields: Any) -> None:
        """An error with the traceback of the exception being handled."""
        self._write(logging.ERROR, text, fields, exc_info=True)

    def _write(self, level: int, text: str, fields: dict[str, Any], *, exc_info: bool = False) -> None:
        if self._logger.isEnabledFor(level):
            extra = {"fields": {**self._fields, **fields}}
            self._logger.log(level, "%s", text, extra=extra, exc_info=exc_info, stacklevel=3)


def get(name: str) -> Logger:
    """The logger of a component or room."""
    return Logger(logging.getLogger(f"prow.{name}"), {})


def setup(
    component: str, *, level: str = "info", form: Literal["json", "text"] = "json", stream: TextIO | None = None
) -> None:
    """Send the logs of this process to `stream` (standard error). Called once, by `cli`."""
    global _component  # noqa: PLW0603 - the name of this process
    _component = component
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger("prow")
    root.handlers[:] = [handler]
    root.propagate = False
    set_level(level)


def set_level(level: str) -> None:
    """Go's names, in any case. Raises `UsageError`."""
    number = _BY_NAME.get(level.lower())
    if number is None:
        raise UsageError(f"there is no log level {level!r}; use one of {', '.join(_BY_NAME)}")
    logging.getLogger("prow").setLevel(number)
