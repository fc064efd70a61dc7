"""Which keyframes are stopped, and what they lose."""

import numpy as np
import pytest

from cliptrace.models.backbones.pooling import unit
from cliptrace.models.stoplist import FEWEST_VIDEOS, is_stopped, is_uniform, penalty, recurring, taken_off

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


def test_worn_copies_of_one_video_are_no_intro_either() -> None:
    """Some of its frames are found again in all of them, others not quite: that is no other content."""
    video = frames(0, 20)
    wear = np.repeat([0.02, 0.08], [4, 16])[:, None]
    copies = []
    for number in range(30):
        noise = np.random.default_rng(number).normal(size=video.shape)
        copies.append(unit(video + wear * noise).astype(np.float32))
    beyond = copies[0][4:] @ copies[1].T
    assert 0.6 < beyond.max(axis=1).min() < 0.85
    assert len(recurring(copies)) == 0


@pytest.mark.parametrize(("before", "after"), [(7, 7), (12, 3)])
def test_a_clip_in_the_middle_of_many_videos_is_no_intro(before: int, after: int) -> None:
    clip = frames(0, 6)
    videos = [
        np.concatenate([frames(1000 + n, before), worn(clip, 100 + n), frames(2000 + n, after)])
        for n in range(3 * FEWEST_VIDEOS)
    ]
    assert len(recurring(videos)) == 0


def test_what_many_videos_end_with_is_boilerplate_and_a_clip_before_it_is_not() -> None:
    card, clip = frames(0, 3), frames(1, 5)
    videos = [
        np.concatenate([frames(1000 + n, 8), worn(clip, 300 + n), frames(2000 + n, 8), worn(card, 100 + n)])
        for n in range(FEWEST_VIDEOS + 2)
    ]
    stopped = recurring(videos)
    assert ((stopped @ card.T).max(axis=0) > 0.9).all()
    assert (stopped @ clip.T).max() < 0.6


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


INTRO, BODY = frames(0, 24), frames(1, 80)
NOT_BLANK = np.zeros(200, bool)


def left_out(query: np.ndarray, blank: np.ndarray = NOT_BLANK) -> list[int]:
    """Which keyframes of a query at 8 a second lose their similarity to a stop-list of the intro."""
    times = np.arange(len(query)) / 8
    taken = taken_off(query, times, blank[: len(query)], INTRO)
    assert not taken[~is_stopped(taken)].any()
    return np.flatnonzero(is_stopped(taken)).tolist()


def test_a_query_loses_the_intro_at_its_own_ends() -> None:
    assert left_out(np.concatenate([INTRO, BODY])) == list(range(24))
    assert left_out(np.concatenate([BODY, INTRO])) == list(range(80, 104))
    dark = frames(2, 8)
    late = np.concatenate([dark, INTRO[:8], dark, INTRO[8:16], frames(3, 12), INTRO[16:], BODY])
    assert left_out(late) == [*range(8, 16), *range(24, 32)]  # up to a second without it is bridged, not 1.5
    blank = np.zeros(200, bool)
    blank[32:44] = True
    assert left_out(late, blank) == [*range(8, 16), *range(24, 32), *range(44, 52)]


def test_a_query_keeps_what_stands_in_its_middle() -> None:
    assert left_out(np.concatenate([BODY[:40], INTRO, BODY[40:]])) == []


def test_who_asks_for_the_intro_itself_keeps_it() -> None:
    assert left_out(INTRO) == []
    assert left_out(np.concatenate([INTRO, BODY[:5]])) == []
    assert left_out(np.concatenate([INTRO, BODY[:12]])) == list(range(24))
    blank = np.zeros(200, bool)
    blank[24:] = True  # what shows nothing is nothing else
    assert left_out(np.concatenate([INTRO, BODY]), blank) == []


def test_views_lose_what_each_is_like_and_the_shape_stays() -> None:
    query = np.stack([np.concatenate([INTRO, BODY]), frames(5, 104)], axis=1)
    taken = taken_off(query, np.arange(104) / 8, NOT_BLANK[:104], INTRO)
    assert taken.shape == (104, 2)
    np.testing.assert_allclose(taken[:24, 0], 1.0, atol=1e-5)
    assert taken[24:].max() == taken[:, 1].max() == 0.0
    assert taken_off(query, np.arange(104) / 8, NOT_BLANK[:104], INTRO[:0]).max() == 0.0


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
