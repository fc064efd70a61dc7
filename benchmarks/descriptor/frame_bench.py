"""An attack bench as frames, and everything that one contestant scores on it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.build import Dataset
from benchmarks.descriptor.contestants import Contestant
from benchmarks.descriptor.frame_measures import (
    PAIR_S,
    RECALL_S,
    Found,
    false_video_pairs,
    micro_ap,
    per_thousand,
    recall_at_1,
    search,
    threshold_at,
)
from benchmarks.descriptor.frames import GalleryFrames, QueryFrames, keyframe_thumbs, label_queries, right_frames

RECALLS = (0.5, 0.7)
Result = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Seed:
    """One attack bench as frames. query_paths, gallery_paths: its videos, sorted."""

    dataset: Dataset
    query_paths: list[Path]
    gallery_paths: list[Path]
    queries: QueryFrames
    gallery: GalleryFrames

    @classmethod
    def load(cls, dataset: Dataset, first: Contestant) -> Seed:
        """first: any contestant; which keyframes there are does not depend on it."""
        query_paths, gallery_paths = (sorted(folder.iterdir()) for folder in (dataset.queries, dataset.gallery))
        gallery_times = {path.name: video.times for path, video in first.keyframes(gallery_paths).items()}
        gallery = GalleryFrames.of(gallery_times, {path.name: keyframe_thumbs(path) for path in gallery_paths})
        times = {path.name: video.times for path, video in first.keyframes(query_paths).items()}
        queries = label_queries(times, dataset.truth(), dataset.sidecar(), gallery)
        return cls(dataset, query_paths, gallery_paths, queries, gallery)

    def search(self, contestant: Contestant, distractors: NDArray[np.float32]) -> Found:
        videos = {path.name: video for path, video in contestant.keyframes(self.query_paths).items()}
        gallery = [video.embeddings for video in contestant.keyframes(self.gallery_paths).values()]
        return search(self.queries.embeddings(videos), np.concatenate(gallery), self.gallery.starts, distractors)

    def first_right(self, found: Found, tolerance_s: float = RECALL_S) -> NDArray[np.bool_]:
        """bool[Q]: whether the most similar frame of all is right."""
        return right_frames(found.frames[:, :1], self.queries, self.gallery, tolerance_s)[:, 0]

    def counts(self) -> dict[str, int]:
        true = int(self.queries.true.sum())
        return {
            "gallery_videos": len(self.gallery.ids),
            "gallery_frames": len(self.gallery.times),
            "true_frames": true,
            "background_frames": len(self.queries.ids) - true,
        }

    def true_pairs(self) -> set[tuple[str, int]]:
        return {(row.query_id, self.gallery.ids.index(row.ref_id)) for row in self.dataset.truth()}


def measure_frames(seed: Seed, found: Found, look_alike_similarities: NDArray[np.float32]) -> Result:
    """Parts 1 to 3 of one contestant and seed."""
    queries, true = seed.queries, seed.queries.true
    right = right_frames(found.frames, queries, seed.gallery, PAIR_S)
    positives = int(true.sum())
    background, ids = ~true, queries.ids[~true]
    false_positives: Result = {}
    for recall in RECALLS:
        threshold = threshold_at(recall, found.similarity[right], positives)
        figures: Result = dict.fromkeys(("threshold", "video_pairs", "frames", "look_alikes"))
        if threshold is not None:
            wrong = false_video_pairs(found.best[background], ids, seed.true_pairs(), threshold)
            figures = {
                "threshold": threshold,
                "video_pairs": 1000 * wrong / len(ids) if len(ids) else None,
                "frames": per_thousand(found.similarity[background, 0], threshold),
                "look_alikes": per_thousand(look_alike_similarities, threshold),
            }
        false_positives[f"{recall:.0%}"] = figures
    return {
        "recall_at_1": recall_at_1(seed.first_right(found)[true], queries.edit[true], queries.severity[true]),
        "right_video_at_1": float(seed.first_right(found, np.inf)[true].mean()),
        "micro_ap": micro_ap(found.similarity, right, positives),
        "recall_at_10_items": float(np.asarray(right.any(axis=1))[true].mean()),
        "false_positives": false_positives,
    }
