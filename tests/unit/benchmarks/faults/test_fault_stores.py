"""What the comparison of the stores says of galleries that were damaged on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults.stores import differences
from cliptrace.transforms.store.gallery import Gallery, commit
from cliptrace.transforms.store.verification import Kind
from tests.unit.transforms.store_examples import MANIFEST, features


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


def test_what_verify_finds_is_told(root: str) -> None:
    gallery = Gallery.load(root)
    assert gallery is not None
    with gallery.vectors() as vectors:
        vectors.delete_videos(["b"])
        vectors.replace([features("stranger", 3)], 5)
    assert differences(root, {"a", "b"}) == [
        f"b: {Kind.MISSING.value}, 6",
        f"stranger: {Kind.SURPLUS.value}, 3",
    ]
