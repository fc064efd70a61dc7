"""The learned aligner: SPD's boxes, each with the line that its cells lie on (SSAN §3.2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from models.alignment.config import AlignerConfig
from models.alignment.merging import best_first, common
from models.alignment.search import Map, Times, checked, is_plausible
from models.ssan.detect import detect
from models.ssan.evidence import Evidence, gather, probability
from models.ssan.fit import Line, fit_box
from models.ssan.grid import to_grid
from models.ssan.shipped import open_spd
from models.ssan.timed import TimedMap
from schemas.records import Segment

# A stretch of a query is a copy of one place in a reference: of readings that share this much of it, the surest.
_MOST_SHARED = 0.5
# Least doubt about a segment: its odds stay finite.
_LEAST_DOUBT = 1e-9


@dataclasses.dataclass(frozen=True, kw_only=True)
class SPDConfig(AlignerConfig):
    """weights: a folder of models/weights, or any other with an exported SPD.

    min_similarity: of the best pair of keyframes of a map, below which it is not looked at.
    """

    weights: str = "spd"
    min_similarity: float = 0.15
    min_length_s: float = 0.5


class Candidate(NamedTuple):
    """A box with its line, before anything is known of how sure it is. line: seconds."""

    line: Line
    backward: bool
    evidence: Evidence


def align(similarity: Map, query_times: Times, ref_times: Times, config: SPDConfig) -> list[Segment]:
    """Segments of a similarity map float32[Q, R], best first; times float64[Q] and float64[R] in seconds."""
    calibration = open_spd(config.weights).config["calibration"]
    return chosen(candidates(similarity, query_times, ref_times, config), calibration, config)


def candidates(similarity: Map, query_times: Times, ref_times: Times, config: SPDConfig) -> list[Candidate]:
    """All that the detector sees, also what is hardly one."""
    similarity, query_times, ref_times = checked(similarity, query_times, ref_times)
    if min(similarity.shape) < 2 or similarity.max() < config.min_similarity:
        return []
    found = detect(open_spd(config.weights), to_grid(similarity, query_times, ref_times))
    timed, seen = TimedMap(similarity, query_times, ref_times), []
    for box, logit, backward in zip(found.boxes, found.logits.tolist(), found.backward.tolist(), strict=True):
        if backward and not config.find_reversed:
            continue
        line = fit_box(timed, box, backward)
        if line.query_end > line.query_start and line.ref_end > line.ref_start:
            seen.append(Candidate(line, backward, gather(logit, timed, line)))
    return seen


def chosen(found: Iterable[Candidate], calibration: Sequence[float], config: SPDConfig) -> list[Segment]:
    """Of candidates what is plausible and what fits together, best first. calibration: as in models/ssan/evidence.py.

    A score is how much of the segment is expected to be right: IoU with the true copy, as it was calibrated on the
    validation split.
    """
    segments = (
        Segment(*line[:4], probability(evidence, calibration), backward, abs(line.speed))
        for line, backward, evidence in found
    )
    return one_place(segment for segment in segments if is_plausible(segment, config))[: config.max_segments]


def one_place(segments: Iterable[Segment]) -> list[Segment]:
    """Of the segments that are about the same stretch of the query the best; best score first."""
    kept: list[Segment] = []
    for segment in sorted(segments, key=_worth, reverse=True):
        if all(_shared(segment, other) <= _MOST_SHARED for other in kept):
            kept.append(segment)
    return best_first(kept)


def _worth(segment: Segment) -> float:
    """Odds times seconds: a piece of a copy may be as sure as the whole of it."""
    return segment.score / max(1 - segment.score, _LEAST_DOUBT) * (segment.query_end - segment.query_start)


def _shared(a: Segment, b: Segment) -> float:
    """Share of the shorter one's query stretch."""
    shared = common(a.query_start, a.query_end, b.query_start, b.query_end)
    return shared / min(a.query_end - a.query_start, b.query_end - b.query_start)
