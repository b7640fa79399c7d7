"""Readers of Market-1501 and MSMT17."""

import pytest

from idfree.core.errors import UserError
from idfree.datasets.reid_crops import is_reid, read_reid, reid_parts

MARKET = ["0002_c1s1_000451_03.jpg", "0002_c3s2_000001_00.jpg", "0007_c2s3_071052_01.jpg", "Thumbs.db"]


def touch(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.fixture
def market(tmp_path):
    touch(tmp_path / "bounding_box_train", MARKET)
    touch(tmp_path / "bounding_box_test", ["-1_c1s1_000401_03.jpg", "0000_c1s1_000151_01.jpg", "0003_c5s1_1_01.jpg"])
    return tmp_path


@pytest.fixture
def msmt17(tmp_path):
    names = ["0000/0000_000_01_0303morning_0015_0.jpg", "0001/0001_003_14_0303noon_0002_1.jpg"]
    touch(tmp_path / "train", [*names, "0002/0002_001_14_0303morning_0007_0.jpg"])
    touch(tmp_path / "test", ["0000/0000_000_02_0113afternoon_1234_0_ex.jpg"])
    (tmp_path / "list_train.txt").write_text("".join(f"{name} {n}\n" for n, name in enumerate(names)))
    (tmp_path / "list_val.txt").write_text("0002/0002_001_14_0303morning_0007_0.jpg 2\n\n")
    (tmp_path / "list_gallery.txt").write_text("0000/0000_000_02_0113afternoon_1234_0_ex.jpg 0\r\n")
    return tmp_path


def test_market(market):
    crops = read_reid(market)
    assert [path.name for path in crops.path] == MARKET[:3]
    assert crops.identity.tolist() == [2, 2, 7]
    assert crops.camera.tolist() == [1, 3, 2]
    assert crops.recording.tolist() == [1, 2, 3]
    assert crops.frame.tolist() == [451, 1, 71052]
    assert len(crops) == 3


def test_market_by_one_of_its_folders(market):
    assert read_reid(market / "bounding_box_train").path == read_reid(market).path
    (market / "bounding_box_train").rename(market / "people")
    assert len(read_reid(market / "people")) == 3


def test_market_gallery_has_distractors_and_junk(market):
    crops = read_reid(market, "gallery")
    assert sorted(crops.identity.tolist()) == [-1, 0, 3]
    assert len(crops.path) == 3


def test_msmt17(msmt17):
    crops = read_reid(msmt17)
    assert [str(path.relative_to(msmt17 / "train"))[:4] for path in crops.path] == ["0000", "0001", "0002"]
    assert all(path.is_file() for path in crops.path)
    assert crops.identity.tolist() == [0, 1, 2]
    assert crops.camera.tolist() == [1, 14, 14]
    assert crops.frame.tolist() == [15, 2, 7]
    assert crops.recording[0] == crops.recording[2] != crops.recording[1]
    gallery = read_reid(msmt17, "gallery")
    assert (gallery.identity.tolist(), gallery.camera.tolist(), gallery.frame.tolist()) == ([0], [2], [1234])


def test_msmt17_version_2(msmt17):
    (msmt17 / "train").rename(msmt17 / "mask_train_v2")
    assert len(read_reid(msmt17)) == 3


# Errors ----------------------------------------------------------------------------------------------------


def test_unknown_folders(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        read_reid(tmp_path / "nothing")
    with pytest.raises(UserError, match=r"neither Market-1501 \(bounding_box_train/\) nor MSMT17 .*found nothing"):
        read_reid(tmp_path)
    (tmp_path / "a.txt").touch()
    with pytest.raises(UserError, match=r"a\.txt is a file, expected a folder"):
        read_reid(tmp_path / "a.txt")


def test_market_without_crops(tmp_path):
    touch(tmp_path / "bounding_box_train", ["Thumbs.db"])
    with pytest.raises(UserError, match=r"bounding_box_train: no crops .*found 1 file \(Thumbs.db\)"):
        read_reid(tmp_path)


def test_invalid_file_name(market):
    touch(market / "bounding_box_train", ["holiday.jpg"])
    with pytest.raises(
        UserError, match=r"holiday.jpg: the name does not contain the labels; .* 0002_c1s1_000451_03.jpg"
    ):
        read_reid(market)


def test_incomplete_msmt17(msmt17):
    with pytest.raises(UserError, match="neither Market-1501"):
        read_reid(msmt17, "query")
    (msmt17 / "list_val.txt").write_text("0009/0009_001_14_0303morning_0007_0.jpg 2\n")
    with pytest.raises(UserError, match=r"1 of 3 crops listed are not there, the first: .*0009_001"):
        read_reid(msmt17)
    (msmt17 / "list_val.txt").write_text("0002/0002_001_14_0303morning_0007_0.jpg two\n")
    with pytest.raises(UserError, match=r"list_val.txt line 1: '0002.* two', expected a path and an identity"):
        read_reid(msmt17)
    (msmt17 / "train").rename(msmt17 / "elsewhere")
    with pytest.raises(UserError, match="has no folder train or mask_train_v2"):
        read_reid(msmt17)


def test_an_empty_list(msmt17):
    (msmt17 / "list_train.txt").write_text("")
    (msmt17 / "list_val.txt").unlink()
    with pytest.raises(UserError, match=r"list_train\.txt: lists nothing"):
        read_reid(msmt17)


VERI = ["0001_c001_00016450_0.jpg", "0001_c002_00016470_1.jpg", "0776_c020_00000001_0.jpg"]


def test_veri(tmp_path):
    touch(tmp_path / "image_train", VERI)
    touch(tmp_path / "image_test", VERI[1:])
    assert is_reid(tmp_path)
    assert reid_parts(tmp_path) == ["train", "gallery"]
    for folder in (tmp_path, tmp_path / "image_train"):
        crops = read_reid(folder)
        assert crops.identity.tolist() == [1, 1, 776]
        assert crops.camera.tolist() == [1, 2, 20]
        assert crops.frame.tolist() == [16450, 16470, 1]
        assert not crops.has_distractors
    assert read_reid(tmp_path, "gallery").identity.tolist() == [1, 776]
    touch(tmp_path / "image_train", ["car.jpg"])
    with pytest.raises(UserError, match=r"car\.jpg: .* expected one like 0001_c001_00016450_0"):
        read_reid(tmp_path)
