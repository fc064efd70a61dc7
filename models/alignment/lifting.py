"""Copies that run on into what the stop-list left out of a query: an intro that was copied together with what follows.

What is beside it has been found without it. So the pair may be looked at once more with all of the query, and what that
adds to a copy that is known is taken; what stands for itself is not, since all that begin so share it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.records import Segment

_NEAR_S = 1.5
"""From a segment to what was left out, at most, where it may run on into it."""
_HELD = 0.5
"""Share of a known segment, in both videos, that a longer one holds at least."""


def runs_into(segments: Sequence[Segment], starts: NDArray[np.float64], ends: NDArray[np.float64]) -> bool:
    """Whether any of the segments reaches to where something was left out: float64[L], seconds of the query."""
    return any(
        bool(np.any((starts < segment.query_end + _NEAR_S) & (ends > segment.query_start - _NEAR_S)))
        for segment in segments
    )


def completed(known: Sequence[Segment], with_all: Sequence[Segment]) -> tuple[Segment, ...]:
    """The known segments, those that are part of a longer one of ``with_all`` replaced by it, best first."""
    longer = [segment for segment in with_all if any(_holds(segment, each) for each in known)]
    rest = [each for each in known if not any(_holds(segment, each) for segment in longer)]
    return tuple(sorted((*longer, *rest), key=lambda segment: -segment.score))


def _holds(longer: Segment, known: Segment) -> bool:
    query = min(longer.query_end, known.query_end) - max(longer.query_start, known.query_start)
    ref = min(longer.ref_end, known.ref_end) - max(longer.ref_start, known.ref_start)
    return query >= _HELD * (known.query_end - known.query_start) and ref >= _HELD * (known.ref_end - known.ref_start)
