"""All metrics of one run at once: what ``cliptrace evaluate`` and the benchmarks print."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable

from cliptrace.models.metrics import segments
from cliptrace.models.metrics.boxes import Pair, SegmentsByPair
from cliptrace.models.metrics.retrieval import mean_average_precision
from cliptrace.models.metrics.segments import BoundaryError, Score
from cliptrace.schemas.records import Match, Segment


@dataclasses.dataclass(frozen=True, slots=True)
class Truth:
    """What is known to match.

    segments: pairs whose segments are known. whole_pairs: pairs that match as a whole, where it is not known when.
    """

    segments: SegmentsByPair
    whole_pairs: frozenset[Pair] = frozenset()

    def __post_init__(self) -> None:
        if both := self.segments.keys() & self.whole_pairs:
            raise ValueError(f"pair {min(both)} has segments and is a whole pair")

    @property
    def pairs(self) -> frozenset[Pair]:
        return self.whole_pairs.union(pair for pair, known in self.segments.items() if known)


@dataclasses.dataclass(frozen=True, slots=True)
class Evaluation:
    """Segment metrics leave out whole pairs; ``mean_average_precision`` and the counts of pairs take them in.

    boundary_error: None where no true segment was hit.
    true_pairs: whole pairs included. found_pairs: true pairs that were predicted, rightly aligned or not.
    """

    vcsl: Score
    vcdb: Score
    segment_ap: float
    mean_average_precision: float
    boundary_error: BoundaryError | None
    true_pairs: int
    whole_pairs: int
    predicted_pairs: int
    found_pairs: int

    @property
    def pair_recall(self) -> float:
        """The share of true pairs that were predicted; 1 where there are none."""
        return self.found_pairs / self.true_pairs if self.true_pairs else 1.0


def evaluate(truth: Truth, predicted: Iterable[Match]) -> Evaluation:
    """Compare matches with the truth.

    Predictions on a whole pair are neither right nor wrong in the segment metrics, because its segments are unknown:
    the pair counts for mAP and the counts of pairs only, as does that of a query that is a picture. Several matches of
    one pair are taken together, with the best score of them.
    """
    scores: dict[Pair, float] = {}
    found: defaultdict[Pair, list[Segment]] = defaultdict(list)
    for match in predicted:
        pair = (match.query_id, match.ref_id)
        scores[pair] = max(match.score, scores.get(pair, match.score))
        if pair not in truth.whole_pairs:
            found[pair].extend(each for each in match.segments if each.query_start < each.query_end)
    true_pairs = truth.pairs
    return Evaluation(
        vcsl=segments.vcsl_score(truth.segments, found),
        vcdb=segments.vcdb_score(truth.segments, found),
        segment_ap=segments.segment_average_precision(truth.segments, found),
        mean_average_precision=mean_average_precision(true_pairs, scores),
        boundary_error=segments.boundary_error(truth.segments, found),
        true_pairs=len(true_pairs),
        whole_pairs=len(truth.whole_pairs),
        predicted_pairs=len(scores),
        found_pairs=len(true_pairs & scores.keys()),
    )
