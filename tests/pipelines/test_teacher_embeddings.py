"""The teacher's embeddings: computed once, kept, and computed again only for what changed."""

import pickle
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest

from idfree.appearance.colour import ColourHistogram
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Sequence
from idfree.datasets.footage import Footage
from idfree.pipelines.training import teacher_embeddings as module
from idfree.pipelines.training.teacher_embeddings import Teacher, footage_of_detections, teacher_embeddings
from idfree.sequences.image_files import read_nth_image
from idfree.sequences.video_frames import VideoFrames

COLOUR = Teacher("colour")
IMAGES, BOXES = 5, 3


@pytest.fixture
def footage(tmp_path):
    """Five still images of noise with three boxes each; the last box of each is a region to ignore."""
    random = np.random.default_rng(0)
    paths = tuple(tmp_path / f"{n}.png" for n in range(IMAGES))
    for path in paths:
        cv2.imwrite(str(path), random.integers(0, 256, (60, 80, 3), dtype=np.uint8))
    corner = random.uniform(0, 30, (IMAGES * BOXES, 2))
    boxes = Annotation(
        frame=np.repeat(np.arange(1, IMAGES + 1), BOXES),
        id=np.arange(IMAGES * BOXES),
        xyxy=np.hstack([corner, corner + random.uniform(10, 30, corner.shape)]),
        score=np.tile([1.0, 1.0, 0.0], IMAGES),
        class_id=np.zeros(IMAGES * BOXES, np.int64),
        visibility=np.ones(IMAGES * BOXES),
    )
    image = partial(read_nth_image, paths)
    return Footage("stills", boxes, IMAGES, image, False, paths, source=tmp_path / "labels.json")


@pytest.fixture
def computed(monkeypatch):
    """Numbers of the images that were read by the teacher pass."""
    numbers = []

    def counted(images, **arguments):
        numbers.extend(images.tolist())
        return embed_block(images, **arguments)

    embed_block = module.embed_block
    monkeypatch.setattr(module, "embed_block", counted)
    return numbers


def test_each_box_has_the_embedding_of_its_crop(footage):
    (stored,) = teacher_embeddings([footage], COLOUR)
    encoder = ColourHistogram()
    assert stored.is_known.tolist() == [True, True, False] * IMAGES
    for row in (0, 4, 13):
        number = footage.boxes.frame[row]
        expected = encoder(footage.image(number), footage.boxes.xyxy[row : row + 1])
        assert np.allclose(stored[row], expected, atol=1e-6)
    assert not stored[2].any()
    assert np.array_equal(stored[[4, 0]], np.concatenate([stored[4], stored[0]]))
    assert list(footage.source.parent.glob("teacher/stills-colour-*-float32/keys.bin"))


def test_only_what_changed_is_computed_again(footage, computed, tmp_path):
    (first,) = teacher_embeddings([footage], COLOUR, tmp_path)
    assert computed == [1, 2, 3, 4, 5]
    computed.clear()
    boxes = footage.boxes
    moved = boxes.xyxy.copy()
    moved[4] += 1.0  # in image 2
    changed = replace(footage, boxes=replace(boxes, xyxy=moved))
    (second,) = teacher_embeddings([changed], COLOUR, tmp_path)
    assert computed == [2]
    assert np.array_equal(first[[0, 3, 9]], second[[0, 3, 9]])
    assert not np.array_equal(first[4], second[4])


def test_halves_share_what_is_stored(footage, computed, tmp_path):
    video = replace(footage, is_sequence=True)
    teacher_embeddings([video], COLOUR, tmp_path)
    computed.clear()
    half = video.half("val")
    (of_half,) = teacher_embeddings([half], COLOUR, tmp_path)
    assert computed == []
    assert len(of_half) == len(half.boxes)
    assert of_half.is_known.any()


def test_an_interrupted_pass_goes_on(footage, computed, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 2)
    append = module.EmbeddingStore.append

    def killed(store, *arguments):
        if len(store):
            raise KeyboardInterrupt
        append(store, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(module.EmbeddingStore, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            teacher_embeddings([footage], COLOUR, tmp_path)
    computed.clear()
    (stored,) = teacher_embeddings([footage], COLOUR, tmp_path)
    assert computed == [3, 4, 5]
    assert stored.is_known.sum() == 2 * IMAGES


def test_images_that_cannot_be_read_have_none(footage, tmp_path, caplog):
    footage.paths[1].write_bytes(b"no image")
    (stored,) = teacher_embeddings([footage], COLOUR, tmp_path)
    assert stored.is_known.tolist() == [True, True, False, *[False] * 3, *[True, True, False] * 3]
    assert "1 of 5 images could not be read" in caplog.text


def test_workers_compute_the_same(footage, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 3)
    (alone,) = teacher_embeddings([footage], COLOUR, tmp_path / "a")
    (many,) = teacher_embeddings([footage], COLOUR, tmp_path / "b", workers=2)
    assert np.array_equal(alone[:], many[:])


def test_a_video_can_be_sent_to_other_processes(tmp_path):
    assert pickle.loads(pickle.dumps(VideoFrames(tmp_path / "a.mp4"))).path == tmp_path / "a.mp4"


def test_detections_of_a_video_are_footage_too(footage, tmp_path):
    images = Sequence("v", lambda: iter(()), IMAGES, source=footage.source.parent)
    video = footage_of_detections(images, footage.boxes)
    (stored,) = teacher_embeddings([video], COLOUR, tmp_path / "kept")
    assert np.array_equal(stored[:], teacher_embeddings([footage], COLOUR, tmp_path / "kept")[0][:])
    with pytest.raises(UserError, match="only videos and images in files"):
        footage_of_detections(Sequence("live", lambda: iter(())), footage.boxes)


def test_a_missing_teacher_is_a_sentence(footage, tmp_path):
    with pytest.raises(UserError, match=r"none\.onnx: no such file"):
        teacher_embeddings([footage], Teacher(str(tmp_path / "none.onnx")), tmp_path)
