"""What is fuzzed: ffprobe's answers, manifests, the files of a gallery. A worker that runs until an input ends it.

python -m benchmarks.hostile.targets TARGET SEED FIRST COUNT
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import random
import resource
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.harness.vectors import NoVectors
from benchmarks.hostile.mutations import VALUES, mutated, mutated_json
from cliptrace.models.backbones.registry import config_to_json, load_config
from cliptrace.schemas.config import DEFAULT_BACKBONE, KeyframeConfig, Limits
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import VIDEOS, GalleryManifest
from cliptrace.schemas.records import Failure, FrameFeatures, VideoInfo, VideoSource
from cliptrace.transforms.media.command import decode_command
from cliptrace.transforms.media.probe import info_of
from cliptrace.transforms.media.ranges import split
from cliptrace.transforms.sources import list_sources
from cliptrace.transforms.store import ledger
from cliptrace.transforms.store.gallery import FrameReader, Gallery, commit, read_videos

LIMIT_S = 20
"""Seconds after which an input counts as a hang."""
MEMORY_BYTES = 8 << 30

Fuzzed = Callable[[random.Random, Path], None]
"""Makes one input and feeds it to the product. Returns where it was taken, raises where it was refused."""


def work(target: str, seed: int, numbers: range) -> None:
    """One line an input on stdout. SIGALRM has no handler: it ends the process also where a library is stuck."""
    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(prefix="cliptrace-fuzz-") as name:
        folder = Path(name)
        fuzzed = TARGETS[target](folder)
        for number in numbers:
            signal.alarm(LIMIT_S)
            outcome, message = judged(fuzzed, random.Random(f"{target} {seed} {number}"), folder)
            signal.alarm(0)
            if outcome == "crash":
                message = f"input {number}: {message}"
            print(json.dumps({"outcome": outcome, "message": message}), flush=True)


def judged(fuzzed: Fuzzed, rng: random.Random, folder: Path) -> tuple[str, str]:
    """taken, refused (by an error of ours, in words), or crash (any other exception)."""
    try:
        fuzzed(rng, folder)
    except CliptraceError as error:
        return ("refused", str(error)[:300]) if len(str(error).split()) > 1 else ("crash", f"says only {error}")
    except Exception as error:
        return "crash", f"{type(error).__name__}: {str(error)[:300]}"
    return "taken", ""


# What ffprobe says


def _probe(folder: Path) -> Fuzzed:
    stream = {
        **{"codec_type": "video", "codec_name": "h264", "width": 640, "height": 360, "pix_fmt": "yuv420p"},
        **{"field_order": "progressive", "r_frame_rate": "25/1", "avg_frame_rate": "25/1"},
        **{"start_time": "0.000000", "duration": "900.000000", "tags": {"rotate": "90"}},
        "disposition": {"attached_pic": 0, "timed_thumbnails": 0},
        "side_data_list": [{"rotation": -90}],
    }
    container = {"format_name": "mov,mp4,m4a,3gp,3g2,mj2", "start_time": "0.000000", "duration": "900.000000"}
    answer = {"programs": [], "streams": [{"codec_type": "audio"}, stream], "format": container}

    def fuzzed(rng: random.Random, folder: Path) -> None:
        data = json.dumps(mutated_json(answer, rng)).encode()
        info = info_of(data if rng.random() < 0.8 else mutated(data, rng), 1, Limits())
        _use(info)

    return fuzzed


def _use(info: VideoInfo) -> None:
    """What decoding and storing make of it."""
    for part in split(VideoSource("v", "/v"), info, Limits()):
        decode_command("/v", info, start_s=part.start_s, seek_s=None, frames=1, size=8, limits=Limits())
    facts = dataclasses.asdict(info)
    schema = pa.schema([field for field in VIDEOS if field.name in facts])
    pa.Table.from_pylist([facts], schema=schema)
    assert math.isnan(info.duration_s) or 0 < info.duration_s < math.inf
    assert 0 <= info.fps < math.inf


# Manifests


def _manifest(folder: Path) -> Fuzzed:
    rows = [
        {"id": "first", "uri": "clips/a.mp4", "owner": "Bo, Ltd", "seconds": 12},
        {"id": "-second ä", "uri": "file:///clips/b c.mp4", "owner": '"quoted"', "seconds": 3},
        {"id": "", "uri": "c.mp4", "owner": "", "seconds": -1},
    ]
    columns = ",".join(rows[0])
    quoted = [",".join('"' + str(value).replace('"', '""') + '"' for value in row.values()) for row in rows]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([*rows, *rows] * 20), sink, compression="zstd")
    seeds = {
        "txt": "".join(f"{row['id']}\t{row['uri']}\n" for row in rows).encode(),
        "csv": ("\ufeff" + "\r\n".join([columns, *quoted]) + "\r\n").encode(),
        "parquet": sink.getvalue().to_pybytes(),
    }

    def fuzzed(rng: random.Random, folder: Path) -> None:
        suffix = rng.choice(("txt", "csv", "jsonl", "parquet"))
        if suffix == "jsonl":
            data = b"".join(json.dumps(mutated_json(row, rng)).encode() + b"\n" for row in rows)
            data = data if rng.random() < 0.5 else mutated(data, rng)
        else:
            data = mutated(seeds[suffix], rng)
        path = folder / f"manifest.{suffix}"
        path.write_bytes(data)
        for source in list_sources([str(path)]).sources:
            json.dumps(dataclasses.asdict(source)).encode()
            pa.array([source.video_id, source.fingerprint, *source.metadata, *source.metadata.values()], pa.string())

    return fuzzed


# The files of a gallery


def _gallery(folder: Path) -> Fuzzed:
    root = folder / "gallery"
    config = {**config_to_json(load_config(DEFAULT_BACKBONE)), "dimension": 8}
    gallery = Gallery.create(str(root), GalleryManifest(name="fuzz", backbone=config, keyframes=KeyframeConfig()))
    embeddings = np.eye(8, dtype=np.float32)
    info = VideoInfo(4.0, 25.0, 64, 48, "h264", content_sha256="ef" * 32)
    videos = [
        FrameFeatures(
            VideoSource(name, f"/videos/{name}", "1-1", {"owner": "Bo"}),
            info,
            np.arange(8) / 2,
            np.ones(8, np.float32),
            embeddings,
            np.empty(0),
            4.0,
        )
        for name in ("a", "b ä", "c" * 200)
    ]
    commit(gallery, NoVectors(), "R1", videos)  # type: ignore[arg-type]
    ledger.write_failed(str(root), "R1", "part-0-failed", [Failure("/x", "x", "probe", "MediaError", "is no video")])
    seeds = {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}

    def fuzzed(rng: random.Random, folder: Path) -> None:
        path = rng.choice(list(seeds))
        is_table = path.suffix == ".parquet" and rng.random() < 0.5
        try:
            path.write_bytes((_mutated_table if is_table else mutated)(seeds[path], rng))
            _read(str(root))
        finally:
            path.write_bytes(seeds[path])

    return fuzzed


def _mutated_table(data: bytes, rng: random.Random) -> bytes:
    """A good Parquet file of another table: a column less, of another type, or with other values."""
    table = pq.read_table(pa.BufferReader(data))
    at = rng.randrange(table.num_columns)
    name, column = table.column_names[at], table.column(at).to_pylist()
    column[rng.randrange(len(column))] = rng.choice((*VALUES, b"\xff\xfe", [("k", "v")]))
    kinds = [pa.string(), pa.float64(), pa.binary(), pa.list_(pa.float16())]
    if not pa.types.is_map(table.schema.types[at]):  # of odd values pyarrow cannot make one: it aborts
        kinds.append(table.schema.types[at])
    for kind in rng.sample(kinds, len(kinds)):
        try:
            changed = table.set_column(at, pa.field(name, kind), pa.array(column, kind))
            break
        except (pa.ArrowException, ValueError, TypeError, OverflowError, AttributeError):
            changed = table.drop_columns([name])
    sink = pa.BufferOutputStream()
    pq.write_table(changed, sink, row_group_size=rng.choice((1, 4, 8, 1000)))
    return sink.getvalue().to_pybytes()


def _read(root: str) -> None:
    """All that a search or the next run reads."""
    gallery = Gallery.load(root)
    assert gallery is not None
    ledger.plan([], ledger.latest(ledger.read_attempts(root)))
    reader = FrameReader(gallery)
    for video in read_videos(gallery).values():
        times, embeddings = reader.read(video)
        assert len(times) == len(embeddings)


TARGETS: dict[str, Callable[[Path], Fuzzed]] = {"probe": _probe, "manifest": _manifest, "gallery": _gallery}


if __name__ == "__main__":
    work(sys.argv[1], int(sys.argv[2]), range(int(sys.argv[3]), int(sys.argv[4])))
