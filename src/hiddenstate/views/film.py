"""Writes the training of a run as a film: a GIF, or an MP4 by ffmpeg: a program, or PyAV."""

import io
import tempfile
from collections.abc import Callable, Iterator
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
from hiddenstate.metrics.glossary import entry_of, written
from hiddenstate.metrics.headline import headline
from hiddenstate.runs import Run
from hiddenstate.runs.writer import write_figure
from hiddenstate.system import processes
from hiddenstate.system.atomic_file import check_output, write_output
from hiddenstate.system.extras import install, is_installed, require
from hiddenstate.views.offscreen import Painter
from hiddenstate.views.tempo import change, choose_moments
from hiddenstate.views.timeline import Moment, Timeline

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE = (880, 600)
"""Width and height in pixels."""

Pixels = NDArray[np.uint8]

MAX_SECONDS, MAX_FPS = 600.0, 50
"""Limits of a film; players do not show a frame of a GIF for less than 1/50 s."""

COLORS, MIN_PIXELS = 256, 8
"""Colours of a GIF, the same in all frames to avoid flicker, and the number of sample pixels that
a colour needs to be considered for them."""

MAX_GIF_BYTES = 16 * 2**20
"""Size of a GIF; from a larger one every second frame is dropped until it fits."""


def make_film(
    run: Run,
    path: Path,
    seconds: float = 12.0,
    fps: int = 12,
    size: tuple[int, int] = SIZE,
    theme: str = "light",
    progress: Callable[[int, int], None] = lambda done, all_frames: None,
) -> Path:
    """Write a film of the training of `run`, completely or not at all; return its path.

    Parameters
    ----------
    run : Run
    path : Path
        `.gif`, at most `MAX_GIF_BYTES`, or `.mp4`.
    seconds : float, default 12.0
        Length; most of it goes where the run changes, and the last moment is held.
    fps : int, default 12
        Frames per second.
    size : tuple of int, default SIZE
        Width and height in pixels.
    theme : {"light", "dark"}
    progress : callable, optional
        Called with the number of pictures drawn, and of all pictures.

    Raises
    ------
    OptionError
        If a number is out of range, or the file name has another ending.
    DataError
        If the run has nothing to show yet.
    MachineError
        If an MP4 needs ffmpeg and there is none, it fails, or the file cannot be written.
    """
    _check(path, seconds, fps, size)
    is_mp4 = path.suffix.lower() == ".mp4"
    ffmpeg = find_ffmpeg() if is_mp4 else None
    timeline = Timeline(run)
    if not timeline.steps:
        raise DataError(f"{printable(run.path)}: nothing to show yet; try again later")
    tween = "code" in timeline.moment().arrays
    moments = choose_moments(timeline.steps, change(timeline), seconds, fps, tween)
    painter = Painter(timeline, size, theme)
    pictures = _pictures(painter, timeline, moments, progress)
    if is_mp4:
        film = _mp4(pictures, fps, size, ffmpeg)
    else:
        film = _gif(pictures, fps, _palette(painter, timeline))
    if path.parent == run.path / "figures":
        return write_figure(run, path.name, film)
    write_output(path, film)
    return path


def _check(path: Path, seconds: float, fps: int, size: tuple[int, int]) -> None:
    if path.suffix.lower() not in (".gif", ".mp4"):
        raise OptionError(
            f"{printable(path)}: expected a name ending in .gif or .mp4; rename the output"
        )
    check_output(path)
    if not 0 < seconds <= MAX_SECONDS:
        raise OptionError(f"seconds: expected up to {MAX_SECONDS:g}, got {seconds:g}")
    if not 1 <= fps <= MAX_FPS:
        raise OptionError(f"fps: expected 1 to {MAX_FPS}, got {fps}")
    if not all(100 <= side <= 4000 and side % 2 == 0 for side in size):
        raise OptionError(f"size: expected even numbers from 100 to 4000, got {size}")


def _pictures(
    painter: Painter,
    timeline: Timeline,
    moments: list[tuple[float, int]],
    progress: Callable[[int, int], None],
) -> Iterator[tuple[Pixels, int]]:
    """Draw each moment; yield its picture and the number of frames that it fills."""
    name = printable(timeline.run.name, 40)
    for done, (step, count) in enumerate(moments, start=1):
        moment = timeline.between(step)
        words = [name, f"step {moment.step:,}", timeline.drawn_of(step)]
        words += _outcome(timeline, moment) if done == len(moments) else ()
        caption = "   ".join(word for word in words if word)
        yield painter.paint(moment, caption), count
        progress(done, len(moments))


def _outcome(timeline: Timeline, moment: Moment) -> list[str]:
    """Return the result of a run that has ended, and that of its baseline, in words."""
    if scores := timeline.scores(moment):
        lines = [scores[0].short, scores[0].versus]
        return lines if len(scores) == 1 else [f"{each.name} {each.value}" for each in scores[:2]]
    key = headline(timeline.job, moment.results)
    if key not in moment.results:
        return []
    entry, compared = entry_of(key, timeline.job), timeline.compared(moment)
    words = [f"{entry.title} {written(moment.results[key], entry.kind)}"]
    if compared:
        words.append(f"{compared.short} {written(compared.other, entry.kind)}")
    return words


def _gif(pictures: Iterator[tuple[Pixels, int]], fps: int, palette: "Image") -> bytes:
    from PIL import Image

    images, ends, frames = [], [], 0
    for pixels, count in pictures:
        image = Image.fromarray(pixels)
        images.append(image.quantize(palette=palette, dither=Image.Dither.NONE))
        frames += count
        ends.append(round(100 * frames / fps))  # in 1/100 s, so that rounding does not add up
    while True:
        film = _encoded(images, [10 * int(t) for t in np.diff([0, *ends])])
        if len(film) <= MAX_GIF_BYTES or len(images) == 1:
            return film
        images, ends = images[::-2][::-1], ends[::-2][::-1]


def _palette(painter: Painter, timeline: Timeline) -> "Image":
    """Choose the colours of a film from pictures of its start, middle and end."""
    from PIL import Image

    steps = timeline.steps
    chosen = sorted({steps[(len(steps) - 1) * k // 3] for k in range(4)})
    pictures = [painter.paint(timeline.moment(step)) for step in chosen]
    sample = np.concatenate(pictures).reshape(-1, 3)
    packed = sample.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    unique, counts = np.unique(packed, return_counts=True)
    ground = unique[counts.argmax()]
    # Each colour counts once: by area, the background would take most of the palette.
    often = unique[counts >= min(MIN_PIXELS, counts.max())]
    each = np.stack([often >> 16, often >> 8 & 255, often & 255], axis=-1).astype(np.uint8)
    palette = Image.fromarray(each[None]).quantize(
        COLORS, method=Image.Quantize.MEDIANCUT, kmeans=2
    )
    colors = np.asarray(palette.getpalette()).reshape(-1, 3)
    exact = np.array([ground >> 16, ground >> 8 & 255, ground & 255])
    distance = ((colors - exact) ** 2).sum(axis=1)
    # Pillow finds a colour by its upper bits only: no neighbour may replace the background.
    colors[distance <= max(int(distance.min()), 100)] = exact
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


def find_ffmpeg() -> str | None:
    """Return the path of ffmpeg; None if it is not installed, but PyAV, the library, is.

    Raises
    ------
    MachineError
        If there is neither, with the command that installs PyAV.
    """
    path = processes.program("ffmpeg")
    if path is None and not is_installed("av"):
        raise MissingExtraError(f"writing MP4 requires ffmpeg; {install('av')}, or write a .gif")
    return path


def _mp4(
    pictures: Iterator[tuple[Pixels, int]], fps: int, size: tuple[int, int], ffmpeg: str | None
) -> bytes:
    # Every player supports H.264 with colours at half the resolution.
    with tempfile.TemporaryDirectory(prefix="hiddenstate-film-") as folder:
        file = Path(folder) / "film.mp4"
        if ffmpeg is None:
            _write_by_library(pictures, fps, size, file)
        else:
            _write_by_program(pictures, fps, size, file, ffmpeg)
        return file.read_bytes()


def _write_by_library(
    pictures: Iterator[tuple[Pixels, int]], fps: int, size: tuple[int, int], file: Path
) -> None:
    av = require("av", "writing MP4")
    with av.open(str(file), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "20"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for pixels, count in pictures:
            for _ in range(count):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _write_by_program(
    pictures: Iterator[tuple[Pixels, int]],
    fps: int,
    size: tuple[int, int],
    file: Path,
    ffmpeg: str,
) -> None:
    width, height = size
    read = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {fps} -i -"
    written = "-an -c:v libx264 -pix_fmt yuv420p -crf 20 -movflags +faststart"
    command = [ffmpeg, "-v", "error", *read.split(), *written.split(), str(file)]
    with tempfile.TemporaryFile() as log:
        process = processes.start(command, stdin=processes.PIPE, stdout=log, stderr=log)
        try:
            _feed(process, pictures)
        finally:
            process.kill()  # still running only if drawing failed
            process.wait()
        log.seek(0)
        errors = log.read().decode("utf-8", "replace").strip()
    if process.returncode or not file.is_file():
        last = printable(errors.splitlines()[-1] if errors else "without a message")
        raise MachineError(f"ffmpeg failed: {last}; write a .gif")


def _feed(process: processes.Process, pictures: Iterator[tuple[Pixels, int]]) -> None:
    stream: Any = process.stdin
    try:
        for pixels, count in pictures:
            for _ in range(count):
                stream.write(pixels.tobytes())
        stream.close()
    except BrokenPipeError:  # ffmpeg ended early; its message says why
        pass
    process.wait()
