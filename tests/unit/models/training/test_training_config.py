"""Two configs are told apart by every setting, however deep."""

from __future__ import annotations

import dataclasses

from cliptrace.models.ssan.config import MapsConfig, SPDTraining
from cliptrace.models.training.config import EDITS, differing, digest, to_json


def test_every_setting_counts() -> None:
    config = SPDTraining()
    assert digest(config) == digest(SPDTraining())
    deep = dataclasses.replace(config.footage, edits=dataclasses.replace(EDITS, mirrored=0.5))
    others = [
        dataclasses.replace(config, seed=1),
        dataclasses.replace(config, widths=(24, 48, 64, 96, 256)),
        dataclasses.replace(config, maps=MapsConfig(visible=0.2)),
        dataclasses.replace(config, footage=deep),
    ]
    assert len({digest(config), *map(digest, others)}) == 5
    assert [list(differing(to_json(config), to_json(other))) for other in others] == [
        ["seed 0, now 1"],
        ["widths [24, 48, 64, 96, 128], now [24, 48, 64, 96, 256]"],
        ["maps.visible 0.1, now 0.2"],
        ["footage.edits.mirrored 0.25, now 0.5"],
    ]
