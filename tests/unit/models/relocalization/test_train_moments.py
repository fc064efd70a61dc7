"""From folders of clips to a locator, as ``cliptrace train moments`` does it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cliptrace.models.clips import open_clip_encoder
from cliptrace.models.methods import METHODS
from cliptrace.models.relocalization.config import Composition, GraphTraining
from cliptrace.models.relocalization.export import export_graph
from cliptrace.models.relocalization.footage import label_of
from cliptrace.models.relocalization.inference import open_locator
from cliptrace.models.relocalization.network import Actionness, GraphRelocalizer
from cliptrace.models.weights import WEIGHTS
from cliptrace.schemas.errors import UsageError

CLIPS = Path(__file__).parents[3] / "data" / "clips"


def test_what_a_clip_shows_is_what_its_folder_is_called(tmp_path: Path) -> None:
    assert label_of(tmp_path / "dance" / "tango" / "1.mp4", tmp_path) == "dance/tango"
    assert label_of(tmp_path / "1.mp4", tmp_path) == ""


@pytest.mark.slow
def test_from_folders_to_a_locator(tmp_path: Path) -> None:
    for name in ("juggling/a", "juggling/b", "cars/a", "cars/b", "coffee"):
        clip = tmp_path / "data" / f"{name}.mp4"
        clip.parent.mkdir(parents=True, exist_ok=True)
        clip.symlink_to(CLIPS / f"{name.split('/')[0]}.mp4")
    METHODS["moments"].train([tmp_path / "data"], tmp_path / "out", steps=2, seed=1)
    locator = open_locator(f"anchor_free:{tmp_path / 'out'}")
    assert locator.clips_sha256 == open_clip_encoder("lite0_motion").sha256
    steps = np.random.default_rng(0).standard_normal((9, 500), np.float32)
    assert len(locator.locate(steps, steps, 0.5, 2)) <= 2


def test_folders_in_which_nothing_is_twice(tmp_path: Path) -> None:
    (tmp_path / "data" / "cars").mkdir(parents=True)
    (tmp_path / "data" / "cars" / "a.mp4").symlink_to(CLIPS / "cars.mp4")
    told = f"{tmp_path / 'data'}: no folder within has two videos: put those that show the same into one folder"
    with pytest.raises(UsageError, match=told):
        METHODS["moments"].train([tmp_path / "data"], tmp_path / "out", steps=1)


def test_folders_in_which_nothing_else_happens(tmp_path: Path) -> None:
    (tmp_path / "data" / "cars").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "data" / "cars" / f"{name}.mp4").symlink_to(CLIPS / "cars.mp4")
    with pytest.raises(UsageError) as error:
        METHODS["moments"].train([tmp_path / "data"], tmp_path / "out", steps=1)
    assert str(error.value) == (
        f"{tmp_path / 'data'}: all videos show 'cars': add some that show something else, in another folder or in "
        "none, for the time between moments"
    )


def test_a_folder_that_is_no_locator(tmp_path: Path) -> None:
    config = GraphTraining(width=8, composition=Composition())
    networks = GraphRelocalizer(config, 500).eval(), Actionness(8, 500).eval()
    export_graph(*networks, tmp_path, config, "0" * 64, 0.0)
    with pytest.raises(UsageError, match=r"not what cliptrace train moments makes: KeyError\('least_score'\)"):
        open_locator(f"anchor_free:{tmp_path / 'graph'}")


def test_the_graph_locator_refines_the_proposals_of_its_classifier() -> None:
    """Two cuts, so there are proposals; what is told lies in the reference, the best first."""
    random = np.random.default_rng(0)
    shots = [random.standard_normal(500) + 0.1 * random.standard_normal((12, 500)) for _ in range(3)]
    reference = np.concatenate(shots).astype(np.float32)
    found = open_locator("graph").locate(reference[12:18], reference, 0.5, 3)
    assert found
    assert [moment.score for moment in found] == sorted((moment.score for moment in found), reverse=True)
    assert all(0 <= moment.start_s < moment.end_s <= 18 for moment in found)
    assert open_locator("graph").locate(reference[12:18], np.zeros((4, 500), np.float32), 0.5, 3) == []
    config = json.loads((WEIGHTS / "graph" / "config.json").read_text())
    everything = open_locator("graph").locate(reference[12:18], reference, 0.5, 30, least=0.0)
    bar = (config["least_fit"] + 1) / 2
    wanted = [moment for moment in everything if moment.score >= bar]
    assert 0 < len(wanted) < len(everything)
    assert open_locator("graph").locate(reference[12:18], reference, 0.5, 30) == wanted
