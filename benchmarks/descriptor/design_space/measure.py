"""What a variant of the descriptor scores on the frames of the bench, and what a frame costs it."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.descriptor.design_space.frames import Bench, Frames, Pixels
from benchmarks.descriptor.design_space.variants import Variant
from benchmarks.descriptor.design_space.vectors import CORNERS, Floats, kept, pool_regions
from benchmarks.descriptor.frame_cost import BATCH, BATCHES, REPETITIONS, one_core
from benchmarks.harness.features import THREADS
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.runtime import Session, open_session
from cliptrace.schemas.config import BackboneConfig

SHRINKAGE = 0.5
"""Of whitenings fitted here; as in cliptrace.models.descriptor.export."""


@dataclasses.dataclass(frozen=True, slots=True)
class Pooled:
    """float32[N, R, C] each: of whole frames and, where somebody asked for them, of their corners."""

    queries: Floats
    items: Floats
    training: Floats


def measure(variants: Sequence[Variant], bench: Bench) -> dict[tuple[str, str], dict[str, Any]]:
    """Axis and name → scores. Each side is decoded once, and each network runs once over its frames."""
    scores: dict[tuple[str, str], dict[str, Any]] = {}
    for side, of_side in _grouped(variants, lambda variant: variant.network.input_size):
        frames = bench.at(side)
        for network, rows in _grouped(of_side, lambda variant: variant.network):
            started = time.monotonic()
            pooled = _pool_all(network, rows, frames)
            for row in rows:
                scores[row.axis, row.name] = _score(row, pooled[row.pooling], bench)
            print(f"{network.name}, {side} px, {len(rows)} rows: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return scores


def _grouped(variants: Sequence[Variant], key: Any) -> Iterator[tuple[Any, list[Variant]]]:
    """In the order of their first."""
    for value in dict.fromkeys(map(key, variants)):
        yield value, [variant for variant in variants if key(variant) == value]


def _pool_all(network: BackboneConfig, rows: Sequence[Variant], frames: Frames) -> dict[str, Pooled]:
    """Pooling → its vectors. All that the rows want is pooled from the same maps, a batch at a time."""
    wanted = {row.pooling: any(other.corners for other in rows if other.pooling == row.pooling) for row in rows}
    session = open_session(network)
    training = frames.training[: 1 if all(row.own for row in rows) else None]
    made = [pool_frames(session, part, wanted) for part in (frames.queries, frames.items, training)]
    return {pooling: Pooled(*(part[pooling] for part in made)) for pooling in wanted}


def pool_frames(session: Session, frames: Pixels, wanted: Mapping[str, bool]) -> dict[str, Floats]:
    """Pooling → float32[N, R, C]. wanted: poolings, and whether with corners."""

    def one(start: int) -> list[Floats]:
        maps = session.run(frames[start : start + BATCH])
        return [pool_regions(maps, pooling, corners) for pooling, corners in wanted.items()]

    with ThreadPoolExecutor(THREADS) as pool:
        batches = list(pool.map(one, range(0, len(frames), BATCH)))
    return {pooling: np.concatenate(parts) for pooling, parts in zip(wanted, zip(*batches, strict=True), strict=True)}


def _score(row: Variant, pooled: Pooled, bench: Bench) -> dict[str, Any]:
    whitening = whitening_of(row, pooled.training[:, 0])
    queries = project(whitening, pooled.queries[:, : _count(row.query_corners)])
    items = kept(project(whitening, pooled.items[:, : _count(row.gallery_corners)]), row.storage)
    figures = bench.score(queries, items)
    return {
        "micro_ap": figures["micro_ap"],
        "recall_at_1": figures["recall_at_1"]["macro"]["all"],
        "recall_at_1_by_severity": figures["recall_at_1"]["macro"],
    }


def _count(corners: bool) -> int:
    return 1 + CORNERS * corners


def whitening_of(row: Variant, training: Floats) -> Whitening:
    """training: float32[N, C], pooled; not looked at where the variant has a projection of its own."""
    whitening = row.own or Whitening.fit(training, row.dimension, SHRINKAGE)
    return Whitening(whitening.mean, np.ascontiguousarray(whitening.projection[:, : row.dimension]))


def project(whitening: Whitening, pooled: Floats) -> Floats:
    """float32[N, R, C] → [N, R, D], unit norm."""
    rows = whitening.apply(pooled.reshape(-1, pooled.shape[-1]))
    return rows.reshape(*pooled.shape[:2], -1)


def milliseconds(variants: Sequence[Variant], repetitions: int = REPETITIONS) -> dict[Hashable, float]:
    """``Variant.computes`` → milliseconds a frame, from pixels to vectors, as frame_cost measures them.

    The variants take turns; medians; batches of BATCH, one thread, bound to one core.
    """
    rows = {row.computes: row for row in variants}
    sessions = {network: open_session(network) for network in {row.network: None for row in rows.values()}}
    whitenings = {key: _any_whitening(row, sessions[row.network]) for key, row in rows.items()}
    took: dict[Hashable, list[float]] = {key: [] for key in rows}
    with one_core():
        for _ in range(repetitions):
            for key, row in rows.items():
                took[key].append(_time(row, sessions[row.network], whitenings[key]))
    return {key: median(times) for key, times in took.items()}


def _time(row: Variant, session: Session, whitening: Whitening) -> float:
    frames = _noise(row, BATCH)
    started = time.perf_counter()
    for _ in range(BATCHES):
        project(whitening, pool_regions(session.run(frames), row.pooling, row.corners))
    return 1000 * (time.perf_counter() - started) / (BATCHES * BATCH)


def _any_whitening(row: Variant, session: Session) -> Whitening:
    """Of the right shape; the numbers do not change what it costs."""
    channels = session.run(_noise(row, 1)).shape[1]
    return Whitening(np.zeros(channels, np.float32), np.ones((channels, row.dimension), np.float32))


def _noise(row: Variant, count: int) -> NDArray[np.uint8]:
    side = row.network.input_size
    return np.random.default_rng(1).integers(0, 256, (count, side, side, 3), np.uint8)
