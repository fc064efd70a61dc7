"""What the descriptor is trained towards: copies close, all else apart, and what ImageNet knows kept.

SSCD (Pizzi et al., CVPR 2022): InfoNCE over strong edits with an entropy term. Ours besides: a bank with an embedding
of every training picture, negatives that may be copies left out, and an anchor to the frozen network.
"""

from __future__ import annotations

import torch

from cliptrace.models.descriptor.config import DescriptorTraining
from cliptrace.models.descriptor.examples import Batch, Pictures
from cliptrace.models.descriptor.network import Descriptor


class DescriptorLosses(torch.nn.Module):
    """Of batches, one after the other. A checkpoint keeps the bank: float32[P, D], the last embedding of every picture
    as it is. frozen: float32[P, D], the untrained network's embeddings of all pictures."""

    embeddings: torch.Tensor

    def __init__(self, frozen: torch.Tensor, pictures: Pictures, config: DescriptorTraining) -> None:
        super().__init__()
        self._config, self._frozen, self._related = config, frozen, related(frozen, pictures, config)
        self.register_buffer("embeddings", frozen.clone())

    def of(self, network: Descriptor, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """What is descended, and what is logged."""
        embeddings, config = network(batch.frames), self._config
        losses = self._losses(embeddings, batch.shown)
        self.embeddings[batch.shown[: self._plain(batch.shown), 0]] = embeddings[: self._plain(batch.shown)].detach()
        weighed = config.entropy_weight * losses["entropy"], config.anchor_weight * losses["anchor"]
        return losses["contrastive"] + weighed[0] + weighed[1], losses

    def _plain(self, shown: torch.Tensor) -> int:
        """Frames of a batch that are pictures as they are; they come first."""
        return len(shown) // (1 + self._config.copies)

    def _losses(self, embeddings: torch.Tensor, shown: torch.Tensor) -> dict[str, torch.Tensor]:
        owner, plain = shown[:, 0], self._plain(shown)
        everything = torch.arange(len(self.embeddings))
        against = torch.cat([embeddings, self.embeddings])
        their_owner, their_other = torch.cat([owner, everything]), torch.cat([shown[:, 1], everything])
        similarity = embeddings @ against.T
        negative = torch.ones_like(similarity, dtype=torch.bool)
        for mine in (owner, shown[:, 1]):
            for theirs in (their_owner, their_other):
                negative &= ~self._related[mine[:, None], theirs[None, :]]
        positive = owner[:, None] == their_owner[None, :]
        positive[:, len(owner) :] = False  # the bank's entry of the picture itself is an older view of it
        positive[plain:, plain : len(owner)] = False  # two edited copies of a picture need not look alike
        positive.fill_diagonal_(False)
        with torch.no_grad():
            best = similarity[plain:, len(owner) :].argmax(dim=1)
            found = self._related[owner[plain:], best].float().mean()
        return {
            "contrastive": contrastive(similarity, positive, negative, self._config.temperature),
            "entropy": entropy(similarity[:plain], negative[:plain]),
            "anchor": anchor(embeddings[:plain], self._frozen[owner[:plain]]),
            "recall": found,
        }


def related(frozen: torch.Tensor, pictures: Pictures, config: DescriptorTraining) -> torch.Tensor:
    """bool[P, P]: pairs that may show the same thing, and are no negatives."""
    video, moment = torch.from_numpy(pictures.video), torch.from_numpy(pictures.time)
    near = (moment[:, None] - moment[None, :]).abs() < config.same_moment_s
    alike: torch.Tensor = ((video[:, None] == video[None, :]) & near) | (frozen @ frozen.T > config.same_picture)
    return alike


def contrastive(
    similarity: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor, temperature: float
) -> torch.Tensor:
    """InfoNCE (van den Oord et al., 2018, eq. 4), the mean over all positive pairs.

    similarity: float32[A, B] cosines of A anchors with B embeddings. positive, negative: bool[A, B]; a pair in neither
    takes no part. Each positive competes with the negatives of its anchor, not with its other positives.
    """
    logits = similarity / temperature
    against = torch.logsumexp(logits.masked_fill(~negative, -torch.inf), dim=1, keepdim=True)
    return (torch.logaddexp(logits, against) - logits)[positive].mean()


def entropy(similarity: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
    """Minus the log distance to the nearest negative, the Kozachenko-Leonenko estimate: embeddings fill the sphere.

    similarity: float32[A, B] cosines; negative: bool[A, B], at least one a row.
    """
    nearest = similarity.masked_fill(~negative, -1.0).amax(dim=1)
    return -torch.log((2 - 2 * nearest).clamp(min=1e-6).sqrt()).mean()


def anchor(embeddings: torch.Tensor, frozen: torch.Tensor) -> torch.Tensor:
    """Mean of 1 - cosine between unedited pictures' embeddings and the frozen network's; both [N, D], unit rows."""
    return 1 - (embeddings * frozen).sum(dim=1).mean()
