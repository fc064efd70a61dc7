"""What is drawn from annotated videos: queries, references, moments, others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.relocalization.datasets import Piece, Segment, Video
from benchmarks.relocalization.pairs import Pairs, PieceOfVideo, WholeVideo
from benchmarks.relocalization.windows import sliding_windows
from cliptrace.models.clips.files import FeatureFiles
from cliptrace.schemas.errors import UsageError


@pytest.fixture
def files(tmp_path: Path) -> FeatureFiles:
    """Of every video 100 steps that say where they are."""
    for number, name in enumerate("abc"):
        rows = np.stack([np.arange(100), np.full(100, number)], axis=1)
        np.save(tmp_path / f"{name}.npy", rows.astype(np.float32))
    return FeatureFiles(tmp_path, 2)


def video(name: str, *segments: tuple[float, float, str], duration_s: float | None = 50) -> Video:
    return Video(name, duration_s, "", tuple(Segment(*segment) for segment in segments))


def test_seconds_become_steps_by_the_duration_or_the_step(files: FeatureFiles) -> None:
    segments = ((10, 20, "run"), (45, 60, "run"), (0, 1, "jump"))
    features, spans = WholeVideo(video("a", *segments), files, 1, None).read()
    assert len(features) == 100
    assert {label: each.tolist() for label, each in spans.items()} == {"run": [[20, 40], [90, 100]], "jump": [[0, 2]]}
    features, spans = WholeVideo(video("a", *segments), files, 2, None).read()
    assert features[:, 0].tolist() == list(range(0, 100, 2))
    assert spans["run"].tolist() == [[10, 20], [45, 50]]
    _, spans = WholeVideo(video("a", *segments, duration_s=None), files, 1, 0.5).read()
    assert spans["run"].tolist() == [[20, 40], [90, 100]]


def test_seconds_that_cannot_become_steps(files: FeatureFiles) -> None:
    with pytest.raises(UsageError) as error:
        WholeVideo(video("a", (1, 2, "run"), duration_s=None), files, 1, None).read()
    assert str(error.value) == "video 'a': the annotations do not say how long it is; give --step-s"
    with pytest.raises(UsageError) as error:
        WholeVideo(video("a", (70, 80, "run"), duration_s=None), files, 1, 0.5).read()
    assert str(error.value) == (
        f"{files.path}: video 'a' has 100 features, which end before its segment at 70 s begins; check --step-s"
    )


@pytest.mark.parametrize("steps", [100, 50])
def test_a_piece_lies_where_its_location_says(files: FeatureFiles, steps: int) -> None:
    features, spans = PieceOfVideo(Piece("a", "7", 10, 30, (15, 20), steps), files).read()
    stride = 100 // steps
    assert features[:, 0].tolist() == list(range(10 * stride, 30 * stride, stride))
    assert {label: each.tolist() for label, each in spans.items()} == {"7": [[5, 10]]}


def test_a_piece_beyond_its_features(files: FeatureFiles) -> None:
    with pytest.raises(UsageError) as error:
        PieceOfVideo(Piece("a", "7", 10, 120, (15, 20), 130), files).read()
    assert str(error.value) == f"{files.path}: video 'a' has 100 features, not about 130 or a multiple of it"


def sources(files: FeatureFiles) -> list[WholeVideo]:
    videos = (
        video("a", (10, 20, "run"), (25, 27, "jump")),
        video("b", (5, 10, "run"), (30, 35, "run"), (12, 14, "swim")),
        video("c", (1, 2, "alone")),
    )
    return [WholeVideo(each, files, 1, None) for each in videos]


def test_a_query_comes_from_another_video_of_its_label(files: FeatureFiles) -> None:
    pairs = Pairs(sources(files), {"run", "jump", "swim", "alone"}, 1000)
    assert len(pairs) == 2
    asked = {int(example.query[0, 1]): example for example in pairs.asked(10, 1)}
    assert asked.keys() == {0, 1}
    first = asked[0]
    assert first.label == "run"
    assert first.query[:, 0].tolist() == list(range(20, 40))
    assert set(first.reference[:, 1]) == {1}
    assert first.moments.tolist() == [[10, 20], [60, 70]]
    assert first.others.tolist() == [[24, 28]]
    assert asked[1].moments.tolist() == [[20, 40]]
    assert len(list(pairs.asked(1, 1))) == 1
    again = {int(example.query[0, 1]): example for example in pairs.asked(10, 1)}
    np.testing.assert_array_equal(again[1].query, asked[1].query)


def test_a_long_reference_is_learned_from_in_windows_with_a_whole_moment(files: FeatureFiles) -> None:
    pairs = Pairs(sources(files), {"run"}, 25)
    for seed in range(40):
        example = pairs.example(np.random.default_rng(seed))
        assert len(example.reference) == 25
        whole = np.diff(example.moments, axis=1)[:, 0] >= 10
        assert whole.any()
        assert (example.moments >= 0).all()
        assert (example.moments <= 25).all()
        assert {20, 10, 60} & set((example.moments[whole][:, 0] + example.reference[0, 0]).tolist())
    long = Pairs(sources(files), {"run"}, 15)
    lengths = {len(long.example(np.random.default_rng(seed)).reference) for seed in range(20)}
    assert lengths == {15, 20}


def test_labels_of_one_video_alone_ask_nothing(files: FeatureFiles) -> None:
    with pytest.raises(UsageError) as error:
        Pairs(sources(files), {"alone", "jump"}, 100)
    assert str(error.value) == "none of the 2 labels is in two videos that have features"


def test_windows_slide_by_half_their_length() -> None:
    assert sliding_windows(np.zeros((9, 1))).tolist() == [[0, 4], [2, 6], [4, 8], [0, 8], [0, 9]]
    assert sliding_windows(np.zeros((1, 1))).tolist() == [[0, 1]]
