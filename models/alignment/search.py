"""From the paths of one aligner to segments in seconds, in both directions of play."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.alignment.borders import clip_to_line
from cliptrace.models.alignment.config import AlignerConfig
from cliptrace.models.alignment.merging import best_first, strongest
from cliptrace.models.alignment.paths import Path, keyframe_spans
from cliptrace.models.alignment.scoring import mean_similarity, segment_score
from cliptrace.schemas.records import Segment

# A copy plays at 0.25× to 4×; what is steeper or flatter is a still picture that meets a moving one.
STEEPEST = 4.0
# Below every cosine that matters: what a map holds where a segment has been taken out.
SUPPRESSED = np.float32(-1.0)

Config = TypeVar("Config", bound=AlignerConfig)
Map = NDArray[np.float32]
Times = NDArray[np.float64]
PathFinder = Callable[[Map, Times, Times, Config], Iterable[Path]]


def search(
    similarity: Map, query_times: Times, ref_times: Times, config: Config, find_paths: PathFinder[Config]
) -> list[Segment]:
    """Segments of a map, best score first.

    similarity: float32[Q, R]; query_times: float64[Q] and ref_times: float64[R], seconds, strictly increasing.
    find_paths: forward paths of one aligner. Played backwards, a copy is a forward path of the map whose reference
    axis is turned round; of two findings of one region the heavier is kept.
    """
    similarity, query_times, ref_times = checked(similarity, query_times, ref_times)
    if not similarity.size or not bool(np.any(similarity >= config.min_similarity)):
        return []
    paths = [(path, False) for path in find_paths(similarity, query_times, ref_times, config)]
    if config.find_reversed:
        last = len(ref_times) - 1
        turned = np.ascontiguousarray(similarity[:, ::-1])
        paths += [
            (Path(path.query_frames, last - path.ref_frames), True)
            for path in find_paths(turned, query_times, -ref_times[::-1], config)
        ]
    measure = _Ruler(similarity, query_times, ref_times)
    # Rivals are compared by all that their paths touched: what a path overran holds no copy of its own.
    boxes = {measure.box(path, backwards): path for path, backwards in paths}
    kept = strongest((box for box in boxes if is_plausible(box, config)), config.max_segments)
    segments = [measure.segment(boxes[box], box) for box in kept]
    return best_first(segment for segment in segments if is_plausible(segment, config))


def repeatedly(find_paths: PathFinder[Config]) -> PathFinder[Config]:
    """An aligner that only sees the heaviest, looking again and again: what it found is taken out of the map each time.

    It stops at the first round without a path that could be a segment.
    """

    def find(similarity: Map, query_times: Times, ref_times: Times, config: Config) -> Iterator[Path]:
        remaining = similarity.copy()
        for _ in range(config.max_segments):
            paths = list(find_paths(remaining, query_times, ref_times, config))
            for path in paths:
                remaining[path.box()] = SUPPRESSED
            # A segment reaches half a keyframe interval beyond its path at either end.
            long = [path for path in paths if 2 * path.seconds(query_times, ref_times) >= config.min_length_s]
            if not long:
                return
            yield from long

    return find


def checked(similarity: Map, query_times: Times, ref_times: Times) -> tuple[Map, Times, Times]:
    similarity = np.asarray(similarity, np.float32)
    query_times, ref_times = np.asarray(query_times, np.float64), np.asarray(ref_times, np.float64)
    if similarity.ndim != 2:
        raise ValueError(f"a similarity map has 2 axes, not {similarity.ndim}")
    if query_times.shape != similarity.shape[:1] or ref_times.shape != similarity.shape[1:]:
        raise ValueError(
            f"a similarity map of {similarity.shape[0]} by {similarity.shape[1]} keyframes came with "
            f"{query_times.size} query times and {ref_times.size} reference times"
        )
    if not bool(np.all(np.isfinite(similarity))):
        raise ValueError("the similarity map holds values that are not finite")
    for axis, times in (("query", query_times), ("reference", ref_times)):
        if not bool(np.all(np.isfinite(times)) and np.all(np.diff(times, prepend=-1e-9) > 0)):
            raise ValueError(f"{axis} times are not finite, strictly increasing and from 0 on")
    return similarity, query_times, ref_times


class _Ruler:
    """Measures paths through one map in seconds."""

    def __init__(self, similarity: Map, query_times: Times, ref_times: Times) -> None:
        self._similarity, self._query_times, self._ref_times = similarity, query_times, ref_times
        self._query_starts, self._query_ends = keyframe_spans(query_times)
        self._ref_starts, self._ref_ends = keyframe_spans(ref_times)

    def box(self, path: Path, backwards: bool) -> Segment:
        """All that a path touches."""
        rows, columns = path.box()
        query = float(self._query_starts[rows.start]), float(self._query_ends[rows.stop - 1])
        ref = float(self._ref_starts[columns.start]), float(self._ref_ends[columns.stop - 1])
        return self._scored(path, query, ref, backwards)

    def segment(self, path: Path, box: Segment) -> Segment:
        """The part of the box that lies on the path's line."""
        query, ref = clip_to_line(
            self._query_times[path.query_frames],
            self._ref_times[path.ref_frames],
            (box.query_start, box.query_end),
            (box.ref_start, box.ref_end),
        )
        return self._scored(path, query, ref, box.reversed)

    def _scored(self, path: Path, query: tuple[float, float], ref: tuple[float, float], backwards: bool) -> Segment:
        seconds = self._query_ends - self._query_starts
        mean = mean_similarity(self._similarity, self._query_times, self._ref_times, seconds, path)
        frames = min(len(np.unique(path.query_frames)), len(np.unique(path.ref_frames)))
        score = segment_score(mean, min(query[1] - query[0], ref[1] - ref[0]), frames)
        return Segment(*query, *ref, score, backwards)


def is_plausible(segment: Segment, config: AlignerConfig) -> bool:
    query, ref = segment.query_end - segment.query_start, segment.ref_end - segment.ref_start
    return min(query, ref) >= config.min_length_s and max(query, ref) <= STEEPEST * min(query, ref)
