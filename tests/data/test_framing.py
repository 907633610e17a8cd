"""Frames of sounds: bytes of samples, and what a run keeps of its sounds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.data.framing import Framing, from_mu_law, mu_law
from hiddenstate.data.readers.wav import open_wav
from hiddenstate.errors import DataError
from hiddenstate.inference.inputs import read_new_data
from hiddenstate.runs import Run
from tests.conftest import QUIET, Cli
from tests.data.readers.test_sounds import folder, wav


def test_bytes_of_samples_are_fine_near_0_and_keep_silence_and_the_ends() -> None:
    samples = np.array([-1, -0.5, -0.001, 0, 0.001, 0.5, 1, np.nan, 3])
    found = from_mu_law(mu_law(samples))
    np.testing.assert_allclose(found[:7], samples[:7], rtol=0.03, atol=1e-4)
    assert found[[0, 3, 6, 7, 8]].round(9).tolist() == [-1, 0, 1, 0, 1]


def test_the_sound_of_whole_frames_is_the_mean_of_its_channels(tmp_path: Path) -> None:
    (tmp_path / "s.wav").write_bytes(wav(np.tile([[0.5, -0.25]], (11, 1))))
    heard = Framing(2, 8000, 4, 2).heard(open_wav(tmp_path / "s.wav"), 100)
    assert heard.shape == (8,)
    np.testing.assert_allclose(from_mu_law(heard), 0.125, rtol=0.02)


def test_sounds_of_other_channels_than_the_trained_ones_are_refused(
    odd_run: Callable[[str], Run], tmp_path: Path
) -> None:
    (tmp_path / "two.wav").write_bytes(wav(np.zeros((500, 2))))
    with pytest.raises(DataError, match=r"two\.wav: 2 channels; the model was trained on 1; conv"):
        read_new_data(odd_run("sounds").model(), str(tmp_path / "two.wav"), {}, False)


def test_a_run_says_how_its_sounds_are_cut_and_keeps_the_shown_ones(
    cli: Cli, tmp_path: Path
) -> None:
    data = folder(tmp_path, rate=8000, low=2100, high=2300)
    cli("classify", data, "--max-steps", 2, "--hidden-size", 2, *QUIET)
    arrays, facts = Run(Path("runs/classify-1")).static_arrays
    assert facts.sound == Framing(1, 8000, 200, 32)
    n, steps, _ = arrays["shown"].shape
    assert arrays["wave"].shape == (n, 200 * steps)
    ends = np.isfinite(arrays["shown"][:, :, 0]).sum(axis=1)
    for wave, end in zip(from_mu_law(arrays["wave"]), ends, strict=True):
        assert abs(wave[: 200 * end]).max() > 0.45
        assert not wave[200 * end :].any()
