"""How sure a finding is: what the detector says, and how alike the keyframes on its line are.

The detector sees shapes, whatever their brightness: a block of two strangers' faint likeness looks to it like the block
of a still scene. So its logit is weighed with the map's own values (a logistic regression, fitted by
benchmarks.calibration on the validation split).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.ssan.fit import Floats, Line, Times, along, inside
from models.ssan.grid import edges

_NEXT_TO = 2
"""Keyframes beside a block that may show the same."""


class Evidence(NamedTuple):
    """logit: the detector's. similarity: mean on the line. contrast: by how much that is above the mean of the block
    that the line crosses; 0 in a scene that stands still. lead: by how much it is above what the query's keyframes find
    best in the rest of the reference."""

    logit: float
    similarity: float
    contrast: float
    lead: float


UNCALIBRATED = (1.0, *[0.0] * len(Evidence._fields))
"""The detector's own probability."""


def gather(logit: float, similarity: Floats, query_times: Times, ref_times: Times, line: Line) -> Evidence:
    """similarity: float32[Q, R], whose keyframes are at the given seconds."""
    ref_edges = edges(ref_times)
    first, last = inside(edges(query_times), line.query_start, line.query_end)
    left, right = inside(ref_edges, line.ref_start, line.ref_end)
    rows = np.arange(first, last + 1)
    begin = line.ref_start if line.speed > 0 else line.ref_end
    offset = begin - line.speed * line.query_start
    (profile,) = along(similarity, query_times, ref_edges, rows, np.array([line.speed]), np.array([offset]))
    shown = similarity[first : last + 1]
    elsewhere = np.hstack([shown[:, : max(left - _NEXT_TO, 0)], shown[:, right + 1 + _NEXT_TO :]])
    rival = float(elsewhere.max(axis=1).mean()) if elsewhere.size else 0.0
    mean = float(profile.mean())
    contrast = mean - float(shown[:, left : right + 1].mean())
    return Evidence(logit, mean, contrast, mean - rival)


def probability(evidence: Evidence, calibration: Sequence[float]) -> float:
    """That a moment of the finding, or of the copy that it is of, is in both: the IoU that can be expected.

    calibration: a weight for each part of the evidence, and a constant.
    """
    *weights, constant = calibration
    return 1 / (1 + math.exp(-(math.fsum(w * x for w, x in zip(weights, evidence, strict=True)) + constant)))
