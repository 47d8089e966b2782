"""What would cost without bound ends in a clear error, in bounded time and memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from prow.config.errors import ConfigError
from prow.config.load import load
from prow.lib.gotemplate import Template, TemplateError


def refused(folder: Path, text: str) -> str:
    (folder / "config.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load(folder / "config.yaml")
    return str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        f"tide:\n  max_goroutines: {'9' * 5_000}\n",
        f"tide:\n  sync_period: {'9' * 5_000}h\n",
        f"a: {'[' * 5_000}\n",
        "a: &a [x]\n" + "".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}' if n else '*a'] * 10)}]\n" for n in range(12)),
    ],
    ids=["digits", "duration", "depth", "aliases"],
)
def test_what_explodes_is_refused_where_it_stands(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, text).startswith(f"{tmp_path / 'config.yaml'}:")


def test_very_many_unknown_keys_are_told_in_part(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("".join(f"key_{n}: 1\n" for n in range(20_000)))
    warnings = load(tmp_path / "config.yaml").warnings
    assert 0 < len(warnings) < 1_000


@pytest.mark.parametrize(
    "text",
    [
        '{{printf "%1000000000d" 1}}',
        '{{printf "%*d" 1000000000 1}}',
        '{{printf "%.1000000000f" 1.0}}',
        '{{$x := "%"}}{{printf (printf "%s99999999d" $x) 1}}',
    ],
)
def test_a_template_cannot_fill_the_memory_with_blanks(text: str) -> None:
    with pytest.raises(TemplateError):
        Template.parse(text).render({})


def test_usual_widths_are_fine() -> None:
    assert Template.parse('{{printf "%05d|%-4s|%.2f" 7 "a" 1.5}}').render({}) == "00007|a   |1.50"
