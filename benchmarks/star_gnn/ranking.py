"""How a contestant ranks a gallery among more and more distractors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.star_gnn.contestants import Contestant
from benchmarks.star_gnn.copies import Frames, Gallery
from cliptrace.models.metrics.retrieval import average_precision

Floats = NDArray[np.float32]


def similarities(queries: Sequence[Floats], videos: Sequence[Floats]) -> Floats:
    """float32[Q, V]: the mean, over a query's rows, of the best product with a video's rows."""
    if not videos:
        return np.empty((len(queries), 0), np.float32)
    first = np.concatenate([[0], np.cumsum([len(rows) for rows in videos])[:-1]])
    stacked = np.concatenate(videos)
    return np.stack([np.maximum.reduceat(rows @ stacked.T, first, axis=1).mean(axis=0) for rows in queries])


def ranked(
    contestants: Mapping[str, Contestant], gallery: Gallery, others: Iterable[Frames], counts: Sequence[int]
) -> dict[str, dict[str, float]]:
    """mAP of each, by how many of ``others`` are distractors."""
    far: dict[str, list[Floats]] = {name: [] for name in contestants}
    for video in others:
        for name, contestant in contestants.items():
            far[name].append(contestant.vectors(video))
    return {name: _precision(contestant, gallery, far[name], counts) for name, contestant in contestants.items()}


def _precision(
    contestant: Contestant, gallery: Gallery, others: Sequence[Floats], counts: Sequence[int]
) -> dict[str, float]:
    queries = [contestant.asked(video) for video in gallery.queries]
    near = similarities(queries, [contestant.vectors(video) for video in gallery.videos])
    far = similarities(queries, others)
    clips = np.array([video.clip for video in gallery.videos])
    found = {}
    for count in counts:
        scores = []
        for row, query in enumerate(gallery.queries):
            right = clips == query.clip
            asked = right | ~gallery.related[query.clip][clips]
            relevant = [*right[asked].tolist(), *[False] * count]
            scores.append(average_precision(relevant, [*near[row, asked], *far[row, :count]], int(right.sum())))
        found[str(count)] = float(np.mean(scores))
    return found


def bytes_each(contestant: Contestant, videos: Sequence[Frames]) -> float:
    """Of a video of the gallery, two a number."""
    return float(np.mean([2 * contestant.vectors(video).size for video in videos]))
