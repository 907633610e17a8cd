"""Bad arrays, archives, digits and images: each is refused with its place and what to do."""

import io
import os
import pickle
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tools.stress import samples
from tools.stress.abuses.array_inputs import image, saved
from tools.stress.abuses.bad_tables import packed
from tools.stress.abuses.harness import Abuse
from tools.stress.abuses.sound import JOBS, SMALL, refused, refuses

# fmt: off

def arrays() -> Iterator[Abuse]:
    """Iterate over abuses of arrays, archives and idx files."""
    objects = io.BytesIO()
    np.save(objects, np.array([{}] * 9, object), allow_pickle=True)
    says = "contains pickled objects; save it again as numbers"
    sound, labels = saved(np.ones((9, 4))), samples.npz(X=np.ones((9, 4)), y=np.arange(9) % 2)
    yield from refused("array: objects", {"d.npy": objects.getvalue(), "x.npy": sound},
                       f"d.npy: {says}", file="d.npy", by=(*JOBS, "predict cube.safetensors d.npy",
                       "classify x.npy --answers d.npy", "regress x.npy --answers d.npy"))
    yield from refused("array: objects in a folder", {"set/X.npy": objects.getvalue()},
                       f"set/X.npy: {says}", by=tuple(f"{job} ./set" for job in JOBS))
    yield from refused("array: objects to test on",
                       {"d.npy": objects.getvalue(), "y.npz": labels}, says,
                       by=("classify y.npz --test d.npy",))
    larger = sound.replace(b"(9, 4), }    ", b"(9, 44444), }")
    for text, found in ((larger, f"declares {9 * 44444 * 8} bytes, the file has {len(sound)}"),
                        (sound[:-8], "declares 288 bytes, found 280"),
                        (sound + b"x", "declares 288 bytes, found more")):
        yield from refused(f"array: of {len(text)} bytes, {found[:20]}", text, "d.npy", found,
                           by=("autoencode",), file="d.npy")
    yield from refused("array: smaller than declared, in a folder", {"set/X.npy": larger},
                       f"declares {9 * 44444 * 8} bytes", by=tuple(f"{job} ./set" for job in JOBS))
    for shape in ((0, 9), (9, 0), (0, 3, 3), (0,)):
        none = np.zeros(shape)
        yield from refused(f"array: of shape {shape}", samples.npz(X=none, y=np.zeros(len(none))),
                           "d.npz", file="d.npz")
        yield from refused(f"array: of shape {shape}", saved(none), "d.npy", by=("autoencode",),
                           file="d.npy")
    for file in ("d.npz", "d.npy", "train-images-idx3-ubyte"):
        yield from refused("file: empty", b"", "no rows", by=("autoencode",), file=file)
    yield from refused("signal: no steps", samples.npz(X=np.zeros(0), y=np.zeros(0)), "d.npz",
                       by=("regress",), file="d.npz")
    for value in (np.nan, np.inf, -np.inf):
        X = np.ones((12, 4))
        X[3, 1] = X[5, 2] = value
        yield from refused(f"array: {value}", samples.npz(X=X, y=np.arange(12) % 2), "2 values",
                           "the first in row 3, feature 1", "--missing mean", file="d.npz")
        yield from refused(f"array: {value} alone", samples.npz(X=np.full(20, value),
                           y=np.zeros(20)), "20 values", by=("regress",), file="d.npz")
        yield from refused(f"array: {value} to predict", saved(np.full((2, 8, 2), value)),
                           "32 values", by=("predict cube.safetensors d.npy",), file="d.npy")
    for name, says, own in (
        ("none", "labels", {}), ("all the same", "all rows have the label 7", {"y": [7] * 12}),
        ("one row of a class", "8", {"y": [5] * 11 + [8]}),
        ("new in test rows", "test row 1 has label 9",
         {"y": np.arange(12) % 2, "X_test": np.ones((2, 4)), "y_test": [0, 9]}),
    ):
        yield from refused(f"labels: of arrays, {name}", samples.npz(X=np.ones((12, 4)), **own),
                           "d.npz", says, file="d.npz")
    yield from refused("labels: of no array", sound, "labels", file="d.npy")
    yield from refused("labels: not of the model", samples.npz(X=np.ones((3, 8, 2)), y=[5, 1, 0]),
                       "row 0 has label 5", by=("evaluate cube.safetensors d.npz",), file="d.npz")
    seven = samples.npz(X=np.zeros(7), y=np.zeros(7))
    for option, says in (("--test-fraction 0", "8 steps.*has 7"), ("", "windows of 8")):
        yield refuses(f"signal: of arrays, too short {option}", seven, says,
                      f"regress d.npz --window 8 {option}", "d.npz")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", b"\0" * (17 << 20))
    yield from refused("archive: a bomb", bomb.getvalue(), str(17 << 20), "1000 times",
                       by=("autoencode",), file="d.npz")
    hidden = (("../X.npy",), ("/X.npy",), ("X.npy", "X.npy"), ("a/X.npy",), ("C:\\X.npy",))
    for k, names in enumerate(hidden):
        yield from refused(f"archive: a bad name {k}", members(*names),
                           names[0].rpartition("\\")[2], by=("autoencode",), file="d.npz",
                           ends=(4,))
    yield from refused("archive: a link", members("X.npy", mode=stat.S_IFLNK | 0o777), "X.npy",
                       by=("autoencode",), file="d.npz", ends=(4,))
    whole = samples.npz(X=np.arange(48.0).reshape(12, 4))
    for k, text in enumerate((whole[:60] + b"\xff" * 20 + whole[80:], whole[:100])):
        yield from refused(f"archive: damaged {k}", text, "d.npz", by=("autoencode",), file="d.npz")
    for file in ("d.pkl", "d.npy", "d.npz"):
        yield from refused("file: a pickle", pickle.dumps([1.0, 2.0]), file, by=("autoencode",),
                           file=file)


def members(*names: str, mode: int = 0) -> bytes:
    """Return an archive of arrays with these names and permissions."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in dict.fromkeys(names):
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, saved(np.ones((12, 4))))
        if len(names) > len({*names}):  # what zipfile warns of
            archive.filelist.append(archive.filelist[0])
    return stream.getvalue()


def digits() -> Iterator[Abuse]:
    """Iterate over abuses of a folder of idx files."""
    sound = samples.digits()
    train, test = "train-images-idx3-ubyte", "t10k-images-idx3-ubyte"
    small = b"\0\0\x08\3" + b"\0\0\0\2" * 3
    for name, data, says in (
        ("magic", b"\x89PNG", "starts with 89504e47"),
        ("type", b"\0\0\x0a\3" + b"\0\0\0\1" * 3 + b"x", "0x0a"),
        ("overflow", b"\0\0\x08\3" + b"\xff" * 12,
         "declares 79228162458924105385300197375 bytes, found 0"),
        ("no rows of much", b"\0\0\x0e\x04\0\0\0\0" + b"\xff" * 12, train),
        ("short", small + b"x" * 7, "declares 8 bytes, found 7"),
        ("trailing", small + b"x" * 9, "declares 8 bytes, found more"),
        ("counts", small + b"x" * 8, "24 labels for 2 images"),
        ("axes", samples.idx(np.zeros((24, 64))), "(24, 64)"),
        ("floats", b"\0\0\x0d\3" + struct.pack(">3I", 24, 5, 4) + bytes(1920), "float32"),
    ):
        yield from folder(f"idx: {name}", {**sound, train: data}, says, by=("classify ./many",))
    cut = packed(sound[train])[:-30]
    rest = {name: data for name, data in sound.items() if name != train}
    for name, files, says in (
        ("gzip cut off", {**rest, f"{train}.gz": cut}, f"byte {len(cut)}"),
        ("test labels too few", {**sound, "t10k-labels-idx1-ubyte": samples.idx(np.zeros(8))},
         "many/t10k-labels-idx1-ubyte: 8 labels for 9 images"),
        ("test images of another size", {**sound, test: samples.idx(np.zeros((9, 5, 5)))},
         "training images are (5, 4), but test images are (5, 5)"),
        ("no test images", {name: data for name, data in sound.items() if name != test},
         f"no {test} (plain or .gz) beside the training"),
        ("a label in test rows alone",
         {**sound, "t10k-labels-idx1-ubyte": samples.idx(np.arange(9) % 4)},
         "test row 3 has label 3"),
        ("no rows", {**sound, train: samples.idx(np.zeros((0, 5, 4))),
                     "train-labels-idx1-ubyte": samples.idx(np.zeros(0))}, "many"),
    ):
        yield from folder(f"idx: {name}", files, says, by=("classify ./many",))
    for k, data in enumerate((b"\x89PNG", b"\0\0\x0a\1\0\0\0\1x", b"\0\0\x08\1\0\0\0\2x")):
        for file in ("new-images-idx3-ubyte", "new-images-idx3-ubyte.gz"):
            yield from refused(f"idx: damaged {k}", packed(data) if ".gz" in file else data,
                               f"{file}: ", by=(f"predict code.safetensors {file}",), file=file)


def folder(name: str, files: dict[str, bytes], *says: str, **facts: Any) -> Iterator[Abuse]:
    """Iterate over abuses of a folder named many."""
    return refused(name, {f"many/{file}": data for file, data in files.items()}, *says, **facts)


GREY = image(np.full((4, 5), 40, np.uint8))
PETS = {f"{('cat', 'dog')[k % 2]}/{k}.png": GREY for k in range(6)}
BMP = b"BM" + struct.pack(
    "<IHHIIiiHHIIiiII", 62, 0, 0, 62, 40, 9000, 9000, 1, 24, 0, 0, 0, 0, 0, 0) + b"\0" * 64


def pictures() -> Iterator[Abuse]:
    """Iterate over abuses of images in folders of classes."""
    noise = image(np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8))
    for file, data, says in (
        ("cut.png", noise[:-500], "damaged or truncated"),
        ("huge.bmp", BMP, "9000 x 9000 pixels, more than 50,000,000; resize it"),
        ("text.jpg", b"no image", "not an image, or in an unsupported format"),
        ("empty.png", b"", ""),
    ):
        files = {**PETS, f"cat/{file}": data}
        yield from folder(f"image: {file}", files, f"many/cat/{file}: {says}",
                          "--skip-bad leaves out such images",
                          by=("classify ./many", "autoencode ./many"))
        yield from folder(f"image: {file}", files, f"many/cat/{file}", by=(
            f"predict pics.safetensors many/cat/{file}", "evaluate pics.safetensors many"))
        left = rf"(?s)(?=.*1 unreadable image left out).*many/cat/{file}: {says}"
        yield Abuse(f"image: {file}, left out", f"hiddenstate classify ./many --skip-bad {SMALL}",
                    {f"many/{name}": own for name, own in files.items()}, says=left,
                    leaves=("runs", "runs/*"))
    for k, data in enumerate((b"x", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"GIF89a")):
        yield from folder(f"image: none {k}", {**PETS, "cat/no.png": data}, "no.png: ",
                          by=("classify ./many",))
    for kind in ("gif", "tiff", "png", "webp"):
        yield from folder(f"image: several in one {kind}", {**PETS, f"cat/z.{kind}": frames(kind)},
                          f"z.{kind}: several pictures", by=("classify ./many",))
    yield from folder("image: no class of any", {"notes.txt": b"x", "a/notes.txt": b"x"},
                      "no data; expected images", by=("classify ./many",))
    for mode, file in (("CMYK", "z.jpg"), ("I;16", "z.png"), ("F", "z.tif"), ("LAB", "z.tif")):
        yield from folder(f"image: pixels of {mode}", {**PETS, f"cat/{file}": empty(mode, file)},
                          f"many/cat/{file}: its pixels are {mode}, expected 8-bit greyscale or "
                          "RGB; convert it", by=("classify ./many",))
    larger = image(np.zeros((7, 9), np.uint8))
    yield from folder("image: of another size", {**PETS, "dog/z.png": larger},
                      "many/dog/z.png: 9 x 7 pixels, but 0.png has 5 x 4; resize all images with "
                      "--image-size 4", by=("classify ./many",))
    link, fifo = Path("many/cat/z.png"), "many/cat/z.png: not a file"
    for name, make, says in (
        ("a circular link", lambda f: (f / link).symlink_to(f / link),
         f"{link}: a broken or circular link"),
        ("a FIFO", lambda f: os.mkfifo(f / link), fifo),
    ):
        yield from folder(f"image: {name}", PETS, says, by=("classify ./many",), make=make)
    yield from folder("image: targets", PETS, "images have no targets to predict",
                      by=("regress ./many",))
    cats = {name: data for name, data in PETS.items() if "cat" in name}
    yield from folder("image: a single class", cats, "all rows have the label cat",
                      by=("classify ./many",))
    yield from folder("image: no classes", cats, "images without a class",
                      by=("classify ./many/cat",))


def frames(kind: str) -> bytes:
    """Return an image file of two pictures."""
    from PIL import Image

    stream = io.BytesIO()
    both = [Image.fromarray(np.full((4, 5), value, np.uint8)) for value in (0, 99)]
    both[0].save(stream, kind, save_all=True, append_images=both[1:])
    return stream.getvalue()


def empty(mode: str, file: str) -> bytes:
    """Return an image with pixels of this kind."""
    from PIL import Image

    stream = io.BytesIO()
    Image.new(mode, (5, 4)).save(stream, {"jpg": "jpeg", "tif": "tiff"}.get(file[-3:], "png"))
    return stream.getvalue()


ALL: tuple[Abuse, ...] = (*arrays(), *digits(), *pictures())
