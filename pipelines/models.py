"""Which models a gallery was built with, and whether they are the ones at hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cliptrace.models.backbones.registry import BUILT_IN, config_from_json, config_to_json, load_config
from cliptrace.models.clips import BUILT_IN as CLIP_ENCODERS
from cliptrace.models.clips import is_ready_made, open_clip_encoder
from cliptrace.models.runtime import Device
from cliptrace.models.ssan.inference import ske_sha256
from cliptrace.models.video_descriptors import open_descriptor
from cliptrace.schemas.config import (
    BASIS_FPS,
    NO_DESCRIPTOR,
    OTHERS_DESCRIPTOR,
    TILE_S,
    BackboneConfig,
    KeyframeConfig,
)
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.gallery import ClipsConfig, DescriptorConfig
from cliptrace.transforms.features import FeatureConfig
from cliptrace.transforms.store.gallery import Gallery

_THRESHOLDS = ("min_similarity", "min_score")
_SCORING = ("background", "background_sha256", *_THRESHOLDS)


def feature_config(
    gallery: Gallery,
    device: Device,
    threads: int,
    views: tuple[str, ...] = (),
    keyframes: KeyframeConfig | None = None,
) -> FeatureConfig:
    """The gallery's own models. CliptraceError where this installation's are others of the same name.

    keyframes: others than the gallery's, of queries: their number is nobody's business but the searcher's.

    How queries are scored is no part of what is stored: of a built-in backbone this installation's background and
    thresholds are taken. A gallery that was made without a background is matched without one.

    moments: as the gallery has them; who makes clip features asks ``check_moments`` first.
    """
    built = gallery.manifest.backbone
    backbone = config_from_json(built, gallery.root)
    if backbone.name in BUILT_IN:
        own = load_config(backbone.name)
        installed = config_to_json(own)
        if identity(installed) != identity(built):
            raise CliptraceError(
                f"{gallery.root} was built with backbone {describe(built)}, but this cliptrace has "
                f"{describe(installed)}: use the version that built it, or index into another gallery"
            )
        scoring = _SCORING if backbone.background else _THRESHOLDS
        backbone = dataclasses.replace(backbone, **{name: getattr(own, name) for name in scoring})
    stored = gallery.manifest.keyframes
    if keyframes is None and stored.weights_sha256 not in ("", ske_sha256(stored.weights or "ske")):
        raise CliptraceError(
            f"{gallery.root} was built with keyframes {stored} of other weights "
            f"(sha256 {stored.weights_sha256[:12]}…) than this cliptrace has: use the version that "
            "built it, or make it anew with cliptrace gallery reindex"
        )
    chosen = keyframes or stored
    is_of_queries = keyframes is not None
    described = None if is_of_queries else installed_descriptor(gallery, backbone)
    return FeatureConfig(
        backbone,
        chosen,
        device=device,
        threads=threads,
        views=views,
        pictures=is_of_queries,
        stored_views=() if is_of_queries else gallery.manifest.views,
        descriptor=described.name if described else "",
        moments=None if is_of_queries else gallery.manifest.moments,
    )


def descriptor_config(name: str, backbone: BackboneConfig) -> DescriptorConfig | None:
    """What tells the descriptor of that name from others; None for NO_DESCRIPTOR. UsageError where ``open_descriptor``
    has one."""
    if name == NO_DESCRIPTOR:
        return None
    opened = open_descriptor(name, backbone)
    return DescriptorConfig(opened.name, opened.sha256, opened.dimension)


def installed_descriptor(gallery: Gallery, backbone: BackboneConfig) -> DescriptorConfig | None:
    """The gallery's video descriptor; None where it has none. CliptraceError where this installation's is another of
    the same name."""
    built = gallery.manifest.descriptor
    installed = descriptor_config(built.name, backbone) if built else None
    if built != installed:
        raise CliptraceError(
            f"{gallery.root} was built with descriptor {built}, but this cliptrace has {installed}: use the version "
            "that built it, or make the descriptors anew of what is stored with cliptrace gallery reindex --descriptor "
            f"{OTHERS_DESCRIPTOR}"
        )
    return built


def needed_descriptor(gallery: Gallery) -> DescriptorConfig:
    """As ``installed_descriptor``. UsageError where the gallery has none."""
    found = installed_descriptor(gallery, config_from_json(gallery.manifest.backbone, gallery.root))
    if found is None:
        raise UsageError(
            f"{gallery.home}: its videos have no descriptors: make them with cliptrace gallery reindex "
            "--descriptor NAME"
        )
    return found


def moments_config(name: str) -> ClipsConfig:
    """What tells the clip encoder of that name, or of that config file, from others. UsageError where there is none, or
    its steps do not fill a tile."""
    encoder = open_clip_encoder(name)
    if TILE_S * BASIS_FPS % (encoder.step_s * BASIS_FPS):
        raise UsageError(f"{name}: clip features of {encoder.step_s:g} s: {TILE_S:g} s must be a whole number of them")
    kept = name if name in CLIP_ENCODERS else str(Path(name).resolve())
    return ClipsConfig(kept, encoder.sha256, encoder.dimension, encoder.step_s)


def check_moments(gallery: Gallery) -> None:
    """CliptraceError where this installation's clip encoder is another than the gallery's of the same name, or its file
    is gone."""
    built = gallery.manifest.moments
    if built and built.name not in CLIP_ENCODERS and not Path(built.name).exists():
        raise CliptraceError(
            f"{built.name}: gone, and it describes the clip features of {gallery.home}: where it has moved, name it "
            f"with cliptrace index SOURCE --moments FILE --gallery {gallery.home}"
        )
    installed = moments_config(built.name) if built else None
    if built and installed and not built.same_features(installed):
        raise CliptraceError(
            f"{gallery.root} was built with moments {built}, but this cliptrace has {installed}: use the version that "
            "built it, or index into another gallery"
        )


def check_decoded(keyframes: KeyframeConfig, moments: ClipsConfig | None) -> None:
    """UsageError where clip features would be made of frames that nobody decodes."""
    if moments and keyframes.key_frames_only and not is_ready_made(moments.name):
        raise UsageError(
            f"--keyframes {keyframes}: decodes no frames from which clip features ({moments.name}) could be computed: "
            "choose other keyframes, or a gallery without moments"
        )


def needed_moments(gallery: Gallery) -> ClipsConfig:
    """What makes the clip features that a gallery stores. UsageError where it stores none."""
    if gallery.manifest.moments is None:
        raise UsageError(
            f"{gallery.home}: stores no clip features, by which moments are found: index its videos with --moments "
            "into a new gallery"
        )
    return gallery.manifest.moments


def identity(backbone: Mapping[str, Any]) -> dict[str, Any]:
    """What makes embeddings comparable: all of the config but where its files lie, and how queries are scored.

    A setting that an older gallery does not name has its default.
    """
    others = ("path", "whitening", "graph", "graph_int8", *_SCORING)
    defaults = {field.name: field.default for field in dataclasses.fields(BackboneConfig)}
    return {key: value for key, value in {**defaults, **backbone}.items() if key not in others}


def describe(backbone: Mapping[str, Any]) -> str:
    digest, pooling, dimension = backbone["sha256"][:12], backbone["pooling"], backbone["dimension"]
    return f"{backbone['name']} (sha256 {digest}…, {pooling}, {dimension} dimensions)"
