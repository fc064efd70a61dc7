"""From a file to embeddings: what is around the picture is not embedded."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from models.backbones.registry import Embedder, load_config
from models.keyframes import make_selector
from schemas.config import BASIS_FPS, KeyframeConfig, Limits
from schemas.records import VideoSource
from transforms.extract import extract_range
from transforms.media.probe import probe
from transforms.media.ranges import split

CLIP = Path(__file__).parents[2] / "data" / "clips" / "baseball.mp4"


@pytest.fixture(scope="module")
def embedder():
    return Embedder.open(load_config("efficientnet_lite0"))


def embeddings(path, embedder):
    limits = Limits()
    (part,) = split(VideoSource("v", str(path)), probe(str(path), limits), limits)
    selector = make_selector(KeyframeConfig(per_second=1.0), BASIS_FPS)
    return extract_range(str(path), part, selector, embedder, limits).embeddings


def test_a_letterboxed_clip_has_the_embeddings_of_the_clip(tmp_path, embedder):
    boxed = tmp_path / "boxed.mp4"
    bars = "scale=320:160,pad=320:240:0:40:black,setsar=1"
    subprocess.run(["ffmpeg", "-v", "error", "-i", CLIP, "-vf", bars, "-an", "-crf", "20", boxed], check=True)
    cosines = (embeddings(CLIP, embedder) * embeddings(boxed, embedder)).sum(axis=1)
    assert len(cosines) >= 8
    assert np.median(cosines) > 0.9
