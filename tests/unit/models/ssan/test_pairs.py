"""What is cut together is what the truth says."""

from __future__ import annotations

import numpy as np
import pytest

from cliptrace.models.ssan.clips import NO_SCENE, Clip
from cliptrace.models.ssan.config import MapsConfig, PairsConfig
from cliptrace.models.ssan.examples import MapMaker, collate
from cliptrace.models.ssan.pairs import PairMaker

DIMENSION = 32
MAPS = MapsConfig()


def clip(number: int, frames: int, scene: int, variants: int = 3) -> Clip:
    """Frames that look like no others; edited ones look almost like them."""
    random = np.random.default_rng(number)
    plain = random.normal(size=(1, frames, DIMENSION))
    embeddings = (
        plain + 0.2 * random.normal(size=(variants, frames, DIMENSION)) * (np.arange(variants) > 0)[:, None, None]
    )
    embeddings /= np.linalg.norm(embeddings, axis=2, keepdims=True)
    thumbs = random.integers(0, 256, (variants, frames, 32, 32, 3), np.uint8)
    return Clip(scene, thumbs, embeddings.astype(np.float16), np.zeros((variants, frames), np.float32))


@pytest.fixture(scope="module")
def pairs() -> PairMaker:
    clips = [clip(number, 40 + 37 * number, number // 3) for number in range(12)]
    return PairMaker(clips, [clip(100 + number, 40, NO_SCENE, 2) for number in range(3)], PairsConfig())


@pytest.mark.parametrize("seed", range(40))
def test_every_copy_shows_what_it_is_a_copy_of(pairs: PairMaker, seed: int) -> None:
    random = np.random.default_rng(seed)
    query, ref, copies = pairs.pair(random, 240, 240, copied=True)
    assert max(len(query), len(ref)) <= 240
    for copy in copies:
        shown, source = query[slice(copy.q0, copy.q1)], ref[slice(copy.r0, copy.r1)]
        speed = len(source) / len(shown)
        order = np.arange(len(shown))[::-1] if copy.backward else np.arange(len(shown))
        expected = ((order + 0.5) * speed).astype(int)
        assert np.array_equal(shown.clip, source.clip[expected]) or len(set(source.clip.tolist())) > 1
        # A held frame is at most eight frames old, in either clip's count.
        same = shown.clip == source.clip[expected]
        assert np.abs(shown.frame - source.frame[expected])[same].max() <= 8 * max(speed, 1) + 1


@pytest.mark.parametrize("seed", range(40))
def test_the_rest_of_a_query_is_of_other_clips(pairs: PairMaker, seed: int) -> None:
    random = np.random.default_rng(1000 + seed)
    query, ref, copies = pairs.pair(random, 240, 240, copied=seed % 2 == 0)
    inside = np.zeros(len(query), np.bool_)
    for copy in copies:
        inside[copy.q0 : copy.q1] = True
    distractors = set(query.clip[~inside].tolist())
    shared = distractors & set(ref.clip.tolist())
    assert all(pairs.clips[each].scene == NO_SCENE for each in shared)


@pytest.mark.parametrize("side", [side for side, _, _ in MAPS.sides])
def test_boxes_lie_in_their_maps_and_are_bright_along_their_lines(pairs: PairMaker, side: int) -> None:
    maker, random = MapMaker(pairs, MAPS), np.random.default_rng(side)
    examples = [maker.example(random, side) for _ in range(12)]
    assert any(len(example.boxes) for example in examples)
    for example in examples:
        height, width = example.pixels.shape
        assert max(height, width) <= side
        assert np.isfinite(example.pixels).all()
        for q0, q1, r0, r1 in example.boxes:
            assert 0 <= q0 < q1 <= height
            assert 0 <= r0 < r1 <= width
    batch = collate(examples, side)
    assert batch["maps"].shape == (12, 1, side, side)
    assert int((~batch["boxes"][..., 0].isnan()).sum()) == sum(len(example.boxes) for example in examples)


def test_examples_depend_on_the_seed_alone(pairs: PairMaker) -> None:
    maker = MapMaker(pairs, MAPS)
    one, other = (maker.example(np.random.default_rng(7), 64) for _ in range(2))
    assert np.array_equal(one.pixels, other.pixels)
    assert np.array_equal(one.boxes, other.boxes)
