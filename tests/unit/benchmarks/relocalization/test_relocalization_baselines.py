"""Every baseline learns a task that can be learned, and answers as a contestant must."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmarks.relocalization.baselines import BASELINES
from benchmarks.relocalization.baselines.contestant import BaselineTraining, Contestant
from benchmarks.relocalization.baselines.cross_gated import END, INSIDE, OUTSIDE, START, best_spans, labels_of
from benchmarks.relocalization.baselines.examples import best_proposals, clips, of_another_label, padded
from benchmarks.relocalization.baselines.sst import LENGTHS, spans_of
from benchmarks.relocalization.baselines.video_level import drawn
from benchmarks.relocalization.measures import best_tiou
from cliptrace.models.relocalization.example import Example
from cliptrace.models.relocalization.steps import covered
from cliptrace.schemas.errors import UsageError

Floats = NDArray[np.float32]
Make = Callable[[np.random.Generator], Example]
Propose = Callable[[Floats], Floats]

FAST = BaselineTraining(steps=120, warm_up=5, batch=12, rate=5e-3, hidden=16, length=12, averaging=0.9, dropout=0.0)


def quality(contestant: Contestant, make: Make, propose: Propose, count: int = 60) -> float:
    """Share of fresh examples whose first answer overlaps the moment by more than half."""
    right = []
    for number in range(count):
        example = make(np.random.default_rng([99, number]))
        found = contestant.locate(example.query, example.reference, propose(example.reference))
        assert found.dtype == np.float32
        assert found.shape[1] == 3
        assert (np.diff(found[:, 2]) <= 0).all()
        assert (found[:, 0] < found[:, 1]).all()
        assert (found[:, :2] >= 0).all()
        assert (found[:, :2] <= len(example.reference)).all()
        right.append(best_tiou(found, example.moments) > 0.5)
    return float(np.mean(right))


@pytest.fixture(scope="module")
def by_chance(seen: Make, windows: Propose, tmp_path_factory: pytest.TempPathFactory) -> float:
    chance = BASELINES["chance"](seen, windows, tmp_path_factory.mktemp("chance"), FAST)
    return quality(chance, seen, windows, 200)


@pytest.mark.parametrize(
    "name",
    [
        "frame level",
        "video level",
        "SST",
        "AFT+SRM",
        pytest.param("cross-gated bilinear matching", marks=pytest.mark.slow),
    ],
)
def test_it_finds_what_chance_does_not(
    name: str, seen: Make, windows: Propose, by_chance: float, tmp_path: Path
) -> None:
    contestant = BASELINES[name](seen, windows, tmp_path, FAST)
    assert quality(contestant, seen, windows) > by_chance + 0.3


@pytest.mark.parametrize("name", list(BASELINES))
def test_the_same_training_answers_the_same(name: str, seen: Make, windows: Propose, tmp_path: Path) -> None:
    config = dataclasses.replace(FAST, steps=3)
    example = seen(np.random.default_rng(5))
    query, reference, proposals = example.query, example.reference, windows(example.reference)
    first, second = (BASELINES[name](seen, windows, tmp_path / each, config) for each in "ab")
    answers = first.locate(query, reference, proposals)
    np.testing.assert_array_equal(answers, second.locate(query, reference, proposals))
    again = first.locate(np.zeros_like(query), reference[:2], np.empty((0, 2), np.float32))
    assert np.isfinite(again).all()
    if name in ("chance", "video level", "AFT+SRM"):
        assert again.shape == (0, 3)
        few = first.locate(query, reference, proposals[:3])
        assert {tuple(row[:2]) for row in few} == {tuple(row) for row in proposals[:3]}


@pytest.mark.parametrize("name", ["video level", "AFT+SRM"])
def test_what_a_proposal_scores_does_not_depend_on_the_others(
    name: str, seen: Make, windows: Propose, tmp_path: Path
) -> None:
    contestant = BASELINES[name](seen, windows, tmp_path, dataclasses.replace(FAST, steps=2))
    example = seen(np.random.default_rng(5))
    proposals = windows(example.reference)
    together = {tuple(row[:2]): row[2] for row in contestant.locate(example.query, example.reference, proposals)}
    alone = contestant.locate(example.query, example.reference, proposals[:1])
    assert together[tuple(proposals[0])] == pytest.approx(alone[0, 2], abs=1e-5)


def test_clips_are_all_of_one_length_and_say_which_steps_are_there() -> None:
    long, short = np.arange(1, 21, dtype=np.float32)[:, None] * [1, 0], np.array([[3, 4]], np.float32)
    steps = clips([long.astype(np.float32), short, np.zeros((2, 2), np.float32)], 4)
    assert steps.features.shape == (3, 4, 2)
    assert steps.there.tolist() == [[True] * 4, [True, False, False, False], [True, True, False, False]]
    np.testing.assert_allclose(steps.features[1, 0], np.sqrt(2) * np.array([0.6, 0.8]), rtol=1e-6)
    assert not steps.features[1, 1:].any()
    assert torch.isfinite(steps.features).all()
    assert padded([short, np.ones((3, 2), np.float32)]).features.shape == (2, 3, 2)


def test_a_span_covers_at_least_one_step() -> None:
    reference = np.arange(5, dtype=np.float32)[:, None]
    assert covered(reference, np.array([1.4, 3.6], np.float32))[:, 0].tolist() == [1, 2, 3]
    assert covered(reference, np.array([2.2, 2.3], np.float32))[:, 0].tolist() == [2]
    assert covered(reference, np.array([5, 5], np.float32))[:, 0].tolist() == [4]


def test_one_label_alone_is_an_error(seen: Make) -> None:
    example = dataclasses.replace(seen(np.random.default_rng(3)), label="run")
    with pytest.raises(UsageError) as error:
        of_another_label(lambda random: example, "run", np.random.default_rng(0))
    assert str(error.value) == "all 1,000 examples are of 'run': give examples of at least two labels"


def test_positives_and_negatives_of_one_reference(seen: Make) -> None:
    random = np.random.default_rng(0)
    example = seen(random)
    start, end = example.moments[0].astype(int)
    marked = np.zeros((40, 1), np.float32)
    marked[start:end] = 1
    positive, negative = drawn(dataclasses.replace(example, reference=marked), example, random)
    assert positive.mean() > 0.7
    assert negative.sum() < 0.5 * (end - start)
    everywhere = np.array([[start, start + 1] for start in range(40)], np.float32)
    assert len(drawn(dataclasses.replace(example, moments=everywhere), example, random)[1])


def test_a_moment_that_no_proposal_covers_stands_for_itself(seen: Make) -> None:
    example = seen(np.random.default_rng(0))
    start, end = example.moments[0].astype(int)
    marked = dataclasses.replace(example, reference=np.arange(40, dtype=np.float32)[:, None])
    for spans in (np.empty((0, 2), np.float32), np.array([[end, end + 1]], np.float32)):
        positive, _ = best_proposals(lambda reference, spans=spans: spans)(marked, marked, np.random.default_rng(0))
        assert positive[:, 0].tolist() == list(range(start, end))
    near = np.array([[0, 40], [start, end + 1]], np.float32)
    positive, _ = best_proposals(lambda reference: near)(marked, marked, np.random.default_rng(0))
    assert len(positive) == end + 1 - start


def test_spans_of_sst_end_at_every_step() -> None:
    spans, valid = spans_of(3)
    assert spans.shape == (3, len(LENGTHS), 2)
    assert spans[valid].tolist() == [[0, 1], [1, 2], [0, 2], [2, 3], [1, 3], [0, 3]]


def test_labels_of_steps_and_the_span_they_say() -> None:
    labels = labels_of(np.array([[1, 5], [6.6, 6.9]], np.float32), 8)
    assert labels.tolist() == [OUTSIDE, START, INSIDE, INSIDE, END, OUTSIDE, OUTSIDE, START]
    logs = np.full((8, 4), np.log(0.01), np.float32)
    logs[np.arange(8), labels] = np.log(0.97)
    found = best_spans(logs)
    assert found[0].tolist() == pytest.approx([1, 5, 0.97**3])
    assert best_spans(logs[:1]).shape == (0, 3)
