"""`size`: labels a pull request by how many lines it changes, generated files aside (`spec/plugins-review` §12, §12.1).

What counts as generated stands in files of the base branch; their globs become RE2, and many files are compared off the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from prow.config.plugin_options import SizeConfig
from prow.config.plugins import PluginsConfig
from prow.lib import regex
from prow.lib.errors import Permanent
from prow.lib.open_work import in_thread
from prow.model.events import Event, EventKind, PullRequestEvent
from prow.model.forge import ChangedFile
from prow.plugin.context import Context
from prow.plugin.model import Plugin

PREFIX = "size/"
_NAMES = ("XS", "S", "M", "L", "XL", "XXL")
_DEFAULTS = (10, 30, 100, 500, 1000)
_ACTIONS = frozenset({"opened", "reopened", "synchronize", "edited"})
_TOGETHER = 100
_LONGEST_REGEX = 30_000
_LONGEST_RULES = 256 * 1024
_MOST_LISTS = 50
_MANY_FILES = 100

IsGenerated = Callable[[str], bool]


def bounds(config: SizeConfig) -> tuple[int, ...]:
    """Lower bounds of S, M, L, XL, XXL; 0 means the default."""
    given = (config.s, config.m, config.l, config.xl, config.xxl)
    return tuple(value or default for value, default in zip(given, _DEFAULTS, strict=True))


def label_for(lines: int, limits: Sequence[int]) -> str:
    """The label for so many changed lines."""
    return PREFIX + _NAMES[sum(lines >= limit for limit in limits)]


def changed_lines(files: Iterable[ChangedFile], generated: IsGenerated) -> int:
    return sum(f.additions + f.deletions for f in files if not generated(f.filename))


def generated_files(text: str, *, repo_paths: dict[str, str] | None = None) -> tuple[IsGenerated, tuple[str, ...]]:
    """Read `.generated_files`: the rule it states, and the files that list further paths (`paths-from-repo`)."""
    prefixes: list[str] = []
    file_prefixes: list[str] = []
    names: set[str] = set()
    lists: list[str] = []
    for line in text.splitlines():
        fields = line.split()
        if not fields or fields[0].startswith("#") or len(fields) != 2:
            continue
        match fields:
            case ["path-prefix" | "prefix", value]:
                prefixes.append(value)
            case ["file-prefix", value]:
                file_prefixes.append(value)
            case ["file-name" | "path", value]:
                names.add(value)
            case ["paths-from-repo", value]:
                lists.append(value)
            case _:
                pass
    exact = {line.strip() for listed in (repo_paths or {}).values() for line in listed.splitlines() if line.strip()}

    def generated(path: str) -> bool:
        base = path.rpartition("/")[2]
        return (
            path in exact
            or base in names
            or any(path.startswith(p) for p in prefixes)
            or any(base.startswith(p) for p in file_prefixes)
        )

    return generated, tuple(lists)


def linguist_generated(text: str) -> IsGenerated:
    """Read `.gitattributes`: what is marked `linguist-generated=true`. A pattern without a slash matches any path element."""
    anywhere: list[str] = []
    whole: list[str] = []
    for line in text.splitlines():
        pattern, *attributes = line.split() or [""]
        if not pattern or pattern.startswith("#") or "linguist-generated=true" not in attributes:
            continue
        if pattern.startswith("!") or pattern.endswith("/"):
            raise Permanent(f".gitattributes: {pattern[:80]!r}: negative patterns and folders are not allowed here")
        if "/" in pattern:
            whole.append(_glob(pattern.lstrip("/")))
        else:
            anywhere.append(_glob(pattern))
    if not whole and not anywhere:
        return lambda _: False
    in_whole, in_parts = _any_of(whole), _any_of(anywhere)
    return lambda path: (
        any(r.matches(path) for r in in_whole) or any(r.matches(part) for r in in_parts for part in path.split("/"))
    )


def _any_of(patterns: Sequence[str]) -> list[regex.Regex]:
    """Few regexes for many patterns."""
    found: list[regex.Regex] = []
    while patterns:
        count = size = 0
        for pattern in patterns[:_TOGETHER]:
            size += len(pattern)
            if count and size > _LONGEST_REGEX:
                break
            count += 1
        try:
            found.append(regex.compile(rf"(?s)\A(?:{'|'.join(patterns[:count])})\z"))
        except regex.RegexError as error:
            raise Permanent(f".gitattributes: {patterns[0][:80]!r} or one after it: {error}") from None
        patterns = patterns[count:]
    return found


def _glob(pattern: str) -> str:
    """A glob as RE2: `**` spans folders; `*`, `?` and `[a-z]` do not."""
    out: list[str] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        end = pattern.find("]", position + 2) if char == "[" else -1
        if pattern.startswith("**/", position):
            out.append("(?:.*/)?")
            position += 3
        elif pattern.startswith("**", position):
            out.append(".*")
            position += 2
        elif end > 0:
            inside = pattern[position + 1 : end]
            negated = "^" if inside[0] in "!^" else ""
            kept = inside.removeprefix("!").removeprefix("^").replace("\\", "\\\\").replace("[", "\\[")
            out.append(f"[{negated}{kept}]")
            position = end + 1
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(char, regex.escape(char)))
            position += 1
    return "".join(out)


async def handle(ctx: Context, event: Event) -> None:
    """Put the one right label on the pull request."""
    if not isinstance(event, PullRequestEvent) or event.action not in _ACTIONS:
        return
    generated = await _generated(ctx, event.pull_request.base.sha)
    files = await ctx.pull.files()
    lines = (
        changed_lines(files, generated)
        if len(files) < _MANY_FILES
        else await in_thread(changed_lines, files, generated)
    )
    label = label_for(lines, bounds(ctx.plugins.size))
    for other in await ctx.pull.labels():
        if other.startswith(PREFIX) and other != label:
            await ctx.remove_label(other)
    await ctx.add_labels(label)


async def _generated(ctx: Context, base_sha: str) -> IsGenerated:
    async def read(path: str) -> str | None:
        content = await ctx.file_at(base_sha, path)
        if content is None:
            return None
        if len(content) > _LONGEST_RULES:
            raise Permanent(f"{path} is larger than {_LONGEST_RULES} bytes")
        return content.decode("utf-8", "replace")

    text = await read(".generated_files")
    listed: dict[str, str] = {}
    if text is not None:
        for path in generated_files(text)[1][:_MOST_LISTS]:
            content = await read(path)
            if content is None:
                raise Permanent(f".generated_files names {path}, which is not in the repository")
            listed[path] = content
    by_list = generated_files(text or "", repo_paths=listed)[0]
    attributes = linguist_generated(await read(".gitattributes") or "")
    return lambda path: by_list(path) or attributes(path)


def _config_help(config: PluginsConfig) -> dict[str, str]:
    limits = ", ".join(f"{name} from {limit}" for name, limit in zip(_NAMES[1:], bounds(config.size), strict=True))
    return {"": f"By changed lines: {limits}."}


PLUGIN = Plugin(
    name="size",
    description="Labels pull requests by the number of lines they change.",
    handlers={EventKind.PULL_REQUEST: handle},
    config_help=_config_help,
)
