"""A gallery that asks another one: what the two must have in common, and what its videos weigh."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from cliptrace.pipelines.asking import asking
from cliptrace.schemas.errors import UsageError
from cliptrace.transforms.store.gallery import Gallery, commit
from tests.unit.transforms.clip_examples import WITH_MOMENTS, clipped
from tests.unit.transforms.store_examples import BACKBONE, NoVectors


@pytest.fixture
def galleries(tmp_path: Path) -> tuple[Gallery, Gallery]:
    """One with a video of 40 keyframes in 20.25 s, and one of another backbone."""
    asker = Gallery.create(str(tmp_path / "a"), WITH_MOMENTS)
    video = dataclasses.replace(clipped("long", 40), decoded_s=20.25)
    commit(asker, NoVectors(), "R1", [video])  # type: ignore[arg-type]
    other = dataclasses.replace(WITH_MOMENTS, backbone=BACKBONE | {"pooling": "gem"})
    return asker, Gallery.create(str(tmp_path / "b"), other)


def test_moments_are_no_business_of_the_backbone(galleries: tuple[Gallery, Gallery]) -> None:
    asker, other = galleries
    found = asking(asker.root, other, "moment")
    assert [found.weight_of(source) for source in found.sources] == [21]
    with pytest.raises(UsageError) as told:
        asking(asker.root, other, "copy")
    assert str(told.value) == (
        f"{asker.home} was built with backbone tiny (sha256 abababababab…, rmac, 8 dimensions), but {other.home} with "
        "tiny (sha256 abababababab…, gem, 8 dimensions): make one of them anew with the other's, with cliptrace "
        "gallery reindex"
    )


def test_copies_weigh_their_keyframes(galleries: tuple[Gallery, Gallery]) -> None:
    asker, _ = galleries
    found = asking(asker.root, asker, "copy")
    assert [found.weight_of(source) for source in found.sources] == [40]
