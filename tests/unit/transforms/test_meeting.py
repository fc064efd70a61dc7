"""All videos with all others at once: the candidates are those of a search of every video."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cliptrace.schemas.gallery import GalleryManifest
from cliptrace.schemas.records import Candidate, FrameFeatures
from cliptrace.transforms import together as module
from cliptrace.transforms.matching import Find, MatchConfig, evident_frames
from cliptrace.transforms.store.compaction import compact
from cliptrace.transforms.store.gallery import FrameReader, Gallery, commit, read_videos
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.store.takedown import Tombstone, bury
from cliptrace.transforms.stored import Read, source_of, stored_features
from cliptrace.transforms.together import Asked, FindAmong, Meet, both_ways, cut, write_floors
from tests.unit.transforms.store_examples import MANIFEST, NoVectors
from tests.unit.transforms.test_find import BACKBONE, DIMENSION, footage, video, worn

CONFIG = MatchConfig(at_least=0, engine="exact", stop_list=False)


@pytest.fixture
def shelf(tmp_path: Path) -> Gallery:
    """30 videos of 3 to 40 keyframes; every third shows something of an earlier one."""
    manifest: GalleryManifest = dataclasses.replace(MANIFEST, backbone=MANIFEST.backbone | {"dimension": DIMENSION})
    gallery = Gallery.create(str(tmp_path / "g"), manifest)
    rng = np.random.default_rng(3)
    rows = [footage(number, rng.integers(2, 20), 2) for number in range(30)]
    for number in range(3, 30, 3):
        source = rows[rng.integers(number)]
        rows[number] = np.concatenate([rows[number], worn(source[: len(source) // 2 + 1], number, 0.08)])
    videos = [video(f"v{number:02}", each, 2) for number, each in enumerate(rows)]
    for run, some in (("R2", videos[::2]), ("R1", videos[1::2])):
        commit(gallery, NoVectors(), run, some)  # type: ignore[arg-type]
    return gallery


def together(gallery: Gallery, floors: Path, batch: int) -> dict[tuple[str, str], Candidate]:
    """By query and reference, where batches have so many keyframes at most."""
    live = SharedVideos(gallery)
    videos = sorted(read_videos(gallery).values(), key=lambda video: video.video_id)
    write_floors(str(floors), gallery, [each.video_id for each in videos], CONFIG, BACKBONE)
    meet = Meet(gallery, str(floors), live, module.Shared())
    find = FindAmong(gallery, CONFIG, BACKBONE, live, module.Shared())
    meet.open()
    find.open()
    asked = [
        asked for some in cut(videos, lambda each: each.keyframes, batch) for asked in meet(list(map(source_of, some)))
    ]
    candidates = [candidate for each in asked for found in find(each) for candidate in found.candidates]
    meet.close()
    pairs = {(candidate.query_id, candidate.ref_id): candidate for candidate in candidates}
    assert len(pairs) == len(candidates)
    return pairs


def one_by_one(gallery: Gallery) -> dict[tuple[str, str], Candidate]:
    """As the search of every video has them, those with evidence."""
    find, frames = Find(gallery, dataclasses.replace(CONFIG, videos_per_frame=30), BACKBONE), FrameReader(gallery)
    find.open()
    pairs = {}
    for stored in read_videos(gallery).values():
        query: FrameFeatures = dataclasses.replace(stored_features(stored, frames), known_as=stored.video_id)
        for candidate in (candidate for found in find(query) for candidate in found.candidates):
            if candidate.seen >= evident_frames(query):
                pairs[candidate.query_id, candidate.ref_id] = candidate
    return pairs


@pytest.mark.parametrize("batch", [1, 100, 10_000])
def test_the_candidates_are_those_of_a_search_of_every_video(
    shelf: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(module, "_BLOCK_KEYFRAMES", 50)
    wanted, found = one_by_one(shelf), together(shelf, tmp_path / "floors.parquet", batch)
    assert len(wanted) >= 15
    assert found.keys() == wanted.keys() | {(ref, query) for query, ref in wanted}
    for pair, candidate in wanted.items():
        assert found[pair].seen == candidate.seen
        best = int(candidate.similarities.argmax())
        assert (candidate.query_frames[best], candidate.ref_frames[best]) in set(
            zip(found[pair].query_frames.tolist(), found[pair].ref_frames.tolist(), strict=True)
        )


def test_a_video_that_is_gone_is_left_out(shelf: Gallery, tmp_path: Path) -> None:
    live = SharedVideos(shelf)
    find = FindAmong(shelf, CONFIG, BACKBONE, live, module.Shared())
    find.open()
    first = source_of(read_videos(shelf)["v03"])
    assert list(find(Asked(dataclasses.replace(first, video_id="gone"), ("v03",)))) == []
    assert list(find(Asked(first, ("gone",)))) == []


def test_videos_that_are_gone_or_moved_meanwhile_end_no_comparison(shelf: Gallery, tmp_path: Path) -> None:
    """A compaction moves all, while the stages are open."""
    floors, live, rows = tmp_path / "floors.parquet", SharedVideos(shelf), module.Shared()
    videos = sorted(read_videos(shelf).values(), key=lambda video: video.video_id)
    write_floors(str(floors), shelf, ["gone", *(video.video_id for video in videos)], CONFIG, BACKBONE)
    meet = Meet(shelf, str(floors), live, rows)
    find, read = FindAmong(shelf, CONFIG, BACKBONE, live, rows), Read(shelf, live, live)
    for stage in (meet, find, read):
        stage.open()
    asked = list(meet(list(map(source_of, videos))))
    bury(shelf.home, [Tombstone("v03", "", 0.0)])
    compact(shelf, contextlib.nullcontext(NoVectors()), "R9")  # type: ignore[arg-type]
    queries = {found.query.video_id for each in asked for found in find(each)}
    assert len(queries) > 10
    assert {each.source.video_id for each in asked} - queries == {"v03"}
    assert [features.video_id for each in videos for features in read(source_of(each))] == [
        each.video_id for each in videos if each.video_id != "v03"
    ]
    meet.close()


def test_no_video_is_compared_with_more_than_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 2)
    monkeypatch.setattr(module, "PARTNERS_AT_ONCE", 1)
    met = {"a": [(-1, "b"), (-9, "c"), (-5, "d")], "c": [(-2, "d")]}
    assert list(both_ways(met)) == [
        ("a", ("c",), True), ("a", ("d",), True), ("c", ("a",), False), ("c", ("d",), False),
        ("d", ("a",), False), ("d", ("c",), False),
    ]  # fmt: skip
