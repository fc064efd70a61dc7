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

from models.ssan.fit import Line
from models.ssan.timed import TimedMap

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


def gather(logit: float, seen: TimedMap, line: Line) -> Evidence:
    rows = seen.rows(line.query_start, line.query_end)
    left, right = seen.columns(line.ref_start, line.ref_end)
    begin = line.ref_start if line.speed > 0 else line.ref_end
    offset = begin - line.speed * line.query_start
    mean = float(seen.resemblance(rows, np.array([line.speed]), np.array([offset]))[0])
    shown = seen.similarity[rows[0] : rows[-1] + 1]
    elsewhere = np.hstack([shown[:, : max(left - _NEXT_TO, 0)], shown[:, right + _NEXT_TO :]])
    rival = float(elsewhere.max(axis=1).mean()) if elsewhere.size else 0.0
    contrast = mean - float(shown[:, left:right].mean())
    return Evidence(logit, mean, contrast, mean - rival)


def probability(evidence: Evidence, calibration: Sequence[float]) -> float:
    """That a moment of the finding, or of the copy that it is of, is in both: the IoU that can be expected.

    calibration: a weight for each part of the evidence, and a constant.
    """
    *weights, constant = calibration
    return 1 / (1 + math.exp(-(math.fsum(w * x for w, x in zip(weights, evidence, strict=True)) + constant)))
