"""What SKE and SPD are trained to say (SSAN, eq. 4: binary cross-entropy and generalised IoU)."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from cliptrace.models.ssan.config import SPDTraining
from cliptrace.models.ssan.detect import CLASSES, STRIDES
from cliptrace.models.ssan.examples import JointBatch, Tiles
from cliptrace.models.ssan.network import SKE, SPD, Joint, centres, decode

Descent = tuple[torch.Tensor, dict[str, torch.Tensor]]
"""What is descended, and its parts, as they are logged."""


def ske_losses(network: SKE, batch: Tiles) -> Descent:
    return _summed({"bce": _ske_loss(network(batch.tiles), batch)})


def spd_losses(network: SPD, config: SPDTraining, batch: Mapping[str, torch.Tensor]) -> Descent:
    """batch: as ``collate`` makes it."""
    return _summed(_of_cells(network(batch["maps"]), batch, config))


def joint_losses(network: Joint, config: SPDTraining, batch: JointBatch) -> Descent:
    """The sum of both, L_SKE + L_SPD (SSAN §3.3)."""
    logits, cells = network(batch.tiles.tiles, batch.similarity, batch.dense)
    return _summed({"ske": _ske_loss(logits, batch.tiles), **_of_cells(cells, batch.maps, config)})


def _summed(losses: dict[str, torch.Tensor]) -> Descent:
    return torch.stack(list(losses.values())).sum(), losses


def _ske_loss(logits: torch.Tensor, batch: Tiles) -> torch.Tensor:
    each = torch.nn.functional.binary_cross_entropy_with_logits(logits, batch.wanted, reduction="none")
    return each[batch.there].mean()


def _of_cells(cells: torch.Tensor, batch: Mapping[str, torch.Tensor], config: SPDTraining) -> dict[str, torch.Tensor]:
    size = (batch["maps"].shape[2], batch["maps"].shape[3])
    bce, giou = spd_loss(*decode(cells, size), batch["boxes"], batch["backward"], size, config)
    return {"bce": bce, "giou": config.box_weight * giou}


def spd_loss(
    scores: torch.Tensor,
    boxes: torch.Tensor,
    truth: torch.Tensor,
    backward: torch.Tensor,
    size: tuple[int, int],
    config: SPDTraining,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(BCE, GIoU) of one batch, each per cell on a line.

    scores: float32[N, A, 2], boxes: float32[N, A, 4], decoded from what SPD says of maps of ``size`` (H, W). truth:
    float32[N, M, 4], q0, q1, r0, r1 of the true copies in pixels; rows of NaN fill up. backward: bool[N, M].
    The target of a cell on a line is the IoU of the box that it says, so that a score tells how good a box is.
    """
    owner, ignored = assign(truth, backward, size, config)
    found = owner >= 0
    wanted = truth.gather(1, owner.clamp(min=0)[..., None].expand(-1, -1, 4))[found]
    overlap, generalised = iou(boxes[found], wanted)
    played = backward.gather(1, owner.clamp(min=0))[found].long()
    target = torch.zeros_like(scores)
    target[found] = torch.nn.functional.one_hot(played, CLASSES).to(scores.dtype) * overlap.detach()[:, None]
    each = torch.nn.functional.binary_cross_entropy_with_logits(scores, target, reduction="none")
    each = each * (~ignored)[..., None]
    count = max(int(found.sum()), 1)
    return each.sum() / count, (1 - generalised).sum() / count


def assign(
    truth: torch.Tensor, backward: torch.Tensor, size: tuple[int, int], config: SPDTraining
) -> tuple[torch.Tensor, torch.Tensor]:
    """Which copy each cell must find: int64[N, A], -1 for none; and bool[N, A], cells that may say what they like."""
    owners, ignored = [], []
    longest = torch.maximum(truth[..., 1] - truth[..., 0], truth[..., 3] - truth[..., 2])
    for stride, (low, high) in zip(STRIDES, config.sizes, strict=True):
        across, inside = _position(truth, backward, size, stride)
        mine = ((longest > low) & (longest <= high))[..., None, None]
        on_line = inside & (across < config.on_line)
        near = inside & (across < config.near_line)
        distance = torch.where(on_line & mine, across, torch.inf)
        nearest, owner = distance.min(dim=1)
        owner = torch.where(torch.isfinite(nearest), owner, -1)
        owners.append(owner.flatten(1))
        ignored.append((near.any(dim=1) & (owner < 0)).flatten(1))
    return torch.cat(owners, dim=1), torch.cat(ignored, dim=1)


def _position(
    truth: torch.Tensor, backward: torch.Tensor, size: tuple[int, int], stride: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each cell to each copy, [N, M, h, w]: distance to its line in cells, and whether it lies in its box.

    A box that is smaller than a cell is widened to it, so that some cell has its middle inside.
    """
    q0, q1, r0, r1 = (side[..., None, None] for side in truth.unbind(dim=-1))
    rows = centres(size[0] // stride, stride, truth)[:, None]
    columns = centres(size[1] // stride, stride, truth)[None, :]
    middle_q, middle_r, half_q, half_r = (q0 + q1) / 2, (r0 + r1) / 2, (q1 - q0) / 2, (r1 - r0) / 2
    sign = torch.where(backward, -1.0, 1.0)[..., None, None]
    # |half_r·dq - half_q·dr| / length: the distance of a point to the line through the middle.
    across = (half_r * (rows - middle_q) - sign * half_q * (columns - middle_r)).abs()
    across = across / torch.hypot(half_q, half_r) / stride
    reach = stride / 2
    inside = ((rows - middle_q).abs() <= half_q.clamp(min=reach)) & (
        (columns - middle_r).abs() <= half_r.clamp(min=reach)
    )
    return across, inside


def iou(boxes: torch.Tensor, others: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """IoU and generalised IoU (Rezatofighi et al., CVPR 2019) of [B, 4] and [B, 4], pair by pair."""
    low, high = (0, 2), (1, 3)
    sides = (boxes[:, high] - boxes[:, low]).clamp(min=0)
    other_sides = (others[:, high] - others[:, low]).clamp(min=0)
    common = torch.minimum(boxes[:, high], others[:, high]) - torch.maximum(boxes[:, low], others[:, low])
    hull = torch.maximum(boxes[:, high], others[:, high]) - torch.minimum(boxes[:, low], others[:, low])
    shared = common.clamp(min=0).prod(dim=1)
    union = sides.prod(dim=1) + other_sides.prod(dim=1) - shared
    overlap = shared / union.clamp(min=1e-9)
    area = hull.prod(dim=1).clamp(min=1e-9)
    return overlap, overlap - (area - union) / area
