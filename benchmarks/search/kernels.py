"""Which kernel the exact engine should have: the nearest videos of the same keyframes by each, how fast and how large.

python -m benchmarks.search.kernels [--sizes 100000 1000000] [--repeats 20] [--kernels NAME ...] [--seed 1]

Galleries are made of footage as benchmarks.speed.query_latency makes them, as one file that is mapped into memory; a
query is a perturbed part of a gallery video, another one each time. All kernels have all cores; none is asked which
keyframe of a video is the nearest.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before numpy is imported

import numpy as np

from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.search import tables
from benchmarks.search.contestants import FAISS_ROWS, KERNELS, NEAREST, NEEDS, SECOND_LOOK, Floats, Maker, Whole, needed
from benchmarks.speed.query_latency import QUERY_NOISE, clock, percentiles, perturbed, real_embeddings, repeated
from cliptrace.schemas.config import DEFAULT_BACKBONE
from cliptrace.transforms.store.exact.rows import MappedRows
from cliptrace.transforms.store.exact.search import highest

QUERY_KEYFRAMES = 60  # two a second of half a minute
ROUNDING = 1e-6  # by which kernels differ in the same similarity


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000], metavar="KEYFRAMES")
    parser.add_argument("--repeats", type=int, default=20, metavar="N", help="searches that are timed")
    parser.add_argument("--kernels", nargs="+", default=list(KERNELS), choices=KERNELS, metavar="NAME")
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    packages = {NEEDS[name] for name in arguments.kernels if name in NEEDS}
    for package in sorted(packages):
        needed(package)
    if "faiss" in packages:
        arguments.facts["versions"]["faiss-cpu"] = importlib.metadata.version("faiss-cpu")
    base = real_embeddings()
    data = {
        "base_keyframes": len(base),
        "backbone": DEFAULT_BACKBONE,
        "dimension": base.shape[1],
        "query_keyframes": QUERY_KEYFRAMES,
        "nearest": NEAREST,
        "second_look": SECOND_LOOK,
        "faiss_rows": FAISS_ROWS,
        "repeats": arguments.repeats,
    }
    return {"data": data, "sizes": [compared(base, size, arguments) for size in sorted(arguments.sizes)]}


def compared(base: Floats, size: int, arguments: argparse.Namespace) -> Result:
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="cliptrace-bench-") as folder:
        gallery = mapped(Path(folder) / "rows.f32", base, size, rng)
        queries = [query(gallery, rng) for _ in range(arguments.repeats)]
        truth = similarities(gallery, queries)
        print(f"{len(gallery.values):,} keyframes in the gallery", file=sys.stderr)
        return {
            "keyframes": len(gallery.values),
            "videos": len(gallery.counts),
            "kernels": {name: asked(KERNELS[name], gallery, queries, truth) for name in arguments.kernels},
        }


def mapped(file: Path, base: Floats, size: int, rng: np.random.Generator) -> MappedRows:
    """At least ``size`` rows, written and mapped."""
    videos, counts = repeated(base, rng), list[int]()
    with file.open("wb") as rows:
        while sum(counts) < size:
            embeddings = next(videos).embeddings
            rows.write(np.ascontiguousarray(embeddings, np.float32).tobytes())
            counts.append(len(embeddings))
    values = np.memmap(file, np.float32, "r", shape=(sum(counts), base.shape[1]))
    names = np.array([f"video-{number:05}" for number in range(len(counts))])
    return MappedRows(values, names, np.cumsum([0, *counts[:-1]]), np.array(counts))


def query(gallery: MappedRows, rng: np.random.Generator) -> Floats:
    """float32[QUERY_KEYFRAMES, D]: a perturbed part of one of the videos that are long enough."""
    video = gallery.of(int(rng.choice(np.flatnonzero(gallery.counts >= QUERY_KEYFRAMES))))
    start = int(rng.integers(len(video) - QUERY_KEYFRAMES + 1))
    return perturbed(video[start : start + QUERY_KEYFRAMES], QUERY_NOISE, rng)


def similarities(gallery: MappedRows, queries: list[Floats]) -> list[Floats]:
    """The truth, one video after the other: float32[Q, V] for each query."""
    rows = np.concatenate(queries)
    best = np.stack([(gallery.of(video) @ rows.T).max(axis=0) for video in range(len(gallery.counts))], axis=1)
    return np.split(best, len(queries))


def asked(make: Maker, gallery: MappedRows, queries: list[Floats], truth: list[Floats]) -> Result:
    """After one query to warm up."""
    kernel, build_ms = clock(lambda: make(gallery))
    kernel.nearest(queries[0])
    answers = [clock(functools.partial(kernel.nearest, each)) for each in queries]
    return {
        "milliseconds": percentiles([ms for _, ms in answers]),
        "bytes_a_keyframe": kernel.bytes_a_keyframe,
        "build_s": build_ms / 1000,
        "recall": float(np.mean([recall(found, each) for (found, _), each in zip(answers, truth, strict=True)])),
    }


def recall(found: Whole, truth: Floats) -> float:
    """Share of the nearest videos that were found; as near as the last of them is near enough.

    found: int64[Q, NEAREST], numbers of different videos, or -1. truth: float32[Q, V].
    """
    least = np.array([row[highest(row, NEAREST)[-1]] for row in truth], np.float32)
    near = np.take_along_axis(truth, found, axis=1) >= least[:, None] - ROUNDING
    return float((near & (found >= 0)).mean())


QUESTION = Question("benchmarks.search.kernels", __doc__, options, measure, tables.kernels, ("numpy", "onnxruntime"))

if __name__ == "__main__":
    sys.exit(QUESTION.main())
