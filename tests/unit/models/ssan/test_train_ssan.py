"""From footage to exported networks, small: what is made once is kept, and what is trained runs."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from cliptrace.models.alignment import align
from cliptrace.models.alignment.spd import SPDConfig
from cliptrace.models.backbones.registry import Embedder, load_config
from cliptrace.models.ssan import boilerplate
from cliptrace.models.ssan.clips import NO_SCENE, load_clips
from cliptrace.models.ssan.config import FootageConfig, PairsConfig, SKETraining, SPDTraining, SSANTraining
from cliptrace.models.ssan.inference import OnnxSKE
from cliptrace.models.ssan.network import SKE, SPD, Joint, nearest_keyframes
from cliptrace.models.ssan.tiles import FRAMES, SIDE
from cliptrace.models.ssan.train import run_ske, run_spd, run_ssan
from cliptrace.models.training.config import digest
from cliptrace.models.training.edits import squeezed
from cliptrace.models.training.footage import read_video
from cliptrace.models.training.loop import CHECKPOINT
from cliptrace.schemas.config import BASIS_FPS
from cliptrace.schemas.errors import UsageError

CLIPS = Path(__file__).parents[3] / "data" / "clips"
SECONDS = 3
# Less than it takes to learn anything.
FOOTAGE = FootageConfig(variants=2, boilerplate=2, boilerplate_variants=2)
SKE_2 = SKETraining(steps=2, tiles=1, footage=FOOTAGE)
SPD_2 = SPDTraining(steps=2, footage=FOOTAGE)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    for name in ("coffee", "street", "bottles"):
        (folder / name).mkdir()
        cut = ["ffmpeg", "-v", "error", "-i", CLIPS / f"{name}.mp4", "-t", str(SECONDS), "-an", "-s", "160x90"]
        subprocess.run([*cut, folder / name / "clip.mp4"], check=True)
    return folder


def test_clips_are_embedded_as_the_product_does_and_kept(data: Path, tmp_path: Path) -> None:
    backbone = load_config("copy_lite0")
    found, distractors = load_clips([data], backbone, tmp_path, FOOTAGE, seed=0)
    assert [clip.scene for clip in found] == [0, 1, 2]
    assert [clip.scene for clip in distractors] == [NO_SCENE] * 2
    frames = read_video(data / "bottles" / "clip.mp4", BASIS_FPS)
    assert found[0].thumbs.shape == (2, len(frames), 32, 32, 3)
    squares = np.stack([squeezed(frame, backbone.input_size) for frame in frames])
    embedder = Embedder.open(dataclasses.replace(backbone, crop_borders=False))
    np.testing.assert_allclose(found[0].embeddings[0], embedder.embed(squares), atol=2e-3)
    likeness = (found[0].embeddings[0].astype(np.float32) * found[0].embeddings[1]).sum(axis=1)
    assert likeness.mean() > (found[0].embeddings[0][:10].astype(np.float32) @ found[1].embeddings[0][:10].T).mean()
    assert (found[0].bias > 0).all()

    made = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    again, _ = load_clips([data], backbone, tmp_path, FOOTAGE, seed=0)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == made
    assert np.array_equal(again[1].embeddings, found[1].embeddings)


def test_boilerplate_is_what_the_seed_says_and_of_every_kind() -> None:
    drawn = [boilerplate.draw(np.random.default_rng(seed)) for seed in range(12)]
    assert all(frames.dtype == np.uint8 and frames.shape == drawn[0].shape for frames in drawn)
    assert np.array_equal(drawn[3], boilerplate.draw(np.random.default_rng(3)))
    moving = [bool(np.ptp(frames.astype(int), axis=0).max() > 50) for frames in drawn]
    assert any(moving)
    assert not all(moving)


def test_what_is_trained_aligns_and_scores(data: Path, tmp_path: Path) -> None:
    backbone = load_config("copy_lite0")
    run_spd([data], tmp_path / "spd", backbone, SPD_2)
    times = np.arange(40) / 2
    config = SPDConfig(weights=str(tmp_path / "spd"))
    assert isinstance(align("spd", np.eye(40, dtype=np.float32), times, times, config), list)
    told = json.loads((tmp_path / "spd" / "config.json").read_text())
    assert (told["backbone"], told["config_sha256"]) == ("copy_lite0", digest(SPD_2))

    run_ske([data], tmp_path / "ske", backbone, SKE_2)
    scores = OnnxSKE(str(tmp_path / "ske")).run(np.zeros((20, 32, 32, 3), np.uint8))
    assert scores.shape == (20,)
    assert ((scores > 0) & (scores < 1)).all()

    with pytest.raises(UsageError) as refused:
        run_ske([data], tmp_path / "ske", backbone, dataclasses.replace(SKE_2, reach=7))
    checkpoint = tmp_path / "ske" / CHECKPOINT
    assert str(refused.value) == (
        f"{checkpoint}: was begun with other settings (reach 9, now 7): give another --output"
    )


def test_both_are_trained_together_from_what_each_learned_for_itself(data: Path, tmp_path: Path) -> None:
    ske, spd = (dataclasses.replace(each, steps=1) for each in (SKE_2, SPD_2))
    run_ssan([data], tmp_path, load_config("copy_lite0"), SSANTraining(steps=1, ske=ske, spd=spd))
    for before, after in ((tmp_path / "separate" / name, tmp_path / name) for name in ("ske", "spd")):
        one, other = ((folder / "model.safetensors").read_bytes() for folder in (before, after))
        assert len(one) == len(other)
        assert one != other


def test_the_detectors_loss_reaches_the_selector() -> None:
    torch.manual_seed(0)
    network = Joint(SKE(SKETraining()), SPD(SPDTraining()), SSANTraining())
    tiles = torch.randint(0, 256, (2, SIDE, SIDE, 3), dtype=torch.uint8)
    similarity = torch.rand(1, FRAMES, FRAMES)
    _, cells = network(tiles, similarity, torch.tensor([False]))
    cells.sum().backward()
    assert network.ske.scores.weight.grad.abs().sum() > 0


def test_where_scores_are_sure_every_frame_shows_its_nearest_keyframe() -> None:
    logits = torch.full((1, 12), -30.0)
    logits[0, [2, 9]] = 30.0
    shows = nearest_keyframes(logits, reach=4.0, sharpness=2.0)
    assert shows.argmax(dim=2)[0].tolist() == [2] * 6 + [9] * 6
    np.testing.assert_allclose(shows.sum(dim=2), 1.0, atol=1e-6)


def test_they_are_not_trained_together_on_other_footage() -> None:
    with pytest.raises(ValueError, match="on the same footage and the same kind of pairs"):
        SSANTraining(ske=SKE_2)
    with pytest.raises(ValueError, match="on the same footage and the same kind of pairs"):
        SSANTraining(spd=SPDTraining(pairs=PairsConfig(hard=0.5)))
