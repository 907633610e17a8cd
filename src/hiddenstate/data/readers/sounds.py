"""Reads WAV files as series: one, or a folder with one subfolder per class.

A sound of n samples in C channels becomes T = n // frame time steps. A step has the samples of its
frame, frame x C numbers, or the levels of some frequency bands, bands x C numbers.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.framing import Framing
from hiddenstate.data.origin import Table, whole
from hiddenstate.data.readers.class_folders import ClassFolders, Example, labelled, spaced
from hiddenstate.data.readers.class_folders import more_sounds as more_sounds
from hiddenstate.data.readers.formats import SOUNDS
from hiddenstate.data.readers.wav import Wav, open_wav
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError, Flag, OptionError, Setting, count, printable
from hiddenstate.program.jobs import kind_of
from hiddenstate.system.memory import check_free
from hiddenstate.system.reading_progress import report_read

ONE_SOUND = "a WAV file"
"""Kind of a data set that is one sound."""

LONG = 2000
"""Number of samples above which a sound is read in frames of its frequency bands."""

FRAMES_PER_SECOND, BANDS = 40, 32
"""Frames of long sounds, 25 ms each, and bands of a frame: common values for speech."""

SAMPLE, SAMPLE_SOUNDS = 1 << 20, 200
"""Samples of a sound, and number of sounds, that are read if a sample is enough."""

Opened = tuple[Wav, str | None]
"""A sound, of which the header was read, and its label."""


def read_sounds(
    path: Path, options: DataConfig, job: str, require_targets: bool = True, sample: bool = False
) -> SequenceDataset:
    """Read one sound, or a folder of them.

    Parameters
    ----------
    path : Path
        A WAV file; a folder with one folder per class, or with such folders `train` and `test`; or,
        for rows without labels, a folder of WAV files.
    options : DataConfig
        Uses `frame`, `bands`, `rate`, `horizon` and `skip_bad`, and `answers`, of one sound: a
        second one, whose samples are the targets.
    job : {"classify", "regress", "autoencode"}
    require_targets : bool, default True
        Whether labels or answers must be there, or a horizon that makes targets of the sound.
    sample : bool, default False
        Read at most `SAMPLE_SOUNDS` sounds and `SAMPLE` samples of each.

    Returns
    -------
    SequenceDataset
        X (N, T, I), with lengths if they differ; times in seconds. One sound for `autoencode` has
        a row for each frame, (T, frame, C).

    Raises
    ------
    DataError
        If a file cannot be read, or sounds differ in rate or number of channels.
    OptionError
        If a frame has fewer frequencies than `bands`.
    """
    where, folder = printable(path), path.is_dir()
    given = options.answers is not None or options.horizon is not None
    if kind_of(job).has_targets and require_targets and not given:
        raise DataError(
            f"{where}: sound has no targets",
            ("name the sound to make of it with ", Flag("--answers")),
            ("forecast it with ", Flag("--horizon"), " 1"),
        )
    files = ClassFolders("sound", SOUNDS)
    halves = [half for half in files.halves(path) if half]
    if not halves:
        raise DataError(f"{where}: no .wav files")
    if kind_of(job).has_classes and require_targets and not labelled(halves[0]):
        raise DataError(f"{where}: sounds without a class; put them into one subfolder per class")
    if labelled(halves[0]) and not all(map(labelled, halves)):
        files.without_class(halves.pop())
    n_files = sum(map(len, halves))
    if sample and n_files > SAMPLE_SOUNDS:
        halves = [spaced(half, SAMPLE_SOUNDS // len(halves)) for half in halves]
    opened = [_opened(half, options, files) for half in halves]
    opened = [wavs for wavs in opened if wavs]
    if opened:
        framing = _framing(opened, options, job, folder)
        opened = [long for wavs in opened if (long := _framed(wavs, framing, options, files))]
    if not opened:
        raise DataError(f"{where}: none of {n_files} sounds can be read: {files.bad[-1]}")
    every = [wav for wavs in opened for wav, _ in wavs]
    most = SAMPLE if sample else None
    _check_memory(opened, framing, most, where)
    parts = [_rows(wavs, framing, most, where) for wavs in opened]
    names: tuple[str, ...] | None = framing.names()
    if kind_of(job).has_codes and not folder:
        shape = (-1, 1, framing.width) if framing.bands else (-1, framing.frame, framing.channels)
        parts = [Rows(parts[0].X.reshape(shape))]
        names = names if framing.bands else None
    targets: tuple[str, ...] | None = None
    if kind_of(job).has_targets and options.answers is not None:
        parts, targets = _answered(parts[0], every[0], framing, options, most)
    elif kind_of(job).has_targets and options.horizon is not None:
        parts, targets = [_forecast(rows) for rows in parts], names
    remarks = list(files.remarks(where)) if folder else []
    if options.frame is None and framing.frame > 1:
        longest = max(wav.n_samples for wav, _ in opened[0])
        remarks.append(
            f"{where}: {longest:,} samples at {framing.rate:,} Hz are read in {framing.words()}; "
            "--frame 1 reads each sample"
        )
    return SequenceDataset(
        path.name,
        parts[0],
        parts[1] if len(parts) > 1 else None,
        kind=f"a folder of WAV files at {framing.rate:,} Hz" if folder else ONE_SOUND,
        columns=names,
        targets=targets,
        remarks=tuple(remarks),
        read_as={"frame": framing.frame, "bands": framing.bands, "rate": framing.rate},
        unread=tuple(_unread(every, n_files, sample)),
    )


def _unread(wavs: list[Wav], n_files: int, sample: bool) -> Iterator[str]:
    """Say what a sample left out."""
    if sample and n_files > len(wavs):
        yield f"{n_files - len(wavs):,} of {n_files:,} sounds were not read"
    longest = max(wav.n_samples for wav in wavs)
    if sample and longest > SAMPLE:
        yield f"only the first {SAMPLE:,} samples of {longest:,} were read"


def _opened(half: list[Example], options: DataConfig, files: ClassFolders) -> list[Opened]:
    """Return the headers and labels of files, all of one rate and number of channels."""
    wavs: list[Opened] = []
    for example in half:
        try:
            wav = open_wav(example.path)
            check_alike(wav, wavs[0][0] if wavs else None, options)
        except DataError as error:
            _skip(error, len(half), options, files)
        else:
            wavs.append((wav, example.label))
    return wavs


def _skip(error: DataError, n: int, options: DataConfig, files: ClassFolders) -> None:
    """Leave out one of `n` sounds, or refuse it."""
    if not options.skip_bad:
        hint = (Flag("--skip-bad"), " leaves out such sounds")
        raise DataError(str(error), *[hint] * (n > 1)) from None
    files.bad.append(str(error))


def _framed(
    wavs: list[Opened], framing: Framing, options: DataConfig, files: ClassFolders
) -> list[Opened]:
    """Return the sounds that are no shorter than a frame."""
    long_enough = []
    for wav, label in wavs:
        if wav.n_samples >= framing.frame:
            long_enough.append((wav, label))
            continue
        error = DataError(
            f"{printable(wav.path)}: {count(wav.n_samples, 'sample')}, fewer than a frame of "
            f"{framing.frame:,} (--frame)"
        )
        _skip(error, len(wavs), options, files)
    return long_enough


def check_alike(wav: Wav, first: Wav | None, options: DataConfig) -> None:
    """Refuse a sound of another rate or number of channels."""
    where = printable(wav.path)
    rate = options.rate or (first.rate if first else wav.rate)
    if wav.rate != rate:
        other = (
            "expected"
            if options.rate or first is None
            else (f"but {printable(first.path.name, 60)} has")
        )
        hint = f"resample it: ffmpeg -i IN.wav -ar {rate} OUT.wav"
        raise DataError(f"{where}: {wav.rate:,} samples a second, {other} {rate:,}; {hint}")
    if first is not None and wav.channels != first.channels:
        raise DataError(
            f"{where}: {count(wav.channels, 'channel')}, but {printable(first.path.name, 60)} has "
            f"{first.channels}; convert one of them"
        )


def _framing(halves: list[list[Opened]], options: DataConfig, job: str, folder: bool) -> Framing:
    """Decide how all sounds are read: as the training sounds ask for."""
    first = halves[0][0][0]
    for wavs in halves:
        for wav, _ in wavs:
            check_alike(wav, first, options)
    longest = max(wav.n_samples for wav, _ in halves[0])
    frame, bands = options.frame, options.bands
    rows_of_one = kind_of(job).has_codes and not folder
    if frame is None and not kind_of(job).has_targets and (longest > LONG or rows_of_one or bands):
        frame = min(max(first.rate // FRAMES_PER_SECOND, 2 * (bands or 0), 2), longest)
        bands = min(BANDS, frame // 2) if bands is None and not rows_of_one else bands
    frame, bands = frame or 1, bands or 0
    if bands and bands > frame // 2:
        raise OptionError(
            f"--bands: {bands} for frames of {count(frame, 'sample')}, which have {frame // 2}",
            Setting("add", frame=max(2 * bands, first.rate // FRAMES_PER_SECOND)),
        )
    return Framing(first.channels, first.rate, frame, bands)


def _check_memory(
    halves: list[list[Opened]], framing: Framing, most: int | None, where: str
) -> None:
    needed = 0
    for wavs in halves:
        longest = max(wav.n_samples for wav, _ in wavs)
        longest = longest if most is None else min(longest, most)
        needed += len(wavs) * (longest // framing.frame) * framing.width * 8
    check_free(needed, f"{where}: its sounds", "use longer frames with --frame")


def _rows(wavs: list[Opened], framing: Framing, most: int | None, where: str) -> Rows:
    """Read sounds as series, padded with zeros to the longest."""
    lengths = np.array([min(wav.n_samples, most or wav.n_samples) for wav, _ in wavs], np.int64)
    lengths //= framing.frame
    T = int(lengths.max())
    X = np.zeros((len(wavs), T, framing.width), np.result_type(*(wav.dtype for wav, _ in wavs)))
    for k, (wav, _) in enumerate(wavs):
        X[k, : lengths[k]] = framing.read(wav, most)
        report_read(where, k + 1, len(wavs))
    times = framing.times(T)
    each = np.concatenate([times[:n] for n in lengths])
    labels = [label for _, label in wavs]
    return Rows(
        X,
        None if None in labels else np.array(labels, np.str_),
        lengths=None if (lengths == T).all() else lengths,
        times=np.where(np.arange(T) < lengths[:, None], times, 0.0),
        ids=np.array([wav.path.name for wav, _ in wavs], object) if len(wavs) > 1 else None,
        files=np.array([str(wav.path) for wav, _ in wavs], object),
        origin=whole(len(wavs), Table(np.cumsum(lengths) - lengths, None, each)),
    )


def _answered(
    rows: Rows, wav: Wav, framing: Framing, options: DataConfig, most: int | None
) -> tuple[list[Rows], tuple[str, ...]]:
    """Return the rows of one sound with the samples of another as targets, and their names."""
    answers = open_wav(Path(options.answers or "").expanduser())
    where = printable(answers.path)
    if framing.bands:
        raise OptionError("--bands: a sound is made of samples; leave it out, or use --bands 0")
    if answers.rate != wav.rate:
        raise DataError(
            f"{where}: {answers.rate:,} samples a second, but {printable(wav.path.name, 60)} has "
            f"{wav.rate:,}; resample it: ffmpeg -i IN.wav -ar {wav.rate} OUT.wav"
        )
    if answers.n_samples != wav.n_samples:
        raise DataError(
            f"{where}: {count(answers.n_samples, 'sample')}, but {printable(wav.path.name, 60)} "
            f"has {wav.n_samples:,}; cut both to the same moments"
        )
    own = replace(framing, channels=answers.channels)
    y = own.read(answers, most)[None].astype(np.float64)
    return [replace(rows, y=y)], own.names("output", "output")


def _forecast(rows: Rows) -> Rows:
    """Return series with their own features as targets."""
    return replace(rows, y=rows.X.astype(np.float64))
