"""What a store of vectors is given of a video, and what it makes of it for its other collections."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.clips.timeline import windows
from cliptrace.schemas.config import BASIS_FPS


class Embedded(Protocol):
    """A video's keyframes: times float64[K] in seconds, embeddings float[K, D]. descriptor: of the whole video, float32
    [V, D], clips: its clip features, float[S, C]; None without them."""

    @property
    def video_id(self) -> str: ...
    @property
    def times(self) -> NDArray[np.float64]: ...
    @property
    def embeddings(self) -> NDArray[Any]: ...
    @property
    def descriptor(self) -> NDArray[Any] | None: ...
    @property
    def clips(self) -> NDArray[Any] | None: ...


@dataclasses.dataclass(frozen=True, slots=True)
class StoredFrames:
    """What is stored of a video: as Embedded has it."""

    video_id: str
    times: NDArray[np.float64]
    embeddings: NDArray[np.float32]
    descriptor: NDArray[np.float32] | None = None
    clips: NDArray[np.float32] | None = None

    @classmethod
    def of_vectors(cls, video_id: str, vectors: NDArray[np.float32]) -> StoredFrames:
        """The vectors float32[V, D] of a whole video, as the collections of videos and of clips have them: a keyframe
        each, none where it has no direction."""
        directed = vectors[vectors.any(axis=1)]
        return cls(video_id, np.arange(len(directed)) / BASIS_FPS, directed)


def descriptor_of(video: Embedded) -> NDArray[np.float32] | None:
    return None if video.descriptor is None else np.asarray(video.descriptor, np.float32)


def windows_of(video: Embedded) -> NDArray[np.float32] | None:
    """Of its clip features."""
    return None if video.clips is None else windows(video.clips)


def unfit(video: Embedded) -> str:
    """Why no store can hold a video's embeddings; empty where nothing is wrong. Not every store looks itself."""
    finite = np.isfinite(video.embeddings).all(axis=1)
    return "" if finite.all() else f"keyframe at {video.times[~finite][0]:g} s: its embedding is not finite"
