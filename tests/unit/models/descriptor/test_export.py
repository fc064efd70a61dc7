import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.registry import Embedder, load_config
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.descriptor.config import DescriptorTraining
from cliptrace.models.descriptor.export import whitened, write
from cliptrace.models.training.config import digest
from cliptrace.models.training.edits import squeezed

CONFIG = DescriptorTraining(dimension=16)


@pytest.fixture
def exported(descriptor, pictures, tmp_path):
    write(descriptor, pictures, tmp_path, "tried", CONFIG)
    return load_config(str(tmp_path / "config.json"))


def in_floats(config):
    return dataclasses.replace(config, graph_int8="", graph_int8_sha256="")


@pytest.mark.parametrize(("change", "least"), [(in_floats, 0.999), (lambda config: config, 0.8)])
def test_what_is_written_embeds_as_the_network_does(exported, descriptor, pictures, change, least):
    frames = np.stack([squeezed(frame, exported.input_size) for frame in pictures.frames[:5]])
    made = Embedder.open(change(exported)).embed(frames)
    with torch.inference_mode():
        pooled = descriptor.pool(torch.from_numpy(frames)).numpy()
    wanted = Whitening.load(exported.whitening, exported.whitening_sha256).apply(pooled)
    assert (made * wanted).sum(axis=1).min() > least  # the weights lost half of their bits


def test_the_background_is_of_the_training_pictures_and_blank_frames(exported, pictures):
    background = Background.of(exported)
    assert background.embeddings.shape == (len(pictures) + 2 * 64, 16)
    black = np.zeros((1, exported.input_size, exported.input_size, 3), np.uint8)
    for config in (exported, in_floats(exported)):
        assert (background.embeddings @ Embedder.open(config).embed(black)[0]).max() > 0.999


def test_what_it_was_trained_with_stands_in_its_config(exported):
    told = json.loads(Path(exported.path).with_name("config.json").read_text())
    assert told["config_sha256"] == digest(CONFIG)


def test_whitening_after_the_projection_is_one_linear_map():
    random = np.random.default_rng(0)
    features = random.normal(0, 1, (400, 12)).astype(np.float32) @ random.normal(0, 1, (12, 40)).astype(np.float32)
    first = Whitening(features.mean(axis=0) + 0.3, random.normal(0, 1, (40, 10)).astype(np.float32))
    both = whitened(first, features, 6, 0.5)
    between = (features - first.mean) @ first.projection
    after = Whitening.fit(between, 6, 0.5)
    np.testing.assert_allclose(both.apply(features), after.apply(between), atol=1e-3)
