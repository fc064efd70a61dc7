"""Look-alikes as clips that video vectors must tell apart."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.look_alike.plan import plan_looks
from benchmarks.star_gnn import look_alikes
from benchmarks.star_gnn.copies import make_gallery
from benchmarks.star_gnn.footage import Video
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.star_gnn.clips import load_clips
from cliptrace.models.star_gnn.config import CopiesConfig, LatticeFootage

CONFIG = LatticeFootage(variants=5, longest_s=2.0)
CLIPS = Path(__file__).parents[3] / "data" / "clips"


def test_both_takes_of_a_pair_are_clips_that_share_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLIPTRACE_FOOTAGE", raising=False)
    (chart,) = [look for look in plan_looks("validation", 1, []) if look.name == "chart-1"]
    (filmed,) = [look for look in plan_looks("train", 1, real_pairs("train")) if look.kind == "camera"]
    monkeypatch.setattr(look_alikes, "plan_looks", lambda *_: [chart, filmed])
    monkeypatch.setattr(look_alikes, "find_videos", lambda: [Video(CLIPS / "bottles.mp4", "bottles", "train")])
    backbone = load_config("copy_lite0")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", CLIPS / "coffee.mp4", "-t", "2", tmp_path / "coffee.mp4"], check=True
    )
    _, projection = load_clips([tmp_path / "coffee.mp4"], backbone, tmp_path / "cache", CONFIG, 0)
    clips = look_alikes.load_look_alikes("validation", backbone, tmp_path / "cache", CONFIG, projection)
    assert [(clip.scene, clip.look_alike) for clip in clips] == [(-1, True)] * 2  # bottles.mp4 is in another split
    gallery = make_gallery(clips, CopiesConfig(), 1, (0.5, 1.0))
    assert not gallery.related[0, 1]


def real_pairs(split: look_alikes.Split) -> list[look_alikes.RealPair]:
    return look_alikes.real_pairs(look_alikes.find_library(), split)
