import hashlib
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from cliptrace.models.backbones.whitening import Whitening
from cliptrace.schemas.errors import CliptraceError


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """500 vectors of 24 correlated numbers."""
    random = np.random.default_rng(0)
    return (random.standard_normal((500, 24)) @ random.standard_normal((24, 24)) + 3).astype(np.float32)


def test_without_shrinkage_the_training_data_has_unit_covariance(vectors: np.ndarray) -> None:
    whitening = Whitening.fit(vectors, 8, shrinkage=0)
    white = (vectors - whitening.mean) @ whitening.projection
    np.testing.assert_allclose(white.T @ white / len(white), np.eye(8), atol=1e-3)


def test_full_shrinkage_only_rotates(vectors: np.ndarray) -> None:
    whitening = Whitening.fit(vectors, 24, shrinkage=1)
    centred = vectors - whitening.mean
    cosines = centred @ centred.T / np.outer(*[np.linalg.norm(centred, axis=1)] * 2)
    white = whitening.apply(vectors)
    np.testing.assert_allclose(white @ white.T, cosines, atol=1e-4)


def test_fewer_samples_than_dimensions_need_shrinkage(vectors: np.ndarray) -> None:
    with pytest.raises(ValueError) as error:
        Whitening.fit(vectors[:10], 16, shrinkage=0)
    assert str(error.value) == "10 vectors do not span 16 dimensions: use more, or shrinkage > 0"
    assert np.isfinite(Whitening.fit(vectors[:10], 16, shrinkage=0.5).apply(vectors)).all()


def test_rows_have_unit_norm_and_the_mean_itself_is_zero(vectors: np.ndarray) -> None:
    whitening = Whitening.fit(vectors, 8, shrinkage=0.5)
    white = whitening.apply(np.vstack([vectors, whitening.mean]))
    np.testing.assert_allclose(np.linalg.norm(white[:-1], axis=1), 1, atol=1e-5)
    assert not white[-1].any()


def test_round_trip(vectors: np.ndarray, tmp_path: Path) -> None:
    whitening = Whitening.fit(vectors, 8, shrinkage=0.5)
    content = whitening.to_bytes()
    (tmp_path / "w.safetensors").write_bytes(content)
    loaded = Whitening.load(tmp_path / "w.safetensors", hashlib.sha256(content).hexdigest())
    np.testing.assert_array_equal(loaded.mean, whitening.mean)
    np.testing.assert_allclose(loaded.apply(vectors), whitening.apply(vectors), atol=2e-3)
    assert loaded.to_bytes() == content


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    file.write_bytes(b"changed")
    with pytest.raises(CliptraceError) as error:
        Whitening.load(file, "0" * 64)
    digest = hashlib.sha256(b"changed").hexdigest()
    assert str(error.value) == (
        f"{file}: SHA-256 is {digest}, expected {'0' * 64}: the file is incomplete or was changed"
    )


def test_another_safetensors_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    content = safetensors.numpy.save({"mean": np.zeros(3, np.float32)})
    file.write_bytes(content)
    with pytest.raises(CliptraceError, match="not a whitening file with 'mean' and 'projection'"):
        Whitening.load(file, hashlib.sha256(content).hexdigest())
