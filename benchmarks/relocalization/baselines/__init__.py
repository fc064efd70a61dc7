"""The baselines of the paper's tables by name, each a way to train it; all see the same features and proposals."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.relocalization.baselines.aft_srm import train_aft_srm
from benchmarks.relocalization.baselines.contestant import Train
from benchmarks.relocalization.baselines.cross_gated import train_cross_gated
from benchmarks.relocalization.baselines.sst import train_sst
from benchmarks.relocalization.baselines.untrained import train_chance, train_frame_level
from benchmarks.relocalization.baselines.video_level import train_video_level

BASELINES: Mapping[str, Train] = {
    "chance": train_chance,
    "frame level": train_frame_level,
    "video level": train_video_level,
    "SST": train_sst,
    "AFT+SRM": train_aft_srm,
    "cross-gated bilinear matching": train_cross_gated,
}
