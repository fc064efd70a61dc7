"""What the descriptor is trained towards: copies close, all else apart, and what ImageNet knows kept.

SSCD (Pizzi et al., CVPR 2022): InfoNCE over strong edits with an entropy term. Ours besides: a bank with an embedding
of every training picture, negatives that may be copies left out, and an anchor to the frozen network.
"""

from __future__ import annotations

import torch


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
