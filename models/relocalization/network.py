"""The paper's network, and what could stand in place of its graphs; the classifier that its proposals come from."""

from __future__ import annotations

import math

import torch
from torch import nn

from cliptrace.models.relocalization.adjacency import adjacency, parts
from cliptrace.models.relocalization.config import GraphTraining


class Actionness(nn.Module):
    """float32[N, R, D] clip features → float32[N, 2, R], logits: that something happens in a step, whatever it is; and
    that a step lies inside of what it belongs to, not where one thing ends and another begins.

    The paper's classifier is the first. It knows actions by what they look like, so of such as no training has shown it
    says little; the second looks only at how a step differs from those around it.
    """

    def __init__(self, width: int, dimension: int) -> None:
        super().__init__()
        self.seen = nn.Sequential(nn.Conv1d(dimension, width, 1), nn.ReLU(), nn.Conv1d(width, width, 5, padding=2))
        self.action = nn.Sequential(nn.ReLU(), nn.Conv1d(width, 1, 1))
        self.inside = nn.Sequential(
            nn.Conv1d(len(_APART), width, 5, padding=2), nn.ReLU(), nn.Conv1d(width, 1, 3, padding=1)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        unit = nn.functional.normalize(features, dim=2).transpose(1, 2)
        return torch.cat([self.action(self.seen(unit)), self.inside(_changes(unit))], dim=1)


_APART = (1, 2, 4)
"""Steps between those that are compared."""


def _changes(unit: torch.Tensor) -> torch.Tensor:
    """float32[N, D, R] → float32[N, 3, R]: cosine of the means of so many steps before a step and from it on."""
    each = []
    for apart in _APART:
        padded = nn.functional.pad(unit, (apart, apart), mode="replicate")
        means = nn.functional.avg_pool1d(padded, apart, stride=1)
        before, after = means[:, :, : unit.shape[2]], means[:, :, apart : apart + unit.shape[2]]
        each.append(nn.functional.cosine_similarity(before, after, dim=1))
    return torch.stack(each, dim=1)


class GraphRelocalizer(nn.Module):
    """How well proposals fit a query, and how far they are off (§4.2 to §4.6).

    Input: query float32[1 or B, T, D], its steps that are no padding float32[1 or B, T], proposals float32[B, T, D] and
    float32[B, T]. Output: float32[B, 3]: score in [-1, 1], T_c and T_l (refinement.py).
    """

    def __init__(self, config: GraphTraining, dimension: int) -> None:
        super().__init__()
        self.config, width = config, config.width
        readers = 1 if config.shared else 2
        self.readers = nn.ModuleList(nn.LSTM(dimension, width, batch_first=True) for _ in range(readers))
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(_FUSIONS[config.fusion](config) for _ in range(config.layers))
        self.score = nn.Sequential(nn.Conv1d(width, width, 1), nn.BatchNorm1d(width), nn.Tanh(), nn.Conv1d(width, 1, 1))
        self.box = nn.Sequential(nn.Conv1d(width, width, 1), nn.BatchNorm1d(width), nn.Tanh(), nn.Conv1d(width, 2, 1))

    def forward(
        self, query: torch.Tensor, query_there: torch.Tensor, proposals: torch.Tensor, there: torch.Tensor
    ) -> torch.Tensor:
        pooled = self.fused(query, query_there, proposals, there)[:, :, None]
        # The regression has its own optimiser and leaves all before it alone (§5.2.2).
        return torch.cat([torch.tanh(self.score(pooled)), self.box(pooled.detach())], dim=1)[:, :, 0]

    def fused(
        self, query: torch.Tensor, query_there: torch.Tensor, proposals: torch.Tensor, there: torch.Tensor
    ) -> torch.Tensor:
        """float32[B, W]: the mean of all nodes after the last layer."""
        asked, _ = self.readers[0](_scaled(query))
        shown, _ = self.readers[-1](_scaled(proposals))
        asked = asked.expand(shown.shape[0], -1, -1)
        nodes = torch.cat([asked, shown], dim=1)
        exist = torch.cat([query_there.expand(there.shape[0], -1), there], dim=1)[:, :, None]
        if not self.config.masked:
            exist = torch.ones_like(exist)
        nodes = self.dropout(nodes) * exist
        for layer in self.layers:
            nodes = layer(nodes, exist) * exist
        pooled: torch.Tensor = nodes.sum(dim=1) / exist.sum(dim=1)
        return pooled


def _scaled(features: torch.Tensor) -> torch.Tensor:
    """Rows of norm √D: numbers of about 1, as an LSTM's weights are begun for."""
    return nn.functional.normalize(features, dim=2) * math.sqrt(features.shape[2])


class GraphFusion(nn.Module):
    """One Multi-Graph Feature Fusion layer (§4.5): a graph convolution for each k, side by side, with binary weights.

    float32[B, 2T, W] nodes → the same. Weights are begun small, since a binary graph adds up as many neighbours as
    there are; what is no node, by ``exist`` float32[B, 2T, 1], is zero and sends nothing.
    """

    def __init__(self, config: GraphTraining) -> None:
        super().__init__()
        width, scales = config.width, config.scales
        graphs = [adjacency(config.length, k) for k in scales]
        for number, graph in enumerate(graphs):
            self.register_buffer(f"graph{number}", torch.from_numpy(graph), persistent=False)
        self._graphs = len(graphs)
        self.before = nn.Linear(width, width)
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(width, width) / math.sqrt(width) / float(graph.sum(axis=1).mean()) * 2)
            for graph in graphs
        )
        self.after = nn.Linear(len(graphs) * width, width)

    def forward(self, nodes: torch.Tensor, exist: torch.Tensor) -> torch.Tensor:
        projected = self.before(nodes) * exist
        each = [
            torch.tanh(self.get_buffer(f"graph{number}") @ (projected @ self.weights[number]))
            for number in range(self._graphs)
        ]
        fused: torch.Tensor = self.after(torch.cat(each, dim=2))
        return fused


class ProductFusion(nn.Module):
    """As GraphFusion, but what the two videos say to one another is multiplied, not added, and of neighbours the mean
    is taken: whether two steps are alike is in the product of their numbers.

    float32[B, 2T, W] nodes → the same. Begun so that a layer compares number by number.
    """

    def __init__(self, config: GraphTraining) -> None:
        super().__init__()
        width, self._scales = config.width, len(config.scales)
        for number, k in enumerate(config.scales):
            inside, between = parts(config.length, k)
            self.register_buffer(f"inside{number}", torch.from_numpy(inside), persistent=False)
            self.register_buffer(f"between{number}", torch.from_numpy(between), persistent=False)
        self.before = nn.Linear(width, width)
        self.weights = nn.ParameterList(nn.Parameter(2 * torch.eye(width)) for _ in range(2 * self._scales))
        self.after = nn.Linear(2 * self._scales * width, width)
        with torch.no_grad():
            self.before.weight.copy_(torch.eye(width))
            self.after.weight.copy_(torch.eye(width).repeat(1, 2 * self._scales) / (2 * self._scales))

    def forward(self, nodes: torch.Tensor, exist: torch.Tensor) -> torch.Tensor:
        projected = self.before(nodes) * exist
        each: list[torch.Tensor] = []
        for number in range(self._scales):
            own, other = (
                graph @ (projected @ self.weights[2 * number + side]) / (graph @ exist).clamp(min=1)
                for side, graph in enumerate(self._graphs(number))
            )
            each += [torch.tanh(own * other), torch.tanh(own)]
        fused: torch.Tensor = self.after(torch.cat(each, dim=2))
        return fused

    def _graphs(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.get_buffer(f"inside{number}"), self.get_buffer(f"between{number}")


class PlainFusion(nn.Module):
    """The paper's CNN: 1 × 1 convolutions in place of graph convolutions, so that no node hears of another."""

    def __init__(self, config: GraphTraining) -> None:
        super().__init__()
        width, count = config.width, len(config.scales)
        self.before = nn.Linear(width, width)
        self.each = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(count))
        self.after = nn.Linear(count * width, width)

    def forward(self, nodes: torch.Tensor, exist: torch.Tensor) -> torch.Tensor:
        projected = self.before(nodes) * exist
        fused: torch.Tensor = self.after(torch.cat([torch.tanh(layer(projected)) for layer in self.each], dim=2))
        return fused


class AttentionFusion(nn.Module):
    """Attention in place of the graphs: who is joined is the same, how much a neighbour says is learned from what both
    are; one head a scale, and one that sees everything. Residual, with layer normalisation."""

    def __init__(self, config: GraphTraining) -> None:
        super().__init__()
        width = config.width
        graphs = [adjacency(config.length, k) for k in config.scales]
        masks = torch.stack(
            [*(torch.from_numpy(graph) for graph in graphs), torch.ones(2 * config.length, 2 * config.length)]
        )
        self.register_buffer("masks", masks, persistent=False)
        self._heads, self._each = len(masks), width // 4
        self.projections = nn.Linear(width, 3 * self._heads * self._each)
        self.after = nn.Linear(self._heads * self._each, width)
        self.norm, self.last = nn.LayerNorm(width), nn.LayerNorm(width)
        self.inner = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, nodes: torch.Tensor, exist: torch.Tensor) -> torch.Tensor:
        batch, count = nodes.shape[0], nodes.shape[1]
        said = self.projections(self.norm(nodes)).reshape(batch, count, 3, self._heads, self._each)
        asks, keys, values = said.permute(2, 0, 3, 1, 4).unbind(dim=0)
        weights = asks @ keys.transpose(2, 3) / math.sqrt(self._each)
        joined = self.get_buffer("masks")[None] * exist[:, None, :, 0][:, :, None, :]
        # Padding has no neighbour that exists, maybe; it is made zero again by whoever called.
        weights = torch.softmax(weights.masked_fill(joined == 0, -1e4), dim=3)
        heard = (weights @ values).transpose(1, 2).reshape(batch, count, self._heads * self._each)
        nodes = nodes + self.after(heard)
        fused: torch.Tensor = nodes + self.inner(self.last(nodes))
        return fused


_FUSIONS: dict[str, type[nn.Module]] = {
    "graph": GraphFusion,
    "product": ProductFusion,
    "attention": AttentionFusion,
    "none": PlainFusion,
}
