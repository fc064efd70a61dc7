"""What finds the video that a query is from: its descriptor, its frames, or either; by gallery size and by how much of
the query is copied.

python -m benchmarks.star_gnn.two_stages [--sizes 1000 10000 100000] [--queries 60] [--backbone NAME|FILE]

The product's own exact engine searches both; embeddings are of the test split, distractors as in benchmarks.star_gnn.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.command import Question, Result, add_backbone, add_seed
from benchmarks.star_gnn import tables
from benchmarks.star_gnn.copies import QUERY, recombined_embeddings
from benchmarks.star_gnn.videos import load
from cliptrace.models.alignment.candidates import group_hits, searched_frames
from cliptrace.models.backbones.pooling import unit
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.star_gnn.clips import Clip
from cliptrace.models.star_gnn.config import StarGNNTraining
from cliptrace.transforms.store.descriptors import VideoSearch
from cliptrace.transforms.store.exact.rows import MappedRows
from cliptrace.transforms.store.exact.search import ExactSearch

Floats = NDArray[np.float32]

SHARES = {"whole": 1.0, "half": 0.5, "a tenth": 0.1}
"""Of a query, that is copied."""
_FRAMES = 20
"""Of a query."""
_PER_FRAME, _AMONG = 64, 20
"""Videos that each frame names, as the product asks for; and among how many the right one must be."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10000, 100000], metavar="VIDEOS")
    parser.add_argument("--queries", type=int, default=60, help="of each share")
    add_seed(parser)
    add_backbone(parser)


def measure(arguments: argparse.Namespace) -> Result:
    backbone, config = load_config(arguments.backbone), StarGNNTraining()
    clips = load(backbone, arguments.output / "features", config.footage)
    asked = {name: queries(clips.test, clips.train, share, arguments) for name, share in SHARES.items()}
    originals = [clip.embeddings[0].astype(np.float32) for clip in clips.test]
    sizes: dict[str, Any] = {}
    for size in arguments.sizes:
        others = recombined_embeddings(clips.distractors, size - len(originals), arguments.seed)
        sizes[str(size)] = _of_size([*originals, *others], asked)
    return {"queries": arguments.queries, "among": _AMONG, "sizes": sizes}


def queries(
    clips: Sequence[Clip], others: Sequence[Clip], share: float, arguments: argparse.Namespace
) -> list[tuple[int, Floats]]:
    """Number of a clip, and float32[F, E] of a query of which a share is copied from it, amid footage that no video of
    the gallery has."""
    random = np.random.default_rng([arguments.seed, round(100 * share)])
    made = []
    for number in random.permutation(len(clips))[: arguments.queries].tolist():
        copy = clips[number].embeddings[QUERY].astype(np.float32)
        copied = max(round(share * _FRAMES), 1)
        start = int(random.integers(max(len(copy) - copied, 0) + 1))
        piece = np.resize(np.arange(start, min(start + copied, len(copy))), copied)
        before = int(random.integers(_FRAMES - copied + 1))
        rest = others[int(random.integers(len(others)))].embeddings[0].astype(np.float32)
        around = rest[np.resize(np.arange(len(rest)), _FRAMES - copied)]
        made.append((number, np.concatenate([around[:before], copy[piece], around[before:]])))
    return made


def _of_size(videos: Sequence[Floats], asked: dict[str, list[tuple[int, Floats]]]) -> Result:
    names = np.array([f"{number:07}" for number in range(len(videos))])
    by_frame = ExactSearch(_rows(videos, names))
    by_video = VideoSearch(_rows([_mean(video) for video in videos], names))
    frames = sum(len(video) for video in videos)
    row: Result = {
        "keyframes": frames,
        "frame_bytes": 4 * frames * videos[0].shape[1],
        "video_bytes": 4 * len(videos) * videos[0].shape[1],
        "shares": {},
    }
    for share, some in asked.items():
        of_frames, frame_ms = _asked(lambda rows: _of_frames(by_frame, rows), some)
        of_videos, video_ms = _asked(lambda rows: _first(by_video, rows), some)
        right = [names[number] for number, _ in some]
        found = {
            "frame": [name in these for name, these in zip(right, of_frames, strict=True)],
            "video": [name in these for name, these in zip(right, of_videos, strict=True)],
        }
        found["both"] = [a or b for a, b in zip(found["frame"], found["video"], strict=True)]
        ms = {"frame": frame_ms, "video": video_ms, "both": frame_ms + video_ms}
        row["shares"][share] = {kind: {"recall": float(np.mean(hits)), "ms": ms[kind]} for kind, hits in found.items()}
    by_frame.close()
    return row


def _asked(search: Callable[[Floats], list[str]], some: list[tuple[int, Floats]]) -> tuple[list[list[str]], float]:
    """The answers, and the median of the milliseconds."""
    answers, taken = [], []
    for _, rows in some:
        started = time.perf_counter()
        answers.append(search(rows))
        taken.append(1000 * (time.perf_counter() - started))
    return answers, float(np.median(taken))


def _of_frames(search: ExactSearch, rows: Floats) -> list[str]:
    """Candidates as match has them: by the votes of two frames a second."""
    searched = rows[searched_frames(len(rows), len(rows) / StarGNNTraining().footage.per_second)]
    hits = search.search(searched, _PER_FRAME)
    found = group_hits("", hits.query_rows, hits.ref_ids, hits.ref_frames, hits.similarities)
    return [candidate.ref_id for candidate in found[:_AMONG]]


def _first(search: VideoSearch, rows: Floats) -> list[str]:
    nearest = search.nearest(_mean(rows), _AMONG)
    return [name for name, _ in (next(nearest, ("", 0.0)) for _ in range(_AMONG))]


def _mean(rows: Floats) -> Floats:
    return unit(rows.mean(axis=0, keepdims=True))


def _rows(videos: Sequence[Floats], names: NDArray[np.str_]) -> MappedRows:
    counts = np.array([len(video) for video in videos], np.int64)
    return MappedRows(np.concatenate(videos), names, np.cumsum(counts) - counts, counts)


QUESTION = Question("benchmarks.star_gnn.two_stages", __doc__, options, measure, tables.two_stages)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
