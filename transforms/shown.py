"""A gallery video as it is compared with a query: its keyframes, or one of their views, if the gallery stores any."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.verification.film import Film
from cliptrace.schemas.config import BASIS_FPS
from cliptrace.schemas.gallery import time_of_view, view_of
from cliptrace.schemas.records import Candidate
from cliptrace.transforms.store.gallery import FrameReader, StoredVideo


@dataclasses.dataclass(frozen=True)
class Shown:
    """A gallery video in one of its views: its keyframes, and the hits among them. end_s: where it ends."""

    times: NDArray[np.float64]
    embeddings: NDArray[np.float32]
    film: Film
    hits: Candidate
    end_s: float


def in_views(ref: StoredVideo, candidate: Candidate, frames: FrameReader) -> Iterator[Shown]:
    """A video in the views that have hits, the one of the nearest hit first."""
    times, embeddings = frames.read(ref)
    candidate = _within(candidate, len(times))
    views = view_of(times)
    hit = views[candidate.ref_frames]
    for view in dict.fromkeys(hit[np.argsort(-candidate.similarities, kind="stable")].tolist()):
        rows = np.flatnonzero(views == view)
        seconds, mine = time_of_view(times[rows], -view), candidate.only(hit == view)
        mine = dataclasses.replace(mine, ref_frames=np.searchsorted(rows, mine.ref_frames))
        film = Film(seconds, functools.partial(_pictures, frames, ref, rows))
        yield Shown(seconds, embeddings[rows], film, mine, end_of(seconds, ref.decoded_s))


def _pictures(frames: FrameReader, ref: StoredVideo, rows: NDArray[np.int64]) -> tuple[bytes, ...]:
    pictures = frames.pictures(ref)
    return tuple(pictures[row] for row in rows) if pictures else ()


def end_of(times: NDArray[np.float64], decoded_s: float) -> float:
    """Where a video ends. Of one with a range that is broken, fewer seconds were decoded than lie before the last."""
    return max(decoded_s, float(times[-1]) + 1 / BASIS_FPS)


def _within(candidate: Candidate, frames: int) -> Candidate:
    """Without hits of another version of the video, which is being replaced."""
    return candidate.only(candidate.ref_frames < frames)
