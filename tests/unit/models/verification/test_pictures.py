"""Pictures of keyframes: small, grey, and told when they are none."""

import numpy as np
import pytest

from cliptrace.models.verification.pictures import decode, encode


def test_a_picture_is_small_and_shows_the_frame() -> None:
    rows = np.linspace(0, 255, 192).astype(np.uint8)
    frame = np.repeat(np.tile(rows[:, None], (1, 192))[..., None], 3, axis=2)
    (picture,) = encode(frame[None])
    assert len(picture) < 2000
    (shown,) = decode([picture], [0])
    assert shown.shape == (64, 64)
    np.testing.assert_allclose(shown[:, 5], np.linspace(0, 255, 64), atol=4)


def test_some_of_the_pictures_in_the_order_that_is_asked() -> None:
    pictures = encode(np.stack([np.full((192, 192, 3), level, np.uint8) for level in (10, 100, 200)]))
    np.testing.assert_allclose(decode(pictures, [2, 0, 0]).mean(axis=(1, 2)), [200, 10, 10], atol=1)
    assert decode(pictures, []).shape == (0, 64, 64)


@pytest.mark.parametrize(("damaged", "size"), [(b"", 0), (b"no picture", 10)])
def test_what_is_no_picture_is_told(damaged: bytes, size: int) -> None:
    with pytest.raises(ValueError, match=f"^a picture of {size} bytes is no JPEG of 64 by 64 pixels$"):
        decode([damaged], [0])
