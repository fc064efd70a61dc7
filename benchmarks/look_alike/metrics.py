"""What claims about look-alikes are worth: a claim is right where it names a copy's own reference and place."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.alignment.pairs import as_truth
from benchmarks.alignment.reliability import gap, overlap, reliability
from benchmarks.attacks.plan import Truth
from cliptrace.schemas.records import Segment

SCORES = (0.3, 0.5, 0.7, 0.9)
RIGHT = 0.5
"""IoU with a true segment, on the side where it is less, from which a segment counts as right."""
ALL = "all"
Result = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """One line of ``cliptrace match``. role, kind: of the query. rightness: of each segment, IoU with the truth."""

    query: str
    kind: str
    role: str
    score: float
    segment_scores: tuple[float, ...]
    rightness: tuple[float, ...]

    @property
    def right(self) -> bool:
        return max(self.rightness, default=0.0) >= RIGHT


def claims_of(rows: Sequence[Mapping[str, Any]], pairs: Mapping[str, Result], truth: Sequence[Truth]) -> list[Claim]:
    """rows: what match wrote. pairs: of pairs.json."""
    known, claims = as_truth(truth).segments, []
    for match in rows:
        query, ref = Path(match["query_id"]).name, Path(match["ref_id"]).name
        found = [Segment(**{name: each[name] for name in _SEGMENT}) for each in match["segments"]]
        rightness = tuple(
            max((overlap(each, true) for true in known.get((query, ref), ())), default=0.0) for each in found
        )
        scores = tuple(each.score for each in found)
        claims.append(Claim(query, pairs[query]["kind"], pairs[query]["role"], match["score"], scores, rightness))
    return claims


_SEGMENT = ("query_start", "query_end", "ref_start", "ref_end", "score")


def by_kind(claims: Sequence[Claim], pairs: Mapping[str, Result], thresholds: Mapping[str, float]) -> dict[str, Result]:
    """Figures of every kind, and of all. thresholds: name → score from which on look-alikes are counted as claimed."""
    kinds = [ALL, *sorted({pair["kind"] for pair in pairs.values()})]
    return {
        kind: figures(
            [claim for claim in claims if kind in (ALL, claim.kind)],
            {query: pair for query, pair in pairs.items() if kind in (ALL, pair["kind"])},
            thresholds,
        )
        for kind in kinds
    }


def figures(claims: Sequence[Claim], pairs: Mapping[str, Result], thresholds: Mapping[str, float]) -> Result:
    roles = collections.Counter(pair["role"] for pair in pairs.values())
    scores = np.array([score for claim in claims for score in claim.segment_scores])
    right = np.array([share for claim in claims for share in claim.rightness])
    return {
        "copies": roles["copy"],
        "look_alikes": roles["other"],
        "at": {f"{score:g}": precision_and_recall(claims, roles["copy"], score) for score in SCORES},
        "look_alikes_claimed": {
            name: len({claim.query for claim in claims if claim.role == "other" and claim.score >= score})
            for name, score in thresholds.items()
        },
        "copies_found": {
            name: len({claim.query for claim in claims if claim.right and claim.score >= score})
            for name, score in thresholds.items()
        },
        "segments": len(scores),
        "expected_calibration_error": gap(scores, right) if len(scores) else None,
    }


def precision_and_recall(claims: Sequence[Claim], copies: int, score: float) -> Result:
    """Of the claims from ``score`` on: how many are right; of the copies: how many are claimed rightly."""
    told = [claim for claim in claims if claim.score >= score]
    right = [claim for claim in told if claim.right]
    return {
        "claims": len(told),
        "precision": len(right) / len(told) if told else None,
        "recall": len({claim.query for claim in right}) / copies if copies else None,
    }


def reliability_of(claims: Sequence[Claim]) -> list[Result]:
    """Ten bins of the score: how many segments, their mean score, and how much of them is right."""
    scores = np.array([score for claim in claims for score in claim.segment_scores])
    right = np.array([share for claim in claims for share in claim.rightness])
    return reliability(scores, right) if len(scores) else []
