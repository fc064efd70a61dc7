from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.vectors import VectorStore
from tests.unit.transforms.store_examples import MANIFEST


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery.create(str(tmp_path / "gallery [1]"), MANIFEST)


@pytest.fixture
def vectors(gallery: Gallery) -> Iterator[VectorStore]:
    with gallery.vectors() as store:
        yield store
