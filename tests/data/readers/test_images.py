"""Folders of images are read as rows, ordered by class and name; bad images are refused."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from hiddenstate.config import DataConfig, make_config
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers import class_folders
from hiddenstate.data.readers import images as reader
from hiddenstate.data.readers.formats import IMAGES, has_ending
from hiddenstate.data.readers.images import read_images
from hiddenstate.data.readers.open import read_data, read_path
from hiddenstate.errors import DataError, MachineError
from tests.conftest import n_refused, same

Array = np.ndarray[Any, Any]
quick = settings(max_examples=40)
sides = st.integers(1, 6)


def save(path: Path, pixels: Any, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path, **options)
    return path


def grey(value: int, height: int = 3, width: int = 4) -> Array:
    return np.full((height, width), value, np.uint8)


def read(
    path: Path, job: str = "classify", require_targets: bool = True, **options: Any
) -> SequenceDataset:
    return read_images(path, DataConfig(**options), job, require_targets)


def alone(path: Path, **options: Any) -> Array:
    """The only image in `path`."""
    return np.asarray(read(path, require_targets=False, **options).X[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of two images each, and other files."""
    for value, name in enumerate(["cat/b.png", "cat/a.png", "ape/z.BMP", "ape/y.pgm"]):
        save(tmp_path / "pets" / name, grey(value))
    return tmp_path / "pets"


# --- round trips


@given(
    hnp.arrays("u1", st.tuples(st.integers(1, 4), sides, sides)),
    st.sampled_from([".png", ".bmp", ".pgm", ".tif", ".gif"]),
)
@quick
def test_grey_images_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, pixels: Array, suffix: str
) -> None:
    folder = tmp_path_factory.mktemp("grey")
    for number, one in enumerate(pixels):
        save(folder / f"{number}{suffix}", one)
    result = read(folder, "autoencode")
    same(result.X, pixels)
    assert result.picture == pixels.shape[1:]
    assert result.y is None
    assert result.remarks == ()


@given(
    hnp.arrays("u1", st.tuples(sides, sides, st.just(3))),
    st.sampled_from([".png", ".bmp", ".ppm", ".tif"]),
)
@quick
def test_colours_are_kept_with_the_option(place: Path, pixels: Array, suffix: str) -> None:
    path = save(place.with_suffix(suffix), pixels)
    result = read(path, require_targets=False, color=True)
    same(result.X, pixels.reshape(1, len(pixels), -1))
    assert (result.picture, result.columns, result.kind) == (pixels.shape, None, "an image")
    luma = pixels @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(alone(path), luma, atol=1)


def test_a_remark_says_that_colours_are_left_out(tmp_path: Path) -> None:
    for number, color in enumerate([(200, 30, 30), (90, 90, 90), (20, 90, 20)]):
        save(tmp_path / f"{number}.png", np.full((3, 4, 3), color))
    (remark,) = read(tmp_path, "autoencode").remarks
    assert "images in colour are read in greyscale" in remark
    assert not read(tmp_path, "autoencode", color=True).remarks
    assert not read(tmp_path, "autoencode", require_targets=False).remarks


def test_rows_are_in_order_of_class_and_name(folder: Path) -> None:
    result = read(folder)
    assert result.X.shape == (4, 3, 4)
    assert result.X[:, 0, 0].tolist() == [3, 2, 1, 0]
    same(result.y, np.array(["ape", "ape", "cat", "cat"]))
    assert (result.name, result.kind, result.picture) == ("pets", "a folder of images", (3, 4))
    assert result.test is None


def test_halves_are_read_apart(tmp_path: Path) -> None:
    for value, name in enumerate(["train/a/1.png", "train/b/1.png", "test/b/1.png"]):
        save(tmp_path / name, grey(value))
    save(tmp_path / "extra" / "a.png", grey(9))
    save(tmp_path / "stray.png", grey(9))
    result = read(tmp_path)
    assert result.X[:, 0, 0].tolist() == [0, 1]
    assert result.X_test[:, 0, 0].tolist() == [2]
    same(result.y_test, np.array(["b"]))
    assert result.kind.endswith("in train and test")
    assert [Path(remark).name for remark in result.remarks[1:]] == ["extra", "stray.png"]
    (tmp_path / "test" / "b" / "1.png").unlink()
    assert read(tmp_path).test is None


def test_a_test_half_without_classes_can_only_be_predicted(tmp_path: Path) -> None:
    for value, name in enumerate(["train/a/1.png", "train/b/1.png", "test/1.png"]):
        save(tmp_path / name, grey(value))
    result = read(tmp_path)
    assert result.test is None
    assert any("test/1.png: without a class" in remark for remark in result.remarks)
    for result in (read(tmp_path, require_targets=False), read(tmp_path, "autoencode")):
        assert len(result.X_test) == 1
        assert result.y is result.y_test is None


def test_halves_of_an_autoencoder_need_no_classes(tmp_path: Path) -> None:
    save(tmp_path / "train" / "1.png", grey(1))
    save(tmp_path / "test" / "1.png", grey(2))
    assert len(read(tmp_path, "autoencode").X_test) == 1
    with pytest.raises(DataError, match="images without a class"):
        read(tmp_path)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    save(tmp_path / "train" / "1.png", grey(1))
    save(tmp_path / "car" / "1.png", grey(2))
    same(read(tmp_path).y, np.array(["car", "train"]))


def test_new_images_need_no_class(tmp_path: Path, folder: Path) -> None:
    save(tmp_path / "new" / "b.png", grey(1))
    save(tmp_path / "new" / "a.png", grey(2))
    result = read(tmp_path / "new", require_targets=False)
    assert result.X[:, 0, 0].tolist() == [2, 1]
    assert result.y is None
    assert read(folder, require_targets=False).y is not None


def test_one_image_is_data_to_predict(folder: Path) -> None:
    image = next(folder.rglob("*.png"))
    alone = read_path(str(image), make_config("classify").data, "classify", require_targets=False)
    assert alone.kind == "an image"
    assert alone.X.shape[0] == 1
    with pytest.raises(DataError, match="images without a class"):
        read_data(image)


def test_ignored_files_give_a_remark_unless_hidden(folder: Path) -> None:
    for name in ("notes.txt", "cat/Thumbs.db", "cat/.hidden.png", ".DS_Store", "__MACOSX/x.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    save(folder / "stray.png", grey(1))
    save(folder / "cat" / "more" / "a.png", grey(1))
    (folder / "empty").mkdir()
    remarks = read(folder).remarks
    assert remarks[0].endswith("2 files without the suffix of an image ignored")
    assert remarks[1].endswith("3 paths ignored")
    assert [Path(remark.partition(":")[0]).name for remark in remarks[2:]] == [
        "more",
        "empty",
        "stray.png",
    ]
    assert has_ending(Path("a.JPEG"), IMAGES)
    assert not has_ending(Path("png"), IMAGES)


# --- kinds of pixels


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    pixels = np.zeros((1, 2, 4), np.uint8)
    pixels[0, 1] = [0, 0, 0, 255]
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    assert alone(path).tolist() == [[255, 0]]
    Image.fromarray(pixels).convert("LA").save(path)
    assert alone(path).tolist() == [[255, 0]]
    Image.fromarray(grey(0, 1, 2)).save(path, transparency=0)
    assert alone(path, color=True).tolist() == [[255] * 6]


@pytest.mark.parametrize("mode", ["1", "P"])
def test_palettes_and_black_and_white_are_read(tmp_path: Path, mode: str) -> None:
    pixels = np.array([[0, 255, 255, 0]], np.uint8)
    Image.fromarray(pixels).convert(mode).save(tmp_path / "a.png")
    same(alone(tmp_path / "a.png"), pixels)


def test_a_photo_is_rotated_by_its_exif_data(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "a.png", np.array([[0, 50, 100], [150, 200, 250]]), exif=exif)
    assert alone(path).tolist() == [[150, 0], [200, 50], [250, 100]]


def test_images_are_shrunk_by_area_and_enlarged_by_interpolation(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", np.array([[0, 100, 10, 30], [100, 200, 20, 20]] * 2))
    assert alone(path, image_size=2).tolist() == [[100, 20], [100, 20]]
    larger = alone(path, image_size=8)
    assert larger.shape == (8, 8)
    assert larger.min() >= 0
    assert len(np.unique(larger)) > 6
    save(tmp_path / "b.png", grey(7, 5, 9))
    result = read(tmp_path, require_targets=False, image_size=3)
    assert result.X.shape == (2, 3, 3)
    assert result.picture == (3, 3)


def test_a_photo_that_holds_a_preview_is_read(tmp_path: Path) -> None:
    frames = [Image.fromarray(grey(value, 8, 8)) for value in (99, 0)]
    frames[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=frames[1:])
    assert alone(tmp_path / "a.jpg").tolist() == grey(99, 8, 8).tolist()


# --- what is refused


@pytest.mark.parametrize("width", [7100, 14_200, 70_000])
def test_a_huge_image_is_refused_before_decoding(
    folder: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "cat" / "huge.bmp"
    Image.new("1", (8, 8)).save(path)
    data = bytearray(path.read_bytes())
    data[18:26] = np.array([width, width], "<i4").tobytes()
    path.write_bytes(data)
    monkeypatch.setattr(reader, "_pixels", lambda *_: pytest.fail("decoded"))
    with pytest.raises(DataError, match=r"huge\.bmp: .*more than 50,000,000"):
        read_images(path, DataConfig(), "classify", False)


def test_a_damaged_tiff_prints_one_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = save(folder / "cat" / "c.tif", grey(3, 30, 40), compression="tiff_lzw")
    data = bytearray(path.read_bytes())
    data[8:16] = b"\xff" * 8
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"c\.tif: damaged or truncated"):
        read(folder)
    os.write(2, b"stderr is itself again")
    assert capfd.readouterr().err == "stderr is itself again"


def test_broken_links_are_refused_by_name(folder: Path) -> None:
    (folder / "cat" / "loop.png").symlink_to(folder / "cat" / "loop.png")
    with pytest.raises(DataError, match=r"loop\.png: a broken or circular link"):
        read(folder)
    (folder / "cat" / "loop.png").unlink()
    (folder / "dog").symlink_to(folder / "dog")
    with pytest.raises(DataError, match=r"dog: a broken or circular link"):
        read(folder)
    assert len(read(folder, skip_bad=True).X) == 4


def test_a_folder_linked_into_itself_is_not_followed(folder: Path) -> None:
    (folder / "cat" / "again").symlink_to(folder)
    assert len(read(folder).X) == 4


def test_skipped_images_are_listed(folder: Path) -> None:
    (folder / "cat" / "no.png").write_bytes(b"x")
    (folder / "ape" / "loop.png").symlink_to(folder / "ape" / "loop.png")
    result = read(folder, skip_bad=True)
    same(result.y, np.array(["ape", "ape", "cat", "cat"]))
    assert result.X[:, 0, 0].tolist() == [3, 2, 1, 0]
    assert result.remarks[0].endswith("2 unreadable images left out")
    assert "loop.png: a broken" in result.remarks[1]
    assert "no.png: not an image" in result.remarks[2]


def test_long_lists_of_bad_images_are_cut(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_folders, "LISTED", 2)
    for number in range(5):
        (folder / "cat" / f"no{number}.png").write_bytes(b"x")
    remarks = read(folder, skip_bad=True).remarks
    assert len(remarks) == 4
    assert remarks[-1] == "and 3 more"


def test_a_folder_without_readable_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"none of 1 images can be read: .*no\.png"):
        read(tmp_path, "autoencode", skip_bad=True)


def test_images_of_other_sizes_are_refused_with_the_first_and_a_hint(folder: Path) -> None:
    save(folder / "cat" / "c.png", grey(0, 5, 6))
    for skip_bad in (False, True):
        with pytest.raises(DataError, match=r"c\.png: 6 x 5 .*y\.pgm has 4 x 3;.*--image-size 3"):
            read(folder, skip_bad=skip_bad)
    assert len(read(folder, image_size=2).X) == 5


def test_more_images_than_memory_holds_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiddenstate.system.memory.bytes_free", lambda: 10)
    with pytest.raises(MachineError, match=r"4 images.*--image-size"):
        read(folder)


def test_names_are_escaped_in_messages(tmp_path: Path) -> None:
    evil = "evil\n\x1b[31m\u202e<b>"
    save(tmp_path / evil / "a.png", grey(1))
    bad = tmp_path / evil / f"{evil}.png".replace("/", "")
    bad.write_bytes(b"x")
    (tmp_path / os.fsdecode(b"\xff\xfe")).mkdir()
    save(tmp_path / os.fsdecode(b"\xff\xfe") / "a.png", grey(1))
    with pytest.raises(DataError) as refused:
        read(tmp_path)
    assert str(refused.value).isprintable()
    result = read(tmp_path, skip_bad=True)
    assert all(remark.isprintable() for remark in result.remarks)
    assert result.y is not None
    assert "\\xff\\xfe" in result.y.tolist()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp", ".tif", ".webp", ".ppm"])
def test_a_damaged_image_gives_pixels_or_an_error_of_the_library(place: Path, suffix: str) -> None:
    random = np.random.default_rng(0)
    path = place.with_suffix(suffix)
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if suffix in (".png", ".jpg", ".tif", ".webp") else {}
    pixels = random.integers(0, 255, (9, 7) if suffix == ".gif" else (9, 7, 3))

    def read(path: Path) -> None:
        assert alone(path).dtype == np.uint8

    assert n_refused(path, save(path, pixels, **options).read_bytes(), 200, read) > 20
