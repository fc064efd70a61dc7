from __future__ import annotations

from pathlib import Path

import pytest

from cliptrace.transforms.store.gallery import Gallery
from tests.unit.transforms.store_examples import MANIFEST


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery.create(str(tmp_path / "gallery [1]"), MANIFEST)
