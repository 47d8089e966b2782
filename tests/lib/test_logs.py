from __future__ import annotations

import io
import json

from prow.lib import logs


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_the_keys_that_operators_search_for() -> None:
    stream = io.StringIO()
    logs.setup("hook", stream=stream)
    logs.get("hook").bind(org="acme").info("Received a webhook.", pr=5)
    (line,) = lines(stream)
    assert {"component", "file", "func", "level", "msg", "severity", "time"} <= line.keys()
    assert (line["component"], line["severity"], line["msg"]) == ("hook", "info", "Received a webhook.")
    assert (line["org"], line["pr"]) == ("acme", 5)
    assert str(line["file"]).startswith("tests/lib/test_logs.py") or "test_logs.py" in str(line["file"])


def test_a_registered_secret_never_reaches_a_line() -> None:
    stream = io.StringIO()
    logs.setup("hook", stream=stream)
    logs.censor(b'swordfish"42')
    try:
        raise ValueError('no entry for swordfish"42')
    except ValueError:
        logs.get("hook").exception("It failed.", token='swordfish"42')
    assert "swordfish" not in stream.getvalue()
    assert "XXXX" in stream.getvalue()
    lines(stream)


def test_the_level_can_be_changed_while_running() -> None:
    stream = io.StringIO()
    logs.setup("hook", stream=stream, level="warn")
    logs.get("hook").info("quiet")
    logs.set_level("debug")
    logs.get("hook").debug("loud")
    assert [line["msg"] for line in lines(stream)] == ["loud"]
