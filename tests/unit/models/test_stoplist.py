"""Which keyframes are stopped, and what they lose."""

import numpy as np

from models.backbones.pooling import unit
from models.stoplist import FEWEST_VIDEOS, is_uniform, penalty, recurring

DIMENSION = 64


def frames(seed: int, count: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, DIMENSION))).astype(np.float32)


def worn(rows: np.ndarray, seed: int) -> np.ndarray:
    """As another encoding has them: a cosine of about .97."""
    return unit(rows + 0.03 * np.random.default_rng(seed).normal(size=rows.shape)).astype(np.float32)


def test_an_intro_is_found_and_the_videos_own_frames_are_not() -> None:
    intro = frames(0, 3)
    videos = [np.concatenate([worn(intro, 100 + n), frames(1 + n, 20)]) for n in range(FEWEST_VIDEOS + 2)]
    videos += [frames(50 + n, 20) for n in range(20)]
    stopped = recurring(videos)
    assert len(stopped) >= 3
    assert ((stopped @ intro.T).max(axis=1) > 0.9).all()
    assert ((stopped @ intro.T).max(axis=0) > 0.9).all()


def test_a_video_that_was_uploaded_often_is_no_intro() -> None:
    video = frames(0, 20)
    copies = [worn(video, 100 + n) for n in range(30)]
    assert len(recurring([*copies, *(frames(1 + n, 20) for n in range(30))])) == 0


def test_few_videos_have_no_stop_list() -> None:
    intro = frames(0, 3)
    videos = [np.concatenate([intro, frames(1 + n, 20)]) for n in range(FEWEST_VIDEOS)]
    assert recurring(videos).shape == (0, DIMENSION)
    assert recurring([]).shape == (0, 0)


def test_stopped_frames_lose_their_similarity_and_others_nothing() -> None:
    stopped = frames(0, 5)
    query = np.concatenate([stopped[:1], worn(stopped[1:2], 3), frames(9, 2)])
    taken = penalty(query, stopped)
    np.testing.assert_allclose(taken[:2], (query[:2] @ stopped.T).max(axis=1), atol=1e-6)
    assert taken[2:].tolist() == [0.0, 0.0]
    assert penalty(np.stack([query, query], axis=1), stopped).shape == (4, 2)
    assert penalty(query, np.empty((0, DIMENSION), np.float32)).tolist() == [0.0] * 4


def test_long_queries_are_looked_at_in_pieces() -> None:
    stopped, query = frames(0, 5), np.concatenate([frames(9, 1500), frames(0, 5)])
    taken = penalty(np.stack([query, query], axis=1), stopped)
    np.testing.assert_allclose(taken[-5:], 1.0, atol=1e-5)
    assert not taken[:-5].any()


def test_one_colour_and_noise_is_uniform_and_a_picture_is_not() -> None:
    random = np.random.default_rng(0)
    black = np.zeros((32, 32, 3), np.uint8)
    blue = np.full((32, 32, 3), (20, 30, 200), np.uint8)
    grain = np.clip(random.normal(90, 3, (32, 32, 3)), 0, 255).astype(np.uint8)
    title = black.copy()
    title[14:18, 8:24] = 255
    assert is_uniform(np.stack([black, blue, grain, title])).tolist() == [True, True, True, False]
