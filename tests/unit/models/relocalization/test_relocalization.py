"""What the networks are made of, against values worked by hand; the locator that ships, on planted moments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.nn import DenseGraphConv

from cliptrace.models.relocalization.adjacency import adjacency
from cliptrace.models.relocalization.anchor_free import AnchorFree
from cliptrace.models.relocalization.compose import Composer
from cliptrace.models.relocalization.config import FUSIONS, AnchorFreeTraining, Composition, GraphTraining, Proposing
from cliptrace.models.relocalization.examples import Triplets, references
from cliptrace.models.relocalization.footage import Clip
from cliptrace.models.relocalization.frames import frame_level
from cliptrace.models.relocalization.inference import AnchorFree as Shipped
from cliptrace.models.relocalization.inference import open_locator
from cliptrace.models.relocalization.losses import triplet_losses
from cliptrace.models.relocalization.network import GraphFusion, GraphRelocalizer, ProductFusion
from cliptrace.models.relocalization.proposals import basins, grouped
from cliptrace.models.relocalization.refinement import offsets, refined
from cliptrace.schemas.errors import UsageError


def test_steps_are_joined_by_the_rule_of_the_paper() -> None:
    """T = 8, k = 3, as figure 6 has them: the query's step 2 with 0 to 5 of its own video, and with 2 and 5 of the
    proposal's, since -1 is none."""
    joined = adjacency(8, 3)
    assert np.flatnonzero(joined[2]).tolist() == [0, 1, 2, 3, 4, 5, 8 + 2, 8 + 5]
    assert np.flatnonzero(joined[8 + 7]).tolist() == [1, 4, 7, 8 + 4, 8 + 5, 8 + 6, 8 + 7]
    assert np.array_equal(joined, joined.T)
    assert adjacency(8, 1)[:8, 8:].all()


def test_a_graph_convolution_is_that_of_torch_geometric() -> None:
    torch.manual_seed(0)
    fusion = GraphFusion(GraphTraining(length=8, width=6, scales=(2,)))
    nodes, exist = torch.randn(3, 16, 6), torch.ones(3, 16, 1)
    theirs = DenseGraphConv(6, 6, aggr="add", bias=False)
    with torch.inference_mode():
        theirs.lin_rel.weight.copy_(fusion.weights[0].T)
        theirs.lin_root.weight.zero_()
        projected = fusion.before(nodes)
        wanted = fusion.after(torch.tanh(theirs(projected, torch.from_numpy(adjacency(8, 2)).expand(3, -1, -1))))
        assert torch.allclose(fusion(nodes, exist), wanted, atol=1e-5)


@given(st.floats(0, 100), st.floats(1, 50), st.floats(-0.9, 0.9), st.floats(0.5, 2.0))
def test_what_a_proposal_is_off_leads_back_to_the_moment(
    start: float, length: float, shift: float, scale: float
) -> None:
    truth = np.array([[start, start + length]])
    centre, wide = start + length / 2 + shift * length, length * scale
    proposal = np.array([[centre - wide / 2, centre + wide / 2]])
    assert np.allclose(refined(proposal, offsets(proposal, truth)), truth, atol=1e-3)


def test_actionness_is_grouped() -> None:
    said = np.array([0, 0.9, 0.9, 0.2, 0.8, 0.8, 0, 0, 0, 0, 0, 0.6])
    assert basins(said, 0.5) == [(1, 3), (4, 6), (11, 12)]
    spans = grouped(said[None], Proposing()).tolist()
    assert [1, 3] in spans
    assert [1, 6] in spans
    assert [1, 12] not in spans
    assert grouped(np.zeros((2, 5)), Proposing()).shape == (0, 2)


def test_basins_are_joined_to_the_longest_moment_and_no_further() -> None:
    config = Proposing(floods=(0.5,), most_alike=1.0, most=10_000, longest=30)
    said = np.where(np.arange(300) % 3, 0.9, 0.0)  # two of three steps are action, for ever
    said[100:200] = 0.9
    lengths = np.diff(grouped(said[None], config), axis=1)[:, 0]
    assert set(lengths[lengths > 30].tolist()) == {101.0}  # one basin is told as it is


@pytest.mark.parametrize("fusion", FUSIONS)
def test_padding_says_nothing(fusion: str) -> None:
    torch.manual_seed(0)
    network = GraphRelocalizer(GraphTraining(length=8, width=16, fusion=fusion), dimension=5).eval()  # type: ignore[arg-type]
    query, there = torch.randn(1, 8, 5), torch.tensor([[1.0] * 5 + [0.0] * 3])
    other = query.clone()
    other[:, 5:] = 7
    with torch.inference_mode():
        first, second = (network(each * there[:, :, None], there, query, there) for each in (query, other))
        third = network(query * there[:, :, None], there, other * there[:, :, None], there)
        fourth = network(query * there[:, :, None], there, query * there[:, :, None], there)
    assert torch.allclose(first, second)
    assert torch.allclose(third, fourth)


def test_products_tell_what_is_alike_from_what_is_not() -> None:
    """As a layer is begun: where the other video shows the same, numbers grow; where it shows the opposite, they
    shrink."""
    fusion = ProductFusion(GraphTraining(length=4, width=3))
    shown, exist = torch.tensor([[0.5, -0.5, 0.5]]).repeat(4, 1), torch.ones(2, 8, 1)
    with torch.inference_mode():
        fusion.before.bias.zero_()
        fusion.after.bias.zero_()
        same, opposite = fusion(torch.stack([torch.cat([shown, shown]), torch.cat([shown, -shown])]), exist)
    own = torch.tanh(2 * shown)
    product = torch.tanh(torch.ones(4, 3))
    assert torch.allclose(same[:4], (own + product) / 2, atol=1e-6)
    assert torch.allclose(opposite[:4], (own - product) / 2, atol=1e-6)


def test_positives_and_negatives_are_normalised_together() -> None:
    """A score that tells them by their level leaves no loss; each normalised by itself they would be the same."""
    config = GraphTraining(length=4, width=2, ridge=0.0)
    network = GraphRelocalizer(config, dimension=2)
    level = torch.tensor([1.0, -1.0])[:, None, None]  # of positives and of negatives
    batch = torch.randn(8, 4, 2) * 0.01
    there = torch.ones(8, 4)
    network.fused = lambda query, _, proposals, __: proposals.mean(dim=1)  # type: ignore[method-assign, assignment]
    with torch.no_grad():
        first, _, _, last = network.score
        first.weight.copy_(torch.eye(2)[:, :, None])
        last.weight.fill_(5.0)
    _, parts = triplet_losses(
        network, config, Triplets(batch, there, batch + level[0], there, batch + level[1], there, torch.zeros(8, 2))
    )
    assert parts["triplet"] == 0


def clips(labels: int, each: int, random: np.random.Generator) -> list[Clip]:
    """Of every label a direction of its own, which its clips share."""
    made = []
    for label in range(labels):
        direction = random.standard_normal(500)
        for _ in range(each):
            steps = direction + 0.5 * random.standard_normal((12, 500))
            made.append(Clip(f"label{label}", {1.0: steps.astype(np.float16)}))
    return made


def test_videos_are_composed_of_moments_and_other_things() -> None:
    random = np.random.default_rng(0)
    composer = Composer(clips(6, 3, random), Composition(scenes=0.0, wear=(0.0, 0.0)))
    for _ in range(20):
        example = composer.example(random)
        mean = example.query.mean(axis=0)
        inside = np.zeros(len(example.reference), np.bool_)
        for start, end in example.moments.astype(int):
            inside[start:end] = True
        alike = example.reference @ mean / np.linalg.norm(mean) / np.linalg.norm(example.reference, axis=1)
        assert inside.any()
        assert (alike[inside] > 0.5).all()
        assert (alike[~inside] < 0.5).all()
    absent = composer.example(random, absent=True)
    assert len(absent.moments) == 0
    assert len(absent.reference) >= 40


def test_the_locator_that_ships_computes_what_its_network_does() -> None:
    """Moments of directions that no training has shown are found in two of three, and nothing is told of zeros."""
    random = np.random.default_rng(1)
    composer = Composer(clips(6, 3, random), Composition(scenes=0.0, wear=(0.0, 0.0)))
    locator = open_locator("anchor_free")
    found = 0
    for _ in range(12):
        example = composer.example(random)
        for best in locator.locate(example.query, example.reference, 0.5, 1):
            spans = example.moments * 0.5
            common = np.minimum(spans[:, 1], best.end_s) - np.maximum(spans[:, 0], best.start_s)
            found += bool((common > 0.5 * (best.end_s - best.start_s)).any())
    assert found >= 8
    nothing = np.zeros((4, 500), np.float32)
    assert locator.locate(nothing, example.reference, 0.5, 5) == []
    assert locator.locate(example.query, nothing, 0.5, 5) == []


class Watched:
    """A network's file, and the shapes of what it was asked."""

    def __init__(self, file: Any) -> None:
        self.session, self._file = self, file
        self.shapes: set[tuple[tuple[int, ...], ...]] = set()

    def run(self, names: list[str], inputs: dict[str, Any]) -> Any:
        self.shapes.add((inputs["query"].shape, inputs["reference"].shape))
        return self._file.session.run(names, inputs)


def test_a_long_query_and_a_long_reference_are_looked_at_as_in_training() -> None:
    """20 minutes against an hour of something else every 6 s, which shows the same for 6 s."""
    random = np.random.default_rng(2)
    happenings = np.repeat(random.standard_normal((600, 500), np.float32), 12, axis=0)
    reference = happenings + 0.5 * random.standard_normal((7200, 500), np.float32)
    query = happenings[3600:3612].repeat(2, axis=0) + 0.5 * random.standard_normal((24, 500), np.float32)
    locator = Shipped("anchor_free")
    watched = Watched(locator._file)
    locator._file = watched  # type: ignore[assignment]
    (found,) = locator.locate(query, reference, 0.5, 5)
    assert (found.start_s, found.end_s) == pytest.approx((1800, 1806), abs=0.5)
    assert locator.locate(np.repeat(query, 100, axis=0), reference, 0.5, 5) == [found]
    assert watched.shapes == {((1, 24, 500), (1, 240, 500))}
    watched.shapes.clear()
    assert locator.locate(query, reference[3590:3801], 0.5, 1)[0].score > 0.9
    assert watched.shapes == {((1, 24, 500), (1, 211, 500))}


def test_a_long_query_is_followed_a_part_of_the_table_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    reference = random.standard_normal((400, 8), np.float32)
    query = reference[20:320] + 0.1 * random.standard_normal((300, 8), np.float32)
    found = frame_level(query, reference)
    assert found[0, :2].tolist() == [20, 320]
    monkeypatch.setattr("cliptrace.models.relocalization.frames._ROWS", 7)
    assert np.allclose(frame_level(query, reference), found, atol=1e-6)


@pytest.mark.parametrize("steps", [40, 240, 7200])
def test_following_the_query_says_that_nothing_is_there(steps: int) -> None:
    """Of random features, also of ones that have much in common."""
    random = np.random.default_rng(steps)
    frames = open_locator("frames")
    for common in (0.0, 0.7):
        query, reference = (random.standard_normal((count, 64), np.float32) + common for count in (12, steps))
        assert frames.locate(query, reference, 0.5, 5) == []
        assert frames.locate(query, reference, 0.5, 5, 0.0)
        reference[20:32] = query + 0.3 * random.standard_normal((12, 64), np.float32)
        (found,) = frames.locate(query, reference, 0.5, 5)
        assert (found.start_s, found.end_s) == (10, 16)
        (found,) = frames.locate(query, reference[20:32], 0.5, 5)  # which shows nothing else
        assert (found.start_s, found.end_s) == (0, 6)


def test_a_bar_of_ones_own_is_the_bar() -> None:
    """Below and above that of the network."""
    random = np.random.default_rng(4)
    locator = open_locator("anchor_free")
    query, reference = (random.standard_normal((steps, 500), np.float32) for steps in (12, 60))
    reference[20:32] = query
    (best,) = locator.locate(query, reference, 0.5, 1, 0.0)
    assert locator.locate(query, reference, 0.5, 1, best.score + 1e-3) == []
    assert len(locator.locate(query, reference[:20], 0.5, 1, 0.0)) == 1
    assert locator.locate(query, reference[:20], 0.5, 1) == []


def test_the_reference_padded_is_the_reference() -> None:
    torch.manual_seed(0)
    network = AnchorFree(AnchorFreeTraining(width=16), 500).eval()
    random = np.random.default_rng(0)
    composer = Composer(clips(4, 2, random), Composition(scenes=0.0))
    examples = [composer.example(random) for _ in range(3)]
    together, alone = references(examples), references(examples[:1])
    with torch.inference_mode():
        said = network(*together[:4])[0, :, : len(examples[0].reference)]
        assert torch.allclose(said, network(*alone[:4])[0], atol=1e-4)


def test_an_unknown_locator_is_named() -> None:
    with pytest.raises(UsageError, match="oracle: must be one of anchor_free, graph, frames, or anchor_free:FOLDER"):
        open_locator("oracle")
