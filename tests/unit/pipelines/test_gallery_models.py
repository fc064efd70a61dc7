"""Which models a gallery is searched with, when this installation has others."""

from __future__ import annotations

import dataclasses

import pytest

from cliptrace.models.backbones.registry import config_to_json, load_config
from cliptrace.models.keyframes import with_weights
from cliptrace.pipelines.models import feature_config, identity
from cliptrace.schemas.config import QUERY_KEYFRAMES, BackboneConfig, KeyframeConfig
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import GalleryManifest
from cliptrace.transforms.store.gallery import Gallery

PLAIN = dataclasses.replace(load_config("efficientnet_lite0"), background="", background_sha256="")
NEWER = dataclasses.replace(PLAIN, background="efficientnet_lite0/b2.safetensors", background_sha256="2" * 64)
OLDER = dataclasses.replace(PLAIN, background="efficientnet_lite0/b1.safetensors", background_sha256="1" * 64)
OWN = dataclasses.replace(OLDER, name="mine", background="/models/b1.safetensors")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> BackboneConfig:
    monkeypatch.setattr("cliptrace.pipelines.models.load_config", lambda name: NEWER)
    return NEWER


def made_with(backbone: dict[str, object]) -> Gallery:
    return Gallery("/g", GalleryManifest(name="g", backbone=backbone, keyframes=KeyframeConfig()))


def test_a_background_is_no_part_of_what_is_stored() -> None:
    recorded = config_to_json(PLAIN)
    del recorded["background"], recorded["background_sha256"]  # as galleries of the first version have it
    assert identity(recorded) == identity(config_to_json(PLAIN)) == identity(config_to_json(NEWER))
    assert identity(config_to_json(dataclasses.replace(PLAIN, whitening_sha256="0" * 64))) != identity(recorded)


def test_a_gallery_without_a_background_keeps_to_none(installed: BackboneConfig) -> None:
    recorded = config_to_json(PLAIN)
    del recorded["background"], recorded["background_sha256"]
    assert feature_config(made_with(recorded), "cpu", 2).backbone == PLAIN


def test_a_replaced_background_makes_no_gallery_unreadable(installed: BackboneConfig) -> None:
    assert feature_config(made_with(config_to_json(OLDER)), "cpu", 2).backbone == installed
    assert feature_config(made_with(config_to_json(OWN)), "cpu", 2).backbone == OWN


def test_views_are_for_queries_only(installed: BackboneConfig) -> None:
    gallery = made_with(config_to_json(PLAIN))
    assert feature_config(gallery, "cpu", 2).views == ()
    assert feature_config(gallery, "cpu", 2, ("mirror",)).views == ("mirror",)


def test_keyframes_of_other_weights_are_refused_but_may_be_searched(installed: BackboneConfig) -> None:
    ours = with_weights(KeyframeConfig.ske())
    other = dataclasses.replace(ours, weights_sha256="0" * 64)
    manifest = GalleryManifest(name="g", backbone=config_to_json(PLAIN), keyframes=ours)
    assert feature_config(Gallery("/g", manifest), "cpu", 2).keyframes == ours
    gallery = Gallery("/g", dataclasses.replace(manifest, keyframes=other))
    with pytest.raises(CliptraceError) as error:
        feature_config(gallery, "cpu", 2)
    assert str(error.value) == (
        "/g was built with keyframes ske:balanced of other weights (sha256 000000000000…) than this cliptrace has: "
        "use the version that built it, or make it anew with cliptrace gallery reindex"
    )
    assert feature_config(gallery, "cpu", 2, keyframes=QUERY_KEYFRAMES).keyframes == QUERY_KEYFRAMES


def test_other_weights_of_the_same_name_are_refused(installed: BackboneConfig) -> None:
    gallery = made_with(config_to_json(dataclasses.replace(PLAIN, sha256="0" * 64)))
    with pytest.raises(CliptraceError) as error:
        feature_config(gallery, "cpu", 2)
    assert str(error.value) == (
        f"/g was built with backbone efficientnet_lite0 (sha256 000000000000…, {PLAIN.pooling}, 512 dimensions), "
        f"but this cliptrace has efficientnet_lite0 (sha256 {PLAIN.sha256[:12]}…, {PLAIN.pooling}, 512 dimensions): "
        "use the version that built it, or index into another gallery"
    )
