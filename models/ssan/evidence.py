"""How sure a finding is: what the detector says, how alike the keyframes on its line are, how long and how fast it is.

The detector sees shapes, whatever their brightness: a block of a distractor's faint likeness looks to it like the block
of a still scene; and distractors look alike for two seconds far more often than for ten. So its logit is weighed with
the map's own values and the line's (a logistic regression, fitted on the validation split by
benchmarks.alignment.calibration).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from cliptrace.models.ssan.fit import Line
from cliptrace.models.ssan.timed import TimedMap

_NEXT_TO = 2
"""Keyframes beside a block that may show the same."""
_LONG_S = 4.0
"""What is longer is no surer for that: still scenes may be alike for minutes."""


class Evidence(NamedTuple):
    """logit: the detector's. similarity: mean on the line. contrast: by how much that is above the mean of the block
    that the line crosses; 0 in a scene that stands still. lead: by how much it is above what the query's keyframes find
    best in the rest of the reference, if there is any. length: logarithm of the seconds on the shorter side, up to
    four. hurry: how far the speed is from the original one, as a logarithm."""

    logit: float
    similarity: float
    contrast: float
    lead: float
    length: float
    hurry: float


UNSEEN = -4.0
"""Logit of a line that the detector has no box for."""


def gather(logit: float, seen: TimedMap, line: Line) -> Evidence:
    """line: not empty on either side."""
    rows = seen.rows(line.query_start, line.query_end)
    left, right = seen.columns(line.ref_start, line.ref_end)
    begin = line.ref_start if line.speed > 0 else line.ref_end
    offset = begin - line.speed * line.query_start
    mean = float(seen.resemblance(rows, np.array([line.speed]), np.array([offset]))[0])
    stretch = slice(rows[0], rows[-1] + 1)
    block = float(seen.similarity[stretch, left:right].mean())
    elsewhere = seen.best_outside(stretch, max(left - _NEXT_TO, 0), right + _NEXT_TO)
    # Where there is no rest that could be a rival, the block is all that the line can be ahead of.
    rival = float(elsewhere.mean()) if elsewhere.size else block
    length = math.log(min(line.query_end - line.query_start, line.ref_end - line.ref_start, _LONG_S))
    return Evidence(logit, mean, mean - block, mean - rival, length, abs(math.log(abs(line.speed))))
