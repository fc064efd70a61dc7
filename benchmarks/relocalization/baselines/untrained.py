"""Contestants that learn nothing: chance, and the frame-level baseline."""

from __future__ import annotations

import dataclasses
import zlib
from pathlib import Path

import numpy as np

from benchmarks.relocalization.baselines.contestant import BaselineTraining, Contestant, Floats, Make
from benchmarks.relocalization.baselines.examples import ranked
from cliptrace.models.relocalization.examples import Proposer
from cliptrace.models.relocalization.frames import frame_level


@dataclasses.dataclass(frozen=True, slots=True)
class Chance:
    """The proposals in an order drawn anew for each query; the same again for the same one."""

    seed: int

    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        random = np.random.default_rng([self.seed, zlib.crc32(query.tobytes()), zlib.crc32(reference.tobytes())])
        return ranked(proposals, random.random(len(proposals), np.float32))


class FrameLevel:
    """Dynamic programming on the table of distances (models/relocalization/frames.py); it needs no proposals."""

    def locate(self, query: Floats, reference: Floats, proposals: Floats) -> Floats:
        return frame_level(query, reference)


def train_chance(make: Make, propose: Proposer, output: Path, config: BaselineTraining) -> Contestant:
    return Chance(config.seed)


def train_frame_level(make: Make, propose: Proposer, output: Path, config: BaselineTraining) -> Contestant:
    return FrameLevel()
