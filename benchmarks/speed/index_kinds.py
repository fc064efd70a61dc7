"""What each kind of index of a Milvus server finds, and how fast: recall, milliseconds a search, seconds to make.

python -m benchmarks.speed.index_kinds [--keyframes 100000] [--queries 20] [--kinds KIND …] [--milvus URI] [--seed 1]

Keyframes and queries are those of query_latency. Without --milvus the 2.3 server of deploy/milvus is started for it.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import sys
import uuid
from collections.abc import Sequence

import numpy as np

from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.speed import tables
from benchmarks.speed.query_latency import Floats, clock, percentiles, perturbed_part, real_embeddings, repeated, take
from benchmarks.speed.server import server
from cliptrace.pipelines.index import IndexOptions, new_manifest
from cliptrace.schemas.config import NO_DESCRIPTOR
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.indexes import INDEX_KINDS, IndexConfig
from cliptrace.schemas.records import FrameFeatures
from cliptrace.transforms.store.vectors import VectorStore

_NEAREST = 8
"""Videos that a frame asks for, as MatchConfig has it."""
_VIDEOS_PER_CALL = 100


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keyframes", type=int, default=100_000, metavar="N")
    parser.add_argument("--queries", type=int, default=20, metavar="N")
    parser.add_argument("--kinds", nargs="+", choices=tuple(INDEX_KINDS), default=list(INDEX_KINDS), metavar="KIND")
    parser.add_argument("--milvus", default="", metavar="URI")
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    rng = np.random.default_rng(arguments.seed)
    base = real_embeddings()
    videos = take(repeated(base, rng), arguments.keyframes)
    queries = [perturbed_part(videos, rng)[0].embeddings for _ in range(arguments.queries)]
    nearest = [nearest_videos(query, videos) for query in queries]
    with server(arguments.milvus) as uri:
        kinds = {kind: figures(uri, kind, videos, queries, nearest) for kind in arguments.kinds}
    keyframes = sum(len(video.times) for video in videos)
    data = {"base_keyframes": len(base), "keyframes": keyframes, "videos": len(videos), "queries": len(queries)}
    return {"data": data, "kinds": kinds}


def nearest_videos(query: Floats, videos: Sequence[FrameFeatures]) -> list[set[str]]:
    """Of each frame the videos with the nearest keyframes, by a product with all of them."""
    best = np.stack([(query @ video.embeddings.T).max(axis=1) for video in videos], axis=1)
    columns = np.argsort(-best, axis=1)[:, :_NEAREST]
    return [{videos[column].video_id for column in row} for row in columns]


def figures(
    uri: str, kind: str, videos: Sequence[FrameFeatures], queries: Sequence[Floats], nearest: Sequence[list[set[str]]]
) -> Result:
    """refused: what the server says of a kind that it has not. recall: of the nearest videos of each frame."""
    manifest = new_manifest(IndexOptions(sources=(), gallery="bench", milvus=uri, descriptor=NO_DESCRIPTOR))
    manifest = dataclasses.replace(manifest, name=f"bench_{uuid.uuid4().hex}", index=IndexConfig(kind=kind))
    try:
        with VectorStore.open(uri, manifest) as store:
            try:
                _, load_ms = clock(lambda: load(store, videos))
                print(f"{kind}: loaded in {load_ms / 1000:.0f} s", file=sys.stderr)
                store.count()
                store.search(queries[0], _NEAREST)
                asked = [clock(functools.partial(store.search, query, _NEAREST)) for query in queries]
            finally:
                store.drop()
    except UsageError as error:
        return {"refused": str(error)}
    found, wanted = 0, 0
    for (hits, _), of_frames in zip(asked, nearest, strict=True):
        for frame, known in enumerate(of_frames):
            found += len(known & set(hits.ref_ids[hits.query_rows == frame]))
            wanted += len(known)
    per_frame = [ms / len(query) for (_, ms), query in zip(asked, queries, strict=True)]
    return {
        "recall": found / wanted,
        "load_s": load_ms / 1000,
        "milliseconds": {"query": percentiles([ms for _, ms in asked]), "frame": percentiles(per_frame)},
    }


def load(store: VectorStore, videos: Sequence[FrameFeatures]) -> None:
    """And return when all is merged and indexed."""
    for start in range(0, len(videos), _VIDEOS_PER_CALL):
        store.replace(videos[start : start + _VIDEOS_PER_CALL], 1)
    store.flush()
    store.compact()


QUESTION = Question(
    "benchmarks.speed.index_kinds", __doc__, options, measure, tables.index_kinds, ("numpy", "pymilvus", "milvus")
)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
