"""From a range of a video to its keyframes' embeddings: decode → keyframes → crop → backbone, a tile at a time.

Pure: no Beam. Frames never leave the function; one tile (72 s) is in memory at a time.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.registry import Embedder
from cliptrace.models.borders import cropped, find_borders
from cliptrace.models.cuts import find_cuts
from cliptrace.models.keyframes import Selector
from cliptrace.models.stoplist import is_uniform
from cliptrace.models.thumbs import thumbs
from cliptrace.models.verification.pictures import encode
from cliptrace.models.verification.stills import find_stills
from cliptrace.models.video_descriptors import VideoDescriptor
from cliptrace.models.views import embed_views, make_views
from cliptrace.schemas.config import BASIS_FPS, Limits
from cliptrace.schemas.errors import MediaError
from cliptrace.schemas.gallery import time_of_view, view_of
from cliptrace.schemas.records import FrameFeatures, RangeFeatures, VideoRange
from cliptrace.transforms.media.decode import Decoder


def extract_range(
    path: str,
    part: VideoRange,
    selector: Selector,
    embedder: Embedder,
    limits: Limits,
    views: Sequence[str] = (),
    stored_views: Sequence[str] = (),
    describing: Describing | None = None,
) -> RangeFeatures:
    """Keyframes of one range. One that yields no frame comes back empty with a warning: join_ranges judges the whole.

    path: local file of ``part.source``. views: what else than the plain frame is embedded of each (models/views.py).
    stored_views: what else is a keyframe of its own (schemas/gallery.py: ``view_of``).
    describing: where the video gets a descriptor, too.
    """
    size = embedder.config.input_size
    none = np.empty((0, size, size, 3), np.uint8)
    times, scores, embeddings = [], [], [embed_views(embedder.embed, none, views)]
    pictures: list[bytes] = []
    stills: list[tuple[float, float]] = []
    cuts: list[NDArray[np.float64]] = [np.empty(0)]
    tiles = [np.empty((0, describing.descriptor.dimension), np.float32)] if describing else []
    with_regions = describing is not None and describing.descriptor.needs_regions
    with Decoder(path, part.info, limits, start_s=part.start_s, end_s=part.end_s, size=size) as decoder:
        try:
            for tile in decoder:
                small = thumbs(tile.frames)
                positions, confidence = selector(small)
                cuts.append(tile.times[find_cuts(small)] - 0.5 / BASIS_FPS)
                begin = float(tile.times[0])
                stills += [(begin + s / BASIS_FPS, begin + e / BASIS_FPS) for s, e in find_stills(small, BASIS_FPS)]
                confidence = np.where(is_uniform(small[positions]), np.float32(0), confidence)
                frames = tile.frames[positions]
                if embedder.config.crop_borders:
                    frames = cropped(frames, find_borders(tile.frames, small)[positions])
                shown = make_views(frames, stored_views)
                count = shown.shape[1]
                seconds = [time_of_view(tile.times[positions], view) for view in range(count)]
                times.append(np.stack(seconds, axis=1).ravel())
                scores.append(np.repeat(confidence, count))
                frames = shown.reshape(-1, *frames.shape[1:])
                embedded, regions = _embedded(embedder, frames, views, count if with_regions else 0)
                embeddings.append(embedded)
                if describing:
                    plain = embedded.reshape(len(positions), -1, embedded.shape[-1])[:, 0]
                    tiles.append(describing.tile(tile.times, small, positions, confidence, plain, regions))
                pictures += encode(frames)
            warning = decoder.warning
        except MediaError as error:
            warning = str(error)
    return RangeFeatures(
        part,
        np.concatenate(times) if times else np.empty(0, np.float64),
        np.concatenate(scores) if scores else np.empty(0, np.float32),
        np.concatenate(embeddings),
        np.concatenate(cuts),
        decoder.decoded_s,
        warning,
        tuple(pictures),
        tuple(stills),
        np.concatenate(tiles) if describing else None,
    )


@dataclasses.dataclass(frozen=True)
class Describing:
    """How a video gets its descriptor as it is decoded. selector: of the keyframes that it is made of, where these are
    others than those that are embedded: for each the nearest of these."""

    descriptor: VideoDescriptor
    selector: Selector | None = None

    def tile(
        self,
        times: NDArray[np.float64],
        small: NDArray[np.uint8],
        positions: NDArray[np.int64],
        scores: NDArray[np.float32],
        embeddings: NDArray[np.float32],
        regions: NDArray[np.float32] | None,
    ) -> NDArray[np.float32]:
        """What a tile of N frames adds. times: float64[N]; small: its thumbs; the rest is of the K keyframes at
        ``positions`` that are embedded, plainly."""
        if self.selector is None:
            return self.descriptor.tile(times[positions], scores, embeddings, regions)
        wanted, confidence = self.selector(small)
        confidence = np.where(is_uniform(small[wanted]), np.float32(0), confidence)
        nearest = np.abs(positions[:, None] - wanted).argmin(axis=0)
        near_regions = None if regions is None else regions[nearest]
        return self.descriptor.tile(times[wanted], confidence, embeddings[nearest], near_regions)


def _embedded(
    embedder: Embedder, frames: NDArray[np.uint8], views: Sequence[str], stride: int
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Embeddings of frames, and regions of each ``stride``-th, which is a plain one; None where that is 0."""
    if not stride:
        return embed_views(embedder.embed, frames, views), None
    if views:  # of a query; the plain frames once more, since regions of all views are too many
        return embed_views(embedder.embed, frames, views), embedder.embed_with_regions(frames)[1]
    embedded, regions = embedder.embed_with_regions(frames)
    return embedded, regions[::stride]


def join_ranges(parts: list[RangeFeatures], descriptor: VideoDescriptor | None = None) -> FrameFeatures:
    """All ranges of one video → the video. What decoded is kept and marked partial; MediaError where nothing did.

    descriptor: the one whose tiles the ranges have.
    """
    parts = sorted(parts, key=lambda part: part.range.index)
    first = parts[0].range
    if [part.range.index for part in parts] != list(range(first.count)):
        raise MediaError(f"only {len(parts)} of {first.count} ranges of the video came back; index it again")
    warning = next((part.warning for part in parts if part.warning), "")
    if not any(len(part.times) for part in parts):
        raise MediaError(warning or "no frame could be decoded")
    return FrameFeatures(
        first.source,
        first.info,
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.embeddings for part in parts]),
        np.concatenate([part.cuts for part in parts]),
        sum(part.decoded_s for part in parts),
        warning,
        pictures=tuple(picture for part in parts for picture in part.pictures),
        stills=tuple(still for part in parts for still in part.stills),
        descriptor=descriptor.video(_tiles(parts)) if descriptor else None,
    )


def _tiles(parts: Sequence[RangeFeatures]) -> NDArray[np.float32]:
    return np.concatenate([part.tiles for part in parts if part.tiles is not None])


def without_views(video: FrameFeatures) -> FrameFeatures:
    """A video as it is stored, as a query: its keyframes alone."""
    plain = view_of(video.times) == 0
    if plain.all():
        return video
    return dataclasses.replace(
        video,
        times=video.times[plain],
        scores=video.scores[plain],
        embeddings=video.embeddings[plain],
        pictures=tuple(itertools.compress(video.pictures, plain)),
    )
