"""Rows of the design space: each differs from the shipped choice in what its axis says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.descriptor.design_space.measure import milliseconds, pool_frames, project, whitening_of
from benchmarks.descriptor.design_space.variants import CUTS, Variant, shipped, variants
from cliptrace.models.backbones.registry import Embedder, load_config
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.runtime import open_session
from cliptrace.schemas.errors import UsageError

SIDE = 64


@pytest.fixture(scope="module")
def base() -> Variant:
    return shipped(dataclasses.replace(load_config("copy_lite0"), name="base", input_size=SIDE))


@pytest.fixture(scope="module")
def rows(base, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Variant]:
    frames = np.random.default_rng(1).integers(0, 256, (4, SIDE, SIDE, 3), np.uint8)
    made = list(variants(base, {"other": base.network}, frames, tmp_path_factory.mktemp("networks")))
    assert len({row.name for row in made}) == len(made)
    return {row.name: row for row in made}


def test_the_shipped_choice_comes_first(base, rows) -> None:
    assert next(iter(rows.values())) == base
    assert base.settings() == {
        "network": "base",
        "side": SIDE,
        "pooling": "gem",
        "projection": "its own",
        "dimension": 256,
        "storage": "float16",
        "vectors_a_query_frame": 1,
        "vectors_a_gallery_frame": 1,
    }


def test_a_row_differs_in_what_its_axis_says(base, rows) -> None:
    allowed = {
        "shipped": set(),
        "layers trained": {"network", "projection", "dimension"},
        "pooling": {"pooling", "projection", "dimension"},
        "dimensions": {"pooling", "projection", "dimension"},
        "input side": {"side"},
        "storage": {"storage"},
        "regions": {"vectors_a_query_frame", "vectors_a_gallery_frame"},
        "inference": {"network"},
        "smaller network": {"network", "pooling", "projection", "dimension"},
    }
    assert {row.axis for row in rows.values()} == set(allowed)
    for row in rows.values():
        if row.name == "none (ImageNet)":  # gets the pooling that descriptors are trained with: the base's own
            assert row.pooling == base.pooling
        changed = {key for key, value in row.settings().items() if base.settings()[key] != value}
        assert changed <= allowed[row.axis], row.name


def test_bytes_count_what_the_gallery_keeps(rows) -> None:
    kept = {name: row.bytes for name, row in rows.items()}

    assert [kept[name] for name in ("base", "float32", "int8", "1 bit")] == [512, 1024, 256, 32]
    assert [kept[name] for name in ("first 64", "64, fitted", "80 channels", "112 channels")] == [128, 128, 160, 224]
    assert [kept[name] for name in ("corners, queries", "corners, both")] == [512, 2560]


def test_only_rows_that_compute_the_same_share_their_time(base, rows) -> None:
    same = {name for name, row in rows.items() if row.computes == base.computes}

    assert same == {"base", "other", "gem, fitted", "float32", "int8", "1 bit"}
    assert rows["corners, queries"].computes == rows["corners, both"].computes
    assert len({rows[name].computes for name in CUTS.values()}) == len(CUTS)


def test_time_is_measured_once_for_all_that_compute_the_same(base, rows) -> None:
    took = milliseconds([base, rows["int8"], rows["80 channels"]], repetitions=1)

    assert set(took) == {base.computes, rows["80 channels"].computes}
    assert all(value > 0 for value in took.values())


def test_vectors_of_the_shipped_choice_are_the_embedder_s(base) -> None:
    frames = np.random.default_rng(2).integers(0, 256, (5, SIDE, SIDE, 3), np.uint8)

    pooled = pool_frames(open_session(base.network), frames, {"gem": True})
    vectors = project(whitening_of(base, pooled["gem"][:, 0]), pooled["gem"])

    assert pooled["gem"].shape == (5, 5, 1280)
    assert vectors[:, 0] == pytest.approx(Embedder.open(base.network).embed(frames), abs=1e-6)


def test_the_first_components_are_what_a_smaller_export_would_have_fitted(base) -> None:
    training = np.random.default_rng(3).standard_normal((200, 32), np.float32) * np.arange(1, 33, dtype=np.float32)
    wide = dataclasses.replace(base, own=Whitening.fit(training, 32, 0.5), dimension=8)
    narrow = dataclasses.replace(base, own=None, dimension=8)

    assert whitening_of(wide, training).projection == pytest.approx(whitening_of(narrow, training).projection)


def test_a_backbone_without_a_projection_is_refused(base) -> None:
    with pytest.raises(UsageError) as error:
        shipped(dataclasses.replace(base.network, whitening=""))

    assert str(error.value) == (
        "backbone 'base': needs format 'efficientnet_lite0', a projection and keys 'graph_int8', "
        "as cliptrace train descriptor makes them"
    )
