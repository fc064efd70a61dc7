import math

import pytest
import torch

from cliptrace.models.descriptor.losses import anchor, contrastive, entropy


def test_contrastive_by_hand():
    similarity = torch.tensor([[1.0, 0.8, 0.1, -0.2]])
    positive = torch.tensor([[False, True, False, False]])
    negative = torch.tensor([[False, False, True, True]])
    terms = [math.exp(s / 0.5) for s in (0.8, 0.1, -0.2)]
    wanted = -math.log(terms[0] / sum(terms))
    assert contrastive(similarity, positive, negative, 0.5).item() == pytest.approx(wanted, rel=1e-5)


def test_contrastive_ignores_pairs_in_neither_mask():
    similarity = torch.tensor([[0.9, 0.99, 0.1]])
    positive = torch.tensor([[True, False, False]])
    negative = torch.tensor([[False, False, True]])
    changed = similarity.clone()
    changed[0, 1] = -1.0
    assert contrastive(similarity, positive, negative, 0.1) == contrastive(changed, positive, negative, 0.1)


def test_positives_of_one_anchor_do_not_compete():
    negative = torch.tensor([[False, False, True]])
    one = contrastive(torch.tensor([[0.9, 0.9, 0.0]]), torch.tensor([[True, False, False]]), negative, 0.1)
    both = contrastive(torch.tensor([[0.9, 0.9, 0.0]]), torch.tensor([[True, True, False]]), negative, 0.1)
    assert one.item() == pytest.approx(both.item())


def test_entropy_by_hand():
    similarity = torch.tensor([[1.0, 0.5, 0.0], [0.5, 1.0, -1.0]])
    negative = torch.tensor([[False, True, True], [False, False, True]])
    # distances to the nearest negative: √(2 - 2·0.5) = 1 and √(2 + 2) = 2
    assert entropy(similarity, negative).item() == pytest.approx(-math.log(2) / 2)


def test_anchor_by_hand():
    rows = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert anchor(rows, rows).item() == pytest.approx(0.0)
    assert anchor(rows, torch.tensor([[0.0, 1.0], [0.0, 1.0]])).item() == pytest.approx(0.5)
