from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from cliptrace.models.backbones import efficientnet_lite0
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.descriptor.examples import Pictures
from cliptrace.models.descriptor.network import Descriptor
from cliptrace.models.weights import read_verified

CLIPS = Path(__file__).parents[3] / "data" / "clips"


@pytest.fixture(scope="session")
def footage(tmp_path_factory):
    """A folder with one clip and six small images."""
    folder = tmp_path_factory.mktemp("footage")
    folder.joinpath("clip.mp4").write_bytes((CLIPS / "coffee.mp4").read_bytes())
    random = np.random.default_rng(0)
    for number in range(6):
        image = cv2.resize(random.integers(0, 256, (5, 7, 3), np.uint8), (140, 100), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"image{number}.png"), image)
    return folder


@pytest.fixture(scope="session")
def pictures(footage):
    return Pictures.load([footage])


@pytest.fixture
def descriptor():
    torch.manual_seed(0)
    config = load_config("efficientnet_lite0")
    trunk = efficientnet_lite0.load(read_verified(config.path, config.sha256))
    random = np.random.default_rng(0)
    whitening = Whitening(
        random.normal(0, 0.02, 1280).astype(np.float32), random.normal(0, 1, (1280, 24)).astype(np.float32)
    )
    return Descriptor(trunk, whitening).eval()
