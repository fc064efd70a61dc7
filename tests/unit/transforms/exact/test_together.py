"""Which videos show frames of one another is what a comparison of every keyframe with every other says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliptrace.transforms.store.exact import together as module
from cliptrace.transforms.store.exact.together import Block, seen_together

D = 4


def block(counts: list[int], rng: np.random.Generator) -> Block:
    values = rng.normal(size=(sum(counts), D)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    floors = rng.uniform(0.3, 1.1, sum(counts)).astype(np.float32)
    floors[rng.random(len(floors)) < 0.1] = np.inf
    return Block(values, floors, np.cumsum([0, *counts[:-1]]))


def one_by_one(one: Block, other: Block) -> dict[tuple[int, int], tuple[int, int]]:
    alike = one.values @ other.values.T
    seen = {}
    for a in range(len(one.starts)):
        for b in range(len(other.starts)):
            rows, columns = one.owners() == a, other.owners() == b
            part = alike[np.ix_(rows, columns)]
            frames = int((part >= one.floors[rows][:, None]).any(axis=1).sum())
            others = int((part >= other.floors[columns]).any(axis=0).sum())
            if frames or others:
                seen[a, b] = (frames, others)
    return seen


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=8),
    st.lists(st.integers(1, 9), min_size=1, max_size=8),
    st.integers(0, 2**32 - 1),
)
def test_each_frame_counts_once_for_each_video(counts: list[int], others: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = block(counts, rng), block(others, rng)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_ROWS_AT_ONCE", 5)  # videos lie across its edges
        seen = seen_together(one, other)
    pairs = zip(seen.one.tolist(), seen.other.tolist(), strict=True)
    frames = zip(seen.one_frames.tolist(), seen.other_frames.tolist(), strict=True)
    assert dict(zip(pairs, frames, strict=True)) == one_by_one(one, other)


def test_strangers_have_no_pair() -> None:
    rows = np.eye(2, D, dtype=np.float32)
    one = Block(rows[:1], np.full(1, 0.5, np.float32), np.array([0]))
    other = Block(rows[1:], np.full(1, 0.5, np.float32), np.array([0]))
    assert seen_together(one, other).one.size == 0
