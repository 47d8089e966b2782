"""Kubernetes' own configuration: 603 job files, unpacked and loaded once for a whole run of tests."""

from __future__ import annotations

import atexit
import shutil
import tarfile
import tempfile
from functools import cache
from pathlib import Path

import pytest

from prow.config.config import Config
from prow.config.load import load
from tests.support.data import DATA

ARCHIVE = DATA / "kubernetes.tar.gz"


@cache
def folder() -> Path:
    """Where its `config/` is."""
    if not ARCHIVE.exists():
        pytest.skip(f"put Kubernetes' configuration at {ARCHIVE} to run this")
    made = Path(tempfile.mkdtemp(prefix="prow-kubernetes-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(made, filter="data")
    return made


@cache
def kubernetes() -> Config:
    top = folder()
    return load(top / "config/prow/config.yaml", top / "config/jobs")
