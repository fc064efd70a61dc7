"""How sure a finding is, by all that is known of it: a logistic regression, fitted by benchmarks.alignment.calibration
on the validation split."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cliptrace.models.ssan.evidence import Evidence
from cliptrace.models.verification.look import Look

_LOOKED = 10
"""Features that a look adds."""
UNCALIBRATED: Mapping[str, Any] = {
    "calibration": (1.0, *[0.0] * len(Evidence._fields)),
    "verified": (1.0, *[0.0] * (len(Evidence._fields) + _LOOKED)),
}
"""The detector's own probability."""
_STEEP = 2.0
"""By how much agreement in change is stretched: half of it says nearly all of a copy that was spoilt. Of one that was
not, more can be asked: so it counts as it is, too."""
_ACTIVE = 0.05
"""Deviations by which pictures change over time, from which their agreement in it counts half."""


def features(evidence: Evidence, look: Look | None) -> tuple[float, ...]:
    """What is weighed: the map's evidence, and what a second look adds to it."""
    if look is None:
        return tuple(evidence)
    # A line of few pictures agrees by chance now and then.
    sure = look.activity / (look.activity + _ACTIVE) * (look.pairs - 1) / (look.pairs + 1)
    stretched = math.tanh(_STEEP * look.change)
    changes = sure * stretched, sure * look.change
    details = look.detail, (1 - sure) * look.detail
    # What spoils a copy's agreement in change spoils that of its pictures, too: only look-alikes have the latter alone.
    apart = (sure * max(0.0, alike - look.change) for alike in (look.detail, look.registration))
    return (*evidence, look.registration, sure, *changes, sure * look.gap, *details, float(look.loose), *apart)


def probability(evidence: Evidence, look: Look | None, told: Mapping[str, Any]) -> float:
    """That a moment of the finding, or of the copy that it is of, is in both: the IoU that can be expected.

    told: a weight for each of ``features`` and a constant, as "calibration" without a look and as "verified" with one.
    """
    *weights, constant = told["calibration" if look is None else "verified"]
    x = math.fsum(w * x for w, x in zip(weights, features(evidence, look), strict=True)) + constant
    return 1 / (1 + math.exp(-x))
