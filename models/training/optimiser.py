"""One way to descend: AdamW, a rate that rises and falls, clipped gradients, and the average of the last states."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar, cast

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cliptrace.models.training.batches import Batch, Batches, Random
from cliptrace.models.training.config import Training
from cliptrace.models.training.loop import CHECKPOINT_S, Part, fit

Network = TypeVar("Network", bound=torch.nn.Module)
Losses = Mapping[str, torch.Tensor]
"""Name → scalar, as the log has them."""


def optimise(
    network: Network,
    rates: Sequence[tuple[Iterable[torch.nn.Parameter], float]],
    make: Callable[[Random], Batch],
    loss: Callable[[Batch], tuple[torch.Tensor, Losses]],
    output: Path,
    config: Training,
    others: Mapping[str, Part] | None = None,
    checkpoint_s: float = CHECKPOINT_S,
) -> Network:
    """Trains ``network`` in place and returns its average, ready for inference.

    rates: parameters, and how fast they learn at their fastest. make: a batch from a generator. loss: of a batch, what
    is descended, and what is logged. others: what a checkpoint keeps besides network, average and optimizer. output,
    checkpoint_s: as ``fit`` has them.
    """
    ema = get_ema_multi_avg_fn(config.averaging)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=ema, use_buffers=True)
    groups = [{"params": list(parameters), "lr": rate} for parameters, rate in rates]
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay)

    def step(batch: Batch, number: int) -> dict[str, float]:
        for group, (_, highest) in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = highest * schedule(number, config.steps, config.warm_up)
        total, told = loss(batch)
        optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), config.longest_gradient)
        optimizer.step()
        average.update_parameters(network)
        return {name: value.item() for name, value in told.items()}

    parts: dict[str, Part] = {"network": network, "average": average, "optimizer": optimizer, **(others or {})}
    fit(Batches(make, config.steps, config.seed), step, parts, output, config, checkpoint_s=checkpoint_s)
    return cast(Network, average.module.eval())


def schedule(step: int, steps: int, warm_up: int) -> float:
    """Share of the learning rate: linear warm-up, then a cosine to zero."""
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1)))
