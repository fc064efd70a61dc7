"""``import cliptrace``: the gallery, and the transforms for a pipeline of one's own, on real clips."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

import cliptrace
from cliptrace.models.weights import WEIGHTS
from tests.encoding import ffmpeg

CLIPS = Path(__file__).parents[1] / "data" / "clips"


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for name in ("cars.mp4", "coffee.mp4"):
        shutil.copy(CLIPS / name, folder)
    return folder


@pytest.fixture(scope="module")
def gallery(clips: Path, tmp_path_factory) -> cliptrace.Gallery:
    gallery = cliptrace.Gallery.create(tmp_path_factory.mktemp("g") / "gallery")
    report = gallery.index(clips)
    assert (report.indexed, report.failed, report.in_gallery) == (2, 0, 2)
    return gallery


def test_a_gallery_tells_which_seconds_come_from_where(gallery: cliptrace.Gallery, clips: Path, tmp_path: Path) -> None:
    query, broken = tmp_path / "trim.mp4", tmp_path / "broken.mp4"
    ffmpeg("-ss", 2, "-t", 4, "-i", clips / "coffee.mp4", "-an", query)
    broken.write_bytes(b"no video")
    matches = cliptrace.Gallery.open(gallery.path).match([query, broken])
    (match,) = matches
    (segment,) = match.segments
    assert (match.query_id, match.ref_id, len(matches), matches[0]) == ("trim.mp4", "coffee.mp4", 1, match)
    times = (segment.query_start, segment.query_end, segment.ref_start, segment.ref_end)
    assert times == pytest.approx((0, 4, 2, 6), abs=0.5)
    assert [failure.video_id for failure in matches.failures] == ["broken.mp4"]
    assert repr(matches) == "<1 matches, 1 failures>"
    assert matches._repr_html_().startswith("<table><tr><th>query</th><th>seconds</th><th>reference</th>")
    assert f"<td>trim.mp4</td><td>{times[0]:.1f}–{times[1]:.1f}</td><td>coffee.mp4</td>" in matches._repr_html_()


def test_black_before_and_after_a_copy_is_none_of_it(gallery: cliptrace.Gallery, clips: Path, tmp_path: Path) -> None:
    query = tmp_path / "framed.mp4"
    black = "tpad=start_duration=3:stop_duration=3:color=black"
    ffmpeg("-ss", 3, "-t", 6, "-i", clips / "cars.mp4", "-vf", black, query)
    (match,) = gallery.match(query)
    (segment,) = match.segments
    times = (segment.query_start, segment.query_end, segment.ref_start, segment.ref_end)
    assert times == pytest.approx((3, 9, 3, 9), abs=0.5)
    assert segment.speed == pytest.approx(1, abs=0.1)


def test_indexing_again_changes_nothing_and_what_is_removed_stays_out(clips: Path, tmp_path: Path) -> None:
    gallery = cliptrace.Gallery.create(tmp_path / "g")
    gallery.index([clips])
    assert cliptrace.Gallery.create(tmp_path / "g").index([clips]).skipped.unchanged == 2
    assert sorted(gallery.videos()) == ["cars.mp4", "coffee.mp4"]
    assert gallery.remove("cars.mp4").video_ids == ["cars.mp4"]
    assert list(gallery.videos()) == ["coffee.mp4"]
    assert gallery.index(clips).skipped.removed == ("cars.mp4",)
    with pytest.raises(cliptrace.CliptraceError, match=r"no video has the id, path or URI 'boat\.mp4'"):
        gallery.remove(["boat.mp4"])


def test_what_is_gone_from_a_folder_is_pruned_where_that_is_asked_for(clips: Path, tmp_path: Path) -> None:
    shutil.copytree(clips, tmp_path / "videos")
    gallery = cliptrace.Gallery.create(tmp_path / "g")
    gallery.index(tmp_path / "videos")
    (tmp_path / "videos" / "cars.mp4").unlink()
    gallery.index(tmp_path / "videos")
    assert sorted(gallery.videos()) == ["cars.mp4", "coffee.mp4"]
    gallery.index(tmp_path / "videos", prune=True)
    assert sorted(gallery.videos()) == ["coffee.mp4"]


def test_weights_of_ones_own_are_named_where_they_are_used(clips: Path, tmp_path: Path) -> None:
    for name in ("spd", "ske"):
        shutil.copytree(WEIGHTS / name, tmp_path / name)
    config = json.loads((tmp_path / "spd" / "config.json").read_text())
    (tmp_path / "spd" / "config.json").write_text(json.dumps(config | {"min_score": 0.999}))
    own = cliptrace.KeyframeConfig.ske(weights=str(tmp_path / "ske"))
    gallery = cliptrace.Gallery.create(tmp_path / "g", keyframes=own)
    assert gallery.index(clips / "cars.mp4").indexed == 1
    assert len(gallery.match(clips / "cars.mp4", aligner=f"spd:{tmp_path / 'spd'}", min_score=0.5)) == 1
    assert gallery.matching(aligner=f"spd:{tmp_path / 'spd'}").min_score == 0.999
    assert str(gallery.store.manifest.keyframes) == f"ske:balanced:{tmp_path / 'ske'}"
    (tmp_path / "ske").rename(tmp_path / "moved")
    moved = cliptrace.KeyframeConfig.ske(weights=str(tmp_path / "moved"))
    assert cliptrace.Gallery.create(tmp_path / "g", keyframes=moved).path == gallery.path
    with pytest.raises(cliptrace.UsageError, match=r"ske/config\.json: cannot read: No such file or directory"):
        gallery.index(clips)


def test_a_detector_that_is_not_calibrated_is_told(gallery: cliptrace.Gallery, clips: Path, tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS / "spd", tmp_path / "spd")
    config = json.loads((tmp_path / "spd" / "config.json").read_text())
    config.pop("min_score")
    (tmp_path / "spd" / "config.json").write_text(json.dumps(config))
    with pytest.raises(cliptrace.UsageError) as told:
        gallery.match(clips / "cars.mp4", aligner=f"spd:{tmp_path / 'spd'}")
    assert str(told.value) == (
        f"{tmp_path}/spd: not calibrated yet, so no score says what is a copy: run python -m "
        f"benchmarks.alignment.calibration --weights {tmp_path}/spd --write, or give --min-score"
    )
    for wrong in ("bogus", "tn:folder", "spd:"):
        with pytest.raises(cliptrace.UsageError, match="must be one of spd, tn, dp, hough, dtw, or spd:FOLDER"):
            gallery.match(clips / "cars.mp4", aligner=wrong)


def test_no_gallery_is_told(tmp_path: Path) -> None:
    with pytest.raises(cliptrace.UsageError) as told:
        cliptrace.Gallery.open(tmp_path)
    assert str(told.value) == f"{tmp_path}: no gallery here (no gallery.json); make one with Gallery.create"


def test_the_transforms_make_a_pipeline_of_ones_own(clips: Path, tmp_path: Path) -> None:
    gallery = cliptrace.Gallery.create(tmp_path / "g")
    config = gallery.features()
    with gallery.writing() as store, beam.Pipeline(FnApiRunner()) as pipeline:
        features = pipeline | cliptrace.ReadVideos(str(clips)) | cliptrace.ExtractFeatures(config)
        features.good | cliptrace.WriteGallery(store, features.failures)
    assert sorted(gallery.videos()) == ["cars.mp4", "coffee.mp4"]
    with beam.Pipeline(FnApiRunner()) as pipeline:
        queries = (
            pipeline
            | cliptrace.ReadVideos([str(clips / "cars.mp4")])
            | cliptrace.ExtractFeatures(gallery.query_features())
        )
        found = queries.good | cliptrace.FindCandidates(gallery.store, gallery.matching(), config.backbone)
        pairs = found.good | beam.FlatMap(cliptrace.Found.pairs)
        matches = pairs | cliptrace.AlignCandidates(gallery.store, gallery.matching())
        names = matches.good | beam.Map(lambda match: (match.query_id, match.ref_id))
        assert_that(names, equal_to([("cars.mp4", "cars.mp4")]))


def test_a_transform_says_what_it_takes_when_the_pipeline_is_built(clips: Path, tmp_path: Path) -> None:
    config = cliptrace.Gallery.create(tmp_path / "g").features()
    numbers = beam.Pipeline(FnApiRunner()) | beam.Create([1, 2])
    with pytest.raises(
        beam.typehints.decorators.TypeCheckError,
        match=r"at ExtractFeatures: expected Union.*VideoSource.*got <class 'int'>",
    ):
        numbers | cliptrace.ExtractFeatures(config)


def test_a_map_is_aligned_and_matches_are_measured(tmp_path: Path) -> None:
    rows = np.eye(40, 256, dtype=np.float32)
    similarity = cliptrace.similarity_map(rows[:20], rows)
    (segment,) = cliptrace.align(similarity, np.arange(20) / 2, np.arange(40) / 2)
    assert (segment.query_start, segment.query_end) == pytest.approx((0, 10), abs=1)
    truth = tmp_path / "truth.csv"
    truth.write_text("query_id,ref_id,query_start,query_end,ref_start,ref_end\nq,r,0,10,0,10\n")
    match = cliptrace.Match("q", "q", "r", "r", segment.score, (segment,))
    assert cliptrace.evaluate(truth, [match]).vcdb.f1 == 1.0


def test_records_say_the_shapes_of_arrays() -> None:
    candidate = cliptrace.Candidate("q", "r", np.arange(3), np.arange(3), np.ones(3, np.float32), 2.5)
    assert repr(candidate) == (
        "Candidate(query_id='q', ref_id='r', query_frames=int64[3], ref_frames=int64[3], similarities=float32[3], "
        "votes=2.5, seen=0)"
    )


def test_the_front_door_is_light_and_shows_what_is_public() -> None:
    code = (
        "import sys, cliptrace\n"
        "heavy = {'torch', 'apache_beam', 'numpy', 'pyarrow', 'onnxruntime'} & set(sys.modules)\n"
        "public = {name for name in vars(cliptrace) if name[0] != '_'}\n"
        "leaked = public - {*cliptrace.__all__, 'schemas'}\n"
        "print(sorted(heavy), sorted(leaked))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"
    assert cliptrace.__all__ == sorted((*cliptrace._HOME, "__version__"))
    assert dir(cliptrace) == cliptrace.__all__
    for name in cliptrace.__all__:
        assert getattr(cliptrace, name).__doc__ or name == "__version__"
    with pytest.raises(AttributeError, match="module 'cliptrace' has no attribute 'Video'"):
        cliptrace.Video  # noqa: B018
