"""What locators are trained to say."""

from __future__ import annotations

import torch

from cliptrace.models.relocalization.anchor_free import AnchorFree
from cliptrace.models.relocalization.config import AnchorFreeTraining, GraphTraining
from cliptrace.models.relocalization.examples import References, Steps, Triplets
from cliptrace.models.relocalization.moments import FARTHEST
from cliptrace.models.relocalization.network import Actionness, GraphRelocalizer
from cliptrace.models.relocalization.semantic_map import DETECTOR, SemanticMap
from cliptrace.models.ssan.losses import spd_loss

Descent = tuple[torch.Tensor, dict[str, torch.Tensor]]
"""What is descended, and its parts, as they are logged."""


def triplet_losses(network: GraphRelocalizer, config: GraphTraining, batch: Triplets) -> Descent:
    """L_tri and L_reg (§4.7): max(0, γ - S(q, p) + S(q, n)) + λ‖θ‖², and the L1 distance of the positive's offsets."""
    # In one batch: normalised apart, positives and negatives are told by their spread, which says nothing of a query.
    query, query_there = (torch.cat([each, each]) for each in (batch.query, batch.query_there))
    proposals = torch.cat([batch.positive, batch.negative])
    there = torch.cat([batch.positive_there, batch.negative_there])
    positive, negative = network(query, query_there, proposals, there).chunk(2)
    triplet = (config.margin - positive[:, 0] + negative[:, 0]).clamp(min=0).mean()
    ridge = config.ridge * torch.stack([weights.pow(2).sum() for weights in network.parameters()]).sum()
    box = (positive[:, 1:] - batch.offsets).abs().sum(dim=1).mean()
    return triplet + ridge + box, {"triplet": triplet, "box": box}


def action_losses(network: Actionness, batch: Steps) -> Descent:
    each = torch.nn.functional.binary_cross_entropy_with_logits(network(batch.features), batch.wanted, reduction="none")
    action, inside = (each * batch.there[:, None]).sum(dim=(0, 2)) / batch.there.sum()
    return action + inside, {"action": action, "inside": inside}


def anchor_free_losses(network: AnchorFree, config: AnchorFreeTraining, batch: References) -> Descent:
    """Binary cross-entropy towards the tIoU of what a step says where it lies in a moment and towards 0 elsewhere, and
    the tIoU that is missing (GIoU of Rezatofighi et al., CVPR 2019, in one dimension)."""
    said = network(batch.query, batch.query_there, batch.reference, batch.there)
    middles = torch.arange(said.shape[2], device=said.device) + 0.5
    reach = said[:, 1:].clamp(-FARTHEST, FARTHEST).exp()
    starts, ends = middles - reach[:, 0], middles + reach[:, 1]
    wanted_start, wanted_end, inside = _owners(batch.moments, middles)
    common = (torch.minimum(ends, wanted_end) - torch.maximum(starts, wanted_start)).clamp(min=0)
    union = (ends - starts) + (wanted_end - wanted_start) - common
    hull = torch.maximum(ends, wanted_end) - torch.minimum(starts, wanted_start)
    overlap = common / union.clamp(min=1e-6)
    missing = 1 - overlap + (hull - union) / hull.clamp(min=1e-6)
    count = inside.sum().clamp(min=1)
    box = config.box_weight * (missing * inside).sum() / count
    target = overlap.detach() * inside
    bce = torch.nn.functional.binary_cross_entropy_with_logits(said[:, 0], target, reduction="none")
    score = (bce * batch.there).sum() / count
    return score + box, {"score": score, "box": box}


def _owners(moments: torch.Tensor, middles: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Start and end of the moment that each step lies in, and whether it does: float32[B, R] each."""
    starts, ends = (side[:, :, None] for side in moments.unbind(dim=2))
    holds = (starts <= middles) & (middles < ends)
    inside = holds.any(dim=1).to(middles.dtype)
    first = holds.to(torch.int64).argmax(dim=1, keepdim=True)
    start, end = (torch.gather(side.expand_as(holds), 1, first)[:, 0] for side in (starts, ends))
    nowhere = inside == 0
    return start.masked_fill(nowhere, 0.0), end.masked_fill(nowhere, 1.0), inside


def map_losses(network: SemanticMap, batch: References) -> Descent:
    """As SPD's (models/ssan/losses.py): the query's whole length is the box's side of its rows."""
    logits, boxes = network.cells(batch.query, batch.query_there, batch.reference, batch.there)
    lengths = batch.query_there.sum(dim=1)[:, None].expand(-1, batch.moments.shape[1])
    truth = torch.stack([torch.zeros_like(lengths), lengths, *batch.moments.unbind(dim=2)], dim=2)
    truth = truth.masked_fill(batch.moments.isnan().any(dim=2)[..., None], torch.nan)
    size = (batch.query.shape[1], batch.reference.shape[1])
    backward = torch.zeros(truth.shape[:2], dtype=torch.bool)
    bce, giou = spd_loss(logits, boxes, truth, backward, size, DETECTOR)
    return bce + giou, {"bce": bce, "giou": giou}
