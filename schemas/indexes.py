"""Kinds of vector index that a gallery on a Milvus server may have, and what each is built and searched with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

Params = Mapping[str, Any]

DEFAULT_INDEX = "HNSW"


@dataclasses.dataclass(frozen=True, slots=True)
class IndexConfig:
    """The vector index of the frames collection: a kind of ``INDEX_KINDS``, and what graphs in memory are made with
    (HNSW: Malkov & Yashunin 2018)."""

    m: int = 16
    ef_construction: int = 200
    ef_search: int = 64
    kind: str = DEFAULT_INDEX

    def build_params(self, dimension: int) -> dict[str, Any]:
        return dict(INDEX_KINDS[self.kind].build(self, dimension))

    def search_params(self, places: int) -> dict[str, Any]:
        """places: hits that are asked for."""
        return dict(INDEX_KINDS[self.kind].search(self, places))

    @property
    def most_places(self) -> int:
        return INDEX_KINDS[self.kind].most_places


@dataclasses.dataclass(frozen=True, slots=True)
class IndexKind:
    """build: parameters from the dimension; search: from the number of hits. most_places: hits that a search may ask
    for; 16,384 is what Milvus hands out."""

    build: Callable[[IndexConfig, int], Params]
    search: Callable[[IndexConfig, int], Params]
    most_places: int = 16_384


_TRUE = "true"
"""Of Python's True the client makes another word, which a server accepts, and then fails to build, again and again."""
_NLIST, _NPROBE = 1024, 64
"""Cells of a segment, which has a million rows or less, and those that are looked through for a frame."""
_REFINED = 4
"""Times the hits that are asked for: how many are compared again with finer vectors."""


def _graph(config: IndexConfig, dimension: int) -> Params:
    return {"M": config.m, "efConstruction": config.ef_construction}


def _ef(config: IndexConfig, places: int) -> Params:
    return {"ef": max(config.ef_search, places)}


def _cells(config: IndexConfig, dimension: int) -> Params:
    return {"nlist": _NLIST}


def _probed(config: IndexConfig, places: int) -> Params:
    return {"nprobe": _NPROBE}


def _codes(config: IndexConfig, dimension: int) -> Params:
    """A byte for four numbers, or for as many as divide the dimension."""
    each = next(numbers for numbers in (4, 2, 1) if dimension % numbers == 0)
    return {"nlist": _NLIST, "m": dimension // each, "nbits": 8}


def _on_disk(config: IndexConfig, places: int) -> Params:
    return {"search_list": max(100, places)}


INDEX_KINDS: Mapping[str, IndexKind] = {
    "FLAT": IndexKind(lambda config, dimension: {}, lambda config, places: {}),
    "HNSW": IndexKind(_graph, _ef),
    "HNSW_SQ": IndexKind(
        lambda config, dimension: {
            **_graph(config, dimension),
            "sq_type": "SQ8",
            "refine": _TRUE,
            "refine_type": "FP16",
        },
        lambda config, places: {**_ef(config, places), "refine_k": 1},
    ),
    "IVF_SQ8": IndexKind(_cells, _probed),
    "IVF_PQ": IndexKind(_codes, _probed),
    "SCANN": IndexKind(
        lambda config, dimension: {"nlist": _NLIST, "with_raw_data": _TRUE},
        lambda config, places: {"nprobe": _NPROBE, "reorder_k": min(16_384, _REFINED * places)},
    ),
    "DISKANN": IndexKind(lambda config, dimension: {}, _on_disk),
    "AISAQ": IndexKind(lambda config, dimension: {}, _on_disk),
    "IVF_RABITQ": IndexKind(
        lambda config, dimension: {"nlist": _NLIST, "refine": _TRUE, "refine_type": "SQ8"},
        lambda config, places: {"nprobe": _NPROBE, "rbq_query_bits": 0, "refine_k": _REFINED},
    ),
    "GPU_CAGRA": IndexKind(
        lambda config, dimension: {"intermediate_graph_degree": 64, "graph_degree": 32},
        lambda config, places: {"itopk_size": max(128, -(-places // 32) * 32)},
        most_places=1024,
    ),
}
