"""What needs no gallery: segments of a similarity map, and how good matches are."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from cliptrace.models import alignment
from cliptrace.models.alignment.spd import SPDConfig
from cliptrace.models.metrics import report
from cliptrace.models.metrics.files import read_matches, read_truth
from cliptrace.models.metrics.report import Evaluation, Truth
from cliptrace.schemas.config import parse_aligner
from cliptrace.schemas.records import Match, Segment


def align(
    similarity: NDArray[np.float32],
    query_times: NDArray[np.float64],
    ref_times: NDArray[np.float64],
    aligner: str = "spd",
) -> list[Segment]:
    """Which seconds of a query come from which seconds of a reference, by their similarity map; best first.

    similarity: float32[Q, R], finite; query_times: float64[Q], ref_times: float64[R], seconds, increasing. By the map
    alone: a second look at the pictures, as ``Gallery.match`` takes it, needs the videos. aligner: a name, or
    spd:FOLDER for a detector of one's own. ValueError for what is wrong with the map, UsageError for no aligner.
    """
    name, folder = parse_aligner(aligner)
    config = SPDConfig(weights=folder) if folder else None
    return alignment.align(name, similarity, query_times, ref_times, config)


def evaluate(truth: Truth | str | os.PathLike[str], matches: Iterable[Match] | str | os.PathLike[str]) -> Evaluation:
    """Measure matches against the truth: VCSL and VCDB F1, segment AP, mAP and more.

    truth: what is known, or a CSV file (query_id, ref_id, query_start, query_end, ref_start, ref_end). matches: or the
    file that ``cliptrace match`` wrote. UsageError, with file and line, for what cannot be read.
    """
    known = truth if isinstance(truth, Truth) else read_truth(os.fspath(truth))
    found = read_matches(os.fspath(matches)) if isinstance(matches, str | os.PathLike) else matches
    return report.evaluate(known, found)
