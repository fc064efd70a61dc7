"""Similarity maps with known segments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.records import Segment

Times = NDArray[np.float64]


def uniform(count: int, per_second: float = 2.0) -> Times:
    return np.arange(count) / per_second


def irregular(seconds: float, seed: int) -> Times:
    """Keyframes in bursts of up to eight a second, with gaps of up to 2.5 s."""
    rng = np.random.default_rng(seed)
    steps = np.clip(rng.exponential(rng.choice([0.2, 0.5, 1.0, 2.0], size=int(seconds * 8))), 0.125, 2.5)
    times = np.cumsum(steps)
    return times[times < seconds]


def background(query_times: Times, ref_times: Times, seed: int = 0) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).normal(0.15, 0.08, (len(query_times), len(ref_times)))
    return np.clip(noise, -1, 1).astype(np.float32)


def add_copy(similarity: NDArray[np.float32], query_times: Times, ref_times: Times, copy: Segment) -> None:
    """Draw a copy: similarity copy.score on its line, fading within 1.5 s as pictures in a shot do."""
    share = (query_times - copy.query_start) / (copy.query_end - copy.query_start)
    if copy.reversed:
        share = 1 - share
    moments = copy.ref_start + share * (copy.ref_end - copy.ref_start)
    rows = np.flatnonzero((query_times >= copy.query_start) & (query_times < copy.query_end))
    columns = np.flatnonzero((ref_times >= copy.ref_start) & (ref_times < copy.ref_end))
    distance = np.abs(ref_times[columns][None, :] - moments[rows][:, None])
    drawn = copy.score - distance / 1.5 * (copy.score - 0.2)
    block = similarity[np.ix_(rows, columns)]
    similarity[np.ix_(rows, columns)] = np.maximum(block, drawn)


def draw(query_times: Times, ref_times: Times, *copies: Segment) -> NDArray[np.float32]:
    similarity = background(query_times, ref_times)
    for copy in copies:
        add_copy(similarity, query_times, ref_times, copy)
    return similarity


def error(found: Segment, truth: Segment) -> float:
    """Seconds by which the worst of the four borders is off."""
    return max(
        abs(found.query_start - truth.query_start),
        abs(found.query_end - truth.query_end),
        abs(found.ref_start - truth.ref_start),
        abs(found.ref_end - truth.ref_end),
    )
