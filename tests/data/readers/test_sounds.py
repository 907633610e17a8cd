"""WAV files: every kind of samples, frames and bands, folders of classes, and what is refused."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import DataConfig
from hiddenstate.data.readers import sounds
from hiddenstate.data.readers.open import read_data, read_path
from hiddenstate.errors import DataError, HiddenstateError, OptionError
from tests.conftest import QUIET, Cli, n_refused

KSDATA = bytes.fromhex("000000001000800000aa00389b71")


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def form(code: int, channels: int, rate: int, bits: int, extensible: bool = False) -> bytes:
    width = channels * bits // 8
    head = struct.pack(
        "<HHIIHH", 0xFFFE if extensible else code, channels, rate, rate * width, width, bits
    )
    more = struct.pack("<HHIH", 22, bits, 0, code) + KSDATA
    return chunk(b"fmt ", head + more if extensible else head)


def riff(*chunks: bytes) -> bytes:
    return chunk(b"RIFF", b"WAVE" + b"".join(chunks))


def wav(values: Any, bits: int = 16, code: int = 1, rate: int = 8000, **options: Any) -> bytes:
    """The bytes of a WAV file of samples (n,) or (n, C) in [-1, 1)."""
    values = np.asarray(values, float)
    channels = 1 if values.ndim == 1 else values.shape[1]
    if code == 3:
        data = values.astype(f"<f{bits // 8}").tobytes()
    elif bits == 8:
        data = (values * 128 + 128).astype("u1").tobytes()
    else:
        whole = (values * 2.0 ** (bits - 1)).astype("<i8").reshape(-1)
        data = whole.view("u1").reshape(-1, 8)[:, : bits // 8].tobytes()
    return riff(form(code, channels, rate, bits, **options), chunk(b"data", data))


VALUES = np.array([[0.5, -1], [0.25, 0.125], [-0.5, 0]])


def folder(path: Path, rate: int = 8000, **lengths: int) -> str:
    for name, n in lengths.items():
        (path / name).mkdir()
        for k in range(3):
            tone = 0.5 * np.sin(np.arange(n + k) * (0.4 if name == "low" else 1.6))
            (path / name / f"{k}.wav").write_bytes(wav(tone, rate=rate))
    return str(path)


def test_a_folder_of_classes_is_read_as_series_with_times_in_seconds(tmp_path: Path) -> None:
    data = read_data(folder(tmp_path, low=40, high=30))
    assert data.X.shape == (6, 42, 1)
    assert data.train.lengths.tolist() == [30, 31, 32, 40, 41, 42]
    assert data.y.tolist() == ["high"] * 3 + ["low"] * 3
    assert data.train.times[0, 29] == 29 / 8000
    assert data.train.origin.table.times_of(np.array([1]), np.array([5])) == 5 / 8000
    assert data.remarks == ()


def test_long_sounds_are_read_in_bands_in_which_a_tone_is_loudest(tmp_path: Path) -> None:
    data = read_data(folder(tmp_path, low=4000, high=4000))
    assert data.X.shape == (6, 20, 32)
    assert "read in frames of 200 samples (25 ms)" in data.remarks[0]
    assert dict(data.read_as) == {"frame": 200, "bands": 32, "rate": 8000}
    for row, step in ((0, 1.6), (5, 0.4)):
        name = data.columns[int(data.X[row].mean(axis=0).argmax())]
        low, high = map(int, name.removesuffix(" Hz").split("-"))
        assert low - 40 <= step * 8000 / (2 * np.pi) <= high + 40
    level = data.X.max()  # of a sine of amplitude 1/2
    assert level == pytest.approx(20 * np.log10(0.5), abs=3)


def test_frames_and_bands_can_be_chosen(tmp_path: Path) -> None:
    path = folder(tmp_path, low=40, high=30)
    assert read_data(path, frame=10).X.shape == (6, 4, 10)
    assert read_data(path, frame=10, bands=5).X.shape == (6, 4, 5)
    with pytest.raises(OptionError, match="bands: 9 for frames of 10 samples"):
        read_data(path, frame=10, bands=9)
    with pytest.raises(DataError, match=r"30 samples, fewer than a frame of 31"):
        read_data(path, frame=31)


def test_a_short_sound_is_refused_and_does_not_shrink_the_frame(tmp_path: Path) -> None:
    path = folder(tmp_path, low=4000, high=4000)
    (tmp_path / "low" / "9.wav").write_bytes(wav(np.zeros(60)))
    with pytest.raises(DataError, match=r"low/9\.wav: 60 samples, fewer than a frame of 200 "):
        read_data(path)
    data = read_data(path, skip_bad=True)
    assert data.read_as["frame"] == 200
    assert len(data.train) == 6
    assert data.remarks[0].endswith("1 unreadable sound left out")


def test_training_sounds_alone_choose_the_frame(tmp_path: Path) -> None:
    for name, length in (("train", 1000), ("test", 4000)):
        (tmp_path / name).mkdir()
        folder(tmp_path / name, low=length, high=length)
    data = read_data(str(tmp_path))
    assert data.read_as["frame"] == 1
    (tmp_path / "new.wav").write_bytes(wav(np.zeros(150)))
    model = DataConfig(frame=200, bands=32, rate=8000)
    with pytest.raises(DataError, match=r"new\.wav: 150 samples, fewer than a frame of 200"):
        read_path(str(tmp_path / "new.wav"), model, "classify", require_targets=False)


def test_one_sound_is_a_signal_to_forecast_or_rows_to_encode(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(np.tile(VALUES, (100, 1))))
    data = read_data(path, job="regress", horizon=1)
    assert data.X.shape == data.y.shape == (1, 300, 2)
    assert data.targets == ("channel_1", "channel_2")
    assert read_data(path, job="autoencode", frame=30).X.shape == (10, 30, 2)
    with pytest.raises(DataError, match="without a class; put them into one subfolder per class"):
        read_data(path)
    with pytest.raises(
        DataError, match=r"sound has no targets; .* with answers, .* with horizon=1"
    ):
        read_data(path, job="regress")


def test_a_second_sound_is_what_is_made_of_the_first(tmp_path: Path) -> None:
    dry, wet = tmp_path / "dry.wav", tmp_path / "wet.wav"
    dry.write_bytes(wav(VALUES[:, 0]))
    wet.write_bytes(wav(VALUES, 24))
    data = read_data(dry, job="regress", answers=str(wet))
    np.testing.assert_array_equal(data.train.require_targets(), VALUES[None])
    assert (data.columns, data.targets) == (("sound",), ("output_1", "output_2"))
    framed = read_data(dry, job="regress", answers=str(wet), frame=2)
    np.testing.assert_array_equal(framed.train.require_targets(), VALUES[:2].reshape(1, 1, 4))


@pytest.mark.parametrize(
    ("wet", "options", "message"),
    [
        (wav(VALUES, rate=16000), {}, "16,000 samples a second, but dry.wav has 8,000; resample"),
        (wav(VALUES[1:]), {}, "2 samples, but dry.wav has 3; cut both to the same moments"),
        (wav(VALUES), {"bands": 1, "frame": 2}, "a sound is made of samples; leave it out"),
        (wav(VALUES), {"job": "classify"}, "to a WAV file to regress"),
        (b"RIFX", {}, "wet.wav: RIFX is not read"),
    ],
    ids=["rate", "length", "bands", "job", "format"],
)
def test_answers_of_other_moments_are_refused(
    wet: bytes, options: Any, message: str, tmp_path: Path
) -> None:
    (tmp_path / "dry.wav").write_bytes(wav(VALUES[:, 0]))
    (tmp_path / "wet.wav").write_bytes(wet)
    options = {"job": "regress", "answers": str(tmp_path / "wet.wav"), **options}
    with pytest.raises(HiddenstateError, match=message):
        read_data(tmp_path / "dry.wav", **options)


def test_other_rates_and_channels_are_refused_or_skipped(tmp_path: Path) -> None:
    path = folder(tmp_path, low=40, high=30)
    (tmp_path / "low" / "1.wav").write_bytes(wav(np.zeros(40), rate=16000))
    with pytest.raises(DataError, match=r"1\.wav: 16,000 samples a second, but 0\.wav has 8,000"):
        read_data(path)
    data = read_data(path, skip_bad=True)
    assert len(data.train) == 5
    assert data.remarks[0].endswith("1 unreadable sound left out")
    (tmp_path / "low" / "1.wav").write_bytes(wav(np.zeros((40, 2))))
    with pytest.raises(DataError, match=r"1\.wav: 2 channels, but 0\.wav has 1"):
        read_data(path)
    with pytest.raises(DataError, match=r"0\.wav: 8,000 samples a second, expected 4,000"):
        read_data(path, rate=4000)


def test_new_sounds_must_have_the_rate_of_the_training_sounds(tmp_path: Path) -> None:
    train, test = tmp_path / "train", tmp_path / "new.wav"
    train.mkdir()
    options = dict(read_data(folder(train, low=4000, high=4000)).read_as)
    test.write_bytes(wav(np.zeros(500), rate=16000))
    with pytest.raises(DataError, match="16,000 samples a second, expected 8,000"):
        read_path(str(test), DataConfig(**options), "classify", require_targets=False)
    test.write_bytes(wav(np.zeros(500)))
    new = read_path(str(test), DataConfig(**options), "classify", require_targets=False)
    assert new.X.shape == (1, 2, 32)


def test_a_sample_says_what_it_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounds, "SAMPLE", 20)
    monkeypatch.setattr(sounds, "SAMPLE_SOUNDS", 4)
    path = folder(tmp_path, low=40, high=30)
    data = sounds.read_sounds(Path(path), DataConfig(), "classify", sample=True)
    assert data.X.shape == (4, 20, 1)
    assert data.unread == (
        "2 of 6 sounds were not read",
        "only the first 20 samples of 42 were read",
    )


def test_a_damaged_file_only_raises_errors_of_the_library(tmp_path: Path) -> None:
    def read(path: Path) -> object:
        return read_path(str(path), DataConfig(frame=2), "autoencode")

    sounds = wav(VALUES, extensible=True), wav(VALUES, 64, 3)
    assert 100 < sum(n_refused(tmp_path / "a.wav", sound, 200, read) for sound in sounds) < 380


def test_a_forecast_of_a_sound_has_times_in_seconds(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(np.sin(np.arange(300) / 9) / 2))
    words = ("regress", "a.wav", "--horizon", 1, "--max-steps", 2, *QUIET)
    assert cli(*words).code == 0
    answer = cli("predict", "regress-1", "a.wav")
    number, time, target_time = map(float, answer.out.splitlines()[2].split(",")[:3])
    assert (time, target_time) == pytest.approx((number / 8000, (number + 1) / 8000))
    assert answer.err.count("\n") == 1
    assert "complete no window" in answer.err


def test_a_folder_is_of_what_it_holds_most(tmp_path: Path) -> None:
    for k in range(4):
        place = tmp_path / "ab"[k % 2]
        place.mkdir(exist_ok=True)
        (place / f"{k}.wav").write_bytes(wav(np.full(50, 0.1 * k)))
    (tmp_path / "a" / "cover.png").write_bytes(b"no picture")
    data = read_path(str(tmp_path), DataConfig(), "classify")
    assert data.kind.startswith("a folder of WAV files")
    assert "1 file without the suffix of a sound ignored" in data.remarks[0]
    for k in range(3):
        (tmp_path / "b" / f"{k}.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"holds as many images as sounds \(4\)"):
        read_path(str(tmp_path), DataConfig(), "classify")
