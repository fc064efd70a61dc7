"""The frames that embeddings are judged by: what each query frame truly shows, and which gallery frames would be right.

Keyframes of the queries, 2 a second. One that lies inside a true segment, at least MARGIN_S from its ends, shows one
moment of one gallery video; one at least as far outside of all of them shows none. Frames nearer to a border are not
asked about: what lies on screen there is a matter of rounding.

A gallery frame is right for a query frame if it is of the true video and near the true time, or the same picture as
the gallery frame nearest to the true time: a still scene has no times.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.plan import Truth
from benchmarks.harness.features import Keyframes
from cliptrace.schemas.config import BASIS_FPS, KeyframeConfig, Limits
from cliptrace.transforms.media.decode import Decoder, Tile
from cliptrace.transforms.media.probe import probe

KEYFRAMES = KeyframeConfig("uniform", per_second=2.0)
MARGIN_S = 0.5
SAME_PICTURE = 0.02
"""Mean absolute difference of two 32×32 thumbs, of values in 0..1, below which they are the same picture."""


@dataclasses.dataclass(frozen=True, slots=True)
class GalleryFrames:
    """All gallery keyframes, video after video.

    starts: int64[V], where each video's frames begin. video: int64[G], position in ``ids``. times: float64[G], seconds.
    same: bool[G, G], two frames of one video that are the same picture; the diagonal is true.
    """

    ids: tuple[str, ...]
    starts: NDArray[np.int64]
    video: NDArray[np.int64]
    times: NDArray[np.float64]
    same: NDArray[np.bool_]

    @classmethod
    def of(cls, times: Mapping[str, NDArray[np.float64]], thumbs: Mapping[str, NDArray[np.uint8]]) -> GalleryFrames:
        """times: seconds of each video's keyframes. thumbs: uint8[K, 32, 32, 3] of the same frames."""
        counts = np.array([len(each) for each in times.values()])
        ends = np.cumsum(counts)
        same = np.zeros((ends[-1], ends[-1]), np.bool_)
        for name, start, end in zip(times, ends - counts, ends, strict=True):
            same[start:end, start:end] = picture_differences(thumbs[name], thumbs[name]) < SAME_PICTURE
        video = np.repeat(np.arange(len(counts)), counts)
        return cls(tuple(times), ends - counts, video, np.concatenate(list(times.values())), same)


@dataclasses.dataclass(frozen=True, slots=True)
class QueryFrames:
    """The frames that are asked about. Arrays have one entry a frame.

    ids: the query. position: which of its keyframes. times: seconds. edit, severity: "" for background.
    ref: position of the true video in the gallery, -1 for background. ref_times: seconds, NaN for background.
    nearest: the gallery frame of the true video nearest to the true time, -1 for background.
    """

    ids: NDArray[np.str_]
    position: NDArray[np.int64]
    times: NDArray[np.float64]
    edit: NDArray[np.str_]
    severity: NDArray[np.str_]
    ref: NDArray[np.int64]
    ref_times: NDArray[np.float64]
    nearest: NDArray[np.int64]

    @property
    def true(self) -> NDArray[np.bool_]:
        return self.ref >= 0

    def embeddings(self, videos: Mapping[str, Keyframes]) -> NDArray[np.float32]:
        """float32[Q, D] of these frames."""
        return np.stack([videos[name].embeddings[at] for name, at in zip(self.ids, self.position, strict=True)])


def label_queries(
    times: Mapping[str, NDArray[np.float64]],
    truth: Sequence[Truth],
    sidecar: Mapping[str, Mapping[str, Any]],
    gallery: GalleryFrames,
) -> QueryFrames:
    """times: seconds of each query's keyframes. truth, sidecar: of the bench."""
    rows: list[tuple[Any, ...]] = []
    for name, seconds in times.items():
        known = [row for row in truth if row.query_id == name]
        facts = sidecar[name]
        which, true_times = label_times(seconds, known, bool(facts["reversed"]))
        for at in np.flatnonzero(which != BORDER):
            inside = which[at] != BACKGROUND
            ref = gallery.ids.index(known[which[at]].ref_id) if inside else -1
            edit, severity = (facts["edit"], facts["severity"]) if inside else ("", "")
            nearest = _nearest(gallery, ref, true_times[at]) if inside else -1
            rows.append((name, at, seconds[at], edit, severity, ref, true_times[at], nearest))
    columns = zip(*rows, strict=True)
    types = (np.str_, np.int64, np.float64, np.str_, np.str_, np.int64, np.float64, np.int64)
    return QueryFrames(*(np.array(column, kind) for column, kind in zip(columns, types, strict=True)))


BACKGROUND, BORDER = -1, -2


def label_times(
    times: NDArray[np.float64], truth: Sequence[Truth], is_reversed: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of each time of one query: which row of its truth it lies in, BACKGROUND or BORDER, and the reference's time."""
    which = np.full(len(times), BACKGROUND)
    ref_times = np.full(len(times), np.nan)
    for number, row in enumerate(truth):
        near = (times > row.query_start - MARGIN_S) & (times < row.query_end + MARGIN_S)
        inside = (times >= row.query_start + MARGIN_S) & (times <= row.query_end - MARGIN_S)
        which[near & (which == BACKGROUND)] = BORDER
        which[inside] = number
        share = (times[inside] - row.query_start) / (row.query_end - row.query_start)
        length = row.ref_end - row.ref_start
        ref_times[inside] = row.ref_end - share * length if is_reversed else row.ref_start + share * length
    return which, ref_times


def right_frames(
    found: NDArray[np.int64], queries: QueryFrames, gallery: GalleryFrames, tolerance_s: float
) -> NDArray[np.bool_]:
    """Which of ``found``, int64[Q, k] gallery frames (larger numbers: distractors), are right for their query frame."""
    in_gallery = found < len(gallery.times)
    frames = np.where(in_gallery, found, 0)
    of_video = gallery.video[frames] == queries.ref[:, None]
    in_time = np.abs(gallery.times[frames] - queries.ref_times[:, None]) <= tolerance_s
    return in_gallery & queries.true[:, None] & of_video & (in_time | gallery.same[queries.nearest[:, None], frames])


def picture_differences(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Thumbs [N, 32, 32, 3] and [M, 32, 32, 3] → float64[N, M], mean absolute differences in 0..1."""
    flat = second.reshape(len(second), -1).astype(np.int16)
    rows = [np.abs(flat - thumb.reshape(-1).astype(np.int16)).mean(axis=1) / 255.0 for thumb in first]
    return np.stack(rows) if rows else np.empty((0, len(second)))


def decoded(path: Path, size: int) -> Iterator[Tile]:
    """The basis frames of a whole video as the product decodes them, size × size pixels."""
    limits = Limits()
    with Decoder(str(path), probe(str(path), limits), limits, size=size) as tiles:
        yield from tiles


def keyframe_thumbs(path: Path) -> NDArray[np.uint8]:
    """uint8[K, 32, 32, 3] of the KEYFRAMES of a video: from its pixels, the same for every backbone."""
    step = round(BASIS_FPS / KEYFRAMES.per_second)
    return np.concatenate([tile.frames[::step].copy() for tile in decoded(path, 32)])


def _nearest(gallery: GalleryFrames, ref: int, seconds: float) -> int:
    frames = np.flatnonzero(gallery.video == ref)
    return int(frames[np.abs(gallery.times[frames] - seconds).argmin()])
