import cv2
import numpy as np
import pytest
import torch

from cliptrace.models.descriptor.config import DescriptorTraining
from cliptrace.models.descriptor.examples import BatchMaker, Pictures
from cliptrace.models.training.edits import squeezed
from cliptrace.schemas.errors import UsageError


def test_every_image_and_four_frames_a_second_of_every_video(pictures):
    clip = pictures.video == pictures.video[0]  # "clip.mp4" sorts before the images
    assert clip.sum() >= 8
    np.testing.assert_allclose(np.diff(pictures.time[clip]), 0.25)
    assert (~clip).sum() == 6
    assert len(set(pictures.video[~clip])) == 6
    assert pictures.frames[-1].shape == (100, 140, 3)


def test_large_images_are_made_smaller(tmp_path):
    cv2.imwrite(str(tmp_path / "large.png"), np.zeros((600, 1200, 3), np.uint8))
    assert Pictures.load([tmp_path]).frames[0].shape == (256, 512, 3)


def test_images_are_read_as_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "red.png"), np.full((40, 40, 3), (0, 0, 255), np.uint8))
    assert Pictures.load([tmp_path]).frames[0][0, 0].tolist() == [255, 0, 0]


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(UsageError) as error:
        Pictures.load([tmp_path])
    assert str(error.value) == f"{tmp_path}: no image and no video below; give folders with footage"


def test_a_broken_image_is_named(tmp_path):
    tmp_path.joinpath("broken.jpg").write_bytes(b"no image")
    with pytest.raises(UsageError) as error:
        Pictures.load([tmp_path])
    assert str(error.value) == f"{tmp_path / 'broken.jpg'}: not an image that can be read; remove it"


def test_a_broken_video_is_named(tmp_path):
    tmp_path.joinpath("broken.mp4").write_bytes(b"no video")
    with pytest.raises(UsageError) as error:
        Pictures.load([tmp_path])
    assert str(error.value) == f"{tmp_path / 'broken.mp4'}: not a video that ffmpeg can read; remove it"


def test_a_batch_is_plain_pictures_then_their_copies(pictures):
    config = DescriptorTraining(pictures=4, sizes=(64,), copies=2)
    batch = BatchMaker(pictures, config).batch(np.random.default_rng(0))
    assert batch.frames.shape == (4 * 3, 64, 64, 3)
    assert batch.frames.dtype == torch.uint8
    owner = batch.shown[:, 0].reshape(3, 4)
    assert (owner == owner[0]).all()
    assert (batch.shown[:4, 0] == batch.shown[:4, 1]).all()
    for frame, index in zip(batch.frames[:4].numpy(), owner[0].tolist(), strict=True):
        same = pictures.video == pictures.video[index]
        near = np.flatnonzero(same & (np.abs(np.arange(len(pictures)) - index) <= 1))
        assert any(np.array_equal(frame, squeezed(pictures.frames[at], 64)) for at in near)


def test_a_batch_depends_on_the_generator_alone(pictures):
    config = DescriptorTraining(pictures=4, sizes=(32, 48))
    one, other = (BatchMaker(pictures, config).batch(np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(one.frames, other.frames)
    assert torch.equal(one.shown, other.shown)


def test_pictures_are_not_drawn_twice(pictures):
    maker = BatchMaker(pictures, DescriptorTraining(pictures=6, sizes=(32,)))
    for seed in range(6):
        owner = maker.batch(np.random.default_rng(seed)).shown[:6, 0].tolist()
        assert len(set(owner)) == 6


@pytest.mark.parametrize("size", [9, 10_000])
def test_a_batch_takes_what_there_is(pictures, size):
    """Seven files, fewer than the single pictures of a batch of many; a batch of all pictures ends, too."""
    owner = BatchMaker(pictures, DescriptorTraining(pictures=size))._choose(np.random.default_rng(0))
    assert len(set(owner.tolist())) == len(owner) == min(size, len(pictures))
