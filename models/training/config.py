"""What every training is told, and how two of them are told apart. No torch and no numpy: anybody may read a config."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """All that a trained network depends on, besides its data. A method's own dials come with its subclass.

    steps: batches; in the first ``warm_up`` of them the rate of learning rises. weight_decay: AdamW's. averaging: what
    the average of the network's states keeps of itself at each step. longest_gradient: L2 norm to which it is clipped.
    """

    steps: int
    warm_up: int
    weight_decay: float
    averaging: float
    longest_gradient: float
    seed: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class EditsConfig:
    """How often people do what to a video (edits.py, codec.py). Shares of a group add up to 1.

    mirrored: share of the copies. shapes: shares of 0, 1, 2 edits of the shape; looks: of 0, 1, 2 of the look beside
    those, looks_alone: of 1, 2, 3 where there are none. composite: share of the shapes that add other footage.
    looks_of, shapes_of, composites_of: edit → how often within its group. codecs: encoder, how often, and the range of
    its quality option.
    """

    mirrored: float = 0.25
    shapes: tuple[float, ...] = (0.35, 0.5, 0.15)
    looks: tuple[float, ...] = (0.2, 0.5, 0.3)
    looks_alone: tuple[float, ...] = (0.5, 0.35, 0.15)
    composite: float = 0.25
    looks_of: tuple[tuple[str, float], ...] = (
        ("colour", 0.2),
        ("grey", 0.12),
        ("blur", 0.18),
        ("noise", 0.15),
        ("downscale", 0.12),
        ("jpeg", 0.05),
        ("overlay", 0.18),
    )
    shapes_of: tuple[tuple[str, float], ...] = (
        ("crop", 0.28),
        ("rotate", 0.16),
        ("turn", 0.08),
        ("bars", 0.18),
        ("border", 0.2),
        ("screenshot", 0.1),
    )
    composites_of: tuple[tuple[str, float], ...] = (("inset", 0.5), ("beside", 0.5))
    codecs: tuple[tuple[str, float, int, int], ...] = (
        ("libx264", 0.6, 28, 46),
        ("mpeg4", 0.25, 8, 31),
        ("mpeg2video", 0.15, 10, 31),
    )


EDITS = EditsConfig()


def to_json(config: Any) -> str:
    """The same text for the same settings. config: a dataclass."""
    return json.dumps(dataclasses.asdict(config), sort_keys=True)


def digest(config: Any) -> str:
    """SHA-256 of a dataclass of settings: what a checkpoint and an exported network were trained with."""
    return hashlib.sha256(to_json(config).encode()).hexdigest()


def differing(before: str, now: str) -> Iterator[str]:
    """What two configs, as ``to_json`` writes them, do not share: "pairs.hard 0.3, now 0.5"."""
    old, new = (dict(_leaves(json.loads(each))) for each in (before, now))
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield f"{name} {old.get(name)}, now {new.get(name)}"


def _leaves(settings: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield above + name, value
