"""What searches the keyframes of a gallery: Milvus, or a product with all of them."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.config import Engine
from cliptrace.schemas.errors import UsageError
from cliptrace.transforms.store.files import is_local
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.hits import Hits
from cliptrace.transforms.store.vectors import Consistency, VectorStore


class FrameSearch(Protocol):
    """Nearest gallery videos of frames; as VectorStore has them."""

    def search(self, embeddings: NDArray[np.float32], videos_per_frame: int) -> Hits: ...

    def search_deep(self, embeddings: NDArray[np.float32], floors: NDArray[np.float32], most_videos: int) -> Hits: ...


@dataclasses.dataclass(frozen=True)
class MilvusSearch:
    """Of a store, as consistent as that says."""

    store: VectorStore
    consistency: Consistency

    def search(self, embeddings: NDArray[np.float32], videos_per_frame: int) -> Hits:
        return self.store.search(embeddings, videos_per_frame, self.consistency)

    def search_deep(self, embeddings: NDArray[np.float32], floors: NDArray[np.float32], most_videos: int) -> Hits:
        return self.store.search_deep(embeddings, floors, most_videos, self.consistency)


def engine_of(gallery: Gallery, asked: Engine | None) -> Engine:
    """The one that was asked for, or what suits the gallery: an embedded Milvus looks through all rows, too, and more
    slowly. UsageError for one that cannot search it."""
    if asked == "exact" and not is_local(gallery.root):
        raise UsageError(f"{gallery.home}: --engine exact needs a gallery on a local disk; leave it out for this one")
    return asked or ("milvus" if gallery.manifest.milvus else "exact")
