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
from cliptrace.models.borders.box import Boxes, whole
from cliptrace.models.borders.inset import find_insets
from cliptrace.models.clips import ClipEncoder
from cliptrace.models.clips.timeline import joined, tile_steps
from cliptrace.models.cuts import find_cuts
from cliptrace.models.keyframes import Selector
from cliptrace.models.stoplist import is_uniform
from cliptrace.models.thumbs import thumbs
from cliptrace.models.verification.pictures import encode
from cliptrace.models.verification.stills import find_stills
from cliptrace.models.video_descriptors import VideoDescriptor
from cliptrace.models.views import Frames, embed_views, make_views
from cliptrace.schemas.config import BASIS_FPS, FOUND_VIEW, Limits
from cliptrace.schemas.errors import MediaError
from cliptrace.schemas.gallery import ClipsConfig, time_of_view, view_of
from cliptrace.schemas.records import ClipFeatures, FrameFeatures, ProbedVideo, RangeFeatures, VideoRange
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
    encoder: ClipEncoder | None = None,
    key_frames_only: bool = False,
) -> RangeFeatures:
    """Keyframes of one range. One that yields no frame comes back empty with a warning: join_ranges judges the whole.

    path: local file of ``part.source``. views: what else than the plain frame is embedded of each (models/views.py).
    stored_views: what else is a keyframe of its own (schemas/gallery.py: ``view_of``).
    describing: where the video gets a descriptor, too; encoder: where it gets clip features. key_frames_only: the
    codec's; what lies between them is not decoded.
    """
    size = embedder.config.input_size
    none = np.empty((0, size, size, 3), np.uint8)
    times, scores, embeddings = [], [], [embed_views(embedder.embed, none, views)]
    pictures: list[bytes] = []
    stills: list[tuple[float, float]] = []
    cuts: list[NDArray[np.float64]] = [np.empty(0)]
    tiles = [np.empty((0, describing.descriptor.dimension), np.float32)] if describing else []
    steps: list[tuple[int, NDArray[np.float32]]] = []
    with_regions = describing is not None and describing.descriptor.needs_regions
    seconds = {"start_s": part.start_s, "end_s": part.end_s}
    with Decoder(path, part.info, limits, **seconds, size=size, key_frames_only=key_frames_only) as decoder:
        try:
            for tile in decoder:
                small = thumbs(tile.frames)
                positions, confidence = selector(small)
                if not key_frames_only:  # between which nobody knows what is cut and what stands still
                    cuts.append(tile.times[find_cuts(small)] - 0.5 / BASIS_FPS)
                    begin = float(tile.times[0])
                    stills += [(begin + s / BASIS_FPS, begin + e / BASIS_FPS) for s, e in find_stills(small, BASIS_FPS)]
                confidence = np.where(is_uniform(small[positions]), np.float32(0), confidence)
                borders = find_borders(tile.frames, small) if embedder.config.crop_borders else whole(tile.frames)
                frames, keyframe, view = _shown(tile.frames, positions, borders, stored_views)
                times.append(time_of_view(tile.times[positions[keyframe]], view))
                scores.append(confidence[keyframe])
                plain = view == 0
                embedded, regions = _embedded(embedder, frames, views, plain if with_regions else None)
                embeddings.append(embedded)
                if describing:
                    rows = embedded[plain].reshape(len(positions), -1, embedded.shape[-1])[:, 0]
                    tiles.append(describing.tile(tile.times, small, positions, confidence, rows, regions))
                pictures += encode(frames)
                if encoder:
                    number, rows = tile_steps(encoder, tile.times, tile.frames)
                    steps.append((number - round(part.start_s / encoder.step_s), rows))
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
        finite(joined(steps, encoder.dimension)) if encoder else None,
    )


def extract_clips(path: str, video: ProbedVideo, encoder: ClipEncoder, limits: Limits, size: int) -> ClipFeatures:
    """Clip features of a whole query; what is stored of a gallery's videos is in half precision, and so are these.

    path: local file of ``video.source``. size: side in pixels of the frames that the gallery's videos were decoded in.
    MediaError where nothing can be decoded.
    """
    steps = []
    with Decoder(path, video.info, limits, size=size) as decoder:
        for tile in decoder:
            steps.append(tile_steps(encoder, tile.times, tile.frames))
    clips = finite(joined(steps, encoder.dimension)).astype(np.float32)
    if not len(clips):
        raise MediaError("no frame could be decoded")
    return ClipFeatures(video.source, video.info, clips, decoder.decoded_s, decoder.warning)


def finite(clips: NDArray[np.float16]) -> NDArray[np.float16]:
    """As they are. MediaError where they are no numbers, which nothing could be compared with."""
    if not np.isfinite(clips).all():
        raise MediaError("its clip features are not finite: the clip network cannot cope with it")
    return clips


def _shown(
    frames: Frames, positions: NDArray[np.intp], borders: Boxes, views: Sequence[str]
) -> tuple[Frames, NDArray[np.intp], NDArray[np.intp]]:
    """What is embedded of a tile's keyframes, and for each picture the numbers of its keyframe and of its view.

    frames, borders: of the tile. views: of GALLERY_VIEWS. Of a keyframe with an inset, and no border, that comes last.
    """
    keyframes, borders = frames[positions], borders[positions]
    shown = make_views(cropped(keyframes, borders), [name for name in views if name != FOUND_VIEW])
    pictures = shown.reshape(-1, *frames.shape[1:])
    keyframe, view = (each.ravel() for each in np.indices(shown.shape[:2]))
    if FOUND_VIEW not in views:
        return pictures, keyframe, view
    insets = find_insets(frames)[positions]
    nothing = whole(keyframes)
    found = np.flatnonzero((insets != nothing).any(axis=1) & (borders == nothing).all(axis=1))
    keyframe = np.concatenate([keyframe, found])
    view = np.concatenate([view, np.full(len(found), shown.shape[1])])
    order = np.lexsort((view, keyframe))
    pictures = np.concatenate([pictures, cropped(keyframes[found], insets[found])])
    return pictures[order], keyframe[order], view[order]


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
    embedder: Embedder, frames: Frames, views: Sequence[str], plain: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Embeddings of frames, and regions of those that are ``plain``; None where nobody asks which."""
    if plain is None:
        return embed_views(embedder.embed, frames, views), None
    if views:  # of a query; the plain frames once more, since regions of all views are too many
        return embed_views(embedder.embed, frames, views), embedder.embed_with_regions(frames[plain])[1]
    embedded, regions = embedder.embed_with_regions(frames)
    return embedded, regions[plain]


def join_ranges(
    parts: list[RangeFeatures], descriptor: VideoDescriptor | None = None, moments: ClipsConfig | None = None
) -> FrameFeatures:
    """All ranges of one video → the video. What decoded is kept and marked partial; MediaError where nothing did.

    descriptor: the one whose tiles the ranges have; moments: of their clip features.
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
        clips=_clips(parts, moments) if moments else None,
    )


def _clips(parts: Sequence[RangeFeatures], moments: ClipsConfig) -> NDArray[np.float16]:
    starts = (round(part.range.start_s / moments.step_s) for part in parts)
    found = [(start, part.clips) for start, part in zip(starts, parts, strict=True) if part.clips is not None]
    return joined(found, moments.dimension)


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
