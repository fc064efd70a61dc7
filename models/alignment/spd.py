"""The learned aligner: SPD's boxes, each with the line that its cells lie on (SSAN §3.2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from models.alignment.config import AlignerConfig
from models.alignment.merging import best_first, common
from models.alignment.search import Map, Times, checked, is_plausible
from models.ssan.detect import detect
from models.ssan.evidence import gather, probability
from models.ssan.fit import fit_box
from models.ssan.grid import to_grid
from models.ssan.shipped import open_spd
from schemas.records import Segment

# A stretch of a query is a copy of one place in a reference: of readings that share this much of it, the surest.
_MOST_SHARED = 0.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class SPDConfig(AlignerConfig):
    """weights: a folder of models/weights, or any other with an exported SPD.

    min_similarity: of the best pair of keyframes of a map, below which it is not looked at.
    """

    weights: str = "spd"
    min_similarity: float = 0.1
    min_length_s: float = 0.5


def align(similarity: Map, query_times: Times, ref_times: Times, config: SPDConfig) -> list[Segment]:
    """Segments of a similarity map float32[Q, R], best first; times float64[Q] and float64[R] in seconds.

    A score is the probability that the segment is a copy, as it was calibrated on the validation split.
    """
    similarity, query_times, ref_times = checked(similarity, query_times, ref_times)
    if min(similarity.shape) < 2 or similarity.max() < config.min_similarity:
        return []
    network = open_spd(config.weights)
    found = detect(network, to_grid(similarity, query_times, ref_times))
    segments = []
    for box, logit, backward in zip(found.boxes, found.logits.tolist(), found.backward.tolist(), strict=True):
        if backward and not config.find_reversed:
            continue
        line = fit_box(similarity, query_times, ref_times, box, backward)
        if line.query_end > line.query_start and line.ref_end > line.ref_start:
            score = probability(gather(logit, similarity, query_times, ref_times, line), network.config["calibration"])
            ends = (line.query_start, line.query_end, line.ref_start, line.ref_end)
            segments.append(Segment(*ends, score, backward, abs(line.speed)))
    return one_place(segment for segment in segments if is_plausible(segment, config))[: config.max_segments]


def one_place(segments: Iterable[Segment]) -> list[Segment]:
    """Of the segments that are about the same stretch of the query the best; best score first."""
    kept: list[Segment] = []
    for segment in best_first(segments):
        if all(_shared(segment, other) <= _MOST_SHARED for other in kept):
            kept.append(segment)
    return kept


def _shared(a: Segment, b: Segment) -> float:
    """Share of the shorter one's query stretch."""
    shared = common(a.query_start, a.query_end, b.query_start, b.query_end)
    return shared / min(a.query_end - a.query_start, b.query_end - b.query_start)
