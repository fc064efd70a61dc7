"""How long a query takes as the gallery grows, with each engine of cliptrace match: search, candidates, alignment.

python -m benchmarks.speed.query_latency [--sizes 1000 10000 100000 1000000] [--queries 30] [--server]
[--seed 1]

Keyframe embeddings of the footage that CLIPTRACE_FOOTAGE names are repeated and perturbed until the gallery is large
enough. Galleries contain one another, and queries are perturbed parts of the smallest one's videos, of whose footage
the others hold nothing. Above 150,000 keyframes, which the embedded Milvus needs minutes to take in, it is not asked.

--server: the 2.3 server of deploy/milvus, too, with HNSW. It is started when the others have answered, so that it takes
nothing from them, and gets the same keyframes and queries. At every size it is asked when it has merged and indexed all
and has come to rest. Where it does not start, it is left out, and why is said.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.metadata
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before numpy is imported

import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.splits import find_footage
from benchmarks.harness.command import Question, Result, add_seed, save
from benchmarks.harness.vectors import NoVectors
from benchmarks.speed import tables
from benchmarks.speed.server import server, settle
from benchmarks.speed.tables import STEPS
from cliptrace.models.backbones.pooling import unit
from cliptrace.models.backbones.registry import Embedder, load_config
from cliptrace.models.keyframes import make_selector
from cliptrace.pipelines.index import IndexOptions, open_or_create
from cliptrace.schemas.config import BASIS_FPS, DEFAULT_BACKBONE, ENGINES, NO_DESCRIPTOR, Engine, KeyframeConfig, Limits
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.records import FrameFeatures, VideoInfo, VideoSource
from cliptrace.transforms.aligning import match_pair
from cliptrace.transforms.extract import extract_range
from cliptrace.transforms.matching import Find, MatchConfig
from cliptrace.transforms.media.probe import probe
from cliptrace.transforms.media.ranges import split
from cliptrace.transforms.store.gallery import FrameReader, Gallery, StoredVideo, commit, read_videos
from cliptrace.transforms.store.hits import Hits
from cliptrace.transforms.store.vectors import VectorStore

PER_SECOND = 2.0
VIDEO_KEYFRAMES = (50, 200)
QUERY_KEYFRAMES = (40, 120)
GALLERY_NOISE = 0.75  # of unit length: a repeated keyframe has a cosine of 0.80 with its origin, 0.64 with its twins
QUERY_NOISE = 0.5  # a query's keyframe has a cosine of 0.89 with its origin
ASKED_SHARE = 0.4  # of the footage, from which queries and the smallest gallery are
OTHERS = 100_000  # the first number of the videos that no query is of
COMMIT_KEYFRAMES = 20_000  # of one commit of cliptrace index
EMBEDDED_KEYFRAMES = 150_000  # most that the embedded Milvus is asked about
SERVER = "milvus server"

Floats = NDArray[np.float32]
Query = tuple[FrameFeatures, str]
"""And the id of the video that it is a part of."""
T = TypeVar("T")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000, 1_000_000], metavar="KEYFRAMES")
    parser.add_argument("--queries", type=int, default=30, metavar="N")
    parser.add_argument("--server", action="store_true", help="ask a Milvus server, too, which is started for it")
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    base = real_embeddings()
    rows = grown(base, arguments)
    data = {"base_keyframes": len(base), "queries": arguments.queries, "backbone": DEFAULT_BACKBONE}
    result: Result = {"data": data, "sizes": rows}
    with contextlib.ExitStack() as stack:
        uri = started(stack) if arguments.server else ""
        if uri:
            save(result, arguments)
            data["server"] = importlib.metadata.version("milvus")
            for row, with_server in zip(rows, grown(base, arguments, uri), strict=True):
                row["engines"] |= with_server["engines"]
    return result


def started(stack: contextlib.ExitStack) -> str:
    """The address of a server that runs until the stack is closed; "" where it does not start."""
    try:
        return stack.enter_context(server())
    except CliptraceError as error:
        print(f"{SERVER}: left out: {error}", file=sys.stderr)
        return ""


def grown(base: Floats, arguments: argparse.Namespace, uri: str = "") -> list[Result]:
    """Of each size what the engines of a gallery without a server answer; with the address of one, what that does.

    Keyframes and queries are the same every time: the seed makes them.
    """
    rng = np.random.default_rng(arguments.seed)
    asked_of = round(ASKED_SHARE * len(base))
    videos, others = repeated(base[:asked_of], rng), repeated(base[asked_of:], rng, OTHERS)
    answers = of_server if uri else without_server
    rows: list[Result] = []
    asked: list[Query] = []
    with tempfile.TemporaryDirectory(prefix="cliptrace-bench-") as folder:
        gallery = open_or_create(IndexOptions(sources=(), gallery=folder, descriptor=NO_DESCRIPTOR, milvus=uri or None))
        smallest: list[FrameFeatures] = []
        keyframes = 0
        for size in sorted(arguments.sizes):
            added = take(others if smallest else videos, size - keyframes)
            smallest = smallest or added
            asked = asked or [perturbed_part(smallest, rng) for _ in range(arguments.queries)]
            keyframes += sum(len(video.times) for video in added)
            print(f"{keyframes:,} keyframes" + (", on a server" if uri else ""), file=sys.stderr)
            engines = answers(gallery, size, added, asked)
            rows.append({"keyframes": keyframes, "videos": len(read_videos(gallery)), "engines": engines})
    return rows


def without_server(gallery: Gallery, size: int, added: list[FrameFeatures], asked: list[Query]) -> Result:
    is_embedded = size <= EMBEDDED_KEYFRAMES
    fill(gallery, added, f"run{size}", is_embedded)
    return {engine: ask(gallery, asked, engine) for engine in ENGINES if engine == "exact" or is_embedded}


def of_server(gallery: Gallery, size: int, added: list[FrameFeatures], asked: list[Query]) -> Result:
    """load_s: seconds until all is stored and indexed, as cliptrace index waits for it after many videos."""
    _, fill_ms = clock(lambda: fill(gallery, added, f"run{size}"))
    with gallery.vectors() as vectors:
        _, index_ms = clock(vectors.compact)
    _, rest_ms = clock(lambda: settle(gallery))
    seconds = [round(ms / 1000) for ms in (fill_ms, index_ms, rest_ms)]
    print("stored after {} s, indexed after {} more, at rest after {} more".format(*seconds), file=sys.stderr)
    return {SERVER: {"load_s": (fill_ms + index_ms) / 1000, **ask(gallery, asked, "milvus")}}


def real_embeddings() -> Floats:
    """Keyframes of all footage, one video after the other: float32[N, D]."""
    footage = find_footage()
    limits, embedder = Limits(), Embedder.open(load_config(DEFAULT_BACKBONE))
    selector = make_selector(KeyframeConfig("uniform", per_second=PER_SECOND), BASIS_FPS)

    def embeddings(path: str) -> list[Floats]:
        parts = split(VideoSource(path, path), probe(path, limits), limits)
        return [extract_range(path, part, selector, embedder, limits).embeddings for part in parts]

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(embeddings, (str(footage.root / path) for path in footage.paths)))
    return np.concatenate([part for parts in found for part in parts])


def repeated(base: Floats, rng: np.random.Generator, first: int = 0) -> Iterator[FrameFeatures]:
    """Endless videos, numbered from ``first`` on: runs of the base's keyframes, each with noise of its own."""
    for number in itertools.count(first):
        count = int(rng.integers(*VIDEO_KEYFRAMES, endpoint=True))
        rows = (int(rng.integers(len(base))) + np.arange(count)) % len(base)
        yield as_video(f"video-{number:05}", perturbed(base[rows], GALLERY_NOISE, rng))


def perturbed_part(videos: Sequence[FrameFeatures], rng: np.random.Generator) -> Query:
    """A query, and the id of the video that it is a part of."""
    video = videos[int(rng.integers(len(videos)))]
    count = min(int(rng.integers(*QUERY_KEYFRAMES, endpoint=True)), len(video.times))
    start = int(rng.integers(len(video.times) - count + 1))
    return as_video("query", perturbed(video.embeddings[start : start + count], QUERY_NOISE, rng)), video.video_id


def perturbed(rows: Floats, noise: float, rng: np.random.Generator) -> Floats:
    return unit(rows + np.float32(noise) * unit(rng.standard_normal(rows.shape, np.float32)))


def as_video(name: str, embeddings: Floats) -> FrameFeatures:
    count = len(embeddings)
    info = VideoInfo(count / PER_SECOND, fps=25.0, width=320, height=240, codec="h264")
    times = np.arange(count) / PER_SECOND
    scores, cuts = np.ones(count, np.float32), np.empty(0)
    return FrameFeatures(VideoSource(name, name), info, times, scores, embeddings, cuts, info.duration_s)


def take(videos: Iterator[FrameFeatures], keyframes: int) -> list[FrameFeatures]:
    """The next videos, at least so many keyframes of them; fewer where there are no more."""
    taken = []
    while keyframes > 0 and (video := next(videos, None)):
        taken.append(video)
        keyframes -= len(video.times)
    return taken


def fill(gallery: Gallery, videos: list[FrameFeatures], run: str, into_milvus: bool = True) -> None:
    """As cliptrace index commits them."""
    waiting = iter(videos)
    with gallery.vectors() if into_milvus else contextlib.nullcontext(cast(VectorStore, NoVectors())) as vectors:
        while batch := take(waiting, COMMIT_KEYFRAMES):
            commit(gallery, vectors, run, batch)
        vectors.flush()


def ask(gallery: Gallery, queries: list[Query], engine: Engine) -> Result:
    """Milliseconds of every step of every query, from stores that were just opened, after one query to warm up."""
    backbone = load_config(DEFAULT_BACKBONE)
    config = dataclasses.replace(MatchConfig.suited_to(backbone), engine=engine)
    opening = time.perf_counter()
    with contextlib.closing(_Find(gallery, config, backbone)) as find:
        find.open()
        asked_of = Opened(find, read_videos(gallery), FrameReader(gallery), config)
        one_query(asked_of, queries[0][0])
        opened_ms = (time.perf_counter() - opening) * 1000
        answers = [one_query(asked_of, query) for query, _ in queries]
    first = [best == truth for (best, _), (_, truth) in zip(answers, queries, strict=True)]
    steps = {step: [times[step] for _, times in answers] for step in STEPS}
    per_keyframe = [ms / len(query.times) for ms, (query, _) in zip(steps["total"], queries, strict=True)]
    return {
        "open_ms": opened_ms,
        "recall_at_1": statistics.mean(first),
        "milliseconds": {step: percentiles(times) for step, times in {**steps, "per keyframe": per_keyframe}.items()},
    }


class _Find(Find):
    """With the milliseconds of the last search."""

    search_ms = 0.0

    def _search(self, query: FrameFeatures) -> Hits:
        hits, self.search_ms = clock(lambda: super(_Find, self)._search(query))
        return hits


@dataclasses.dataclass(frozen=True)
class Opened:
    """What a process that matches has open."""

    find: _Find
    videos: dict[str, StoredVideo]
    frames: FrameReader
    config: MatchConfig


def one_query(opened: Opened, query: FrameFeatures) -> tuple[str, dict[str, float]]:
    """The best match's video, and milliseconds by step: what FindCandidates and AlignCandidates do with one query."""
    (found,), find_ms = clock(lambda: list(opened.find(query)))
    matches, align_ms = clock(
        lambda: [
            match_pair(found.query, opened.videos[each.ref_id], each, opened.frames, opened.config)
            for each in found.candidates
        ]
    )
    best = max((match for match in matches if match), key=lambda match: match.score, default=None)
    search_ms = opened.find.search_ms
    times = search_ms, find_ms - search_ms, align_ms, find_ms + align_ms
    return best.ref_id if best else "", dict(zip(STEPS, times, strict=True))


def clock(work: Callable[[], T]) -> tuple[T, float]:
    """What ``work`` returns, and the milliseconds that it takes."""
    begin = time.perf_counter()
    result = work()
    return result, (time.perf_counter() - begin) * 1000


def percentiles(values: list[float]) -> dict[str, float]:
    return {"p50": float(np.percentile(values, 50)), "p95": float(np.percentile(values, 95))}


QUESTION = Question(
    "benchmarks.speed.query_latency",
    __doc__,
    options,
    measure,
    tables.query_latency,
    ("numpy", "pyarrow", "pymilvus", "milvus-lite"),
)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
