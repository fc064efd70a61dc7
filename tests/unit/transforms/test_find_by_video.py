"""Candidates by descriptors of whole videos: named by these, and told of what their frames show."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cliptrace.models.video_descriptors import describe
from cliptrace.models.video_descriptors.mean import Mean
from cliptrace.schemas.gallery import DescriptorConfig
from cliptrace.schemas.records import Candidate, FrameFeatures
from cliptrace.transforms.matching import Find, MatchConfig
from cliptrace.transforms.store.gallery import Gallery, commit
from cliptrace.transforms.stored import Recent
from tests.unit.transforms.store_examples import MANIFEST, NoVectors
from tests.unit.transforms.test_find import BACKBONE, DIMENSION, footage, video, worn

WHOLE, PART = footage(1, 20), footage(2, 4)
QUERY = np.concatenate([WHOLE, PART])
"""24 seconds: 20 of one video, which are all of it, and 4 of one of two minutes."""


def described(features: FrameFeatures) -> FrameFeatures:
    rows = features.embeddings.reshape(len(features.times), -1, DIMENSION)[:, 0]
    vectors = describe(Mean(DIMENSION), features.times, features.scores, rows)
    return dataclasses.replace(features, descriptor=vectors)


@pytest.fixture
def shelf(tmp_path: Path) -> Gallery:
    """The short video whole, the long one part, and 30 others."""
    manifest = dataclasses.replace(
        MANIFEST,
        backbone=MANIFEST.backbone | {"dimension": DIMENSION},
        descriptor=DescriptorConfig("mean", "", DIMENSION),
    )
    gallery = Gallery.create(str(tmp_path / "g"), manifest)
    long = np.concatenate([footage(5, 60, 2), PART[::4], footage(6, 60, 2)])
    videos = [video("whole", worn(WHOLE[::4], 1), 2), video("long", worn(long, 2), 2)]
    videos += [video(f"other{n:02}", footage(100 + n, 20, 2), 2) for n in range(30)]
    commit(gallery, NoVectors(), "R1", [described(each) for each in videos])  # type: ignore[arg-type]
    return gallery


def found(gallery: Gallery, query: FrameFeatures, recent: Recent | None = None, **config: Any) -> dict[str, Candidate]:
    asked = MatchConfig(at_least=0, engine="exact", stop_list=False, **config)
    find = Find(gallery, asked, BACKBONE, recent=recent)
    find.open()
    (answer,) = find(query)
    find.close()
    return {candidate.ref_id: candidate for candidate in answer.candidates}


def test_descriptors_name_majority_copies_frames_name_parts_and_both_name_all(shelf: Gallery) -> None:
    query = described(video("query", QUERY))
    by_frame = found(shelf, query)
    by_video = found(shelf, query, retrieval="video", top_k=1)
    both = found(shelf, query, retrieval="both")
    assert list(by_frame) == list(both) == ["whole", "long"]
    assert list(by_video) == ["whole"]
    assert both["whole"].seen == by_video["whole"].seen == by_frame["whole"].seen
    best = int(by_video["whole"].similarities.argmax())
    shown = (by_video["whole"].query_frames[best] / 8, by_video["whole"].ref_frames[best] / 2)
    assert shown[0] == pytest.approx(shown[1], abs=1)


def test_of_a_query_in_views_the_best_view_of_a_frame_counts(shelf: Gallery) -> None:
    turned = np.stack([footage(77, 20), WHOLE], axis=1)
    query = dataclasses.replace(video("query", WHOLE), embeddings=turned)
    query = dataclasses.replace(query, descriptor=described(video("query", WHOLE)).descriptor)
    candidate = found(shelf, query, retrieval="video", top_k=1)["whole"]
    assert candidate.seen > 30
    assert candidate.query_frames.max() < len(WHOLE)


def test_a_video_is_no_answer_to_itself_and_only_new_pairs_are_told(shelf: Gallery) -> None:
    query = described(video("whole", WHOLE))
    asked = {"retrieval": "video", "top_k": 1}
    assert list(found(shelf, query, **asked)) == ["whole"]
    assert "whole" not in found(shelf, dataclasses.replace(query, known_as="whole"), **asked)
    old, new = Recent(frozenset(), frozenset({"long"})), Recent(frozenset({"whole"}), frozenset())
    assert "whole" not in found(shelf, query, recent=old, **asked)
    assert list(found(shelf, query, recent=new, **asked)) == ["whole"]


def test_a_query_that_shows_nothing_is_compared_with_nothing(shelf: Gallery) -> None:
    black = video("black", WHOLE)
    black = described(dataclasses.replace(black, scores=np.zeros_like(black.scores)))
    assert found(shelf, black, retrieval="video") == {}


def test_long_queries_are_multiplied_a_block_at_a_time(shelf: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    query = described(video("query", QUERY))
    whole = found(shelf, query, retrieval="video")
    monkeypatch.setattr("cliptrace.transforms.among._ROWS_AT_ONCE", 3)
    parts = found(shelf, query, retrieval="video")
    assert list(parts) == list(whole)
    for name, candidate in whole.items():
        assert np.array_equal(parts[name].query_frames, candidate.query_frames)
        assert np.array_equal(parts[name].ref_frames, candidate.ref_frames)
        np.testing.assert_allclose(parts[name].similarities, candidate.similarities, atol=1e-6)
