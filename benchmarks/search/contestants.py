"""The kernels that an exact search may have, each behind one signature, the product's own first."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.indexes import IndexConfig
from cliptrace.transforms.store.exact.rows import MappedRows
from cliptrace.transforms.store.exact.search import ExactSearch, highest

NEAREST = 20  # videos
SECOND_LOOK = 40  # videos, nearest in 8 bits, that are compared again
FAISS_ROWS = 400  # nearest rows that are grouped by video
STEP = 4096  # rows that are turned into another type at once, so that no second gallery is made

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]
Product = Callable[[slice], NDArray[Any]]
"""[Q, N]: how alike queries and some rows of the gallery are, on a scale of the kernel's own for each query."""


@dataclasses.dataclass(frozen=True)
class Kernel:
    """nearest: from float32[Q, D], int64[Q, NEAREST], numbers of videos, nearest first; -1 where too few were found.
    bytes_a_keyframe: of all that it looks into."""

    nearest: Callable[[Floats], Whole]
    bytes_a_keyframe: float


Maker = Callable[[MappedRows], Kernel]


class ByBlocks(ExactSearch):
    """The product's search, blocks and threads, with another product. product: of queries with rows to be named."""

    def __init__(self, gallery: MappedRows, product: Callable[[Floats], Product]) -> None:
        super().__init__(gallery)
        self._product = product

    def best(self, queries: Floats) -> Floats:
        best = np.empty((len(queries), len(self._gallery.starts)), np.float32)
        product = self._product(queries)

        def fill(number: int) -> None:
            block = self._blocks[number]
            best[:, block.videos] = np.maximum.reduceat(product(block.rows), block.edges, axis=1)[:, block.is_video]

        for _ in self._pool.map(fill, range(len(self._blocks))):
            pass
        return best


class SecondLook(ByBlocks):
    """What looks best by the product is compared again in float32."""

    def best(self, queries: Floats) -> Floats:
        rough = super().best(queries)
        again, best = np.zeros(rough.shape, np.bool_), np.full(rough.shape, -1, np.float32)
        np.put_along_axis(again, np.stack([highest(row, SECOND_LOOK) for row in rough]), True, axis=1)

        def look(video: int) -> None:
            rows = again[:, video]
            best[rows, video] = (queries[rows] @ self._gallery.of(video).T).max(axis=1)

        for _ in self._pool.map(look, np.flatnonzero(again.any(axis=0)).tolist()):
            pass
        return best


def by_best(search: ExactSearch, bytes_a_keyframe: int) -> Kernel:
    return Kernel(lambda queries: np.stack([highest(row, NEAREST) for row in search.best(queries)]), bytes_a_keyframe)


def numpy_float32(gallery: MappedRows) -> Kernel:
    return by_best(ExactSearch(gallery), 4 * gallery.values.shape[1])


def numpy_float16(gallery: MappedRows) -> Kernel:
    halves = turned(gallery.values, np.float16, lambda rows: rows)
    search = ByBlocks(gallery, lambda queries: lambda rows: queries @ halves[rows].astype(np.float32).T)
    return by_best(search, 2 * gallery.values.shape[1])


def int8_second_look(gallery: MappedRows) -> Kernel:
    """Rows have 128 added: ONNX Runtime is fast where one side is unsigned, and each similarity to a query grows by the
    same. A CPU without VNNI may cut sums off, which the second look has to make good. Its rows are counted, too."""
    scale = 127 / max(gallery.values.max(), -gallery.values.min())
    small = turned(gallery.values, np.uint8, lambda rows: np.rint(rows * scale) + 128)

    def signed(queries: Floats) -> NDArray[np.int8]:
        return np.rint(queries * (127 / np.abs(queries).max())).astype(np.int8)

    product = onnx_product("MatMulInteger", small, ("UINT8", "INT8", "INT32"))
    return by_best(SecondLook(gallery, lambda queries: product(signed(queries))), (1 + 4) * gallery.values.shape[1])


def onnxruntime_float32(gallery: MappedRows) -> Kernel:
    product = onnx_product("MatMul", np.asarray(gallery.values), ("FLOAT", "FLOAT", "FLOAT"))
    return by_best(ByBlocks(gallery, product), 4 * gallery.values.shape[1])


def onnx_product(operator: str, values: NDArray[Any], types: tuple[str, str, str]) -> Callable[[NDArray[Any]], Product]:
    """types: of rows, queries, similarities. One thread: blocks are multiplied beside one another."""
    onnx = needed("onnx")
    make, sides = onnx.helper, ("rows", "queries", "alike")
    *inputs, output = [
        make.make_tensor_value_info(side, getattr(onnx.TensorProto, kind), shape)
        for side, kind, shape in zip(sides, types, (["n", "d"], ["d", "q"], ["n", "q"]), strict=True)
    ]
    graph = make.make_graph([make.make_node(operator, sides[:2], sides[2:])], "product", inputs, [output])
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])

    def product(queries: NDArray[Any]) -> Product:
        columns = np.ascontiguousarray(queries.T)
        return lambda rows: session.run(None, {"rows": values[rows], "queries": columns})[0].T

    return product


def turned(values: Floats, dtype: type, change: Callable[[Floats], NDArray[Any]]) -> NDArray[Any]:
    made: NDArray[Any] = np.empty(values.shape, dtype)
    for at in range(0, len(values), STEP):
        made[at : at + STEP] = change(values[at : at + STEP])
    return made


def faiss_kernel(make: Callable[[Any, int], Any], gallery: MappedRows) -> Kernel:
    """make: an index, from faiss and how many numbers a row has. Its graph, if any, is counted, too."""
    faiss, count = needed("faiss"), len(gallery.values)
    faiss.omp_set_num_threads(len(os.sched_getaffinity(0)))
    index = make(faiss, gallery.values.shape[1])
    index.add(gallery.values)
    owners = np.repeat(np.arange(len(gallery.counts)), gallery.counts)
    links = index.hnsw.neighbors.size() * 4 / count if hasattr(index, "hnsw") else 0.0

    def nearest(queries: Floats) -> Whole:
        return grouped(index.search(queries, min(FAISS_ROWS, count))[1], owners)

    return Kernel(nearest, 4 * gallery.values.shape[1] + links)


def grouped(rows: Whole, owners: Whole) -> Whole:
    """The videos of rows that are sorted, nearest first; of -1, which is no row, none."""
    found = np.full((len(rows), NEAREST), -1)
    for each, some in zip(found, rows, strict=True):
        videos = list(dict.fromkeys(owners[some[some >= 0]].tolist()))[:NEAREST]
        each[: len(videos)] = videos
    return found


def hnsw(faiss: Any, numbers: int) -> Any:
    """With what the product has Milvus build and search it with."""
    config = IndexConfig()
    index = faiss.IndexHNSWFlat(numbers, config.m, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = config.ef_construction
    index.hnsw.efSearch = config.search_params(FAISS_ROWS)["ef"]
    return index


KERNELS: Mapping[str, Maker] = {
    "numpy float32": numpy_float32,
    "numpy float16": numpy_float16,
    "int8 + exact second look": int8_second_look,
    "onnxruntime float32": onnxruntime_float32,
    "faiss flat": functools.partial(faiss_kernel, lambda faiss, numbers: faiss.IndexFlatIP(numbers)),
    "faiss HNSW": functools.partial(faiss_kernel, hnsw),
}

NEEDS = {
    "int8 + exact second look": "onnx",
    "onnxruntime float32": "onnx",
    "faiss flat": "faiss",
    "faiss HNSW": "faiss",
}
"""The package that a kernel is made with, where it is none of the product's own."""


def needed(package: str) -> Any:
    """UsageError where it is not installed."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise UsageError(f"{package} is not installed: pip install '.[bench]'") from error
