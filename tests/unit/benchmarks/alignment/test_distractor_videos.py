"""Distractors among the gallery, and distractors with the same intro."""

import numpy as np
import pytest

from benchmarks.alignment.distractor_videos import distractor_videos, sharing_an_intro
from benchmarks.alignment.selections import EVERYTHING, uniform
from benchmarks.harness.features import BasisFrames
from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.pooling import unit

DIMENSION = 64


class Drawer:
    """Embeds what is drawn as whatever it is asked for: one direction a call."""

    class config:  # noqa: N801
        input_size = 32

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)

    def embed(self, frames: np.ndarray) -> np.ndarray:
        return np.repeat(unit(self._random.normal(size=(1, DIMENSION))), len(frames), axis=0).astype(np.float32)


@pytest.fixture(scope="module")
def real() -> dict[str, BasisFrames]:
    videos = {}
    for number in range(30):
        random = np.random.default_rng(number)
        embeddings = unit(random.normal(size=(80, DIMENSION))).astype(np.float32)
        thumbs = random.integers(0, 256, (80, 32, 32, 3), np.uint8)
        videos[f"{number:02}.mp4"] = BasisFrames(np.arange(80) / 8, embeddings, np.empty(0), thumbs)
    return videos


def test_distractors_are_the_real_ones_and_then_as_many_as_asked(real: dict[str, BasisFrames]) -> None:
    selector = uniform(2, False).gallery
    few, many = (distractor_videos(real, selector, count) for count in (40, 100))
    assert (len(few), len(many)) == (40, 100)
    assert all(np.array_equal(few[name].embeddings, many[name].embeddings) for name in few)
    assert np.array_equal(few["distractor 03.mp4"].embeddings, real["03.mp4"].embeddings[::4])
    originals = np.concatenate([video.embeddings[::4] for video in real.values()])
    made = few["distractor 00035"]
    assert (np.diff(made.times) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(made.embeddings, axis=1), 1, atol=1e-5)
    assert 0.5 < (made.embeddings @ originals.T).max(axis=1).mean() < 0.95


@pytest.mark.parametrize("kind", ["drawn", "filmed"])
def test_a_stop_list_darkens_what_distractors_share(real: dict[str, BasisFrames], kind: str) -> None:
    background = Background(unit(np.random.default_rng(99).normal(size=(40, DIMENSION))).astype(np.float32))
    pairs = sharing_an_intro(real, uniform(2, False).gallery, EVERYTHING, background, Drawer())[kind]  # type: ignore[arg-type]
    assert len(pairs["with"]) == len(pairs["without"]) > 0
    shared = {way: np.mean([pair.similarity[:32, :8].max() for pair in each]) for way, each in pairs.items()}
    assert shared["without"] > 0.6
    assert shared["with"] < 0.3
    rest = {way: np.mean([pair.similarity[32:, 8:].mean() for pair in each]) for way, each in pairs.items()}
    assert rest["with"] == pytest.approx(rest["without"], abs=0.02)
