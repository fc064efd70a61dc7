"""What a search hands on: matches, and beside them what was left out of them as a person has decided."""

from __future__ import annotations

import dataclasses

import apache_beam as beam

from cliptrace.schemas.records import Match, Rejected
from cliptrace.transforms.isolation import Results


@dataclasses.dataclass(frozen=True)
class Answers(Results):
    """good: Match. rejected: Rejected."""

    rejected: beam.PCollection

    @classmethod
    def of(cls, found: Results) -> Answers:
        matches = found.good | "Matches" >> beam.Filter(lambda each: isinstance(each, Match))
        rejected = found.good | "Rejected" >> beam.Filter(lambda each: isinstance(each, Rejected))
        return cls(matches, found.failures, rejected)
