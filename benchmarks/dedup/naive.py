"""cliptrace dedup with its order turned round, as it is often built: search first, insert then. For the bench alone.

An upload is judged by what its own search finds, so two that arrive together are both blind to the other.
"""

from __future__ import annotations

import apache_beam as beam

from cliptrace.pipelines import cli, dedup
from cliptrace.transforms.dedup.arbiter import Settle
from cliptrace.transforms.dedup.judging import JudgeUploads
from cliptrace.transforms.features import ExtractFeatures
from cliptrace.transforms.storing import StoreFeatures


def build(pipeline: beam.Pipeline, uploads: beam.PTransform, judging: dedup.Judging) -> None:
    config = judging.config
    sources = (pipeline | "Uploads" >> uploads).good | "SpreadUploads" >> beam.Reshuffle()
    features = sources | "ExtractFeatures" >> ExtractFeatures(config)
    judged = features.good | "JudgeUploads" >> JudgeUploads(
        judging.gallery, judging.matching, config.backbone, "", config.threads
    )
    stored = features.good | "StoreFeatures" >> StoreFeatures(judging.gallery, judging.run)
    failures = (*features.failures, *judged.failures, *stored.failures)
    (judged.good, *failures) | beam.Flatten() | "Settle" >> Settle(judging.log, judging.policy)


if __name__ == "__main__":
    dedup.build = build
    cli.program()
