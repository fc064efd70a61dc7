"""The sinks: features and dead letters into the gallery."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from cliptrace.schemas.errors import MediaError
from cliptrace.schemas.records import Failure, FrameFeatures
from cliptrace.transforms import telemetry
from cliptrace.transforms.isolation import Results, failure_of
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.gallery import Gallery, commit, part_name, weight_of

_COMMIT_KEYFRAMES = 20_000
"""Keyframes, or clip features, of one commit: 40 MB of embeddings at 512 dimensions."""
_SEALED_KEYFRAMES = 1000
"""After so many the embedded Milvus seals what was written: each search copies all that is not sealed."""
_COMMIT_FAILURES = 1000
_REFUSED = "refused"


class StoreFeatures(beam.PTransform):
    """FrameFeatures → those of videos that both stores have acknowledged; dead letters of what Milvus refuses."""

    def __init__(self, gallery: Gallery, run: str) -> None:
        super().__init__()
        self._gallery, self._run = gallery, run

    def expand(self, videos: beam.PCollection) -> Results:
        outputs = (
            videos
            | "BatchVideos"
            >> beam.BatchElements(
                min_batch_size=_COMMIT_KEYFRAMES,
                max_batch_size=_COMMIT_KEYFRAMES,
                element_size_fn=lambda video: min(weight_of(video), _COMMIT_KEYFRAMES),
            )
            | "Commit" >> beam.ParDo(_Commit(self._gallery, self._run)).with_outputs(_REFUSED, main="good")
        )
        return Results(outputs["good"], (outputs[_REFUSED],))


@beam.typehints.with_input_types(FrameFeatures)
class WriteGallery(beam.PTransform):
    """FrameFeatures → those that the gallery has; its own dead letters and those of earlier steps are written, too."""

    def __init__(self, gallery: Gallery, failures: Sequence[beam.PCollection] = ()) -> None:
        super().__init__()
        self._gallery, self._run, self._failures = gallery, ledger.new_run(), failures

    def expand(self, videos: beam.PCollection) -> beam.PCollection:
        stored = videos | "StoreFeatures" >> StoreFeatures(self._gallery, self._run)
        failures = (*self._failures, *stored.failures) | "Failures" >> beam.Flatten()
        failures | "RecordFailures" >> RecordFailures(self._gallery.root, self._run)
        return stored.good


class _Commit(beam.DoFn):
    """A store that cannot be written to ends the run: nothing is wrong with the videos, and the next run goes on."""

    def __init__(self, gallery: Gallery, run: str) -> None:
        self._gallery, self._run = gallery, run
        self._unsealed = 0

    def setup(self) -> None:
        self._opened = self._gallery.vectors()
        self._vectors = self._opened.__enter__()

    def process(self, videos: list[FrameFeatures]) -> Iterator[FrameFeatures | TaggedOutput]:
        if not videos:  # BatchElements by size may emit an empty batch
            return
        with telemetry.timed("commit"):
            refused = commit(self._gallery, self._vectors, self._run, videos)
            self._seal(sum(len(video.times) for video in videos))
        for video in videos:
            if why := refused.get(video.video_id):
                failure = failure_of(video.source, "store", MediaError(f"Milvus refuses it: {why}"))
                telemetry.failed("commit", failure.video_id, failure.message)
                yield TaggedOutput(_REFUSED, failure)
            else:
                telemetry.count("videos_indexed")
                telemetry.count("keyframes_indexed", len(video.times))
                telemetry.log("indexed", video_id=video.video_id, keyframes=len(video.times))
                yield video

    def _seal(self, written: int) -> None:
        self._unsealed += written
        if not self._gallery.manifest.milvus and self._unsealed >= _SEALED_KEYFRAMES:
            self._vectors.flush()
            self._unsealed = 0

    def teardown(self) -> None:
        self._opened.__exit__(None, None, None)


class RecordFailures(beam.PTransform):
    """Dead letters → GALLERY/failures (JSON lines) and the ledger."""

    def __init__(self, root: str, run: str) -> None:
        super().__init__()
        self._root, self._run = root, run

    def expand(self, failures: beam.PCollection) -> beam.PCollection:
        return (
            failures
            | "KeyByVideo" >> beam.WithKeys(lambda failure: failure.video_id)
            | "GroupByVideo" >> beam.GroupByKey()
            # Several ranges of a video may fail: one dead letter says it.
            | "FirstOfVideo" >> beam.MapTuple(lambda _, group: min(group, key=lambda failure: failure.time))
            | "BatchFailures" >> beam.BatchElements(min_batch_size=_COMMIT_FAILURES, max_batch_size=_COMMIT_FAILURES)
            | "Record" >> beam.Map(record_failures, root=self._root, run=self._run)
        )


def record_failures(failures: list[Failure], root: str, run: str) -> None:
    """Write dead letters; the ledger last, since it is what says that they are known."""
    part = part_name([failure.video_id for failure in failures]) + "-failed"
    path = files.join(root, f"failures/run={run}/{part}.jsonl")
    files.write_bytes(path, to_lines(dataclasses.asdict(failure) for failure in failures))
    ledger.write_failed(root, run, part, failures)


def to_lines(rows: Iterable[object]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
