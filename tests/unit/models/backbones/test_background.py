"""Score normalisation: the bias by hand, and files that are no background."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from numpy.typing import NDArray

from cliptrace.models.alignment.similarity import similarity_map
from cliptrace.models.backbones.background import BETA, Background
from cliptrace.models.backbones.pooling import unit
from cliptrace.models.backbones.registry import Embedder, load_config
from cliptrace.schemas.errors import CliptraceError

SIX = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1], [0, -1], [-1, 0]], np.float32)


def random_rows(count: int, dimension: int, seed: int = 0) -> NDArray[np.float32]:
    return unit(np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32))


def write(folder: Path, **tensors: NDArray[np.generic]) -> tuple[Path, str]:
    """A safetensors file and its digest."""
    content = safetensors.numpy.save(tensors)
    (folder / "b.safetensors").write_bytes(content)
    return folder / "b.safetensors", hashlib.sha256(content).hexdigest()


def test_the_bias_is_the_mean_of_the_five_nearest() -> None:
    bias = Background(SIX).bias(np.array([[1, 0], [-1, 0], [0, 1]], np.float32))
    assert bias.dtype == np.float32
    means = np.array([(1 + 0.8 + 0.6) / 5, (1 - 0.6 - 0.8) / 5, (1 + 0.8 + 0.6) / 5])
    np.testing.assert_allclose(bias, BETA * means, atol=1e-6)


def test_of_a_smaller_background_all_count() -> None:
    np.testing.assert_allclose(Background(SIX[:2]).bias(SIX[:1]), [BETA * 0.9], atol=1e-6)


def test_each_view_has_its_own_bias() -> None:
    background, rows = Background(random_rows(50, 8)), random_rows(3000, 8, seed=1)
    bias = background.bias(rows)
    np.testing.assert_allclose(background.bias(rows.reshape(1000, 3, 8)), bias.reshape(1000, 3), atol=1e-6)
    np.testing.assert_allclose(background.bias(rows[2998]), bias[2998], atol=1e-6)
    assert background.bias(rows[:0]).shape == (0,)
    assert background.bias(rows[:0].reshape(0, 3, 8)).shape == (0, 3)


def test_blank_frames_lose_where_the_background_has_one() -> None:
    embedder = Embedder.open(load_config("efficientnet_lite0"))
    noise = np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)
    blanks = np.stack([np.full((224, 224, 3), level, np.uint8) for level in (0, 8, 16)])
    textured, (black, *others) = embedder.embed(noise), embedder.embed(blanks)
    query = np.stack([black, textured[0]])
    footage = random_rows(20, 512)
    without, within = (Background(np.vstack([footage, *more])).bias(query) for more in ((), (black, *others)))

    assert within[0] > without[0] + 0.3 * BETA
    assert within[1] < within[0] - 0.3 * BETA
    plain, normalised = similarity_map(query, query), similarity_map(query, query, within)
    np.testing.assert_allclose(plain.diagonal(), 1, atol=1e-5)
    assert normalised[0, 0] < normalised[1, 1] - 0.3 * BETA


def test_round_trip(tmp_path: Path) -> None:
    background = Background(random_rows(20, 8))
    content = background.to_bytes()
    assert safetensors.numpy.load(content)["embeddings"].dtype == np.float16
    (tmp_path / "b.safetensors").write_bytes(content)
    loaded = Background.load(tmp_path / "b.safetensors", hashlib.sha256(content).hexdigest())
    assert loaded.embeddings.dtype == np.float32
    np.testing.assert_allclose(loaded.embeddings, background.embeddings, atol=1e-3)
    assert loaded.to_bytes() == content


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    file, digest = write(tmp_path, embeddings=SIX)
    with pytest.raises(CliptraceError) as error:
        Background.load(file, "0" * 64)
    assert str(error.value) == (
        f"{file}: SHA-256 is {digest}, expected {'0' * 64}: the file is incomplete or was changed"
    )


@pytest.mark.parametrize(
    ("name", "embeddings", "message"),
    [
        ("mean", SIX, "not a background file with 'embeddings': 'embeddings'"),
        ("embeddings", SIX[0], "'embeddings' must be [B, D] with B at least 1, not [2]"),
        ("embeddings", SIX[:0], "'embeddings' must be [B, D] with B at least 1, not [0, 2]"),
        ("embeddings", SIX * 2, "'embeddings' must be rows of unit L2 norm"),
        ("embeddings", SIX * np.float32(np.nan), "'embeddings' must be rows of unit L2 norm"),
    ],
)
def test_a_file_that_is_no_background(tmp_path: Path, name: str, embeddings: NDArray[np.float32], message: str) -> None:
    file, digest = write(tmp_path, **{name: np.ascontiguousarray(embeddings)})
    with pytest.raises(CliptraceError) as error:
        Background.load(file, digest)
    assert str(error.value) == f"{file}: {message}"


def test_a_file_that_is_not_even_safetensors(tmp_path: Path) -> None:
    file = tmp_path / "b.safetensors"
    file.write_bytes(b"no")
    with pytest.raises(CliptraceError) as error:
        Background.load(file, hashlib.sha256(b"no").hexdigest())
    assert str(error.value).startswith(f"{file}: not a background file with 'embeddings': ")


def test_a_backbone_has_its_own_or_none(tmp_path: Path) -> None:
    file, digest = write(tmp_path, embeddings=SIX)
    config = dataclasses.replace(
        load_config("efficientnet_lite0"), dimension=2, background=str(file), background_sha256=digest
    )
    assert Background.of(dataclasses.replace(config, background="", background_sha256="")) is None
    found = Background.of(config)
    assert found is not None
    np.testing.assert_array_equal(found.embeddings, SIX)
    with pytest.raises(CliptraceError) as error:
        Background.of(dataclasses.replace(config, dimension=3))
    assert str(error.value) == f"{file}: its embeddings have 2 numbers, but the config says dimension = 3"
