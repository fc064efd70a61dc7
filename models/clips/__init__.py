"""What is seen and what moves, every half second: features of clips, which moments are found by.

One interface over time, whatever is behind it: a name of ours, or a person's own config file, of a network or of
features that are there already.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.clips.appearance_motion import AppearanceMotion
from cliptrace.models.clips.network import ClipNetwork
from cliptrace.models.clips.ready_made import ReadyMade
from cliptrace.models.runtime import Device

BUILT_IN = ("lite0_motion",)


class ClipEncoder(Protocol):
    """Frames → clip features; may be used from several threads.

    sha256: of all that decides what features come out. dimension: of a feature. step_s: seconds that one stands
    for. input_size: side of the frames in pixels.
    """

    sha256: str
    dimension: int
    step_s: float
    input_size: int

    def encode(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8[N, S, S, 3], RGB, basis frames (8 a second) from the start of a step on → float32[K, D]: one row a
        step, the last of which may have fewer frames than the others. No rows of zeros but for what is all alike."""
        ...


def is_ready_made(name: str) -> bool:
    """Whether the features of that name, or of that config file, are there already: nothing makes them of frames."""
    return name not in BUILT_IN and ReadyMade.describes(name)


def open_clip_encoder(name: str, device: Device = "cpu") -> ClipEncoder | ReadyMade:
    """name: one of BUILT_IN, or a .json or .toml file that describes a clip network (models/clips/network.py), or
    features that are there already (models/clips/ready_made.py)."""
    if name in BUILT_IN:
        return AppearanceMotion.open(name, device)
    return ReadyMade.open(name) if ReadyMade.describes(name) else ClipNetwork.open(name, device)
