from __future__ import annotations

from pathlib import Path

import pytest

from prow.storage.folders import Folders
from tests.contract.storage import StorageContract


class TestFolders(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Folders:
        return Folders(tmp_path)

    @pytest.fixture
    def base(self) -> str:
        return "s3://prow-logs"

    async def test_every_bucket_is_a_folder_of_its_own(self, storage: Folders, tmp_path: Path) -> None:
        await storage.put("s3://logs/a/b.txt", b"one")
        await storage.put("logs/a/b.txt", b"two")
        assert (tmp_path / "s3/logs/a/b.txt").read_bytes() == b"one"
        assert (tmp_path / "gs/logs/a/b.txt").read_bytes() == b"two"
