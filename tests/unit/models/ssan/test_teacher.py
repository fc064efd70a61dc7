"""Keyframes that stand for their surroundings, on sequences whose best cover is known."""

import numpy as np

from cliptrace.models.ssan.config import TeacherConfig
from cliptrace.models.ssan.teacher import is_poor, keyframes
from cliptrace.schemas.config import BASIS_FPS

CONFIG = TeacherConfig()
SHARP = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)


def scenes(*lengths: int) -> tuple[np.ndarray, np.ndarray]:
    """Still scenes that have nothing in common, one after the other; all sharp."""
    embeddings = np.repeat(np.eye(len(lengths), dtype=np.float32), lengths, axis=0)
    return embeddings, np.tile(SHARP, (sum(lengths), 1, 1, 1))


def test_every_scene_has_one_keyframe() -> None:
    chosen = np.flatnonzero(keyframes(*scenes(10, 6, 20), CONFIG))
    assert len(chosen) == 3
    assert (np.searchsorted([10, 16], chosen, side="right") == [0, 1, 2]).all()


def test_no_stretch_is_longer_than_the_limit() -> None:
    chosen = np.flatnonzero(keyframes(*scenes(100), CONFIG))
    assert len(chosen) == -(-100 // round(CONFIG.limit_s * BASIS_FPS))


def test_a_dearer_keyframe_makes_fewer() -> None:
    random = np.random.default_rng(1)
    walk = np.cumsum(random.normal(0, 0.3, (80, 16)), axis=0)
    embeddings = (walk / np.linalg.norm(walk, axis=1, keepdims=True)).astype(np.float32)
    thumbs = np.tile(SHARP, (80, 1, 1, 1))
    counts = [keyframes(embeddings, thumbs, TeacherConfig(price=price)).sum() for price in (0.01, 0.1, 1.0, 10.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_frames_that_say_little_are_not_taken_where_there_are_others() -> None:
    embeddings, thumbs = scenes(12)
    thumbs = thumbs.copy()
    thumbs[:9] = 0
    assert is_poor(thumbs, CONFIG).tolist() == [True] * 9 + [False] * 3
    assert np.flatnonzero(keyframes(embeddings, thumbs, CONFIG)).min() >= 9
    assert keyframes(embeddings[:9], thumbs[:9], CONFIG).sum() == 1


def test_nothing_has_no_keyframes() -> None:
    assert len(keyframes(np.empty((0, 4), np.float32), np.empty((0, 32, 32, 3), np.uint8), CONFIG)) == 0
