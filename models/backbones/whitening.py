"""PCA whitening of embeddings: directions that always fire together stop outvoting the rest."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from cliptrace.models.backbones.pooling import unit
from cliptrace.models.weights import read_verified
from cliptrace.schemas.errors import CliptraceError

Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Whitening:
    """mean: float32[C]; projection: float32[C, D]."""

    mean: Floats
    projection: Floats

    @classmethod
    def fit(cls, vectors: Floats, dimension: int, shrinkage: float) -> Whitening:
        """PCA whitening (Jégou and Chum, ECCV 2012, §2) of [N, C] vectors to ``dimension``.

        A component of variance λ is scaled by 1/√((1-s)·λ + s·λ̄), λ̄ the mean variance of all C: with few samples the
        small variances are noise, and a plain 1/√λ would blow them up. shrinkage s = 0 is the paper's.
        """
        mean = vectors.mean(axis=0, dtype=np.float64)
        centred = vectors - mean
        variances, directions = np.linalg.eigh(centred.T @ centred / len(vectors))
        variances, directions = variances[::-1], directions[:, ::-1]
        shrunk = (1 - shrinkage) * variances + shrinkage * variances.mean()
        if not shrunk[dimension - 1] > np.finfo(np.float32).eps * shrunk[0]:
            raise ValueError(f"{len(vectors)} vectors do not span {dimension} dimensions: use more, or shrinkage > 0")
        projection = directions[:, :dimension] / np.sqrt(shrunk[:dimension])
        return cls(mean.astype(np.float32), projection.astype(np.float32))

    def apply(self, vectors: Floats) -> Floats:
        """[N, C] vectors → float32[N, D], rows of unit L2 norm."""
        return unit(np.asarray((vectors - self.mean) @ self.projection, np.float32))

    def to_bytes(self) -> bytes:
        """The content of a safetensors file, the projection as float16."""
        content: bytes = safetensors.numpy.save(
            {"mean": self.mean, "projection": self.projection.astype(np.float16, order="C")}
        )
        return content

    @classmethod
    def load(cls, path: str | Path, sha256: str) -> Whitening:
        """From a safetensors file with ``mean`` [C] and ``projection`` [C, D], its digest checked."""
        content = read_verified(path, sha256)
        try:
            tensors = safetensors.numpy.load(content)
            mean, projection = (tensors[name].astype(np.float32) for name in ("mean", "projection"))
        except (SafetensorError, KeyError) as error:
            raise CliptraceError(f"{path}: not a whitening file with 'mean' and 'projection': {error}") from error
        return cls(mean, projection)
