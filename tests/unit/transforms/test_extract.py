"""From a file to embeddings: what is around the picture is not embedded."""

import dataclasses
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cliptrace.models.backbones.registry import Embedder, load_config
from cliptrace.models.keyframes import make_selector
from cliptrace.schemas.config import BASIS_FPS, KeyframeConfig, Limits
from cliptrace.schemas.gallery import time_of_view, view_of
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.extract import extract_range, join_ranges, without_views
from cliptrace.transforms.features import Extract, FeatureConfig
from cliptrace.transforms.media.probe import probe
from cliptrace.transforms.media.ranges import split

CLIP = Path(__file__).parents[2] / "data" / "clips" / "baseball.mp4"


def open_embedder(crop_borders):
    return Embedder.open(dataclasses.replace(load_config("efficientnet_lite0"), crop_borders=crop_borders))


def extracted(path, embedder):
    limits = Limits()
    (part,) = split(VideoSource("v", str(path)), probe(str(path), limits), limits)
    selector = make_selector(KeyframeConfig(per_second=1.0), BASIS_FPS)
    return extract_range(str(path), part, selector, embedder, limits)


def embeddings(path, embedder):
    return extracted(path, embedder).embeddings


def cosines(boxed, crop_borders):
    embedder = open_embedder(crop_borders)
    return (embeddings(CLIP, embedder) * embeddings(boxed, embedder)).sum(axis=1)


def test_a_letterboxed_clip_has_the_embeddings_of_the_clip_where_borders_are_cropped(tmp_path):
    boxed = tmp_path / "boxed.mp4"
    bars = "scale=320:160,pad=320:240:0:40:black,setsar=1"
    subprocess.run(["ffmpeg", "-v", "error", "-i", CLIP, "-vf", bars, "-an", "-crf", "20", boxed], check=True)
    assert len(cosines(boxed, crop_borders=True)) >= 8
    assert np.median(cosines(boxed, crop_borders=True)) > 0.9
    assert np.median(cosines(boxed, crop_borders=False)) < 0.8


def test_cuts_are_found_to_the_basis_frame(tmp_path):
    first, other = CLIP.with_name("cars.mp4"), CLIP.with_name("juggling.mp4")
    joined = tmp_path / "joined.mp4"
    shape = "scale=320:240,setsar=1,fps=24,trim=end_frame=70"
    graph = f"[0:v]{shape}[a];[1:v]{shape}[b];[a][b]concat"
    command = ["ffmpeg", "-v", "error", "-i", first, "-i", other, "-filter_complex", graph, "-an", joined]
    subprocess.run(command, check=True)
    (cut,) = extracted(joined, open_embedder(crop_borders=False)).cuts
    assert cut == pytest.approx(70 / 24, abs=0.5 / BASIS_FPS)


def test_stages_and_threads_of_a_process_share_one_network() -> None:
    config = FeatureConfig(load_config("efficientnet_lite0"), KeyframeConfig())
    stages = [Extract(config) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Extract.open, stages))
    assert len({id(stage._embedder) for stage in stages}) == 1
    for stage in stages:
        stage.close()


def test_the_inset_that_is_found_is_one_more_view_of_the_keyframes_that_have_it(monkeypatch):
    def insets(frames):
        boxes = np.tile(np.int32([0, 0, 224, 224]), (len(frames), 1))
        boxes[16:] = (120, 0, 220, 100)
        return boxes

    monkeypatch.setattr("cliptrace.transforms.extract.find_insets", insets)
    limits, embedder = Limits(), open_embedder(crop_borders=False)
    (part,) = split(VideoSource("v", str(CLIP)), probe(str(CLIP), limits), limits)
    selector = make_selector(KeyframeConfig(per_second=1.0), BASIS_FPS)
    viewed = extract_range(str(CLIP), part, selector, embedder, limits, stored_views=("found",))
    plain = extract_range(str(CLIP), part, selector, embedder, limits)
    views = view_of(viewed.times)
    assert len(viewed.times) == len(viewed.scores) == len(viewed.embeddings) == len(viewed.pictures)
    assert (np.diff(viewed.times) > 0).all()
    assert viewed.times[views == 0].tolist() == plain.times.tolist()
    assert time_of_view(viewed.times[views == 1], -1).tolist() == plain.times[plain.times >= 2].tolist()


def test_stored_views_are_keyframes_of_their_own_and_none_of_a_query():
    limits, embedder = Limits(), open_embedder(crop_borders=False)
    (part,) = split(VideoSource("v", str(CLIP)), probe(str(CLIP), limits), limits)
    selector = make_selector(KeyframeConfig(per_second=1.0), BASIS_FPS)
    plain = extract_range(str(CLIP), part, selector, embedder, limits)
    viewed = extract_range(str(CLIP), part, selector, embedder, limits, stored_views=("insets",))
    views = view_of(viewed.times)
    assert len(viewed.times) == len(viewed.scores) == len(viewed.embeddings) == len(viewed.pictures)
    assert np.bincount(views).tolist() == [len(plain.times)] * 6
    for view in range(6):
        assert time_of_view(viewed.times[views == view], -view).tolist() == plain.times.tolist()
    stored = without_views(join_ranges([viewed]))
    assert stored.times.tolist() == plain.times.tolist()
    assert stored.pictures == plain.pictures
    np.testing.assert_allclose(stored.embeddings, plain.embeddings, atol=1e-4)
