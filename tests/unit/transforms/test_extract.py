"""From a file to embeddings: what is around the picture is not embedded."""

import dataclasses
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cliptrace.models.backbones.pooling import unit
from cliptrace.models.backbones.registry import Embedder, load_config
from cliptrace.models.keyframes import make_selector
from cliptrace.models.video_descriptors import describe, open_descriptor
from cliptrace.schemas.config import BASIS_FPS, TILE_S, KeyframeConfig, Limits
from cliptrace.schemas.gallery import time_of_view, view_of
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.extract import Describing, extract_range, join_ranges, without_views
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


def test_a_video_has_the_descriptor_of_its_keyframes_however_it_is_cut(tmp_path):
    long = tmp_path / "long.mp4"
    command = ["ffmpeg", "-v", "error", "-stream_loop", "9", "-i", CLIP, "-t", "80", "-vf", "scale=160:-2,fps=8", "-an"]
    subprocess.run([*command, long], check=True)
    embedder, selector = open_embedder(crop_borders=False), make_selector(KeyframeConfig(per_second=0.5), BASIS_FPS)
    limits = Limits()
    info = probe(str(long), limits)
    for name, count in (("mean", 1), ("parts", 5)):
        descriptor = open_descriptor(name, embedder.config)
        found = []
        for each in (limits, dataclasses.replace(limits, range_s=TILE_S)):
            ranges = split(VideoSource("v", str(long)), info, each)
            parts = [
                extract_range(str(long), part, selector, embedder, each, describing=Describing(descriptor))
                for part in ranges
            ]
            found.append(join_ranges(parts[::-1], descriptor))
            assert len(parts) == (1 if each is limits else 2)
        whole, cut = found
        assert whole.descriptor.shape == (count, embedder.config.dimension)
        np.testing.assert_array_equal(whole.descriptor, cut.descriptor)
        stored = describe(descriptor, whole.times, whole.scores, whole.embeddings.astype(np.float16))
        np.testing.assert_allclose(whole.descriptor, stored, atol=1e-3)
        plain = extract_range(
            str(long), split(VideoSource("v", str(long)), info, limits)[0], selector, embedder, limits
        )
        np.testing.assert_array_equal(plain.embeddings, whole.embeddings)
        assert plain.tiles is None
        assert join_ranges([plain]).descriptor is None


def test_a_query_is_described_by_the_keyframes_that_the_gallery_would_have():
    limits, embedder = Limits(), open_embedder(crop_borders=False)
    (part,) = split(VideoSource("v", str(CLIP)), probe(str(CLIP), limits), limits)
    each, few = (make_selector(KeyframeConfig(per_second=n), BASIS_FPS) for n in (8, 1))
    descriptor = open_descriptor("mean", embedder.config)
    asked = extract_range(
        str(CLIP), part, each, embedder, limits, views=("mirror",), describing=Describing(descriptor, few)
    )
    stored = extract_range(str(CLIP), part, few, embedder, limits, describing=Describing(descriptor))
    np.testing.assert_allclose(asked.tiles, stored.tiles, atol=1e-2)
    assert len(asked.times) > 7 * len(stored.times)


@dataclasses.dataclass(frozen=True)
class Regional:
    """The mean of the whole frame's maxima, as a descriptor of regions."""

    name: str = "regional"
    sha256: str = ""
    dimension: int = 1280
    needs_regions: bool = True

    def tile(self, times, scores, embeddings, regions):
        assert len(times) == len(scores) == len(embeddings) == len(regions)
        return regions[:, 0].sum(axis=0, keepdims=True)

    def video(self, tiles):
        return unit(tiles.sum(axis=0, keepdims=True))


def test_regions_are_of_plain_keyframes_and_leave_embeddings_as_they_are():
    limits, embedder = Limits(), open_embedder(crop_borders=False)
    (part,) = split(VideoSource("v", str(CLIP)), probe(str(CLIP), limits), limits)
    selector = make_selector(KeyframeConfig(per_second=1.0), BASIS_FPS)
    regional = Describing(Regional())
    plain = extract_range(str(CLIP), part, selector, embedder, limits)
    described = extract_range(str(CLIP), part, selector, embedder, limits, describing=regional)
    np.testing.assert_array_equal(described.embeddings, plain.embeddings)
    for views in ({"views": ("mirror",)}, {"stored_views": ("halves",)}):
        viewed = extract_range(str(CLIP), part, selector, embedder, limits, **views, describing=regional)
        np.testing.assert_allclose(viewed.tiles, described.tiles, rtol=1e-3, atol=1e-2)


def test_between_key_frames_nothing_is_known_of_cuts_and_stills(tmp_path):
    slow = tmp_path / "slow.mp4"
    four_seconds = ("-vf", "fps=10,scale=160:-2", "-g", "40", "-sc_threshold", "0")
    subprocess.run(["ffmpeg", "-v", "error", "-i", CLIP, *four_seconds, slow], check=True)
    embedder, limits = open_embedder(crop_borders=False), Limits()
    (part,) = split(VideoSource("v", str(slow)), probe(str(slow), limits), limits)
    selector = make_selector(KeyframeConfig("express"), BASIS_FPS)
    found = extract_range(str(slow), part, selector, embedder, limits, key_frames_only=True)
    assert found.times.tolist() == [0, 4, 8]
    assert len(found.pictures) == 3
    assert (found.cuts.size, found.stills, found.warning) == (0, (), "")
