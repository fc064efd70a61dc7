"""Clip features of files: cut or whole, late or in time, of a gallery's videos and of queries."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cliptrace.models.backbones.registry import Embedder, load_config
from cliptrace.models.keyframes import make_selector
from cliptrace.schemas.config import BASIS_FPS, TILE_S, KeyframeConfig, Limits
from cliptrace.schemas.errors import MediaError
from cliptrace.schemas.gallery import ClipsConfig
from cliptrace.schemas.records import ProbedVideo, VideoSource
from cliptrace.transforms.extract import extract_clips, extract_range, join_ranges
from cliptrace.transforms.media.probe import probe
from cliptrace.transforms.media.ranges import split
from tests.unit.models.clips.test_timeline import Recording

MOMENTS = ClipsConfig("mean", "", 1, 0.5)


def stored(path: Path, limits: Limits) -> NDArray[np.float16]:
    """As a gallery has it."""
    backbone = load_config("efficientnet_lite0")
    embedder, selector = Embedder.open(backbone), make_selector(KeyframeConfig(per_second=0.1), BASIS_FPS)
    source, info = VideoSource("v", str(path)), probe(str(path), limits)
    parts = [
        extract_range(str(path), part, selector, embedder, limits, encoder=Recording())
        for part in split(source, info, limits)
    ]
    clips = join_ranges(parts, moments=MOMENTS).clips
    assert clips is not None
    return clips


def asked(path: Path) -> NDArray[np.float32]:
    video = ProbedVideo(VideoSource("v", str(path)), probe(str(path), Limits()))
    return extract_clips(str(path), video, Recording(), Limits(), 224).clips


@pytest.fixture(scope="module")
def brighter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 s, each brighter than the one before."""
    path = tmp_path_factory.mktemp("clips") / "brighter.mp4"
    source = "color=black:s=64x48:r=8:d=100,geq=lum='16+2*floor(T)':cb=128:cr=128"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-g", "16", path], check=True)
    return path


def test_a_video_that_is_cut_has_what_the_whole_one_has(brighter: Path) -> None:
    whole, cut = (stored(brighter, Limits(range_s=seconds)) for seconds in (10 * TILE_S, TILE_S))
    assert whole.shape == (200, 1)
    np.testing.assert_array_equal(whole, cut)
    np.testing.assert_array_equal(whole, asked(brighter).astype(np.float16))
    assert (np.diff(whole[::2, 0]) > 0).all()


def test_a_video_that_starts_late_has_no_features_before(tmp_path: Path) -> None:
    white, late = tmp_path / "white.mp4", tmp_path / "late.mp4"
    lavfi = ["ffmpeg", "-v", "error", "-f", "lavfi"]
    subprocess.run([*lavfi, "-i", "color=white:s=64x48:r=8:d=3", white], check=True)
    shifted = ["-itsoffset", "1.25", "-i", white, "-map", "1:v", "-map", "0:a", "-c:v", "copy", late]
    subprocess.run([*lavfi, "-i", "sine=d=5", *shifted], check=True)
    assert asked(late)[:4].ravel().tolist() == pytest.approx([0, 0, 255, 255], abs=3)
    assert stored(late, Limits())[:4].ravel().tolist() == pytest.approx([0, 0, 255, 255], abs=3)


def test_what_a_network_cannot_cope_with_is_a_dead_letter(brighter: Path) -> None:
    class Overflowing(Recording):
        def encode(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
            return super().encode(frames) * 1e6

    video = ProbedVideo(VideoSource("v", str(brighter)), probe(str(brighter), Limits()))
    with pytest.raises(MediaError, match="its clip features are not finite: the clip network cannot cope with it"):
        extract_clips(str(brighter), video, Overflowing(), Limits(), 224)
