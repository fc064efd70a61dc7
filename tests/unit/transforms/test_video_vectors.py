"""Descriptors of stored videos: kept or lost with them, searched, made anew, refused where they are mixed."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from cliptrace.models.video_descriptors.mean import Mean
from cliptrace.models.video_descriptors.parts import Parts
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import VIDEOS, DescriptorConfig, GalleryManifest, described_by, part_path, videos_schema
from cliptrace.schemas.records import FrameFeatures, VideoSource
from cliptrace.transforms.store import files
from cliptrace.transforms.store.compaction import compact
from cliptrace.transforms.store.copying import store_copies
from cliptrace.transforms.store.describing import with_descriptor
from cliptrace.transforms.store.descriptors import VideoSearch, read_descriptors
from cliptrace.transforms.store.exact.rows import MappedRows
from cliptrace.transforms.store.gallery import Gallery, commit, live_attempts
from cliptrace.transforms.store.moving import update
from cliptrace.transforms.store.recognition import Known
from cliptrace.transforms.store.removal import remove
from tests.unit.transforms.store_examples import DIMENSION, MANIFEST, NoVectors, features, swept

MEAN = DescriptorConfig("mean", "", DIMENSION)


def described(video: FrameFeatures) -> FrameFeatures:
    mean = Mean(DIMENSION)
    return dataclasses.replace(
        video, descriptor=mean.video(mean.tile(video.times, video.scores, video.embeddings, None))
    )


def black(video_id: str) -> FrameFeatures:
    video = features(video_id)
    return described(dataclasses.replace(video, scores=np.zeros_like(video.scores)))


@pytest.fixture
def shelf(tmp_path: Path) -> Gallery:
    """a, b, c in one commit; b once more in another, with d and a black one."""
    gallery = Gallery.create(str(tmp_path / "g"), dataclasses.replace(MANIFEST, descriptor=MEAN))
    put(gallery, "R1", *(described(features(name, 4 + n)) for n, name in enumerate("abc")))
    put(gallery, "R2", described(features("b", 6, "2-2")), described(features("d", 3)), black("black"))
    return gallery


def put(gallery: Gallery, run: str, *videos: FrameFeatures) -> None:
    commit(gallery, NoVectors(), run, videos)  # type: ignore[arg-type]


def vectors(gallery: Gallery) -> dict[str, list[list[float]]]:
    found = read_descriptors(gallery)
    return {video_id: found.of(number).tolist() for video_id, number in found.places().items()}


EXPECTED = {"a": features("a", 4), "b": features("b", 6, "2-2"), "c": features("c", 6), "d": features("d", 3)}


def test_the_live_videos_have_theirs_and_one_without_direction_is_left_out(shelf: Gallery) -> None:
    found = vectors(shelf)
    assert list(found) == ["a", "b", "c", "d"]
    for video_id, video in EXPECTED.items():
        np.testing.assert_allclose(found[video_id], described(video).descriptor, atol=1e-3)


def test_a_search_names_the_nearest_first_and_nothing_of_what_shows_nothing(shelf: Gallery) -> None:
    search = VideoSearch(read_descriptors(shelf))
    query = described(EXPECTED["c"]).descriptor
    assert query is not None
    ranked = list(search.nearest(query, 9))
    alike = {name: float((described(video).descriptor @ query.T).item()) for name, video in EXPECTED.items()}
    expected = sorted((name for name in alike if alike[name] > 0), key=lambda name: -alike[name])
    assert [name for name, _ in ranked] == expected
    assert ranked[0] == ("c", pytest.approx(1, abs=1e-3))
    assert [score for _, score in ranked] == pytest.approx([alike[name] for name in expected], abs=1e-2)
    assert list(search.nearest(query * 5, 9)) == ranked
    assert next(search.only({"a", "d"}).nearest(query, 9))[0] in ("a", "d")
    assert list(search.nearest(np.zeros((1, DIMENSION), np.float32), 9)) == []


def test_of_several_vectors_the_best_pairs_count() -> None:
    """[1, 0] and [0, 1] against a video that has both, and one that has the first alone."""
    rows = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    search = VideoSearch(MappedRows(rows, np.array(["both", "one"]), np.array([0, 2]), np.array([2, 1])))
    assert list(search.nearest(rows[:2], 9)) == [("both", 1.0), ("one", 0.5)]
    assert list(search.nearest(rows[:1], 9)) == [("both", 1.0), ("one", 1.0)]
    assert next(search.nearest(np.repeat(rows[:2], 150, axis=0), 9)) == ("both", 1.0)
    assert list(search.only(set()).nearest(rows, 9)) == []


def test_those_of_moved_copied_removed_and_compacted_videos(shelf: Gallery) -> None:
    before = vectors(shelf)
    attempts = live_attempts(shelf)
    update(shelf, "R3", [dataclasses.replace(attempts["a"], uri="/new/a", fingerprint="1-9")])
    known = Known(VideoSource("e", "/copies/e", "1-5"), attempts["c"], "5a")
    assert store_copies(shelf, NoVectors(), "R4", [known]) == []  # type: ignore[arg-type]
    assert vectors(shelf) == {**before, "e": before["c"]}
    swept(shelf)
    assert vectors(shelf) == {**before, "e": before["c"]}
    remove(shelf, ["d"], "R5")
    left = {name: row for name, row in {**before, "e": before["c"]}.items() if name != "d"}
    assert vectors(shelf) == left
    with shelf.vectors() as store:
        compact(shelf, contextlib.nullcontext(store), "R6")
    assert vectors(shelf) == left
    (shard,) = files.find(shelf.root, part_path("videos", "*", "*"))
    schema = pq.read_schema(shard)
    assert schema.equals(videos_schema(shelf.manifest))
    assert described_by(schema) == MEAN


def test_a_gallery_without_a_descriptor_is_as_it_ever_was(tmp_path: Path) -> None:
    gallery = Gallery.create(str(tmp_path / "g"), MANIFEST)
    put(gallery, "R1", described(features("a")))
    (shard,) = files.find(gallery.root, part_path("videos", "*", "*"))
    assert pq.read_schema(shard).equals(VIDEOS)
    assert "descriptor" not in json.loads((tmp_path / "g" / "gallery.json").read_text())


def test_the_description_says_which_one() -> None:
    config = DescriptorConfig("star", "ab" * 32, 7)
    text = dataclasses.replace(MANIFEST, descriptor=config).to_json()
    assert json.loads(text)["descriptor"] == {"name": "star", "sha256": "ab" * 32, "dimension": 7}
    assert GalleryManifest.from_json(text, "g").descriptor == config
    assert str(config) == "star (sha256 abababababab…, 7 dimensions)"
    with pytest.raises(CliptraceError, match=r"^g: not a gallery description: "):
        GalleryManifest.from_json(text.replace('"sha256": "' + "ab" * 32, '"digest": "'), "g")


def test_another_one_is_made_of_what_is_stored(shelf: Gallery) -> None:
    before = vectors(shelf)
    after = with_descriptor(shelf, Parts(DIMENSION))
    assert Gallery.load(shelf.root) == after
    assert after.manifest.descriptor == DescriptorConfig("parts", "", DIMENSION)
    np.testing.assert_allclose([vectors(after)[name] for name in before], list(before.values()), atol=2e-3)
    assert vectors(with_descriptor(after, Mean(DIMENSION))).keys() == before.keys()
    without = with_descriptor(after, None)
    assert without.manifest == dataclasses.replace(MANIFEST, name=without.manifest.name)
    assert vectors(with_descriptor(without, Mean(DIMENSION))).keys() == before.keys()


def test_mixed_descriptors_are_refused_until_they_are_made_anew(
    shelf: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cliptrace.transforms.store.describing.write_videos", cut_off)
        with pytest.raises(KeyboardInterrupt):
            with_descriptor(shelf, Parts(DIMENSION))
    after = Gallery.load(shelf.root)
    assert after
    with pytest.raises(CliptraceError) as told:
        read_descriptors(after)
    shard = min(files.find(shelf.root, part_path("videos", "*", "*")))
    assert str(told.value) == (
        f"{shard}: was made with descriptor mean ({DIMENSION} dimensions), but the gallery has parts "
        f"({DIMENSION} dimensions): run cliptrace gallery reindex --descriptor parts --gallery {shelf.root}"
    )
    update(after, "R3", [dataclasses.replace(live_attempts(after)["a"], uri="/new/a")])  # takes none of another's along
    with_descriptor(after, Parts(DIMENSION))
    assert list(vectors(after)) == ["a", "b", "c", "d"]


def test_a_video_that_was_stored_without_is_told(shelf: Gallery) -> None:
    put(shelf, "R3", features("x"))
    with pytest.raises(CliptraceError) as told:
        read_descriptors(shelf)
    (shard,) = files.find(shelf.root, part_path("videos", "R3", "*"))
    assert str(told.value) == (
        f"{shard}: video 'x' has no descriptor: run cliptrace gallery reindex --descriptor mean --gallery {shelf.root}"
    )
    with_descriptor(shelf, Mean(DIMENSION))
    assert "x" in vectors(shelf)


def test_neighbours_are_the_nearest_of_each_video(monkeypatch: pytest.MonkeyPatch) -> None:
    """In blocks, in pieces, and as a search of each one says."""
    monkeypatch.setattr("cliptrace.transforms.store.descriptors._ROWS_AT_ONCE", 4)
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 7, 12)
    rows = rng.normal(size=(counts.sum(), DIMENSION)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    names = np.array([f"v{number:02}" for number in range(12)])
    videos = MappedRows(rows, names, np.cumsum(counts) - counts, counts)
    search = VideoSearch(videos)
    found = dict(search.neighbours(3))
    assert list(found) == names.tolist()
    for number, name in enumerate(names.tolist()):
        alone = [other for other, _ in search.nearest(videos.of(number), 9) if other != name]
        assert found[name] == alone[:3]
