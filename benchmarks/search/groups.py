"""How long all pairs of a gallery take as it grows, against a search of every video, and what groups footage has.

python -m benchmarks.search.groups [--sizes 1000 10000 100000] [--searched 50] [--footage] [--seed 1]

Keyframe embeddings of the footage that CLIPTRACE_FOOTAGE names are perturbed until each is a distractor, and repeated
until the gallery is large enough; copies are perturbed less. With --footage its videos are indexed, and grouped as the
command does.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before numpy is imported

import numpy as np
from apache_beam.utils.shared import Shared

from benchmarks.attacks.splits import find_footage
from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.harness.vectors import NoVectors
from benchmarks.search import tables
from benchmarks.speed.query_latency import (
    COMMIT_KEYFRAMES,
    QUERY_NOISE,
    VIDEO_KEYFRAMES,
    Floats,
    as_video,
    perturbed,
    real_embeddings,
    take,
)
from cliptrace.models.backbones.registry import load_config
from cliptrace.pipelines import groups, index
from cliptrace.schemas.config import DEFAULT_BACKBONE, NO_DESCRIPTOR
from cliptrace.schemas.records import FrameFeatures
from cliptrace.transforms.matching import Find, MatchConfig, evident_frames
from cliptrace.transforms.store.gallery import FrameReader, Gallery, commit, read_videos
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.stored import source_of, stored_features
from cliptrace.transforms.together import BATCH_KEYFRAMES, Meet, cut, write_floors

DISTRACTOR_NOISE = 2.0
"""Of unit length: a keyframe has a cosine of 0.45 with its origin, 0.2 with its twins."""
COPIED = 20

Pairs = set[frozenset[str]]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000], metavar="KEYFRAMES")
    parser.add_argument("--searched", type=int, default=50, metavar="N", help="videos that are searched one by one")
    parser.add_argument("--footage", action="store_true", help="index and group the footage, too")
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    base = real_embeddings()
    result: Result = {
        "data": {"base_keyframes": len(base), "copied": COPIED, "backbone": DEFAULT_BACKBONE},
        "sizes": [compared(base, size, arguments) for size in sorted(arguments.sizes)],
    }
    return {**result, "footage": footage_groups()} if arguments.footage else result


def compared(base: Floats, size: int, arguments: argparse.Namespace) -> Result:
    with tempfile.TemporaryDirectory(prefix="cliptrace-bench-") as folder:
        made = library(base, np.random.default_rng(arguments.seed))
        gallery = Gallery.create(
            folder, index.new_manifest(index.IndexOptions(sources=(), gallery=folder, descriptor=NO_DESCRIPTOR))
        )
        copies: Pairs = set()
        keyframes = 0
        while keyframes < size:
            batch = list(take_with_origin(made, min(COMMIT_KEYFRAMES, size - keyframes), copies))
            commit(gallery, NoVectors(), f"run{keyframes}", batch)  # type: ignore[arg-type]
            keyframes += sum(len(video.times) for video in batch)
        print(f"{keyframes:,} keyframes in the gallery", file=sys.stderr)
        wall, cpu = time.perf_counter(), time.process_time()
        pairs = all_pairs(gallery, f"{folder}/floors.parquet")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return {
            "keyframes": keyframes,
            "videos": len(read_videos(gallery)),
            "wall_s": wall,
            "cpu_s": cpu,
            "pairs": len(pairs),
            "recall": len(copies & pairs) / len(copies) if copies else 1.0,
            "searched": one_by_one(gallery, pairs, arguments.searched),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def library(base: Floats, rng: np.random.Generator) -> Iterator[tuple[FrameFeatures, str]]:
    """Endless videos, and of which each is a copy; "" for distractors."""
    before: list[FrameFeatures] = []
    while True:
        name = f"video-{len(before):06}"
        if before and len(before) % COPIED == 0:
            origin = before[int(rng.integers(len(before)))]
            yield as_video(name, perturbed(origin.embeddings, QUERY_NOISE, rng)), origin.video_id
            before.append(origin)
        else:
            count = int(rng.integers(*VIDEO_KEYFRAMES, endpoint=True))
            rows = (int(rng.integers(len(base))) + np.arange(count)) % len(base)
            before.append(as_video(name, perturbed(base[rows], DISTRACTOR_NOISE, rng)))
            yield before[-1], ""


def take_with_origin(
    made: Iterator[tuple[FrameFeatures, str]], keyframes: int, copies: Pairs
) -> Iterator[FrameFeatures]:
    """The next videos; copies: gets the pairs among them and those before."""

    def named() -> Iterator[FrameFeatures]:
        for video, origin in made:
            if origin:
                copies.add(frozenset((video.video_id, origin)))
            yield video

    yield from take(named(), keyframes)


def config() -> MatchConfig:
    return MatchConfig.suited_to(load_config(DEFAULT_BACKBONE), engine="exact")


def all_pairs(gallery: Gallery, floors: str) -> Pairs:
    """What the candidates of cliptrace groups are, from a gallery that was not searched before."""
    videos = sorted(read_videos(gallery).values(), key=lambda video: video.video_id)
    write_floors(floors, gallery, [video.video_id for video in videos], config(), load_config(DEFAULT_BACKBONE))
    meet = Meet(gallery, floors, SharedVideos(gallery), Shared())
    meet.open()
    batches = cut(videos, lambda video: video.keyframes, BATCH_KEYFRAMES)
    asked = [each for some in batches for each in meet([source_of(video) for video in some])]
    meet.close()
    return {frozenset((each.source.video_id, name)) for each in asked for name in each.partners}


def one_by_one(gallery: Gallery, pairs: Pairs, most: int) -> Result:
    """CPU seconds of a search of every video, from those of some, and how many of their pairs are not the same."""
    backbone, frames = load_config(DEFAULT_BACKBONE), FrameReader(gallery)
    find = Find(gallery, dataclasses.replace(config(), at_least=0), backbone)
    find.open()
    videos = list(read_videos(gallery).values())
    asked = videos[:: max(1, len(videos) // most)]
    unlike = 0
    cpu = time.process_time()
    for stored in asked:
        query = dataclasses.replace(stored_features(stored, frames), known_as=stored.video_id)
        found = {
            frozenset((query.video_id, candidate.ref_id))
            for each in find(query)
            for candidate in each.candidates
            if candidate.seen >= evident_frames(query)
        }
        unlike += len(found - pairs)
    spent = time.process_time() - cpu
    find.close()
    return {"videos": len(asked), "cpu_s": spent * len(videos) / len(asked), "unlike": unlike}


def footage_groups() -> Result:
    footage = find_footage()
    with tempfile.TemporaryDirectory(prefix="cliptrace-bench-") as folder:
        asked = index.IndexOptions(sources=(str(footage.root),), gallery=f"{folder}/gallery")
        index.run(index.prepare(asked))
        begin = time.perf_counter()
        options = groups.GroupsOptions(gallery=f"{folder}/gallery", output=f"{folder}/groups.jsonl")
        done = groups.run(groups.prepare(options))
        wall_s = time.perf_counter() - begin
        with open(options.output, encoding="utf-8") as lines:  # noqa: PTH123
            rows = [row for row in map(json.loads, lines) if row["group"]]
    found = [[member["id"] for member in row["members"]] for row in rows]
    return {"videos": done.videos, "wall_s": wall_s, "groups": found, "parts": done.parts}


QUESTION = Question("benchmarks.search.groups", __doc__, options, measure, tables.groups, ("numpy", "pyarrow"))

if __name__ == "__main__":
    sys.exit(QUESTION.main())
