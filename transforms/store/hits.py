"""What a search of frames found, grouped by video."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, slots=True)
class Hits:
    """Best frame of each gallery video for each row that was searched, one entry a hit.

    query_rows, ref_frames: int64[H], row positions in what was searched and in the gallery video's FrameFeatures.
    beyond: float32[Q], the most that a video may have which is not among a row's hits; -1 where there is none.
    """

    query_rows: NDArray[np.int64]
    ref_ids: NDArray[np.str_]
    ref_frames: NDArray[np.int64]
    similarities: NDArray[np.float32]
    beyond: NDArray[np.float32]

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> Hits:
        """Those of the rows, in their order."""
        hits = [(row, video_id, *hit) for row, answer in enumerate(answers) for video_id, hit in answer.videos.items()]
        return cls(
            np.array([hit[0] for hit in hits], np.int64),
            np.array([hit[1] for hit in hits], np.str_),
            np.array([hit[2] for hit in hits], np.int64),
            np.array([hit[3] for hit in hits], np.float32),
            np.array([answer.beyond for answer in answers], np.float32),
        )

    def with_more(self, others: Hits, rows: NDArray[np.int64]) -> Hits:
        """And those of others, whose rows are int64[R] of these."""
        return Hits(
            np.concatenate([self.query_rows, rows[others.query_rows]]),
            np.concatenate([self.ref_ids, others.ref_ids]),
            np.concatenate([self.ref_frames, others.ref_frames]),
            np.concatenate([self.similarities, others.similarities]),
            self.beyond,
        )


@dataclasses.dataclass(slots=True)
class Answer:
    """What was found of one row. videos: id → nearest frame and its similarity, nearest video first. beyond: as in
    Hits."""

    videos: dict[str, tuple[int, float]] = dataclasses.field(default_factory=dict)
    beyond: float = -1.0

    def add(self, nearest: Sequence[Any], places: int) -> None:
        """nearest: hits, nearest first, of which there may be more than that where they fill all places."""
        for hit in nearest:
            entity = hit["entity"]
            self.videos.setdefault(entity["video_id"], (entity["frame"], hit["distance"]))
        self.beyond = nearest[-1]["distance"] if len(nearest) == places else -1.0

    def first(self, count: int) -> Answer:
        """The nearest videos alone."""
        if len(self.videos) <= count:
            return self
        nearest = list(self.videos.items())
        return Answer(dict(nearest[:count]), nearest[count][1][1])
