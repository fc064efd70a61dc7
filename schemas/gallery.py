"""What is stored: gallery.json, the Arrow schemas of the Parquet shards, the fields of the Milvus collection."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cliptrace.schemas.config import BASIS_FPS, KeyframeConfig
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.indexes import DEFAULT_INDEX, INDEX_KINDS, IndexConfig

FORMAT_VERSION = 4
"""1: no takedowns, no builds, and a ledger without ``generation``. 2: no pictures of keyframes. 3: a ledger without
``content_sample``, and each video's keyframes in the commit that the ledger names. All are read as they are; their
first writer makes them 4."""
METRIC = "cosine"
_VIEW_S, _MOST_VIEWS = 2.0**-12, 32
STOPS_FILE = "stops.safetensors"

MAX_ID_BYTES = 4096
"""Longest video id, in UTF-8: what the Milvus field holds."""

LEDGER = pa.schema(
    [
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("fingerprint", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),  # indexed, failed, removed
        pa.field("stage", pa.string(), nullable=False),
        pa.field("error", pa.string(), nullable=False),
        pa.field("message", pa.string(), nullable=False),
        pa.field("attempt", pa.int32(), nullable=False),
        pa.field("content_sha256", pa.string(), nullable=False),
        pa.field("time", pa.float64(), nullable=False),  # seconds since 1970
        pa.field("generation", pa.int64(), nullable=False),  # of its rows in Milvus; 0 where there are none
        pa.field("content_sample", pa.string(), nullable=False),  # of the file (transforms/contents.py); "" for none
    ]
)
"""One row per attempt. The latest of a video_id is its state; its run and part name its row in videos/, which names
its keyframes' place in frames/."""

VIDEOS = pa.schema(
    [
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("metadata", pa.map_(pa.string(), pa.string()), nullable=False),
        pa.field("duration_s", pa.float64(), nullable=False),  # NaN where the container does not say
        pa.field("decoded_s", pa.float64(), nullable=False),
        pa.field("partial", pa.bool_(), nullable=False),
        pa.field("warning", pa.string(), nullable=False),
        pa.field("fps", pa.float64(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("rotation", pa.int32(), nullable=False),
        pa.field("codec", pa.string(), nullable=False),
        pa.field("container", pa.string(), nullable=False),
        pa.field("pixel_format", pa.string(), nullable=False),
        pa.field("interlaced", pa.bool_(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("content_sha256", pa.string(), nullable=False),
        pa.field("fingerprint", pa.string(), nullable=False),
        pa.field("keyframes", pa.int32(), nullable=False),
        pa.field("frames_file", pa.string(), nullable=False),  # below the gallery
        pa.field("row_group", pa.int32(), nullable=False),
        pa.field("streams", pa.list_(pa.int32())),  # null where the file has one video stream, and in older shards
    ]
)
"""One row per video, with the place of its keyframes. Of a file with several video streams, ``streams`` has the number
of the one that the video is, and then those of the others."""


DESCRIPTOR = pa.field("descriptor", pa.list_(pa.list_(pa.float16())))
"""Column of videos/ where the gallery has a video descriptor: float16[V, D]; null where a video was stored without."""
_DESCRIBED = b"cliptrace.descriptor"


@dataclasses.dataclass(frozen=True, slots=True)
class DescriptorConfig:
    """Which video descriptor (models/video_descriptors) made the vectors of videos. sha256: of its weights, "" without
    any. dimension: numbers of a vector."""

    name: str
    sha256: str
    dimension: int

    def __str__(self) -> str:
        weights = f"sha256 {self.sha256[:12]}…, " if self.sha256 else ""
        return f"{self.name} ({weights}{self.dimension} dimensions)"


@dataclasses.dataclass(frozen=True, slots=True)
class ClipsConfig:
    """Which clip encoder (models/clips) made the features that moments are found by. name: a built-in one, or the whole
    path of a config file. sha256: of all that decides what features come out. step_s: seconds that one stands for."""

    name: str
    sha256: str
    dimension: int
    step_s: float

    def __str__(self) -> str:
        return f"{self.name} (sha256 {self.sha256[:12]}…, {self.dimension} dimensions, {self.step_s:g} s)"

    def same_features(self, other: ClipsConfig) -> bool:
        """Wherever their files lie."""
        return dataclasses.replace(self, name="") == dataclasses.replace(other, name="")


def clips_schema(moments: ClipsConfig) -> pa.Schema:
    """One row a step of the clip encoder, one row group a video; these are those of frames/, number by number."""
    return pa.schema(
        [
            pa.field("video_id", pa.string(), nullable=False),
            pa.field("clip", pa.list_(pa.field("item", pa.float16(), nullable=False), moments.dimension), False),
        ],
        metadata={"cliptrace.moments": json.dumps(dataclasses.asdict(moments))},
    )


def clips_path(frames_file: str) -> str:
    """Where the clip features of videos are whose keyframes are in ``frames_file``, both below the gallery."""
    return f"clips/{frames_file.removeprefix('frames/')}"


def videos_schema(manifest: GalleryManifest) -> pa.Schema:
    """VIDEOS, and with it what the gallery's descriptor is; which one that is, the metadata says."""
    if manifest.descriptor is None:
        return VIDEOS
    made_by = json.dumps(dataclasses.asdict(manifest.descriptor))
    return VIDEOS.append(DESCRIPTOR).with_metadata({_DESCRIBED: made_by.encode()})


def described_by(schema: pa.Schema) -> DescriptorConfig | None:
    """What made the descriptors of a shard of videos; None where it has none."""
    made_by = (schema.metadata or {}).get(_DESCRIBED)
    return DescriptorConfig(**json.loads(made_by)) if made_by else None


def frames_schema(manifest: GalleryManifest) -> pa.Schema:
    """One row per keyframe, one row group per video. Model, metric and normalisation are in the metadata.

    Half precision moves a cosine by 3e-4 at most. Older galleries have float32 here, and no pictures;
    they are read as well.
    """
    return pa.schema(
        [
            pa.field("video_id", pa.string(), nullable=False),
            pa.field("time", pa.float64(), nullable=False),
            pa.field("score", pa.float32(), nullable=False),
            pa.field("embedding", pa.list_(pa.field("item", pa.float16(), nullable=False), manifest.dimension), False),
            pa.field("picture", pa.binary()),  # JPEG (models/verification/pictures.py); null where there is none
        ],
        metadata={
            "cliptrace.format_version": str(FORMAT_VERSION),
            "cliptrace.backbone": str(manifest.backbone["name"]),
            "cliptrace.backbone_sha256": str(manifest.backbone["sha256"]),
            "cliptrace.pooling": str(manifest.backbone["pooling"]),
            "cliptrace.whitening_sha256": str(manifest.backbone["whitening_sha256"]),
            "cliptrace.keyframes": json.dumps(manifest.keyframes.to_json()),
            "cliptrace.metric": METRIC,
            "cliptrace.normalised": "l2",
        },
    )


@dataclasses.dataclass(frozen=True, slots=True)
class GalleryManifest:
    """gallery.json. Whatever is in here holds for every row of the gallery.

    name: prefix of the Milvus collections. backbone: a BackboneConfig as JSON. milvus: server address, "" for the
    embedded store; never a token, which comes from the environment. views: of GALLERY_VIEWS, those that are stored of
    each keyframe, as keyframes of their own (``view_of``). descriptor: of whole videos; None for none. moments: what
    makes the clip features that are stored; None for none.
    """

    name: str
    backbone: Mapping[str, Any]
    keyframes: KeyframeConfig
    milvus: str = ""
    basis_fps: int = BASIS_FPS
    index: IndexConfig = dataclasses.field(default_factory=IndexConfig)
    format_version: int = FORMAT_VERSION
    views: tuple[str, ...] = ()
    descriptor: DescriptorConfig | None = None
    moments: ClipsConfig | None = None

    @property
    def dimension(self) -> int:
        return int(self.backbone["dimension"])

    @property
    def frames_collection(self) -> str:
        return f"{self.name}_frames"

    @property
    def videos_collection(self) -> str:
        """Where a server has the descriptors of videos; "" without any. Nobody asks an embedded store for them: a
        product with all of them is faster, and needs no lock."""
        return f"{self.name}_videos" if self.milvus and self.descriptor else ""

    @property
    def clips_collection(self) -> str:
        """Where a server has the windows of clip features; "" without any, as of videos_collection."""
        return f"{self.name}_clips" if self.milvus and self.moments else ""

    def to_json(self) -> str:
        values = dataclasses.asdict(self) | {"keyframes": self.keyframes.to_json()}
        if not self.views:  # a cliptrace that knows of none reads it, too
            del values["views"]
        if not self.descriptor:
            del values["descriptor"]
        if not self.moments:
            del values["moments"]
        if self.index.kind == DEFAULT_INDEX:  # as well
            del values["index"]["kind"]
        return json.dumps({**values, "metric": METRIC}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str) -> GalleryManifest:
        """source: the file, for the error message."""
        try:
            data = json.loads(text)
            version = data.pop("format_version")
            if version > FORMAT_VERSION:
                raise CliptraceError(
                    f"{source}: format version {version} is newer than this cliptrace ({FORMAT_VERSION}): upgrade it"
                )
            if (metric := data.pop("metric")) != METRIC or data["basis_fps"] != BASIS_FPS:
                raise CliptraceError(
                    f"{source}: metric {metric}, {data['basis_fps']} basis frames a second: not supported"
                )
            keyframes, index = KeyframeConfig(**data.pop("keyframes")), IndexConfig(**data.pop("index"))
            if index.kind not in INDEX_KINDS:
                raise CliptraceError(f"{source}: index {index.kind} is not known to this cliptrace: upgrade it")
            int(data["backbone"]["dimension"])
            views = tuple(data.pop("views", ()))
            described = data.pop("descriptor", None)
            descriptor = DescriptorConfig(**described) if described else None
            clips = data.pop("moments", None)
            moments = ClipsConfig(**clips) if clips else None
            return cls(
                **data,
                keyframes=keyframes,
                index=index,
                format_version=version,
                views=views,
                descriptor=descriptor,
                moments=moments,
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CliptraceError(f"{source}: not a gallery description: {error}") from error


def part_path(kind: str, run: str, part: str) -> str:
    """Where a shard (kind: frames, clips, videos, ledger) lies below the gallery; those of a commit share the rest."""
    return f"{kind}/run={run}/{part}.parquet"


def generation_of(run: str, part: str) -> int:
    """63-bit mark of a commit, on each of its rows in Milvus. It stays with a video whose shard is compacted."""
    return _key(f"{run}/{part}".encode())


def tombstone_path(video_id: str) -> str:
    """Where it is written, below the gallery, that a video was removed."""
    return f"removed/{video_key(video_id):016x}.json"


def decision_path(content: str, other: str) -> str:
    """Where it is written, below the gallery, what was decided on two videos: by their content, in either order."""
    first, second = sorted((content, other))
    return f"decisions/{hashlib.sha256(f'{first} {second}'.encode()).hexdigest()[:32]}.json"


def video_key(video_id: str) -> int:
    """63-bit key of a video: what filters name, so that no id is ever part of an expression."""
    return _key(video_id.encode())


def frame_key(video_id: str, time_s: float) -> int:
    """63-bit primary key of a keyframe, from the video, the frame's place on the basis grid, and its view."""
    steps = time_s % (1 / BASIS_FPS) / _VIEW_S
    view = int(steps) if steps < _MOST_VIEWS and steps.is_integer() else 0
    return _key(f"{video_id}\0{round(time_s * BASIS_FPS)}{f' {view}' if view else ''}".encode())


def time_of_view(times: NDArray[np.float64], view: int | NDArray[np.intp]) -> NDArray[np.float64]:
    """Where views of keyframes on the basis grid are kept: later by no more than what tells them apart."""
    return times + view * _VIEW_S


def view_of(times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the view of each keyframe, by ``time_of_view``; 0 for the frame itself."""
    steps = times % (1 / BASIS_FPS) / _VIEW_S
    return np.where((steps < _MOST_VIEWS) & (steps == np.floor(steps)), steps, 0).astype(np.int64)


def _key(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") >> 1


def collection_prefix(gallery_root: str, unique: str) -> str:
    """A Milvus name from the gallery's folder. unique: tells it apart from namesakes on a shared server."""
    stem = re.sub(r"\W", "_", gallery_root.rstrip("/").rsplit("/", 1)[-1], flags=re.ASCII)[:64]
    return f"cliptrace_{stem}_{unique}"
