"""Pictures that move: animated PNG and AVIF, which ffmpeg reads, and animated WebP, which a process of ours does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cliptrace.schemas.config import BASIS_FPS, Limits
from cliptrace.schemas.errors import MediaError
from cliptrace.transforms.media import webp
from cliptrace.transforms.media.decode import Decoder
from cliptrace.transforms.media.probe import probe

Decode = Callable[..., tuple[NDArray[np.uint8], Decoder]]


def animation(path: Path, durations: list[int], grey: int = 20) -> str:
    """Grey pictures, each ``grey`` brighter than the one before."""
    pictures = [Image.new("RGB", (64, 48), (grey * n,) * 3) for n in range(len(durations))]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, lossless=True, quality=100)
    return str(path)


def brightness(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    return frames.mean(axis=(1, 2, 3))


@pytest.mark.parametrize("suffix", ["apng", "png", "webp", "avif"])
def test_each_second_shows_its_picture(tmp_path: Path, decode: Decode, suffix: str) -> None:
    path = animation(tmp_path / f"a.{suffix}", [1000] * 3, grey=80)
    frames, decoder = decode(path)
    assert (decoder.decoded_s, decoder.warning) == (3.0, "")
    np.testing.assert_allclose(brightness(frames), np.repeat([0, 80, 160], 8), atol=3)


def test_what_a_webp_says_of_itself(tmp_path: Path) -> None:
    path = animation(tmp_path / "a.webp", [100, 200, 0, 5])
    info = probe(path, Limits())
    assert (info.duration_s, info.fps, info.width, info.height) == (0.5, 8.0, 64, 48)
    assert (info.codec, info.container, info.size_bytes) == ("webp", "webp", Path(path).stat().st_size)


@pytest.mark.parametrize(
    ("durations", "expected"),
    [([125] * 3, [1, 1, 1]), ([11], [1]), ([60, 60, 60], [1, 0, 1]), ([400, 1000], [4, 8]), ([40] * 25, [1, 0, 0, 1])],
)
def test_pictures_on_the_grid(durations: list[int], expected: list[int]) -> None:
    counts = list(webp.on_grid(durations))
    assert counts[: len(expected)] == expected
    assert sum(counts) == np.ceil(sum(durations) * BASIS_FPS / 1000)


def test_what_is_seen_is_laid_on_black_and_ends_at_the_frames_asked_for(tmp_path: Path, decode: Decode) -> None:
    half = Image.new("RGBA", (64, 48), (200, 200, 200, 0))
    half.paste((200, 200, 200, 255), (0, 0, 32, 48))
    other = Image.new("RGB", (64, 48))
    half.save(tmp_path / "a.webp", save_all=True, append_images=[other], duration=1000, lossless=True, exact=True)
    frames, _ = decode(str(tmp_path / "a.webp"), Limits(max_duration_s=10.0), end_s=0.5)
    assert frames.shape == (4, 32, 32, 3)
    assert frames[0, :, 0].mean() == 200
    assert frames[0, :, -1].mean() == 0


def test_one_that_stands_still_is_a_picture(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "still.webp")
    assert probe(str(tmp_path / "still.webp"), Limits()).is_picture


def test_a_damaged_webp_costs_one_dead_letter(tmp_path: Path, decode: Decode) -> None:
    content = Path(animation(tmp_path / "a.webp", [200] * 12)).read_bytes()
    (tmp_path / "head.webp").write_bytes(content[:21])
    (tmp_path / "noise.webp").write_bytes(content[:60] + bytes(len(content) - 60))
    (tmp_path / "cut.webp").write_bytes(content[: len(content) // 2])
    messages = []
    for name in ("head.webp", "noise.webp", "cut.webp"):
        with pytest.raises(MediaError) as error:
            decode(str(tmp_path / name))
        messages.append(str(error.value))
    assert all(message.startswith(("not a video: ", "no frame could be decoded: ")) for message in messages), messages


def test_a_webp_that_claims_a_huge_picture(tmp_path: Path) -> None:
    content = bytearray(Path(animation(tmp_path / "a.webp", [200] * 3)).read_bytes())
    content[24:30] = b"\xff\xff\xff\xff\xff\xff"
    (tmp_path / "huge.webp").write_bytes(content)
    with pytest.raises(MediaError, match=r"^picture is too large: 16777216x16777216, the limit is 67108864 pixels$"):
        probe(str(tmp_path / "huge.webp"), Limits())
    path = animation(tmp_path / "b.webp", [200] * 3)
    message = r"^no frame could be decoded: webp: Image size \(3072 pixels\) exceeds limit"
    with (
        Decoder(path, probe(path, Limits()), Limits(max_pixels=1000)) as tiles,
        pytest.raises(MediaError, match=message),
    ):
        list(tiles)


def test_memory_is_limited(tmp_path: Path, decode: Decode) -> None:
    path = animation(tmp_path / "a.webp", [200] * 3)
    with pytest.raises(MediaError):
        decode(path, Limits(memory_bytes=20 << 20))
