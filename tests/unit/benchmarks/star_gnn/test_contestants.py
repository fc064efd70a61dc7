"""Contestants and their ranking, on videos whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.star_gnn import contestants as of
from benchmarks.star_gnn.copies import Frames, distractors, make_gallery
from benchmarks.star_gnn.heads import DML, Learned, Linear, Weighted, contrastive, distilled, with_embeddings
from benchmarks.star_gnn.ranking import bytes_each, ranked, similarities
from cliptrace.models.backbones.pooling import unit
from cliptrace.models.star_gnn.clips import Clip
from cliptrace.models.star_gnn.config import CopiesConfig
from cliptrace.models.star_gnn.examples import CopyMaker

D = 16


def clips(count: int = 5, frames: int = 12, variants: int = 5, noise: float = 0.3) -> list[Clip]:
    random = np.random.default_rng(0)
    made = []
    for number in range(count):
        base = random.normal(size=(1, frames, 15, D)) + 2 * random.normal(size=D)
        rows = base + noise * random.normal(size=(variants, frames, 15, D))
        rows = unit(rows.reshape(-1, D).astype(np.float32)).reshape(variants, frames, 15, D)
        made.append(Clip(number, rows[:, :, :14].astype(np.float16), rows[:, :, 14].astype(np.float16)))
    return made


CONFIG = CopiesConfig(twin_alike=0.999)


@pytest.mark.parametrize(
    "contestant",
    [
        of.Pooled(of.mean),
        of.Pooled(of.mac),
        of.Pooled(of.rmac),
        of.Pooled(of.frames),
        of.InParts(of.Pooled(of.mean), 4),
        of.FixedDimensional(2, 8, 16, 0, D),
    ],
)
def test_copies_come_first(contestant: of.Contestant) -> None:
    gallery = make_gallery(with_embeddings(clips()), CONFIG, 1, (0.5, 1.0))
    others = list(distractors(with_embeddings(clips(9)[5:]), 20, 1))
    found = ranked({"it": contestant}, gallery, others, (0, 20))["it"]
    assert found["0"] == 1.0
    assert found["20"] > 0.9


def test_chance_is_chance() -> None:
    gallery = make_gallery(with_embeddings(clips()), CONFIG, 1, (0.5, 1.0))
    assert ranked({"it": of.Random(D, 0)}, gallery, [], (0,))["it"]["0"] < 0.6


def test_videos_are_as_near_as_their_best_pairs() -> None:
    query = np.eye(2, 3, dtype=np.float32)
    videos = [np.eye(3, dtype=np.float32)[2:], np.eye(3, dtype=np.float32)[:2], np.eye(3, dtype=np.float32)[:1]]
    assert similarities([query], videos).tolist() == [[0.0, 1.0, 0.5]]


def test_fixed_dimensional_encodings_approximate_chamfer_similarity() -> None:
    random = np.random.default_rng(3)
    rows = [
        unit(random.normal(size=(8, D)).astype(np.float32) + random.normal(size=D).astype(np.float32))
        for _ in range(20)
    ]
    videos = [Frames(0, np.empty((8, 15, D), np.float32), each) for each in rows]
    encoding = of.FixedDimensional(3, 40, 16, 0, D)
    exact = np.array([[(a @ b.T).max(axis=1).mean() for b in rows] for a in rows])
    found = np.array([[float(encoding.asked(a)[0] @ encoding.vectors(b)[0]) for b in videos] for a in videos])
    assert np.corrcoef(exact.ravel(), found.ravel())[0, 1] > 0.95


def test_bytes_are_two_a_number() -> None:
    gallery = make_gallery(with_embeddings(clips()), CONFIG, 1, (0.5, 1.0))
    assert bytes_each(of.Pooled(of.mean), gallery.videos) == 2 * D


@pytest.mark.parametrize("head", [Linear(D), DML(D), Weighted(D)])
def test_heads_give_one_vector_a_video(head: torch.nn.Module) -> None:
    (video, *_) = make_gallery(with_embeddings(clips()), CONFIG, 1, (0.5, 1.0)).videos
    found = Learned(head, [14]).vectors(video)
    assert found.shape == (1, D)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)


def test_losses_fall_where_the_network_ranks_as_it_should() -> None:
    batch = CopyMaker(with_embeddings(clips()), 5, [14], CONFIG).batch(np.random.default_rng(0))
    torch.manual_seed(0)
    for loss in (contrastive(0.07), distilled):
        good, _ = loss(Linear(D), batch)
        bad, _ = loss(DML(D), batch)
        assert good < bad


def test_distractors_are_real_and_then_recombined_and_always_the_same() -> None:
    real = with_embeddings(clips(3))
    first, second = (list(distractors(real, 6, 1)) for _ in range(2))
    assert np.array_equal(first[0].embeddings, real[0].embeddings[0].astype(np.float32))
    assert all(np.array_equal(one.nodes, other.nodes) for one, other in zip(first, second, strict=True))
    assert not any(np.allclose(first[5].embeddings[0], row, atol=0.05) for clip in real for row in clip.embeddings[0])
