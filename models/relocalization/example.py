"""What a locator learns from and is asked: a query, a reference, and where this shows what the query shows."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """query: float32[Q, D], reference: float32[R, D], clip features. moments: float32[M, 2], starts and ends in steps
    of the reference, which need not be whole; M is 0 where the reference shows no such thing. others: float32[O, 2],
    what else happens there. label: what the query shows."""

    query: Floats
    reference: Floats
    moments: Floats
    others: Floats
    label: str
