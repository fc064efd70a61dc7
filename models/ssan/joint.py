"""SKE and SPD trained together (SSAN §3.3): what the detector misses tells the selector which frames it needs.

The paper multiplies a map of all basis frames, P1·P2ᵀ·S. What a gallery keeps is one keyframe for its surroundings, so
here each moment of the map shows its keyframe, softly: row i is the mean of the rows near it, weighted by how near they
are and by SKE's scores. Where scores are 0 and 1 this is the map that the detector gets to see later.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
import torch.utils.data

from cliptrace.models.ssan.data import Example, MapMaker, Tiles, as_tiles, collate
from cliptrace.models.ssan.grid import PIXEL_S
from cliptrace.models.ssan.ske import SKE
from cliptrace.models.ssan.spd import SPD
from cliptrace.models.ssan.tiles import FRAMES
from cliptrace.schemas.config import BASIS_FPS

_POOLED = round(BASIS_FPS * PIXEL_S)
SIDE = FRAMES // _POOLED
"""Pixels of the map of two tiles."""
_REACH = 4.0
"""Basis frames: how far a keyframe speaks for its neighbours, as a deviation."""
_SHARPNESS = 2.0
_DENSE_QUERIES = 0.5
"""Share of the pairs whose query has all of its basis frames."""


class Joint(torch.nn.Module):  # type: ignore[misc]  # torch is not followed
    def __init__(self, ske: SKE, spd: SPD) -> None:
        super().__init__()
        self.ske, self.spd = ske, spd

    def forward(
        self, tiles: torch.Tensor, similarity: torch.Tensor, dense: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """tiles: uint8[2N, 768, 768, 3], queries, then references; similarity: float32[N, 576, 576], 0 where there is
        no frame; dense: bool[N], queries of which all frames are searched.

        Returns SKE's logits float32[2N, 576], and what SPD says of the maps of their keyframes.
        """
        logits = self.ske(tiles)
        shows = nearest_keyframes(logits)
        queries, refs = shows.chunk(2)
        everything = torch.eye(FRAMES, device=queries.device).expand_as(queries)
        queries = torch.where(dense[:, None, None], everything, queries)
        there = (similarity != 0).to(similarity.dtype)
        maps = there * (queries @ similarity @ refs.transpose(1, 2))
        # 0 is no pair, and would be the maximum of pairs below it.
        pooled = torch.nn.functional.max_pool2d(torch.where(there > 0, maps, -torch.inf)[:, None], _POOLED)
        return logits, self.spd(torch.where(torch.isfinite(pooled), pooled, 0.0))


def nearest_keyframes(logits: torch.Tensor) -> torch.Tensor:
    """Which keyframe stands for each frame, softly: float32[N, F, F] from logits float32[N, F], rows of sum 1."""
    at = torch.arange(logits.shape[1], device=logits.device, dtype=logits.dtype)
    away = ((at[:, None] - at[None, :]) / _REACH) ** 2 / 2
    weights = _SHARPNESS * (torch.nn.functional.logsigmoid(logits)[:, None, :] - away)
    return torch.softmax(weights, dim=2)


@dataclasses.dataclass(frozen=True, slots=True)
class JointBatch:
    """tiles: of 2N videos, queries first. similarity: float32[N, 576, 576]. dense: bool[N]. maps: boxes and backward,
    as collate makes them, in pixels of PIXEL_S."""

    tiles: Tiles
    similarity: torch.Tensor
    dense: torch.Tensor
    maps: dict[str, torch.Tensor]


class JointBatches(torch.utils.data.Dataset[JointBatch]):  # type: ignore[misc]  # torch is not followed
    """Item ``step`` is the batch of that step."""

    def __init__(self, maker: MapMaker, size: int, steps: int, seed: int) -> None:
        self._maker, self._size, self._steps, self._seed = maker, size, steps, seed

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> JointBatch:
        random = np.random.default_rng([self._seed, step])
        similarity = torch.zeros(self._size, FRAMES, FRAMES)
        pairs, examples = [], []
        for number in range(self._size):
            query, ref, copies = self._maker.pairs.pair(random, FRAMES, FRAMES, copied=number % 2 == 0)
            query, ref = query[:FRAMES], ref[:FRAMES]
            similarity[number, : len(query), : len(ref)] = torch.from_numpy(self._maker.similarity(random, query, ref))
            ends = np.array([(copy.q0, copy.q1, copy.r0, copy.r1) for copy in copies], np.float32).reshape(-1, 4)
            backward = np.array([copy.backward for copy in copies], np.bool_)
            examples.append(Example(np.zeros((0, 0), np.float32), ends / np.float32(_POOLED), backward))
            pairs.append((query, ref))
        videos = [query for query, _ in pairs] + [ref for _, ref in pairs]
        dense = torch.from_numpy(random.random(self._size) < _DENSE_QUERIES)
        return JointBatch(as_tiles(self._maker.pairs, videos), similarity, dense, collate(examples, SIDE))
