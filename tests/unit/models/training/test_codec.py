import numpy as np

from cliptrace.models.training.codec import recompressed
from cliptrace.models.training.edits import squeezed


def test_frames_come_back_in_order_with_artefacts():
    random = np.random.default_rng(0)
    frames = np.stack([squeezed(random.integers(0, 256, (6, 6, 3), np.uint8), 64) for _ in range(7)])
    made = recompressed(frames, np.random.default_rng(1))
    assert made.shape == frames.shape
    assert made.dtype == np.uint8
    distance = np.abs(made[:, None].astype(int) - frames[None]).mean(axis=(2, 3, 4))
    np.testing.assert_array_equal(distance.argmin(axis=1), np.arange(7))
    assert (distance.diagonal() > 0.5).all()


def test_every_codec_is_drawn_and_the_same_generator_draws_the_same():
    frames = np.zeros((2, 32, 32, 3), np.uint8)
    frames[1, 8:24] = 200
    made = {recompressed(frames, np.random.default_rng(seed)).tobytes() for seed in range(12)}
    assert len(made) > 3
    np.testing.assert_array_equal(
        recompressed(frames, np.random.default_rng(3)), recompressed(frames, np.random.default_rng(3))
    )
