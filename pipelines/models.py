"""Which models a gallery was built with, and whether they are the ones at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.backbones.registry import BUILT_IN, config_from_json, config_to_json, load_config
from models.runtime import Device
from schemas.errors import CliptraceError
from transforms.features import FeatureConfig
from transforms.store.gallery import Gallery


def feature_config(gallery: Gallery, device: Device, threads: int) -> FeatureConfig:
    """The gallery's own models. CliptraceError where this installation's are others of the same name."""
    built = gallery.manifest.backbone
    backbone = config_from_json(built, gallery.root)
    if backbone.name in BUILT_IN:
        installed = config_to_json(load_config(backbone.name))
        if identity(installed) != identity(built):
            raise CliptraceError(
                f"{gallery.root} was built with backbone {describe(built)}, but this cliptrace has "
                f"{describe(installed)}: use the version that built it, or index into another gallery"
            )
    return FeatureConfig(backbone, gallery.manifest.keyframes, device=device, threads=threads)


def identity(backbone: Mapping[str, Any]) -> dict[str, Any]:
    """What makes embeddings comparable: all of the config but where its files lie."""
    return {key: value for key, value in backbone.items() if key not in ("path", "whitening", "graph")}


def describe(backbone: Mapping[str, Any]) -> str:
    digest, pooling, dimension = backbone["sha256"][:12], backbone["pooling"], backbone["dimension"]
    return f"{backbone['name']} (sha256 {digest}…, {pooling}, {dimension} dimensions)"
