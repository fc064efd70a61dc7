"""Keyframes as the gallery stores them: their precision, their size, and what damaged shards are told to be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cliptrace.models.verification.pictures import encode
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.records import FrameFeatures
from cliptrace.transforms.store import files
from cliptrace.transforms.store.gallery import FrameReader, Gallery, commit, read_videos
from tests.unit.transforms.store_examples import MANIFEST, NoVectors, features, stored_precision


def test_a_keyframe_of_the_default_dimension_takes_600_bytes_at_most(tmp_path: Path) -> None:
    frames, dimension = 1000, 256
    manifest = dataclasses.replace(MANIFEST, backbone={**MANIFEST.backbone, "dimension": dimension})
    rows = np.random.default_rng(0).normal(size=(frames, dimension)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    short = features("a", frames)
    video = FrameFeatures(short.source, short.info, short.times, short.scores, rows, short.cuts, short.decoded_s)
    gallery = Gallery.create(str(tmp_path / "g"), manifest)
    commit(gallery, NoVectors(), "R1", [video])  # type: ignore[arg-type]
    stored = read_videos(gallery)["a"]
    assert Path(files.join(gallery.root, stored.frames_file)).stat().st_size / frames <= 600
    embeddings = FrameReader(gallery).read(stored)[1]
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose((embeddings * rows).sum(axis=1), 1, atol=3e-4)


def test_a_gallery_with_embeddings_in_single_precision_is_read(gallery: Gallery) -> None:
    commit(gallery, NoVectors(), "R1", [features("a")])  # type: ignore[arg-type]
    video = read_videos(gallery)["a"]
    path = files.join(gallery.root, video.frames_file)
    table = pq.read_table(path)
    single = pa.list_(pa.field("item", pa.float32(), nullable=False), features("a").embeddings.shape[1])
    older = pa.FixedSizeListArray.from_arrays(pa.array(features("a").embeddings.ravel()), type=single)
    pq.write_table(table.set_column(3, pa.field("embedding", single, nullable=False), older), path)
    np.testing.assert_array_equal(FrameReader(gallery).read(video)[1], features("a").embeddings)


PICTURES = encode(np.random.default_rng(0).integers(0, 255, (4, 96, 96, 3), np.uint8))


def test_pictures_of_keyframes_come_back_as_they_were(gallery: Gallery) -> None:
    commit(gallery, NoVectors(), "R1", [dataclasses.replace(features("a"), pictures=PICTURES), features("b")])  # type: ignore[arg-type]
    videos, reader = read_videos(gallery), FrameReader(gallery)
    assert reader.pictures(videos["a"]) == PICTURES
    assert reader.pictures(videos["b"]) == ()
    with pytest.raises(CliptraceError) as caught:
        reader.pictures(dataclasses.replace(videos["a"], row_group=1))
    assert str(caught.value) == f"{videos['a'].frames_file}: row group 1 does not hold video 'a'"


def test_a_gallery_of_before_there_were_pictures_has_none(gallery: Gallery) -> None:
    commit(gallery, NoVectors(), "R1", [dataclasses.replace(features("a"), pictures=PICTURES)])  # type: ignore[arg-type]
    video = read_videos(gallery)["a"]
    path = files.join(gallery.root, video.frames_file)
    pq.write_table(pq.read_table(path).drop_columns(["picture"]), path)
    assert FrameReader(gallery).pictures(video) == ()
    assert len(FrameReader(gallery).read(video)[0]) == 4


def test_few_files_stay_open_and_all_are_read(gallery: Gallery) -> None:
    for number in range(5):
        commit(gallery, NoVectors(), f"R{number}", [features(f"v{number}")])  # type: ignore[arg-type]
    reader = FrameReader(gallery, open_files=2)
    for _ in range(2):
        for video_id, video in read_videos(gallery).items():
            np.testing.assert_array_equal(reader.read(video)[1], stored_precision(features(video_id).embeddings))
    assert len(reader._files) == 2


def test_a_shard_that_does_not_hold_the_video(gallery: Gallery) -> None:
    commit(gallery, NoVectors(), "R1", [features("a"), features("b")])  # type: ignore[arg-type]
    video = read_videos(gallery)["a"]
    reader = FrameReader(gallery)
    with pytest.raises(CliptraceError) as caught:
        reader.read(dataclasses.replace(video, row_group=1))
    assert str(caught.value) == f"{video.frames_file}: row group 1 does not hold video 'a'"
    with pytest.raises(CliptraceError, match=r"\.parquet: cannot be read: .*7"):
        reader.read(dataclasses.replace(video, row_group=7))
    with pytest.raises(CliptraceError, match=r"^frames/gone.parquet: cannot be read: No such file or directory$"):
        reader.read(dataclasses.replace(video, frames_file="frames/gone.parquet"))
    path = files.join(gallery.root, video.frames_file)
    Path(path).write_bytes(Path(path).read_bytes()[:-20])
    with pytest.raises(CliptraceError, match=r"\.parquet: cannot be read: "):
        FrameReader(gallery).read(video)


def test_embeddings_that_are_not_finite(gallery: Gallery) -> None:
    broken = features("a")
    broken.embeddings[2, 3] = np.nan
    commit(gallery, NoVectors(), "R1", [broken])  # type: ignore[arg-type]
    video = read_videos(gallery)["a"]
    with pytest.raises(CliptraceError) as caught:
        FrameReader(gallery).read(video)
    assert str(caught.value) == f"{video.frames_file}: row group 0 has embeddings that are not finite"


def test_a_shard_without_its_columns(gallery: Gallery) -> None:
    commit(gallery, NoVectors(), "R1", [features("a")])  # type: ignore[arg-type]
    (path,) = files.find(gallery.root, "videos/run=*/*.parquet")
    pq.write_table(files.read_table(path).drop_columns(["uri", "keyframes"]), path)
    with pytest.raises(CliptraceError) as caught:
        read_videos(gallery)
    assert str(caught.value) == f"{path}: cannot be read: no column keyframes, uri"
