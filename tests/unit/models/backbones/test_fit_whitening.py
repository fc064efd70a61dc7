import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from cliptrace.models.backbones import fit_whitening
from cliptrace.models.backbones.whitening import Whitening


def test_variants_are_seeded_and_keep_the_shape() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    once, again = (list(fit_whitening.variants(frame, np.random.default_rng(7))) for _ in range(2))
    assert [variant.shape for variant in once] == [(64, 64, 3)] * 4
    np.testing.assert_array_equal(once, again)


def test_the_command_writes_a_whitening_and_prints_its_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clip, output = tmp_path / "clips" / "bars.mp4", tmp_path / "w.safetensors"
    clip.parent.mkdir()
    source = ["-f", "lavfi", "-i", "testsrc=size=128x96:rate=8:duration=2"]
    subprocess.run(["ffmpeg", "-v", "error", *source, "-pix_fmt", "yuv420p", str(clip)], check=True)
    arguments = ["--data", str(clip.parent), "--output", str(output), "--dimension", "6"]
    monkeypatch.setattr("sys.argv", ["fit_whitening", *arguments])
    fit_whitening.main()
    printed = capsys.readouterr()
    keys = json.loads(printed.out)
    assert (keys["dimension"], keys["whitening"]) == (6, "w.safetensors")
    assert printed.err == f"{clip}: 16 vectors so far\n"
    assert Whitening.load(output, keys["whitening_sha256"]).projection.shape == (1280, 6)
