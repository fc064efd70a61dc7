"""Which gallery videos a query is compared with, however many show the same."""

from __future__ import annotations

import contextlib
import dataclasses

import numpy as np
import pytest

from cliptrace.models.backbones.pooling import unit
from cliptrace.schemas.config import BackboneConfig
from cliptrace.schemas.records import FrameFeatures
from cliptrace.transforms.matching import Find, Found, MatchConfig
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.vectors import VectorStore
from tests.unit.transforms.store_examples import MANIFEST, Shelf, features

DIMENSION = 64
BACKBONE = BackboneConfig("tiny", "onnx", "", "", 8, (0, 0, 0), (1, 1, 1), "vector", DIMENSION)
"""Frames show the same from a cosine of .8 on."""
CLIP_S, OTHER_S = 6, 24


def footage(seed: int, seconds: float, per_second: int = 8) -> np.ndarray:
    """A picture a second, and little change within it."""
    random = np.random.default_rng(seed)
    pictures = np.repeat(random.normal(size=(int(seconds), DIMENSION)), per_second, axis=0)
    return unit(pictures + 0.1 * random.normal(size=pictures.shape)).astype(np.float32)


def worn(rows: np.ndarray, seed: int, wear: float = 0.05) -> np.ndarray:
    return unit(rows + wear * np.random.default_rng(seed).normal(size=rows.shape)).astype(np.float32)


def video(video_id: str, rows: np.ndarray, per_second: int = 8) -> FrameFeatures:
    times, scores = np.arange(len(rows)) / per_second, np.ones(len(rows), np.float32)
    length = len(rows) / per_second
    return dataclasses.replace(features(video_id), times=times, scores=scores, embeddings=rows, decoded_s=length)


CLIP = footage(0, CLIP_S)
QUERY = video("query", CLIP)


def copies(count: int) -> list[FrameFeatures]:
    """Videos with two keyframes a second, those of the clip."""
    return [video(f"copy{number:04}", worn(CLIP[::4], number), 2) for number in range(count)]


def strangers(count: int, seconds: int = 10) -> list[FrameFeatures]:
    return [video(f"other{n:04}", footage(10_000 + n, seconds, 2), 2) for n in range(count)]


@pytest.fixture
def search(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> Search:
    return Search(gallery, monkeypatch)


class Search:
    """search(videos, query) → what is found of the query among them. calls: (rows, places) of each search."""

    def __init__(self, gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
        self._gallery, self._patch = gallery, monkeypatch
        monkeypatch.setattr("cliptrace.transforms.matching.check_vectors", lambda *_: None)

    def __call__(self, videos: list[FrameFeatures], query: FrameFeatures = QUERY, **config: int) -> Found:
        shelf = Shelf(videos)
        store = VectorStore(shelf, "http://milvus.example", MANIFEST)
        self._patch.setattr(Gallery, "vectors", lambda _: contextlib.nullcontext(store))
        find = Find(self._gallery, MatchConfig(**config), BACKBONE)
        find.open()
        (found,) = find(query)
        find.close()
        self.calls = shelf.asked
        return found


def named(found: Found, stem: str) -> int:
    return sum(candidate.ref_id.startswith(stem) for candidate in found.candidates)


def test_what_few_videos_show_is_searched_once_and_what_looks_alike_is_compared(search: Search) -> None:
    found = search([*copies(3), *strangers(60)], min_similarity=0.7)
    assert {candidate.ref_id for candidate in found.candidates} == {"copy0000", "copy0001", "copy0002"}
    assert not found.truncated
    assert search.calls[0] == (2 * CLIP_S, 80)
    assert all(rows > 1 for rows, _ in search.calls)


def test_the_nearest_are_compared_however_faint_where_they_are_asked_for(search: Search) -> None:
    found = search([*copies(3), *strangers(60)], top_m=5, min_similarity=0.7)
    assert [candidate.ref_id[:5] for candidate in found.candidates] == ["copy0"] * 3 + ["other"] * 2
    none = search(strangers(60), min_similarity=0.7)
    assert none.candidates == ()


def test_two_frames_a_second_are_searched_and_a_candidate_says_which(search: Search) -> None:
    found = search([video("ref", CLIP[::4], 2)], video("query", np.concatenate([footage(1, OTHER_S), CLIP])))
    assert search.calls[0] == (2 * (OTHER_S + CLIP_S), 80)
    (candidate,) = found.candidates
    near = candidate.query_frames[candidate.similarities > 0.8]
    assert near.tolist() == list(range(8 * OTHER_S + 2, 8 * (OTHER_S + CLIP_S), 4))
    assert len(found.query.times) == 8 * (OTHER_S + CLIP_S)


def test_of_a_short_query_all_frames_are_searched(search: Search) -> None:
    search(copies(3), video("query", CLIP[:7]))
    assert search.calls[0] == (7, 80)


@pytest.mark.parametrize("count", [12, 40, 1000])
def test_all_copies_are_found_however_many(search: Search, count: int) -> None:
    found = search([*copies(count), *strangers(30)])
    assert named(found, "copy") == count
    assert [candidate.ref_id[:4] for candidate in found.candidates[:count]] == ["copy"] * count
    assert not found.truncated
    deep = [call for call in search.calls if call[0] == 1]
    assert 3 <= len(deep) <= 12


def test_copies_that_only_the_deep_search_found_have_as_many_votes_as_the_others(search: Search) -> None:
    votes = [candidate.votes for candidate in search(copies(300)).candidates]
    assert min(votes) > 0.8 * max(votes)


def test_a_popular_part_of_a_longer_query_is_found_in_all_and_what_is_rare_too(search: Search) -> None:
    rest = footage(1, OTHER_S)
    query = video("query", np.concatenate([rest[:96], CLIP, rest[96:]]))
    found = search([*copies(100), video("rest", worn(rest[::4], 7), 2), *strangers(30)], query)
    assert found.candidates[0].ref_id == "rest"
    assert named(found, "copy") == 100


def test_no_more_are_compared_than_asked_for_and_the_cut_is_told(search: Search) -> None:
    for count, top_k, truncated in ((100, 30, True), (100, 5, True), (100, 100, False), (20, 100, False)):
        found = search([*copies(count), *strangers(100)], top_k=top_k)
        assert (named(found, "copy"), found.truncated) == (min(count, top_k), truncated)
        assert len(found.candidates) <= top_k


def test_a_few_frames_that_many_videos_show_are_no_evidence(search: Search) -> None:
    """A title card of half a second: it is not searched deeper, and adds nobody."""
    query = video("query", np.concatenate([footage(1, OTHER_S), CLIP[:4]]))
    found = search([video(f"card{n:03}", worn(CLIP[:1], n), 2) for n in range(100)], query)
    assert (len(found.candidates), found.truncated) == (8, False)
    assert all(rows > 1 for rows, _ in search.calls)
