"""Which presubmits have to pass before a merge (`spec/tide` §2.2). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from prow.config.config import Config
from prow.config.job import Presubmit
from prow.tide.model import PoolKey, Problem, Requirements


def needs_files(config: Config, key: PoolKey, jobs: Sequence[Presubmit] | None = None) -> bool:
    """Whether the changed files are needed to tell."""
    raise NotImplementedError


def requirements_of(
    config: Config, key: PoolKey, files: Sequence[str], jobs: Sequence[Presubmit] | None = None
) -> Requirements | Problem:
    """For a pull request, or for a batch with the files of all. `jobs`: all presubmits of the repository when it defines some itself."""
    raise NotImplementedError
