"""WAV files that a model makes of WAV files: their samples, their width, and what is refused."""

import re
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.data.prepare.transform import Transform
from hiddenstate.data.readers.wav import open_wav
from hiddenstate.errors import DataError
from hiddenstate.inference import sound
from hiddenstate.inference.sound import encode_wav
from hiddenstate.inference.stream import Stream
from hiddenstate.models.fitted import FittedModel
from tests.conftest import QUIET, Cli
from tests.data.readers.test_sounds import wav
from tests.export.models import random_model

KINDS = [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measures a stream for a moment only."""
    monkeypatch.setattr(sound, "SECONDS", 1e-3)


def effect(channels: int = 1, frame: int = 1, made: int = 0, **wanted: Any) -> FittedModel:
    """A random model that makes `made` channels of sound of others, and carries its state."""
    width = channels * frame
    options: dict[str, Any] = {
        **{"stateful": True, "output": "steps", "cell": "lstm", "change": True, "pixels": False},
        **{"job": "regress", "missing": "error", "stem": False, "linear": False},
        **{"features": width, "outputs": (made or channels) * frame, **wanted},
    }
    model = random_model(3, **options)
    names = tuple(f"x{k}" for k in range(width))
    reading = {"rate": 8000, "frame": frame, "bands": 0, "window": model.row_shape[0]}
    ones = np.ones(model.net.n_outputs)
    transform = Transform(
        columns=("sound",) if width == 1 else names,
        scaling=(np.zeros(width), np.full(width, 2.0)),
        target_scaling=(0.02 * ones, 3 * ones),
        change=model.transform.change,
        reading={**model.transform.reading, **reading},
    )
    return replace(model, transform=transform)


def signal(n: int, channels: int = 1) -> Any:
    t = np.arange(n)[:, None] + 7 * np.arange(channels)
    return np.sin(t / 9) * np.cos(t / 70) * 0.4


@pytest.mark.parametrize(("code", "bits"), KINDS)
def test_samples_keep_their_rate_and_width(tmp_path: Path, code: int, bits: int) -> None:
    path = tmp_path / "a.wav"
    samples = np.array([[-1.2, 1.5], [0.3, -0.25], [0, 1 / 128]])
    path.write_bytes(wav(samples[1:], bits, code, 44100))
    path.write_bytes(encode_wav(samples, open_wav(path)))
    written = open_wav(path)
    assert (written.encoding, written.bits, written.rate, written.channels) == (
        code,
        bits,
        44100,
        2,
    )
    least = 2.0 ** (1 - bits) if code == 1 else 0
    wanted = np.clip(samples, -1, 1 - least) if code == 1 else samples
    np.testing.assert_allclose(written.read(), wanted, rtol=1e-7, atol=least / 2)


def test_the_standard_library_reads_an_odd_number_of_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(signal(5), 24))
    path.write_bytes(encode_wav(signal(5), open_wav(path)))
    assert path.stat().st_size % 2 == 0
    with wave.open(str(path)) as file:
        assert (file.getnframes(), file.getsampwidth(), file.getframerate()) == (5, 3, 8000)


def test_more_than_a_file_holds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.wav").write_bytes(wav(signal(5)))
    monkeypatch.setattr(sound, "LARGEST", 8)
    with pytest.raises(DataError, match="5 samples take more than 4 GiB"):
        encode_wav(signal(5), open_wav(tmp_path / "a.wav"))


@pytest.mark.parametrize(
    ("shape", "n", "remark"),
    [
        ({}, 300, ""),
        ({"channels": 2}, 300, ""),
        ({"made": 2, "change": False}, 1, ""),
        ({"channels": 2, "frame": 4}, 303, "the last 3 samples, less than a frame, are left out"),
        ({"stateful": False, "output": "last", "steps": 5}, 60, "the first 4 samples have no"),
    ],
)
def test_a_model_makes_a_sound_of_a_sound(cli, tmp_path, shape, n, remark):
    """The samples are the predictions, and a line says how fast a stream is."""
    model, channels = effect(**shape), shape.get("channels", 1)
    (tmp_path / "m.safetensors").write_bytes(model.encode())
    (tmp_path / "in.wav").write_bytes(wav(signal(n, channels), 24))
    (tmp_path / "out.wav").write_bytes(b"earlier")
    done = cli("predict", "m.safetensors", "in.wav", "--output", "out.wav")
    assert done.code == 0, done.err
    made, frame = open_wav(tmp_path / "out.wav"), shape.get("frame", 1)
    assert (made.bits, made.rate, made.n_samples) == (24, 8000, n // frame * frame)
    assert re.search(r"^a stream of the model takes [\d.]+% of one core here at 8,000 Hz$",
                     done.err, re.M)  # fmt: skip
    assert remark in done.err
    table = cli("predict", "m.safetensors", "in.wav").out.splitlines()[1:]
    values = np.array([line.split(",")[-model.net.n_outputs :] for line in table], float)
    samples = made.read().reshape(-1, model.net.n_outputs)[-len(values) :]
    np.testing.assert_allclose(samples, np.clip(values, -1, 1 - 2.0**-23), atol=2e-7)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("skip", [False, True])
def test_pieces_of_any_size_make_the_sound_of_the_whole(cli, tmp_path, cell, skip):
    model, x = effect(cell=cell, change=skip), signal(1000).astype(np.float32)
    (tmp_path / "m.safetensors").write_bytes(model.encode())
    (tmp_path / "in.wav").write_bytes(wav(x, 32, 3))
    assert cli("predict", "m.safetensors", "in.wav", "--output", "out.wav").code == 0
    whole = open_wav(tmp_path / "out.wav").read()
    for sizes in ([1000], [1] * 20 + [64] * 15 + [20], [333, 0, 667]):
        stream = Stream(model)
        parts = [stream.feed(part)[0] for part in np.split(x, np.cumsum(sizes)[:-1])]
        np.testing.assert_allclose(np.concatenate(parts), whole, rtol=0, atol=1e-6)


def test_clipping_and_silence_are_said(cli: Cli, tmp_path: Path) -> None:
    model = effect()
    loud = {n: a * 0 if n == "out.weight" else a for n, a in model.params.items()}
    (tmp_path / "loud.safetensors").write_bytes(
        replace(model, params={**loud, "out.bias": np.full(1, 6, np.float32)}).encode()
    )
    transform = replace(model.transform, target_scaling=None, change=None)
    silent = replace(model, params={**loud, "out.bias": np.zeros(1, np.float32)})
    (tmp_path / "silent.safetensors").write_bytes(replace(silent, transform=transform).encode())
    (tmp_path / "in.wav").write_bytes(wav(signal(90)))
    (tmp_path / "float.wav").write_bytes(wav(signal(90), 32, 3))
    for name, data, words in (
        ("loud", "in.wav", "90 of 90 samples were clipped: the loudest is 7.* dB above full scale"),
        ("loud", "float.wav", ""),
        ("silent", "in.wav", "the sound is silent"),
    ):
        done = cli("predict", f"{name}.safetensors", data, "--output", "out.wav")
        assert done.code == 0, done.err
        assert ("note:" in done.err) == bool(words)
        assert re.search(words, done.err)


@pytest.mark.parametrize(
    ("changes", "data", "message"),
    [
        ({}, "rate.wav", "16,000 samples a second, expected 8,000; resample it"),
        ({}, "stereo.wav", "2 channels; the model was trained on 1"),
        ({}, "in.csv", "a WAV file is made of one, but in.csv is none"),
        ({"reading": {"rate": None}}, "in.wav", "the model was not trained on sounds; use .csv"),
        ({"reading": {"rate": 8000, "horizon": 2}}, "in.wav", "forecasts later samples; use .csv"),
    ],
)
def test_what_makes_no_sound_is_refused_and_writes_nothing(cli, tmp_path, changes, data, message):
    model = effect()
    model = replace(model, transform=replace(model.transform, **changes))
    (tmp_path / "m.safetensors").write_bytes(model.encode())
    (tmp_path / "in.wav").write_bytes(wav(signal(9)))
    (tmp_path / "rate.wav").write_bytes(wav(signal(9), rate=16000))
    (tmp_path / "stereo.wav").write_bytes(wav(signal(9, 2)))
    (tmp_path / "in.csv").write_text("sound\n1\n2\n")
    (tmp_path / "out.wav").write_bytes(b"earlier")
    done = cli("predict", "m.safetensors", data, "--output", "out.wav")
    assert done.code == 2
    assert message in done.err
    assert (tmp_path / "out.wav").read_bytes() == b"earlier"


def test_another_rate_is_said_and_other_channels_are_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes(effect(2).encode())
    (tmp_path / "in.wav").write_bytes(wav(signal(8, 2), rate=16000))
    words = ("predict", "m.safetensors", "in.wav", "--output", "out.wav")
    assert "16,000 Hz; the model was trained at 8,000 Hz" in cli(*words, "--rate", 16000).err
    assert open_wav(tmp_path / "out.wav").rate == 16000
    (tmp_path / "in.wav").write_bytes(wav(signal(8)))
    for more in ((), ("--frame", 2)):
        done = cli(*words, *more)
        assert done.code == 2
        assert ("--frame: " if more else "1 channel; the model was trained on 2, in ") in done.err


def test_a_run_learns_a_sound_of_a_sound(cli: Cli, tmp_path: Path) -> None:
    dry = signal(800)
    (tmp_path / "dry.wav").write_bytes(wav(dry))
    (tmp_path / "wet.wav").write_bytes(wav(np.tanh(3 * dry) / 2))
    words = ("regress", "dry.wav", "--answers", "wet.wav", "--input-skip", "--window", 20, *QUIET)
    assert cli(*words, "--scale", "standard", "--epochs", 3).code == 0
    done = cli("evaluate", "regress-1", "dry.wav", "--answers", "wet.wav")
    assert float(re.findall(r"r2: ([\d.]+)", done.out)[0]) > 0.9
    refused = cli("predict", "regress-1", "dry.wav", "--output", "wet.wav")
    assert "wet.wav exists and is an input" in refused.err
    assert (
        "the test rows of the run are none" in cli("predict", "regress-1", "--output", "o.wav").err
    )
