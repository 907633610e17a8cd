"""What a regressor makes of a sound, as a sound: a WAV file of the same rate and width."""

import math
import struct
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hiddenstate.config.data_fields import STDIN
from hiddenstate.data.readers.formats import SOUNDS, has_ending
from hiddenstate.data.readers.wav import FLOAT, PCM, Wav, open_wav
from hiddenstate.errors import DataError, OptionError, count, printable
from hiddenstate.inference.predict import Prediction, target_columns
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
    if model.net.job != "regress" or not reading.get("rate"):
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


def sound_of(prediction: Prediction, model: FittedModel, path: Path) -> Sound:
    """Return the sound that a model made of the WAV file `path`, with its rate and width.

    Steps without a prediction, before the first window is complete, are silent.

    Raises
    ------
    DataError
        If the sound has other channels than the model reads, or its samples take more than 4 GiB.
    """
    wav, reading = open_wav(path), model.transform.reading
    frame = int(reading.get("frame") or 1)
    if wav.channels * frame != model.n_features:
        raise DataError(
            f"{printable(path)}: {count(wav.channels, 'channel')}; the model was trained on "
            f"{model.n_features // frame}, in frames of {count(frame, 'sample')}"
        )
    outputs = np.zeros((wav.n_samples // frame, model.net.n_outputs))
    names = target_columns(model, outputs[:0])
    columns = [prediction.columns[name] for name in names]
    outputs[prediction.columns["step"]] = np.stack(columns, axis=1)
    samples = outputs.reshape(len(outputs) * frame, -1)
    content, remarks = encode_wav(samples, wav), list[str]()
    if wav.rate != reading["rate"]:
        remarks.append(f"{wav.rate:,} Hz; the model was trained at {reading['rate']:,} Hz")
    if n := len(outputs) - len(prediction):
        remarks.append(f"the first {count(n * frame, 'sample')} have no prediction, and are silent")
    if n := wav.n_samples - len(samples):
        remarks.append(f"the last {count(n, 'sample')}, less than a frame, are left out")
    loudest = float(np.abs(samples).max(initial=0))
    if wav.encoding == PCM and loudest > 1:
        n, level = int((np.abs(samples) > 1).sum()), 20 * math.log10(loudest)
        remarks.append(
            f"{n:,} of {count(samples.size, 'sample')} were clipped: the loudest is {level:.1f} dB "
            "above full scale; of DATA in floats, floats are written"
        )
    if loudest == 0:
        remarks.append("the sound is silent")
    form = (
        f"{count(len(samples), 'sample')}, {count(samples.shape[1], 'channel')}, "
        f"{wav.rate:,} Hz, {wav.bits}-bit{' floats' if wav.encoding == FLOAT else ''}"
    )
    return Sound(content, form, tuple(f"{printable(path.name)}: {each}" for each in remarks))


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
        chunks, data = _chunk(b"fmt ", head), _integers(samples, bits)
    chunks += _chunk(b"data", data)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def _integers(samples: Array, bits: int) -> bytes:
    """Return samples in [-1, 1) as little-endian integers; those of 8 bits are above 0."""
    full = 2.0 ** (bits - 1)
    whole = np.clip(np.rint(samples * full), -full, full - 1)
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
