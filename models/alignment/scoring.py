"""One score for the segments of all aligners, so that they rank together across a corpus (VSC22 segment AP)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.alignment.paths import Path

# A coincidence is short: it takes a few seconds and a few keyframes before a high similarity means a copy.
SATURATION_S = 5.0
SATURATION_FRAMES = 5.0


def segment_score(mean_similarity: float, seconds: float, frames: int) -> float:
    """Similarity × evidence, in [0, 1].

    mean_similarity: mean cosine along the alignment; negative counts as 0.
    seconds: length of the segment on its shorter side. frames: distinct keyframes matched on the side that has fewer.
    Evidence grows as 1 - exp(-x), x being the scarcer of seconds / 5 and frames / 5: 0.63 at 5 s, 0.98 at 20 s.
    """
    evidence = 1.0 - math.exp(-min(seconds / SATURATION_S, frames / SATURATION_FRAMES))
    return min(1.0, max(0.0, mean_similarity)) * evidence


def mean_similarity(
    similarity: NDArray[np.float32],
    query_times: NDArray[np.float64],
    ref_times: NDArray[np.float64],
    query_seconds: NDArray[np.float64],
    path: Path,
) -> float:
    """Mean similarity over the time that a path spans, keyframes that it passed over included.

    Aligners differ in what they skip, so the path is walked again: each query keyframe in its span meets the better of
    the two reference keyframes around the interpolated moment, and weighs as many seconds as it stands for.

    query_seconds: float64[Q], seconds that each query keyframe stands for.
    """
    first, last = int(path.query_frames[0]), int(path.query_frames[-1])
    rows = np.arange(first, last + 1)
    moments = np.interp(query_times[rows], query_times[path.query_frames], ref_times[path.ref_frames])
    after = np.clip(np.searchsorted(ref_times, moments), 0, len(ref_times) - 1)
    before = np.maximum(after - 1, 0)
    along = np.maximum(similarity[rows, after], similarity[rows, before])
    return float(np.average(along, weights=query_seconds[rows]))
