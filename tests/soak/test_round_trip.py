"""All of a large configuration, written as it is in effect, is read again as the same configuration (`make soak`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.test_serialize import read_again_as_it_was
from tests.support.data import needs_data
from tests.support.kubernetes import kubernetes

pytestmark = [pytest.mark.soak, needs_data]


def test_all_of_kubernetes_as_written_is_read_as_the_same_config(tmp_path: Path) -> None:
    assert read_again_as_it_was(kubernetes(), tmp_path) == 6079
