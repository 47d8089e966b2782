"""The configuration that a command is to look at, from its flags."""

from __future__ import annotations

import os
from pathlib import Path

from prow.cli import groups
from prow.config import inrepo
from prow.config.cache import usual
from prow.config.config import Config
from prow.config.load import load
from prow.lib import goyaml_write
from prow.lib.errors import UsageError

FORMATS = ("text", "json")


def loaded(given: groups.ConfigFlags) -> Config:
    """The config of the flags' paths. Raises UsageError: what is missing, or all that is wrong in the files."""
    if not given.config_path:
        raise UsageError("--config-path is required: give the path of config.yaml")
    groups.refuse_unsupported(given)
    return load(
        given.config_path, given.job_config_path, supplemental=given.supplemental, cache=usual(given.config_cache_dir)
    )


def with_own_jobs(config: Config, checkout: str, repo: str) -> Config:
    """The config with the jobs that a checkout of the repository brings itself."""
    top = Path(checkout)
    if not top.is_dir():
        raise UsageError(f"--checkout {checkout}: is no folder")
    names = [inrepo.FILE, inrepo.IGNORE_FILE]
    for folder, _, files in os.walk(top / inrepo.DIRECTORY):
        names += [str((Path(folder) / file).relative_to(top)) for file in files]
    texts = {name: (top / name).read_bytes() for name in sorted(names) if (top / name).is_file()}
    org, _, name = repo.partition("/")
    own = inrepo.read_in_repo(texts, config, org=org, repo=name)
    return inrepo.effective_jobs(config, own, org=org, repo=name)


def check_format(form: str, known: tuple[str, ...] = FORMATS) -> None:
    if form not in known:
        raise UsageError(f"--format={form}: say {' or '.join(known)}")


def check_repo(repo: str) -> None:
    org, slash, name = repo.partition("/")
    if not (org and slash and name) or "/" in name:
        raise UsageError(f'--repo {repo}: is not of the form "org/repo"')


def yaml(value: object) -> str:
    """A value as upstream writes it."""
    return goyaml_write.dump(value)
