"""Videos that no query was copied from, as keyframes: real ones of other splits, and as many made from them as asked
for; and pairs of distractors that share an intro.

Nothing here is of the gallery, of the queries' own footage, or of what SPD and SKE learned from, but for the drawn
boilerplate, whose kinds they know and whose pictures they do not.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.alignment.pairs import Pair
from benchmarks.harness.features import BasisFrames, Keyframes
from cliptrace.models.alignment.similarity import similarity_map
from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.pooling import unit
from cliptrace.models.backbones.registry import Embedder
from cliptrace.models.keyframes import Selector
from cliptrace.models.ssan import boilerplate
from cliptrace.models.stoplist import recurring, taken_off
from cliptrace.models.training.edits import squeezed
from cliptrace.schemas.config import BASIS_FPS

_NOISE = (0.6, 1.2)
"""Length of what is added to an embedding, of its own: a cosine of .86 to .64 with where it came from."""
_INTRO_S = 4
_DRAWN, _FILMED = 4, 4
_REFS, _QUERIES = 12, 6
_REF_NOISE, _QUERY_NOISE = 0.15, 0.4
_SEED_OF_DRAWN = 1_000_000


def distractor_videos(real: Mapping[str, BasisFrames], selector: Selector, count: int) -> dict[str, Keyframes]:
    """Name → keyframes of ``count`` videos: the real ones, then stretches of them, spliced and worn.

    None where there is no real one.
    """
    if not real:
        return {}
    chosen = {name: video.chosen_by(selector) for name, video in sorted(real.items())}
    videos = {f"distractor {name}": video for name, video in itertools.islice(chosen.items(), count)}
    pool = list(chosen.values())
    for number in range(len(videos), count):
        random = np.random.default_rng([3, number])
        parts = [_stretch(pool[each], random) for each in random.integers(len(pool), size=2)]
        embeddings = np.concatenate([embeddings for _, embeddings in parts])
        times = np.concatenate([parts[0][0], parts[1][0] + parts[0][0][-1] + 0.5])
        videos[f"distractor {number:05}"] = Keyframes(times, _worn(embeddings, random.uniform(*_NOISE), random))
    return videos


def _stretch(video: Keyframes, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    length = int(random.integers(min(4, len(video.times)), len(video.times) + 1))
    start = int(random.integers(0, len(video.times) - length + 1))
    part = slice(start, start + length)
    return video.times[part] - video.times[start], video.embeddings[part]


def _worn(embeddings: NDArray[np.float32], noise: float, random: np.random.Generator) -> NDArray[np.float32]:
    added = random.standard_normal(embeddings.shape, np.float32) * np.float32(noise / embeddings.shape[1] ** 0.5)
    return np.asarray(unit(embeddings + added), np.float32)


def sharing_an_intro(
    real: Mapping[str, BasisFrames], gallery: Selector, queries: Selector, background: Background, embedder: Embedder
) -> dict[str, dict[str, list[Pair]]]:
    """ "drawn" and "filmed" intros → with and without a stop-list → pairs of distractors that begin with one."""
    filmed = [name for name in sorted(real) if len(real[name].times) >= _INTRO_S * BASIS_FPS][:_FILMED]
    intros = {"drawn": [_drawn(number, embedder) for number in range(_DRAWN)]}
    intros["filmed"] = [real[name].embeddings[: _INTRO_S * BASIS_FPS] for name in filmed]
    bodies = [video for name, video in sorted(real.items()) if name not in filmed]
    found: dict[str, dict[str, list[Pair]]] = {}
    for kind, embedded in intros.items():
        pairs: dict[str, list[Pair]] = {"without": [], "with": []}
        for number, intro in enumerate(embedded):
            random = np.random.default_rng([4, number])
            order = random.permutation(len(bodies))
            refs = [_begun(bodies[each], intro, gallery, _REF_NOISE, random) for each in order[:_REFS]]
            asked = [_begun(bodies[each], intro, queries, _QUERY_NOISE, random) for each in order[_REFS:][:_QUERIES]]
            others = [_begun(body, intro[:0], gallery, 0.0, random) for body in bodies]
            stopped = recurring([video.embeddings for video in (*refs, *others)])
            for (q, query), (r, ref) in itertools.product(enumerate(asked), enumerate(refs)):
                bias = background.bias(query.embeddings)
                stops = taken_off(query.embeddings, query.times, np.zeros(len(query.times), np.bool_), stopped)
                for name, taken in (("without", bias), ("with", bias + stops)):
                    similarity = similarity_map(query.embeddings, ref.embeddings, taken)
                    ids = (f"{kind} {number} {q}", f"{kind} {number} {r}")
                    cuts = np.array([float(_INTRO_S)])
                    pairs[name].append(Pair(*ids, 0.0, similarity, query.times, ref.times, cuts))
        found[kind] = pairs
    return found


def _drawn(number: int, embedder: Embedder) -> NDArray[np.float32]:
    frames = boilerplate.draw(np.random.default_rng(_SEED_OF_DRAWN + number))[: _INTRO_S * BASIS_FPS]
    return embedder.embed(np.stack([squeezed(frame, embedder.config.input_size) for frame in frames]))


def _begun(
    body: BasisFrames, intro: NDArray[np.float32], selector: Selector, noise: float, random: np.random.Generator
) -> Keyframes:
    """The intro, worn, and then the body's keyframes; as many of the intro as uniform sampling of the body has."""
    kept = body.chosen_by(selector)
    step = max(1, round(len(body.times) / len(kept.times)))
    start = _worn(np.asarray(intro, np.float32)[::step], noise, random)
    at = np.arange(0, len(intro), step) / BASIS_FPS
    return Keyframes(
        np.concatenate([at, kept.times + len(intro) / BASIS_FPS]), np.concatenate([start, kept.embeddings])
    )
