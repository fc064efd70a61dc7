"""Who is measured side by side: the backbones by name or config, and random vectors, below which nothing can fall."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.descriptor.distractors import embed_distractors
from benchmarks.descriptor.frames import KEYFRAMES
from benchmarks.harness.features import Keyframes, keyframes
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.views import view_count
from cliptrace.schemas.config import QUERY_VIEWS, BackboneConfig

RANDOM_DIMENSION = 256


class Contestant(Protocol):
    def keyframes(self, paths: Sequence[Path]) -> dict[Path, Keyframes]:
        """The KEYFRAMES of videos, embedded."""
        ...

    def distractors(self, count: int) -> NDArray[np.float32]:
        """float32[N, D]; N is 0 where there is no footage for them, else ``count``."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Network:
    """A backbone. footage: what distractors are made from. cache: a folder for embeddings."""

    config: BackboneConfig
    footage: Sequence[Path]
    cache: Path

    def keyframes(self, paths: Sequence[Path], views: tuple[str, ...] = ()) -> dict[Path, Keyframes]:
        """All views are embedded when any is asked for: the next to ask wants others of the same frames."""
        found = keyframes(paths, self.config, self.cache, KEYFRAMES, QUERY_VIEWS if views else ())
        if not views:
            return found
        columns = view_columns(views)
        return {path: Keyframes(video.times, video.embeddings[:, columns], video.cuts) for path, video in found.items()}

    def distractors(self, count: int) -> NDArray[np.float32]:
        return embed_distractors(self.footage, count, self.config, self.cache)


@dataclasses.dataclass(frozen=True, slots=True)
class Random:
    """Unit vectors in any direction, the same for the same frame whenever it is asked about. like: whose keyframes."""

    like: Network

    def keyframes(self, paths: Sequence[Path]) -> dict[Path, Keyframes]:
        times = {path: video.times for path, video in self.like.keyframes(paths).items()}
        return {path: Keyframes(each, _vectors(str(path), len(each))) for path, each in times.items()}

    def distractors(self, count: int) -> NDArray[np.float32]:
        return _vectors("distractors", count if self.like.footage else 0)


def view_columns(names: Sequence[str]) -> list[int]:
    """Where the plain frame and the views of ``names`` are among those of QUERY_VIEWS."""
    counts = [view_count([name]) - 1 for name in QUERY_VIEWS]
    ends = np.cumsum([1, *counts])
    columns = {name: range(end, end + count) for name, end, count in zip(QUERY_VIEWS, ends, counts, strict=False)}
    return [0, *(column for name in names for column in columns[name])]


def contestants(names: Sequence[str], footage: Sequence[Path], cache: Path) -> dict[str, Contestant]:
    """Row of the tables → who is in it. names: as ``load_config`` takes them; two of one name show their paths."""
    configs = [(name, load_config(name)) for name in names]
    known = [config.name for _, config in configs]
    networks = {
        (config.name if known.count(config.name) == 1 else f"{config.name} ({name})"): Network(config, footage, cache)
        for name, config in configs
    }
    return {"random": Random(next(iter(networks.values()))), **networks}


def _vectors(name: str, count: int) -> NDArray[np.float32]:
    random = np.random.default_rng([1, zlib.crc32(name.encode())])
    vectors = random.standard_normal((count, RANDOM_DIMENSION), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
