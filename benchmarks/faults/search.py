"""Searches while another process writes, and whether two kinds of Milvus give the same matches."""

from __future__ import annotations

import dataclasses
import itertools
import json
import multiprocessing
import time
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.attacks.build import build
from benchmarks.speed.query_latency import Floats, fill, percentiles, perturbed_part, real_embeddings, repeated, take
from cliptrace.pipelines import cli
from cliptrace.pipelines.index import IndexOptions, open_or_create
from cliptrace.schemas.config import NO_DESCRIPTOR
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.records import FrameFeatures
from cliptrace.transforms.matching import MatchConfig
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.vectors import VectorStore

GALLERY_KEYFRAMES = 5_000
COMMIT_KEYFRAMES = 500
Result = dict[str, Any]


def search_while_indexing(folder: Path, uri: str, keyframes: int, queries: int, seed: int) -> Result:
    """Milliseconds of a search, alone and while another process commits, and answers that failed or lack a part.

    The writer commits until the last query is answered, at a pace that has it commit ``keyframes`` meanwhile; the
    queries go on until it has. An answer is whole where every keyframe of a query finds the frame it was made from.
    """
    rng = np.random.default_rng(seed)
    embeddings = real_embeddings()
    gallery = open_or_create(IndexOptions(sources=(), gallery=str(folder), milvus=uri, descriptor=NO_DESCRIPTOR))
    base = take(repeated(embeddings, rng), GALLERY_KEYFRAMES)
    fill(gallery, base, "base")
    asked = [perturbed_part(base, rng) for _ in range(queries)]
    truths = [_origin(query, base, video_id) for query, video_id in asked]
    with gallery.vectors() as vectors:
        count = vectors.count()
        _ask(vectors, asked, truths, lambda answers: answers < 20)
        alone = _ask(vectors, asked, truths, lambda answers: answers < queries)
        context = multiprocessing.get_context("forkserver")
        progress = _Progress(context.Value("q", 0), context.Event(), context.Event())
        load = _Load(gallery, embeddings, len(base), seed, keyframes / queries)
        writing = context.Process(target=_write, args=(load, keyframes, progress))
        writing.start()
        while vectors.count() == count and writing.is_alive():
            time.sleep(0.05)
        begin = vectors.count()

        def goes_on(answers: int) -> bool:
            progress.answers.value = answers
            return answers < queries or (writing.is_alive() and not progress.enough_written.is_set())

        during = _ask(vectors, asked, truths, goes_on)
        end, busy = vectors.count(), writing.is_alive()
        progress.over.set()
        writing.join()
        written = vectors.count() - count
        vectors.drop()
    return {
        "keyframes_before": count,
        "keyframes_written": written,
        "keyframes_written_during_queries": end - begin,
        "still_writing_at_the_last_query": busy,
        "queries": len(during["ms"]) + during["failed"],
        "writer_exit_code": writing.exitcode,
        "alone": {**percentiles(alone.pop("ms")), **alone},
        "while_indexing": {**percentiles(during.pop("ms")), **during},
    }


def _origin(query: FrameFeatures, base: Sequence[FrameFeatures], video_id: str) -> list[int]:
    """Positions of a query's keyframes in the video that it is a part of."""
    video = next(each for each in base if each.video_id == video_id)
    return [int(row) for row in (query.embeddings @ video.embeddings.T).argmax(axis=1)]


def _ask(
    vectors: VectorStore,
    asked: Sequence[tuple[FrameFeatures, str]],
    truths: Sequence[list[int]],
    goes_on: Callable[[int], bool],
) -> Result:
    """One query after the other, from the first again after the last, while so many answers are not enough."""
    failed, partial, ms = 0, 0, []
    for number, ((query, video_id), truth) in enumerate(itertools.cycle(zip(asked, truths, strict=True))):
        if not goes_on(number):
            break
        begin = time.perf_counter()
        try:
            hits = vectors.search(query.embeddings, MatchConfig().videos_per_frame)
        except CliptraceError:
            failed += 1
            continue
        ms.append((time.perf_counter() - begin) * 1000)
        mine = hits.ref_ids == video_id
        partial += dict(zip(hits.query_rows[mine], hits.ref_frames[mine], strict=True)) != dict(enumerate(truth))
    return {"ms": ms, "failed": failed, "partial": partial}


@dataclasses.dataclass(frozen=True)
class _Load:
    """What a writer commits: videos numbered from ``first``, so many keyframes an answer."""

    gallery: Gallery
    embeddings: Floats
    first: int
    seed: int
    per_answer: float


@dataclasses.dataclass(frozen=True)
class _Progress:
    """Between the writer and who searches: answers so far, whether enough is written, whether the search is over."""

    answers: Any
    enough_written: Event
    over: Event


def _write(load: _Load, keyframes: int, progress: _Progress) -> None:
    """One commit before the first query, and then as many as go with the answers."""
    videos = repeated(load.embeddings, np.random.default_rng([load.seed, 1]), load.first)
    written = 0
    for number in itertools.count():
        while number and written >= load.per_answer * progress.answers.value and not progress.over.is_set():
            progress.over.wait(0.01)
        if progress.over.is_set():
            break
        batch = take(videos, COMMIT_KEYFRAMES)
        fill(load.gallery, batch, f"load{number}")
        written += sum(len(video.times) for video in batch) if number else 0
        if written >= keyframes:
            progress.enough_written.set()


def same_matches(folder: Path, uri: str, queries: int, seed: int) -> Result:
    """The attack bench's test split, indexed and matched with Milvus Lite and with a server."""
    dataset = build("test", folder / "attacks", seed, queries)
    found: dict[str, dict[tuple[str, str], Any]] = {}
    for name, options in (("lite", []), ("server", ["--milvus", uri])):
        gallery, output = str(folder / name), folder / f"{name}.jsonl"
        for command in (
            ["index", str(dataset.gallery), "--gallery", gallery, *options],
            ["match", str(dataset.queries), "--gallery", gallery, "--output", str(output)],
        ):
            if code := cli.main(command):
                raise RuntimeError(f"cliptrace {command[0]} with {name}: exit code {code}")
        rows = map(json.loads, output.read_text(encoding="utf-8").splitlines())
        found[name] = {(row["query_id"], row["ref_id"]): row["segments"] for row in rows}
    lite, server = found["lite"], found["server"]
    unlike = sorted(pair for pair in lite.keys() | server.keys() if lite.get(pair) != server.get(pair))
    return {
        "gallery_videos": len(list(dataset.gallery.iterdir())),
        "queries": len(list(dataset.queries.iterdir())),
        "matches_lite": len(lite),
        "matches_server": len(server),
        "identical": len(lite.keys() | server.keys()) - len(unlike),
        "unlike": [
            {"query": query, "ref": ref, "lite": lite.get((query, ref)), "server": server.get((query, ref))}
            for query, ref in itertools.islice(unlike, 20)
        ],
    }
