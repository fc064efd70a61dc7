"""Score normalisation: what resembles footage that is nobody's resembles everything, and counts for less.

s'(q, r) = s(q, r) - β·n(q), where n(q) is the mean of the k highest similarities of q to a background set (Video
Similarity Challenge 2022: its baseline, with k = 1 and β = 1, and Yokoo et al., arXiv 2304.11964). One threshold then
means the same for every video; black, blank and blurred frames, which are near to all others of their kind, lose.
"""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from cliptrace.models.weights import read_verified
from cliptrace.schemas.config import BackboneConfig
from cliptrace.schemas.errors import CliptraceError

Floats = NDArray[np.float32]

NEIGHBOURS = 5
BETA = 0.5
"""k and β. On the attack bench normalising gains nothing with copy_lite0 (benchmarks.descriptor, "normalised"); it is
there so that blank frames and slides, which the bench does not have, lose."""
_ROWS_AT_A_TIME = 1024
_UNIT_TOLERANCE = 0.01


@dataclasses.dataclass(frozen=True, slots=True)
class Background:
    """Embeddings of footage that is nobody's. embeddings: float32[B, D], rows of unit L2 norm."""

    embeddings: Floats

    def bias(self, query: NDArray[np.floating[Any]]) -> Floats:
        """β·n(q), what to take off all similarities of a query embedding: [..., D] of unit norm → float32[...].

        Where the background has fewer than k embeddings, all of them count.
        """
        rows = np.asarray(query, np.float32).reshape(-1, query.shape[-1])
        nearest = min(NEIGHBOURS, len(self.embeddings))
        bias = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _ROWS_AT_A_TIME):
            some = slice(start, start + _ROWS_AT_A_TIME)
            similarities = rows[some] @ self.embeddings.T
            bias[some] = BETA * np.partition(similarities, -nearest, axis=1)[:, -nearest:].mean(axis=1)
        return bias.reshape(query.shape[:-1])

    def to_bytes(self) -> bytes:
        """The content of a safetensors file, the embeddings as float16."""
        content: bytes = safetensors.numpy.save({"embeddings": self.embeddings.astype(np.float16, order="C")})
        return content

    @classmethod
    def load(cls, path: str | Path, sha256: str) -> Background:
        """From a safetensors file with ``embeddings`` [B, D], rows of unit L2 norm, its digest checked."""
        content = read_verified(path, sha256)
        try:
            embeddings = safetensors.numpy.load(content)["embeddings"].astype(np.float32)
        except (SafetensorError, KeyError) as error:
            raise CliptraceError(f"{path}: not a background file with 'embeddings': {error}") from error
        if embeddings.ndim != 2 or not len(embeddings):
            raise CliptraceError(f"{path}: 'embeddings' must be [B, D] with B at least 1, not {list(embeddings.shape)}")
        # Written so that norms that are no numbers fail, too.
        if not np.all(np.abs(np.linalg.norm(embeddings, axis=1) - 1) < _UNIT_TOLERANCE):
            raise CliptraceError(f"{path}: 'embeddings' must be rows of unit L2 norm")
        return cls(embeddings)

    @classmethod
    def of(cls, config: BackboneConfig) -> Background | None:
        """The backbone's own, None where it has none. CliptraceError where it is another backbone's."""
        if not config.background:
            return None
        background = cls.load(config.background, config.background_sha256)
        if background.embeddings.shape[1] != config.dimension:
            raise CliptraceError(
                f"{config.background}: its embeddings have {background.embeddings.shape[1]} numbers, "
                f"but the config says dimension = {config.dimension}"
            )
        return background


def blanks(size: int) -> NDArray[np.uint8]:
    """uint8[64, S, S, 3], flat frames that are part of a background set: black, white, the ground of title cards."""
    colours = itertools.product((0, 85, 170, 255), repeat=3)
    return np.stack([np.full((size, size, 3), rgb, np.uint8) for rgb in colours])
