"""Paths through a similarity map, and the seconds that their keyframes stand for."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

# A keyframe speaks for at most this long to either side, whatever the distance to its neighbour; seconds.
LONGEST_REACH_S = 1.5
# Half the spacing that is assumed of a video with a single keyframe; seconds.
LONE_REACH_S = 0.5


@dataclasses.dataclass(frozen=True, slots=True)
class Path:
    """Matched keyframes in the order of the query.

    query_frames: int64[L], increasing. ref_frames: int64[L], never falling (forward) or never rising (reversed).
    """

    query_frames: NDArray[np.int64]
    ref_frames: NDArray[np.int64]

    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the map between the path's ends."""
        return (
            slice(int(self.query_frames[0]), int(self.query_frames[-1]) + 1),
            slice(int(self.ref_frames.min()), int(self.ref_frames.max()) + 1),
        )

    def seconds(self, query_times: NDArray[np.float64], ref_times: NDArray[np.float64]) -> float:
        """From the first matched keyframe to the last, in the video where that takes less time."""
        rows, columns = self.box()
        query_s = query_times[rows.stop - 1] - query_times[rows.start]
        ref_s = ref_times[columns.stop - 1] - ref_times[columns.start]
        return float(min(query_s, ref_s))


def keyframe_spans(times: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Start and end, float64[K] seconds, of what each keyframe stands for; half-open.

    A copy that begins somewhere between two keyframes is first seen at the later one, so the unbiased border lies
    halfway between them. Nobody knows what is beyond the first and the last: half the median spacing is assumed, and
    no video starts before 0.
    """
    if len(times) < 2:
        return np.maximum(times - LONE_REACH_S, 0.0), times + LONE_REACH_S
    half = np.minimum(np.diff(times) / 2, LONGEST_REACH_S)
    edge = np.median(half)
    before = np.concatenate(([edge], half))
    after = np.concatenate((half, [edge]))
    return np.maximum(times - before, 0.0), times + after


def split_at_gaps(
    path: Path, query_times: NDArray[np.float64], ref_times: NDArray[np.float64], max_gap_s: float
) -> list[Path]:
    """Cut a path wherever either video runs on for longer than max_gap_s without a match."""
    query_gaps = np.diff(query_times[path.query_frames])
    ref_gaps = np.abs(np.diff(ref_times[path.ref_frames]))
    cuts = np.flatnonzero((query_gaps > max_gap_s) | (ref_gaps > max_gap_s)) + 1
    return [
        Path(query_frames, ref_frames)
        for query_frames, ref_frames in zip(
            np.split(path.query_frames, cuts), np.split(path.ref_frames, cuts), strict=True
        )
        if len(query_frames)
    ]
