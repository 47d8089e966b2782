"""From the files of a commit to `RepoOwners`: which of them count, and what they say together (`spec/plugins-review` §2.3, §2.4). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prow.config.config import Config
from prow.config.plugins import PluginsConfig
from prow.config.sections import OwnersDirDenylist
from prow.lib import regex
from prow.owners import parse
from prow.owners.model import Layout, OwnersFile
from prow.owners.parse import Aliases
from prow.owners.queries import RepoOwners

MARKDOWN = ".md"
_LONGEST_PATH = 4096


def layout_for(config: Config, plugins: PluginsConfig, org: str, repo: str) -> Layout:
    """What the configuration says about a repository's OWNERS files."""
    names = plugins.owners_filenames_for(org, repo)
    denylist = config.owners_dir_denylist or OwnersDirDenylist()
    return Layout(
        owners=names.owners,
        aliases=names.owners_aliases,
        front_matter=plugins.reads_front_matter(org, repo),
        denied=denylist.for_repo(org, repo),
    )


def wanted(layout: Layout) -> Callable[[str], bool]:
    """Whether a file may say who owns what. A name that the configuration leaves empty is no file's."""
    denied = regex.RegexSet([pattern for pattern in layout.denied if regex.check(pattern) is None])
    root = not denied.matching(".")
    judged: dict[str, bool] = {}

    def allowed(folder: str) -> bool:
        """Whether no folder on the way there is denied."""
        verdict = root
        end = 0
        while verdict and end < len(folder):
            slash = folder.find("/", end + 1)
            end = len(folder) if slash < 0 else slash
            way = folder[:end]
            if way not in judged:
                judged[way] = not denied.matching(way)
            verdict = judged[way]
        return verdict

    def wants(path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if not path or len(path) > _LONGEST_PATH:
            return False
        if path == layout.aliases:
            return True
        named = name == layout.owners or (layout.front_matter and name.endswith(MARKDOWN))
        return named and allowed(folder)

    return wants


def repo_owners(contents: Mapping[str, bytes], layout: Layout) -> RepoOwners:
    """`contents`: of the wanted files, by path."""
    aliases = aliases_in(contents, layout)
    return together({path: parsed(path, data, aliases, layout) for path, data in contents.items()}, aliases, layout)


def aliases_in(contents: Mapping[str, bytes], layout: Layout) -> Aliases:
    return parse.owners_aliases(contents.get(layout.aliases, b"")) if layout.aliases else {}


def parsed(path: str, data: bytes, aliases: Aliases, layout: Layout) -> OwnersFile:
    """What one file says; nothing when it is none that says who owns what."""
    if is_markdown(path, layout):
        return parse.front_matter(data, aliases)
    return parse.owners_file(data, aliases) if path.rpartition("/")[2] == layout.owners else OwnersFile()


def is_markdown(path: str, layout: Layout) -> bool:
    return layout.front_matter and path.endswith(MARKDOWN)


def together(files: Mapping[str, OwnersFile], aliases: Aliases, layout: Layout) -> RepoOwners:
    """What the files of a repository say, by the folder that each is about, or by the Markdown file that it heads."""
    said = {
        path if is_markdown(path, layout) else path.rpartition("/")[0]: file
        for path, file in files.items()
        if file != OwnersFile()
    }
    return RepoOwners(files=said, aliases=aliases, front_matter=layout.front_matter)
