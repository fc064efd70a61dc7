"""The rows of the design space: the shipped descriptor, and what is like it but for one thing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.descriptor.design_space.frames import Pixels
from benchmarks.descriptor.design_space.networks import cut, in_8_bits, in_floats, saved
from benchmarks.descriptor.design_space.vectors import CORNERS, STORAGES, Storage, bytes_of
from cliptrace.models.backbones.efficientnet_lite0 import LAYERS
from cliptrace.models.backbones.onnx_int8 import plain_graph, quantised
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.weights import read_verified
from cliptrace.schemas.config import BackboneConfig
from cliptrace.schemas.errors import UsageError

POOLINGS = ("mac", "spoc", "gem", "rmac")
DIMENSIONS = (64, 128, 256, 512)
SIDES = (160, 192, 224, 256)
CUTS = {
    # the last layer that is left → what the row is called
    "block7_project": "80 channels",
    "block8_expand": "80 expanded to 480",
    "block10_project": "112 channels",
    "block11_expand": "112 expanded to 672",
    "block15_expand": "192 expanded to 1152",
}
"""After a stage, and after the expansion that begins the next. A stage ends in a layer without ReLU6, of which GeM sees
the positive half only; an expansion has one, as the layer that the whole network is pooled after."""
_FITTED = 256


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variant:
    """network: its input_size is the row's. own: what follows the pooling, None where it is fitted anew on training
    frames, to ``dimension``; the first ``dimension`` components of either.
    query_corners, gallery_corners: whether four corners are embedded beside the whole frame.
    """

    name: str
    axis: str
    network: BackboneConfig
    pooling: str
    own: Whitening | None
    dimension: int
    storage: Storage = "float16"
    query_corners: bool = False
    gallery_corners: bool = False

    @property
    def corners(self) -> bool:
        return self.query_corners or self.gallery_corners

    @property
    def bytes(self) -> int:
        return bytes_of(self.dimension, self.storage) * (1 + CORNERS * self.gallery_corners)

    @property
    def computes(self) -> tuple[Any, ...]:
        """Variants that agree in this take the same time."""
        graph = self.network.graph_int8_sha256 or self.network.graph_sha256 or self.network.sha256
        return graph, self.network.input_size, self.pooling, self.dimension, self.corners

    def settings(self) -> dict[str, Any]:
        return {
            "network": self.network.name,
            "side": self.network.input_size,
            "pooling": self.pooling,
            "projection": "its own" if self.own else "fitted",
            "dimension": self.dimension,
            "storage": self.storage,
            "vectors_a_query_frame": 1 + CORNERS * self.query_corners,
            "vectors_a_gallery_frame": 1 + CORNERS * self.gallery_corners,
        }


def shipped(config: BackboneConfig) -> Variant:
    """UsageError where it is no network whose layers are known, or one without an int8 graph and a projection."""
    if config.format != "efficientnet_lite0" or not (config.whitening and config.graph_int8):
        raise UsageError(
            f"backbone {config.name!r}: needs format 'efficientnet_lite0', a projection and keys 'graph_int8', "
            "as cliptrace train descriptor makes them"
        )
    return _as_configured(config, config.name, "shipped")


def _as_configured(config: BackboneConfig, name: str, axis: str) -> Variant:
    if not config.whitening:
        raise UsageError(f"backbone {config.name!r}: needs a projection (key 'whitening')")
    own = Whitening.load(config.whitening, config.whitening_sha256)
    return Variant(name=name, axis=axis, network=config, pooling=config.pooling, own=own, dimension=config.dimension)


def variants(
    base: Variant, compared: Mapping[str, BackboneConfig], calibration: Pixels, scratch: Path
) -> Iterator[Variant]:
    """``base`` and all that is compared with it. calibration: frames of its side. scratch: for networks made here."""
    yield base
    yield from _layers_trained(base, compared, calibration, scratch)
    yield from _poolings_and_dimensions(base)
    for side in SIDES:
        if side != base.network.input_size:
            network = dataclasses.replace(base.network, input_size=side)
            yield dataclasses.replace(base, name=f"{side} px", axis="input side", network=network)
    for storage in STORAGES:
        if storage != base.storage:
            yield dataclasses.replace(base, name=storage, axis="storage", storage=storage)
    yield dataclasses.replace(base, name="corners, queries", axis="regions", query_corners=True)
    yield dataclasses.replace(base, name="corners, both", axis="regions", query_corners=True, gallery_corners=True)
    yield from _networks(base, calibration, scratch)


def _layers_trained(
    base: Variant, compared: Mapping[str, BackboneConfig], calibration: Pixels, scratch: Path
) -> Iterator[Variant]:
    start = dataclasses.replace(load_config("efficientnet_lite0"), input_size=base.network.input_size)
    untrained = in_8_bits(start, calibration, scratch)
    yield dataclasses.replace(
        base, name="none (ImageNet)", axis="layers trained", network=untrained, own=None, dimension=_FITTED
    )
    for name, config in compared.items():
        yield _as_configured(config, name, "layers trained")


def _poolings_and_dimensions(base: Variant) -> Iterator[Variant]:
    for pooling in POOLINGS:
        yield dataclasses.replace(
            base, name=f"{pooling}, fitted", axis="pooling", pooling=pooling, own=None, dimension=_FITTED
        )
    for dimension in DIMENSIONS:
        if dimension != _FITTED:  # which is the pooling above
            yield dataclasses.replace(
                base, name=f"{dimension}, fitted", axis="dimensions", pooling="gem", own=None, dimension=dimension
            )
        if dimension < base.dimension:  # the export orders them by variance: it would have written the same ones
            yield dataclasses.replace(base, name=f"first {dimension}", axis="dimensions", dimension=dimension)


def _networks(base: Variant, calibration: Pixels, scratch: Path) -> Iterator[Variant]:
    yield dataclasses.replace(base, name="float32 network", axis="inference", network=in_floats(base.network))
    whole = plain_graph(read_verified(base.network.path, base.network.sha256))
    channels = {layer.name: layer.outputs for layer in LAYERS}
    for layer, name in CUTS.items():
        network = saved(quantised(cut(whole, layer), calibration), base.network, scratch, f"up to {layer}")
        dimension = min(_FITTED, channels[layer])
        yield dataclasses.replace(
            base, name=name, axis="smaller network", network=network, pooling="gem", own=None, dimension=dimension
        )
