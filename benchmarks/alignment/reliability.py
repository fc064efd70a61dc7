"""What scores are worth as probabilities: the share that a finding has right, and how far scores are from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.alignment.merging import common
from cliptrace.models.ssan.fit import Line
from cliptrace.schemas.records import Segment

Floats = NDArray[np.float64]
_BINS = 10


def overlap(a: Segment | Line, b: Segment) -> float:
    """IoU on the side where it is less."""

    def one(start: float, end: float, other_start: float, other_end: float) -> float:
        shared = common(start, end, other_start, other_end)
        return shared / (end - start + other_end - other_start - shared)

    return min(
        one(a.query_start, a.query_end, b.query_start, b.query_end), one(a.ref_start, a.ref_end, b.ref_start, b.ref_end)
    )


def gap(scores: Floats, right: Floats) -> float:
    """Expected calibration error: mean distance of score and what is right, over bins of the score."""
    rows = reliability(scores, right)
    total = sum(row["findings"] for row in rows)
    return float(sum(row["findings"] * abs(row["score"] - row["right"]) for row in rows) / max(total, 1))


def reliability(scores: Floats, right: Floats) -> list[dict[str, Any]]:
    bins = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    return [
        {
            "findings": int((bins == each).sum()),
            "score": float(scores[bins == each].mean()),
            "right": float(right[bins == each].mean()),
        }
        for each in np.unique(bins)
    ]
