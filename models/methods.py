"""The methods that are trained: what ``cliptrace train``, benches, docs and model cards list. Light: neither torch nor
numpy is imported before a method is trained."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cliptrace.schemas.config import DEFAULT_BACKBONE, BackboneConfig

if TYPE_CHECKING:
    from cliptrace.models.training.config import Training


@dataclasses.dataclass(frozen=True, kw_only=True)
class Method:
    """One way to learn something from footage.

    summary: what it learns. settings: "module:class" of its config, which has a default for each. entry:
    "module:function" that trains it; takes data, output, the backbone where ``on_embeddings``, and a config. use: what
    its weights are, and how they are used. on_embeddings: whether it learns from a backbone's embeddings.
    """

    name: str
    summary: str
    settings: str
    entry: str
    use: str
    on_embeddings: bool = True

    @property
    def config(self) -> type[Training]:
        config: type[Training] = _named(self.settings)
        return config

    def train(
        self,
        data: Sequence[Path],
        output: Path,
        *,
        backbone: str = DEFAULT_BACKBONE,
        seed: int = 0,
        steps: int | None = None,
    ) -> None:
        """From folders of footage to weights, log and checkpoint in ``output``; goes on where it was interrupted.

        backbone: a name or a config file. steps: batches, where they are not the config's. UsageError where ``output``
        was begun with other settings; ImportError where torch or onnx is missing.
        """
        given: dict[str, Any] = {"seed": seed, **({} if steps is None else {"steps": steps})}
        learned_from: list[BackboneConfig] = []
        if self.on_embeddings:
            from cliptrace.models.backbones.registry import load_config

            learned_from.append(load_config(backbone))
        _named(self.entry)(data, output, *learned_from, self.config(**given))


def _named(text: str) -> Any:
    module, name = text.split(":")
    return getattr(importlib.import_module(module), name)


METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="descriptor",
            summary="the frame embedding",
            settings="cliptrace.models.descriptor.config:DescriptorTraining",
            entry="cliptrace.models.descriptor.train:run",
            use="a backbone for cliptrace index --backbone",
            on_embeddings=False,
        ),
        Method(
            name="ske",
            summary="the keyframe selector",
            settings="cliptrace.models.ssan.config:SKETraining",
            entry="cliptrace.models.ssan.train:run_ske",
            use="a keyframe selector for cliptrace index --keyframes ske:POINT:FOLDER",
        ),
        Method(
            name="spd",
            summary="the segment detector",
            settings="cliptrace.models.ssan.config:SPDTraining",
            entry="cliptrace.models.ssan.train:run_spd",
            use="a segment detector for cliptrace match --aligner spd:FOLDER, "
            "once benchmarks.alignment.calibration has calibrated it",
        ),
        Method(
            name="ssan",
            summary="the last two, each for itself and then together",
            settings="cliptrace.models.ssan.config:SSANTraining",
            entry="cliptrace.models.ssan.train:run_ssan",
            use="ske and spd, each in a folder, used as each of them is",
        ),
        Method(
            name="star-gnn",
            summary="one vector a video",
            settings="cliptrace.models.star_gnn.config:StarGNNTraining",
            entry="cliptrace.models.star_gnn.train:run",
            use="a video descriptor for cliptrace index --descriptor star_gnn:FOLDER",
        ),
        Method(
            name="moments",
            summary="where the same happens, from folders of clips that show the same",
            settings="cliptrace.models.relocalization.config:AnchorFreeTraining",
            entry="cliptrace.models.relocalization.train:run",
            use="a locator for cliptrace match --mode moment --locator anchor_free:FOLDER",
            on_embeddings=False,
        ),
    )
}
