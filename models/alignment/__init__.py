"""Aligners: similarity map and keyframe times in, segments in seconds out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.alignment import dp, dtw, hough, spd, tn
from cliptrace.models.alignment.config import AlignerConfig
from cliptrace.schemas.records import Segment


class Aligner(NamedTuple):
    """How a named aligner is told what to do, and what does it."""

    config: type[AlignerConfig]
    align: Callable[[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64], Any], list[Segment]]


ALIGNERS: Mapping[str, Aligner] = MappingProxyType(
    {
        "spd": Aligner(spd.SPDConfig, spd.align),
        "tn": Aligner(tn.TNConfig, tn.align),
        "dp": Aligner(dp.DPConfig, dp.align),
        "hough": Aligner(hough.HoughConfig, hough.align),
        "dtw": Aligner(dtw.DTWConfig, dtw.align),
    }
)


def align(
    name: str,
    similarity: NDArray[np.float32],
    query_times: NDArray[np.float64],
    ref_times: NDArray[np.float64],
    config: AlignerConfig | None = None,
) -> list[Segment]:
    """Segments that the aligner ``name`` finds, best first; its defaults where config is None.

    similarity: float32[Q, R] of finite values; query_times: float64[Q], ref_times: float64[R], seconds, increasing.
    """
    if name not in ALIGNERS:
        raise ValueError(f"no aligner is called {name!r}; there are {', '.join(ALIGNERS)}")
    aligner = ALIGNERS[name]
    if config is None:
        config = aligner.config()
    if not isinstance(config, aligner.config):
        raise ValueError(f"aligner {name!r} takes a {aligner.config.__name__}, not a {type(config).__name__}")
    return aligner.align(similarity, query_times, ref_times, config)


__all__ = ["ALIGNERS", "Aligner", "AlignerConfig", "align"]
