"""What the comparison of the stores says of galleries that were damaged on purpose."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "transforms"))
from store_examples import MANIFEST, features

from benchmarks.fault_stores import differences
from schemas.gallery import part_path, video_key
from transforms.store import files
from transforms.store.gallery import Gallery, commit


@pytest.fixture
def root(tmp_path: Path) -> str:
    gallery = Gallery.create(str(tmp_path / "gallery"), MANIFEST)
    with gallery.vectors() as vectors:
        assert commit(gallery, vectors, "R1", [features("a"), features("b", 6)]) == {}
    return gallery.root


def test_a_whole_gallery(root: str, tmp_path: Path) -> None:
    assert differences(root, {"a", "b"}) == []
    assert differences(root, {"a", "c"}) == ["'c' is lost", "'b' is not asked for"]
    assert differences(str(tmp_path), {"a"}) == ["there is no gallery"]


def test_rows_that_milvus_lost_and_rows_that_it_alone_has(root: str) -> None:
    gallery = Gallery.load(root)
    assert gallery is not None
    with gallery.vectors() as vectors:
        vectors._client.delete(vectors._collection, filter=f"video_key == {video_key('b')} and frame >= 4")
        vectors.replace([features("stranger", 3)], 5)
    assert differences(root, {"a", "b"}) == ["2 rows missing in Milvus", "3 rows in Milvus alone"]


def test_a_shard_that_no_video_owns(root: str) -> None:
    (shard,) = files.find(root, part_path("frames", "*", "*"))
    shutil.copy(shard, Path(shard).with_name("part-orphan.parquet"))
    assert differences(root, {"a", "b"}) == ["20 rows in frames/, 10 of live videos"]
