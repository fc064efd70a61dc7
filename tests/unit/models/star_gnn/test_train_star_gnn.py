"""From footage to weights that run, small: what is trained, what is exported and what runs are the same."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import unit
from cliptrace.models.backbones.registry import Embedder, load_config
from cliptrace.models.star_gnn.clips import Clip, load_clips, node_projection, nodes_of
from cliptrace.models.star_gnn.config import CONVOLUTIONS, CopiesConfig, LatticeFootage, StarGNNTraining
from cliptrace.models.star_gnn.examples import CopyMaker, copied, in_step, relations
from cliptrace.models.star_gnn.inference import chosen_regions, open_star_gnn
from cliptrace.models.star_gnn.losses import contrastive, losses, triplet
from cliptrace.models.star_gnn.network import StarGNN
from cliptrace.models.star_gnn.train import run, train
from cliptrace.schemas.errors import CliptraceError, UsageError

CLIPS = Path(__file__).parents[3] / "data" / "clips"
FOOTAGE = LatticeFootage(variants=2, longest_s=2.0)
STEPS_2 = StarGNNTraining(steps=2, videos=3, footage=FOOTAGE)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    for name in ("coffee", "street", "bottles"):
        (folder / name).mkdir()
        cut = ["ffmpeg", "-v", "error", "-i", CLIPS / f"{name}.mp4", "-t", "2", "-an", "-s", "160x90"]
        subprocess.run([*cut, folder / name / "clip.mp4"], check=True)
    return folder


def drawn_clips(count: int = 6, frames: int = 8, dimension: int = 16, seed: int = 0) -> list[Clip]:
    """Two a scene, which are alike; the frames of each have a direction in common."""
    random = np.random.default_rng(seed)
    scenes = random.normal(size=(count, dimension))
    clips = []
    for number in range(count):
        shape = (2, frames, 15, dimension)
        rows = scenes[number // 2] + 0.5 * random.normal(size=dimension) + random.normal(size=shape)
        rows = unit(rows.reshape(-1, dimension).astype(np.float32)).reshape(shape)
        clips.append(Clip(number // 2, rows[:, :, :14].astype(np.float16), rows[:, :, 14].astype(np.float16)))
    return clips


def test_a_run_trains_exports_and_is_found_again(data: Path, tmp_path: Path) -> None:
    backbone = load_config("copy_lite0")
    run([data], tmp_path, backbone, STEPS_2)
    network = open_star_gnn(str(tmp_path))
    assert network.backbone_sha256 == backbone.sha256
    regions = np.abs(np.random.default_rng(0).normal(size=(3, 14, 1280))).astype(np.float32)
    vector = network.vector(network.of_regions(regions))
    assert vector.shape == (256,)
    assert abs(np.linalg.norm(vector) - 1) < 1e-5
    assert abs(vector.mean()) < 1e-6
    before = (tmp_path / "model.safetensors").read_bytes()
    run([data], tmp_path, backbone, STEPS_2)
    assert (tmp_path / "model.safetensors").read_bytes() == before
    with pytest.raises(UsageError, match="was begun with other settings"):
        run([data], tmp_path, backbone, dataclasses.replace(STEPS_2, margin=0.1))


def test_weights_that_were_changed_are_refused(data: Path, tmp_path: Path) -> None:
    run([data], tmp_path, load_config("copy_lite0"), STEPS_2)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    open_star_gnn.cache_clear()
    with pytest.raises(CliptraceError, match=r"model\.safetensors: SHA-256 is"):
        open_star_gnn(str(tmp_path))


def test_nodes_are_made_as_indexing_makes_them(data: Path, tmp_path: Path) -> None:
    backbone = load_config("copy_lite0")
    paths = sorted(data.rglob("*.mp4"))
    clips, projection = load_clips(paths, backbone, tmp_path, FOOTAGE, 0)
    assert [clip.scene for clip in clips] == [0, 1, 2]
    assert clips[0].nodes.shape[:1] + clips[0].nodes.shape[2:] == (2, 14, 256)
    whitening = Embedder.open(backbone).whitening
    assert whitening is not None
    assert np.array_equal(projection.projection, whitening.projection)
    rows = clips[0].nodes[0].astype(np.float32)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=2), 1, atol=2e-3)


def test_a_projection_is_fitted_where_the_backbone_has_none() -> None:
    regions = np.abs(np.random.default_rng(0).normal(size=(40, 14, 32))).astype(np.float32)
    projection = node_projection(regions, None, 8)
    assert nodes_of(regions, projection).shape == (40, 14, 8)


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
@pytest.mark.parametrize("aggregation", ["mean", "max"])
def test_the_network_brings_copies_together(convolution: str, aggregation: str, tmp_path: Path) -> None:
    config = StarGNNTraining(
        steps=40,
        margin=1.5,
        warm_up=5,
        rate=3e-3,
        videos=6,
        width=32,
        convolution=convolution,
        aggregation=aggregation,  # type: ignore[arg-type]
    )
    clips = drawn_clips()
    batch = CopyMaker(clips, 6, range(14), config.copies).batch(np.random.default_rng(9))
    torch.manual_seed(config.seed)
    before, _ = losses(StarGNN(16, config), config, batch)
    after, _ = losses(train(clips, tmp_path, config), config, batch)
    assert after < 0.8 * before


def test_losses_are_what_the_formulas_say() -> None:
    positive, negative = torch.tensor([0.2, 1.0]), torch.tensor([1.0, 0.4])
    assert triplet(positive, negative, 0.5).item() == pytest.approx((0 + 1.1) / 2)
    assert contrastive(positive, torch.tensor([4.0, 0.25]), 1.0).item() == pytest.approx((0.2 + 1.0 + 0.25) / 2)


def test_a_copy_is_one_piece_of_which_frames_are_dropped() -> None:
    config = CopiesConfig(least=0.5, dropped=0.5, frames=10)
    for seed in range(50):
        kept = copied(20, config, np.random.default_rng(seed))
        assert 5 <= len(kept) <= 10
        assert np.all(np.diff(kept) > 0)
        assert kept[0] >= 0
        assert kept[-1] < 20
    assert copied(1, config, np.random.default_rng(0)).tolist() == [0]


def test_videos_that_share_footage_are_no_negatives() -> None:
    clips = drawn_clips(3)
    shared = dataclasses.replace(clips[1], embeddings=clips[0].embeddings)
    related, _ = relations((clips[0], shared, clips[2]), CopiesConfig())
    assert related.tolist() == [[True, True, False], [True, True, False], [False, False, True]]


def test_look_alikes_are_negatives_however_alike_they_are() -> None:
    clips = [dataclasses.replace(clip, look_alike=True) for clip in drawn_clips(4)]
    clips[1] = dataclasses.replace(clips[1], embeddings=clips[0].embeddings)
    clips[3] = dataclasses.replace(clips[3], embeddings=clips[0].embeddings)
    related, copies = relations(clips, CopiesConfig())
    assert not related[0, 1]
    assert related[0, 3]  # of another scene: whether they share footage nobody knows
    assert not copies[0, 1]


def changing(frames: int, seed: int, moving: float = 0.3, noise: float = 0.0) -> NDArray[np.float16]:
    """float16[F, D]: one picture, in which what changes is drawn by ``seed``."""
    still = np.random.default_rng(9).normal(size=32)
    rows = still + moving * np.random.default_rng(seed).normal(size=(frames, 32))
    rows += noise * np.random.default_rng(seed + 1).normal(size=rows.shape)
    return unit(rows.astype(np.float32)).astype(np.float16)


def test_copies_in_the_footage_change_in_step_and_another_recording_of_a_scene_does_not() -> None:
    config, shown = CopiesConfig(), changing(24, 1)
    scene = Clip(0, np.empty((1, 24, 14, 32), np.float16), shown[None])
    trimmed = dataclasses.replace(scene, embeddings=changing(24, 1, noise=0.05)[None, 6:])
    again = dataclasses.replace(scene, embeddings=changing(24, 2)[None])
    related, copies = relations((scene, trimmed, again), config)
    assert related.all()
    assert copies.tolist() == [[False, True, False], [True, False, False], [False, False, False]]
    assert in_step(shown[:5].astype(np.float32), shown[:5].astype(np.float32), config) == 0  # too short to tell


def test_what_shares_footage_with_a_second_copy_is_no_negative() -> None:
    source = changing(24, 1)
    takes = [source[:10], source[14:]]  # of one source, which is a copy of both
    clips = [
        dataclasses.replace(
            Clip(number, np.full((1, len(rows), 14, 4), number, np.float16), rows[None]), look_alike=True
        )
        for number, rows in ((7, takes[0]), (7, takes[1]), (8, source))
    ]
    related, copies = relations(clips, CopiesConfig())
    assert not related[0, 1]
    assert copies[2].tolist() == [True, True, False]
    maker = CopyMaker(clips, 2, [0], dataclasses.replace(CopiesConfig(), natural=1.0, same_scene=1.0))
    for seed in range(20):
        batch = maker.batch(np.random.default_rng(seed))
        seconds = batch.nodes[2:, 0, 0, 0].tolist()
        for row, column in zip(*np.nonzero(batch.apart.numpy()), strict=True):
            assert seconds[column] != 8, (row, column)  # the source is the copy of either take


def test_the_second_copy_may_be_of_a_copy_that_was_found() -> None:
    rows = [changing(12, 1), changing(12, 1, noise=0.05), changing(12, 3)]
    clips = [Clip(n, np.full((1, 12, 14, 4), n, np.float16), row[None]) for n, row in enumerate(rows)]
    maker = CopyMaker(clips, 3, [0], dataclasses.replace(CopiesConfig(), natural=1.0, same_scene=0.0))
    batch = maker.batch(np.random.default_rng(0))
    first, second = batch.nodes[:, 0, 0, 0].reshape(2, 3).tolist()
    assert {*zip(first, second, strict=True)} == {(0.0, 1.0), (1.0, 0.0), (2.0, 2.0)}


def test_a_batch_has_two_copies_of_each_video_and_neighbours_of_some() -> None:
    batch = CopyMaker(drawn_clips(), 4, chosen_regions((3,)), CopiesConfig()).batch(np.random.default_rng(0))
    assert batch.nodes.shape[0] == batch.there.shape[0] == 8
    assert batch.nodes.shape[2:] == (9, 16)
    assert batch.apart.shape == (4, 4)
    assert not batch.apart.diagonal().any()
    assert bool((batch.nodes[~batch.there] == 0).all())


def test_regions_of_each_scale_are_where_the_grid_has_them() -> None:
    assert chosen_regions((1, 2, 3)) == list(range(14))
    assert chosen_regions((2,)) == [1, 2, 3, 4]
    assert chosen_regions((1, 3)) == [0, *range(5, 14)]


def test_one_video_is_too_few(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        run([data / "coffee"], tmp_path, load_config("copy_lite0"), STEPS_2)
    assert str(told.value) == f"{data}/coffee: 1 videos; at least 2 are needed to tell them apart"
