"""Encrypted files are called so, whatever ffmpeg makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cliptrace.schemas.config import Limits
from cliptrace.schemas.errors import MediaError
from cliptrace.transforms.media.encryption import is_encrypted
from cliptrace.transforms.media.probe import info_of, probe

Make = Callable[..., str]
KEY = ("-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb", "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")
ENCRYPTED = "is encrypted (DRM), and cliptrace has no key: decrypt it first"


@pytest.mark.parametrize("flags", ["faststart", "+frag_keyframe+empty_moov", "use_metadata_tags"])
def test_common_encryption(clip: str, make: Make, flags: str) -> None:
    scheme = ("-movflags", flags, "-encryption_scheme", "cenc-aes-ctr", *KEY)
    path = make("film.mp4", "-i", clip, "-c", "copy", *scheme)
    with pytest.raises(MediaError) as error:
        probe(path, Limits())
    assert str(error.value) == ENCRYPTED
    assert not is_encrypted(clip)


def test_what_ffprobe_tells_of_matroska() -> None:
    stream = b'{"codec_type": "video", "width": 64, "height": 48, "tags": {"enc_key_id": "AAAA"}}'
    with pytest.raises(MediaError) as error:
        info_of(b'{"streams": [' + stream + b"]}", 1, Limits())
    assert str(error.value) == ENCRYPTED


def test_windows_media(make: Make, clip: str, tmp_path: Path) -> None:
    content = Path(make("film.wmv", "-i", clip)).read_bytes()
    protected = tmp_path / "protected.wmv"
    protected.write_bytes(content[:30] + bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e") + content[30:])
    assert is_encrypted(str(protected))
    assert not is_encrypted(make("plain.wmv", "-i", clip))


def test_a_scrambled_transport_stream(make: Make, clip: str, tmp_path: Path) -> None:
    plain = make("film.ts", "-i", clip, "-c", "copy")
    content = bytearray(Path(plain).read_bytes())
    for at in range(3, len(content), 188):
        content[at] |= 0x80
    (tmp_path / "scrambled.ts").write_bytes(content)
    assert is_encrypted(str(tmp_path / "scrambled.ts"))
    assert not is_encrypted(plain)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"G",
        b"\0\0\0\0moov",
        b"\0\0\0\x08ftyp" * 10,
        b"\0\0\0\x01ftyp\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\0\x08moov" * 1000 + b"\0\0\0\x08stsd",
    ],
)
def test_what_is_no_container_is_not_encrypted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert not is_encrypted(str(tmp_path / "x"))
