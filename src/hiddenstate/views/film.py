"""The learning of a run as a film: a GIF, or an MP4 where ffmpeg is."""

import io
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import (
    DataError,
    MachineError,
    MissingExtraError,
    OptionError,
    printable,
)
from hiddenstate.runs import Run
from hiddenstate.system.atomic_file import write_atomically
from hiddenstate.system.extras import install
from hiddenstate.views.offscreen import Painter
from hiddenstate.views.timeline import Timeline

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE = (880, 600)
"""Width and height in pixels."""

Pixels = NDArray[np.uint8]

HELD_SECONDS = 2.0
"""How long the last moment is held, but never more than a quarter of the film."""

LONGEST_SECONDS, MOST_FPS = 600.0, 50
"""Limits of a film; a GIF cannot say a shorter time than 1/100 s, and players show 1/50 s."""

MOST_PICTURES = 240
"""Moments drawn; a longer film shows each for longer, so that memory holds them all."""

COLORS, OFTEN = 256, 8
"""Colours of a GIF, the same in every frame so that nothing flickers, and in how many pixels of
some frames together a colour must be to have a say in them."""

LARGEST_GIF = 16 * 2**20
"""Bytes a GIF has at the most; a larger one loses every second frame until it fits."""


def make_film(
    run: Run,
    path: Path,
    seconds: float = 12.0,
    fps: int = 12,
    size: tuple[int, int] = SIZE,
    theme: str = "light",
    progress: Callable[[int, int], None] = lambda done, all_frames: None,
) -> Path:
    """Write how `run` learnt to `path`, whole or not at all; return `path`.

    Parameters
    ----------
    run : Run
    path : Path
        `.gif`, at most `LARGEST_GIF` bytes, or `.mp4`.
    seconds : float
        Length; moments come evenly over training, the last is held.
    fps : int
        Frames a second.
    size : tuple of int
        Width and height in pixels.
    theme : {"light", "dark"}
    progress : callable
        Told how many pictures are drawn, of how many.

    Raises
    ------
    OptionError
        If a number is out of range or the name ends otherwise.
    DataError
        If the run has nothing to show yet.
    MachineError
        If there is no ffmpeg for an MP4, it fails, or the file cannot be written.
    """
    _check(path, seconds, fps, size)
    ffmpeg = find_ffmpeg() if path.suffix.lower() == ".mp4" else ""
    timeline = Timeline(run)
    if not timeline.steps:
        raise DataError(f"{printable(run.path)}: has nothing to show yet; film it later")
    moments = choose_moments(timeline.steps, seconds, fps)
    painter = Painter(timeline, size, theme)
    pictures = _drawn(painter, timeline, moments, progress)
    if ffmpeg:
        film = _mp4(pictures, fps, size, ffmpeg)
    else:
        film = _gif(pictures, fps, _palette(painter, timeline))
    write_atomically(path.absolute(), film)
    return path


def _check(path: Path, seconds: float, fps: int, size: tuple[int, int]) -> None:
    if path.suffix.lower() not in (".gif", ".mp4"):
        raise OptionError(f"{printable(path)}: a film is a .gif or an .mp4; name one")
    if not path.absolute().parent.is_dir():
        raise OptionError(f"{printable(path)}: no such folder to write in; make it first")
    if not 0 < seconds <= LONGEST_SECONDS:
        raise OptionError(f"seconds: expected up to {LONGEST_SECONDS:g}, got {seconds:g}")
    if not 1 <= fps <= MOST_FPS:
        raise OptionError(f"fps: expected 1 to {MOST_FPS}, got {fps}")
    if not all(100 <= side <= 4000 and side % 2 == 0 for side in size):
        raise OptionError(f"size: expected even numbers from 100 to 4000, got {size}")


def choose_moments(steps: Sequence[int], seconds: float, fps: int) -> list[tuple[int, int]]:
    """Moments evenly over `steps`, and how many frames each is shown; together all of the film."""
    n_frames = max(1, round(seconds * fps))
    moving = max(1, n_frames - round(min(HELD_SECONDS, seconds / 4) * fps))
    last = len(steps) - 1
    chosen = np.unique(np.linspace(last, 0, min(moving, len(steps), MOST_PICTURES)).round())
    counts = np.bincount(np.arange(moving) * len(chosen) // moving, minlength=len(chosen))
    counts[-1] += n_frames - moving
    return [(steps[int(place)], int(n)) for place, n in zip(chosen, counts, strict=True)]


def _drawn(
    painter: Painter,
    timeline: Timeline,
    moments: list[tuple[int, int]],
    progress: Callable[[int, int], None],
) -> Iterator[tuple[Pixels, int]]:
    """Each moment's picture and how many frames it is shown."""
    name = printable(timeline.run.name, 40)
    for done, (step, count) in enumerate(moments, start=1):
        yield painter.paint(timeline.moment(step), f"{name}   step {step:,}"), count
        progress(done, len(moments))


def _gif(pictures: Iterator[tuple[Pixels, int]], fps: int, palette: "Image") -> bytes:
    from PIL import Image

    images, ends, frames = [], [], 0
    for pixels, count in pictures:
        image = Image.fromarray(pixels)
        images.append(image.quantize(palette=palette, dither=Image.Dither.NONE))
        frames += count
        ends.append(round(100 * frames / fps))  # in 1/100 s, so that what is rounded adds up
    while True:
        film = _encoded(images, [10 * int(t) for t in np.diff([0, *ends])])
        if len(film) <= LARGEST_GIF or len(images) == 1:
            return film
        images, ends = images[::-2][::-1], ends[::-2][::-1]


def _palette(painter: Painter, timeline: Timeline) -> "Image":
    """Colours for all of a film, out of pictures of its beginning, middle and end."""
    from PIL import Image

    steps = timeline.steps
    chosen = sorted({steps[(len(steps) - 1) * k // 3] for k in range(4)})
    sample = np.concatenate([painter.paint(timeline.moment(step)) for step in chosen]).reshape(
        -1, 3
    )
    packed = sample.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    found, counts = np.unique(packed, return_counts=True)
    ground = found[counts.argmax()]
    # Each colour counts once: by area, the ground would take most of them.
    often = found[counts >= min(OFTEN, counts.max())]
    each = np.stack([often >> 16, often >> 8 & 255, often & 255], axis=-1).astype(np.uint8)
    palette = Image.fromarray(each[None]).quantize(
        COLORS, method=Image.Quantize.MEDIANCUT, kmeans=2
    )
    colors = np.asarray(palette.getpalette()).reshape(-1, 3)
    exact = np.array([ground >> 16, ground >> 8 & 255, ground & 255])
    apart = ((colors - exact) ** 2).sum(axis=1)
    # Pillow looks a colour up by its upper bits alone: no neighbour may stand in for the ground.
    colors[apart <= max(int(apart.min()), 100)] = exact
    palette.putpalette(colors.astype(np.uint8).tobytes())
    return palette


def _encoded(images: "list[Image]", milliseconds: list[int]) -> bytes:
    data = io.BytesIO()
    images[0].save(
        data,
        "GIF",
        save_all=True,
        append_images=images[1:],
        duration=milliseconds,
        loop=0,
        optimize=False,
        disposal=1,
    )
    return data.getvalue()


def find_ffmpeg() -> str:
    """The ffmpeg on the path, or the one that `imageio-ffmpeg` brings.

    Raises
    ------
    MachineError
        If there is none, with what installs it.
    """
    if there := shutil.which("ffmpeg"):
        return there
    try:
        return str(import_module("imageio_ffmpeg").get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        raise MissingExtraError(
            f"writing MP4 requires ffmpeg; {install('imageio_ffmpeg')}, or write a .gif"
        ) from None


def _mp4(
    pictures: Iterator[tuple[Pixels, int]], fps: int, size: tuple[int, int], ffmpeg: str
) -> bytes:
    # H.264 with colours at half the resolution is what every player shows.
    width, height = size
    read = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {fps} -i -"
    written = "-an -c:v libx264 -pix_fmt yuv420p -crf 20 -movflags +faststart"
    with tempfile.TemporaryDirectory(prefix="hiddenstate-film-") as folder:
        made = Path(folder) / "film.mp4"
        command = [ffmpeg, "-v", "error", *read.split(), *written.split(), str(made)]
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=said)
            try:
                _feed(process, pictures)
            finally:
                process.kill()  # where it has not ended, drawing did not either
                process.wait()
            said.seek(0)
            complaint = said.read().decode("utf-8", "replace").strip()
        if process.returncode or not made.is_file():
            last = printable(complaint.splitlines()[-1] if complaint else "no word")
            raise MachineError(
                f"ffmpeg failed: {last}; write a .gif, or {install('imageio_ffmpeg')}"
            )
        return made.read_bytes()


def _feed(process: "subprocess.Popen[bytes]", pictures: Iterator[tuple[Pixels, int]]) -> None:
    stream: Any = process.stdin
    try:
        for pixels, count in pictures:
            for _ in range(count):
                stream.write(pixels.tobytes())
        stream.close()
    except BrokenPipeError:  # it ended early, and said why
        pass
    process.wait()
