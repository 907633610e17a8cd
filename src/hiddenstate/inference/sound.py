"""What a regressor makes of a sound, as a sound: a WAV file of the same rate and width."""

import math
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.config.data_fields import STDIN
from hiddenstate.data.framing import PIECE
from hiddenstate.data.readers.formats import SOUNDS, has_ending
from hiddenstate.data.readers.sounds import check_alike
from hiddenstate.data.readers.wav import FLOAT, PCM, Wav, open_wav
from hiddenstate.errors import DataError, OptionError, count, printable
from hiddenstate.inference.inputs import read_new_data
from hiddenstate.inference.overflow import checked_predictor
from hiddenstate.inference.predict import predict_data, target_columns
from hiddenstate.inference.stream import Stream
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.streaming import obstacles_of_model
from hiddenstate.system.typing import Array

LARGEST = 2**32 - 2**8
"""Bytes of samples that the 32-bit sizes of a WAV file hold."""

BLOCK, SECONDS = 64, 0.2
"""Samples that are fed at once, as a sound card asks for them, and processor time of a measurement
of how long they take."""


@dataclass(frozen=True)
class Sound:
    """A WAV file, and what a listener should know of it.

    Parameters
    ----------
    content : bytes
    form : str
        Samples, channels, rate and width in words.
    remarks : tuple of str
    """

    content: bytes
    form: str
    remarks: tuple[str, ...]


def check_makes_sound(model: FittedModel, data: str | None) -> None:
    """Refuse models and data that no WAV file can be made of, before anything is computed.

    Raises
    ------
    OptionError
        If the model does not make samples of samples, or DATA is no WAV file.
    """
    reading, why = model.transform.reading, ""
    if not model.net.kind.has_targets or not reading.get("rate"):
        why = "the model was not trained on sounds"
    elif model.transform.quantiles:
        why = "the model answers quantiles"
    elif reading.get("horizon"):
        why = "the model forecasts later samples"
    elif model.stateful and model.net.output == "last":
        why = f"the model answers once in {model.window} steps"
    if why:
        raise OptionError(
            f"--output: a WAV file has a sample for each of DATA, but {why}; use .csv"
        )
    is_sound = data == STDIN or (data is not None and has_ending(Path(data), SOUNDS))
    if not is_sound or Path(data or "").expanduser().is_dir():
        what = "the test rows of the run are" if data is None else f"{printable(data)} is"
        raise OptionError(f"--output: a WAV file is made of one, but {what} none; name one as DATA")


def sound_of(
    model: FittedModel, path: Path, reading: Mapping[str, Any], device: str, threads: int
) -> Sound:
    """Return the sound that a model makes of the WAV file `path`, with its rate and width.

    A model that carries its state reads the file piece by piece. Of another, steps before the first
    window is complete have no prediction, and are silent.

    Parameters
    ----------
    model : FittedModel
        That :func:`check_makes_sound` does not refuse.
    path : Path
    reading : mapping
        Options of reading that differ from training, by name.
    device : str
    threads : int

    Raises
    ------
    DataError
        If the sound has another rate or other channels than the model reads, has values that are
        not finite, or its samples take more than 4 GiB.
    OptionError
        If `reading` has other frames or bands than the training.
    """
    wav, trained = open_wav(path), model.transform.reading
    for name in ("frame", "bands"):
        if reading.get(name) not in (None, trained.get(name)):
            raise OptionError(f"--{name}: samples are made in frames of the training; leave it out")
    frame = int(trained.get("frame") or 1)
    check_alike(wav, None, DataConfig(rate=reading.get("rate") or trained["rate"]))
    if wav.channels * frame != model.n_features:
        raise DataError(
            f"{printable(path)}: {count(wav.channels, 'channel')}; the model was trained on "
            f"{model.n_features // frame}, in frames of {count(frame, 'sample')}"
        )
    if model.stateful and not obstacles_of_model(model):
        outputs, n_silent = _streamed(model, wav, frame, device, threads), 0
    else:
        dataset = read_new_data(model, str(path), reading, require_targets=False)
        made = predict_data(model, checked_predictor(model, device, threads), dataset)
        outputs = np.zeros((wav.n_samples // frame, model.net.n_outputs))
        columns = [made.columns[name] for name in target_columns(model, outputs[:0])]
        outputs[made.columns["step"]] = np.stack(columns, axis=1)
        n_silent = (len(outputs) - len(made)) * frame
    samples = outputs.reshape(len(outputs) * frame, -1)
    remarks = [
        f"{printable(path.name)}: {each}" for each in _remarks(model, wav, samples, n_silent)
    ]
    form = (
        f"{count(len(samples), 'sample')}, {count(samples.shape[1], 'channel')}, "
        f"{wav.rate:,} Hz, {wav.bits}-bit{' floats' if wav.encoding == FLOAT else ''}"
    )
    return Sound(encode_wav(samples, wav), form, tuple(remarks))


def _streamed(model: FittedModel, wav: Wav, frame: int, device: str, threads: int) -> Array:
    """Return the answers (n, O) of a stream to each step of a sound."""
    stream, n = Stream(model, 1, device, threads), wav.n_samples // frame
    outputs = np.empty((n, model.net.n_outputs), model.transform.answer_type(model.dtype))
    at_once = max(1, PIECE // frame)
    for first in range(0, n, at_once):
        last = min(first + at_once, n)
        samples = wav.read(first * frame, (last - first) * frame)
        try:
            outputs[first:last] = stream.feed(samples.reshape(1, last - first, -1))[0]
        except DataError as error:
            raise DataError(f"{printable(wav.path)}: from sample {first:,} on: {error}") from None
    return outputs


def _remarks(model: FittedModel, wav: Wav, samples: Array, n_silent: int) -> Iterator[str]:
    """Say what a listener should know of the samples (n, C) that were made of a sound."""
    if wav.rate != model.transform.reading["rate"]:
        yield f"{wav.rate:,} Hz; the model was trained at {model.transform.reading['rate']:,} Hz"
    if n_silent:
        yield f"the first {count(n_silent, 'sample')} have no prediction, and are silent"
    if n := wav.n_samples - len(samples):
        yield f"the last {count(n, 'sample')}, less than a frame, are left out"
    loudest = max(float(samples.max(initial=0)), -float(samples.min(initial=0)))
    if wav.encoding == PCM and loudest > 1:
        n, level = int(((samples > 1) | (samples < -1)).sum()), 20 * math.log10(loudest)
        yield (
            f"{n:,} of {count(samples.size, 'sample')} were clipped: the loudest is {level:.1f} dB "
            "above full scale; of DATA in floats, floats are written"
        )
    if loudest == 0:
        yield "the sound is silent"


def encode_wav(samples: Array, like: Wav) -> bytes:
    """Return a WAV file of samples (n, C) with the rate, encoding and bits of another.

    Integers are rounded to the nearest, and clipped to what they hold.

    Raises
    ------
    DataError
        If the samples take more than 4 GiB.
    """
    channels, bits = samples.shape[1], like.bits
    width = channels * bits // 8
    if len(samples) * width > LARGEST:
        raise DataError(f"{len(samples):,} samples take more than 4 GiB, which WAV does not hold")
    head = struct.pack(
        "<HHIIHH", like.encoding, channels, like.rate, like.rate * width, width, bits
    )
    if like.encoding == FLOAT:  # which has the size of an extension, and the number of samples
        chunks = _chunk(b"fmt ", head + b"\0\0") + _chunk(b"fact", struct.pack("<I", len(samples)))
        data = samples.astype(f"<f{bits // 8}").tobytes()
    else:
        pieces = (samples[k : k + PIECE] for k in range(0, len(samples), PIECE))
        chunks, data = _chunk(b"fmt ", head), b"".join(_integers(each, bits) for each in pieces)
    chunks += _chunk(b"data", data)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def _integers(samples: Array, bits: int) -> bytes:
    """Return samples in [-1, 1) as little-endian integers; those of 8 bits are above 0."""
    full = 2.0 ** (bits - 1)
    whole = np.clip(np.rint(samples * np.float64(full)), -full, full - 1)
    if bits == 8:
        return (whole + full).astype("u1").tobytes()
    if bits == 24:
        return whole.astype("<i4").reshape(-1, 1).view("u1")[:, :3].tobytes()
    return whole.astype(f"<i{bits // 8}").tobytes()


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def core_share(model: FittedModel) -> float | None:
    """Return how much of one core a stream of a model takes to keep up with its sounds, measured.

    A stream on the processor is fed noise in blocks of 64 steps, as a plug-in is, for a fifth of a
    second of processor time. None of models that read no sounds, or do not stream.
    """
    reading = model.transform.reading
    if not reading.get("rate") or obstacles_of_model(model):
        return None
    stream = Stream(model, 1, "cpu", threads=1)
    noise = np.random.default_rng(0).normal(size=(BLOCK, model.n_features)) / 4
    stream.feed(noise)
    n, begin = 0, time.process_time()
    while (seconds := time.process_time() - begin) < SECONDS:
        stream.feed(noise)
        n += BLOCK
    return float(seconds / n * reading["rate"] / (reading.get("frame") or 1))
