"""Spectrograms of sounds: what is drawn of their levels, and the names of frequencies."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hiddenstate.data.framing import Framing
from hiddenstate.runs import Run
from hiddenstate.views import spectrogram
from hiddenstate.views.drawers import decision
from hiddenstate.views.terminal import classify
from hiddenstate.views.terminal.canvas import Canvas
from hiddenstate.views.terminal.colors import Depth
from hiddenstate.views.timeline import Timeline


def test_the_lowest_band_of_each_channel_is_at_the_bottom_and_quiet_ones_are_0() -> None:
    levels = np.array([[-90, -20, -50, 5], [np.nan, -20, -80, -20]])
    shares = spectrogram.shares(levels, Framing(2, 8000, 8, 2), -80, -20)
    np.testing.assert_array_equal(shares, [[1, 1], [0, np.nan], [1, 1], [0.5, 0]])


def test_a_long_sound_is_drawn_small_by_the_loudest_of_each_part() -> None:
    pixels = np.zeros((2, 1000))
    pixels[0, 501] = 1
    small = spectrogram.resized(pixels, spectrogram.columns(1000, 32))
    assert small.shape == (2, 96)
    assert small.sum() == 1
    assert spectrogram.resized(pixels[:, :3], 16).shape == (2, 16)


def test_frequencies_stand_at_their_bands_and_apart() -> None:
    framing = Framing(1, 16000, 400, 32)
    places = spectrogram.frequencies(framing, 3)
    assert [name for _, name in places] == ["50 Hz", "500 Hz", "1 kHz", "2 kHz", "5 kHz"]
    hertz = framing.hertz()
    for place, name in places:
        value = float(name.split()[0]) * (1000 if "k" in name else 1)
        assert hertz[int(place)] <= value <= hertz[int(place) + 1]
    assert np.diff([place for place, _ in places]).min() >= 3


@pytest.fixture
def timeline(odd_run: Callable[[str], Run]) -> Timeline:
    return Timeline(odd_run("sounds"))


def test_a_figure_draws_spectrogram_and_wave_over_seconds(timeline: Timeline) -> None:
    seen, *_, held = decision(timeline, timeline.moment(), None, 1).axes[:3]
    image = seen.images[0]
    array: Any = image.get_array()
    assert array.shape == (8, 20)
    assert seen.get_ylim()[1] > 8
    assert len(seen.collections) >= 1  # the wave
    assert "1 kHz" in [text.get_text() for text in seen.get_yticklabels()]
    assert held.get_xlabel() == "time read (s)"


def test_a_terminal_names_frequencies_beside_the_spectrogram(timeline: Timeline) -> None:
    canvas = Canvas.blank(80, 24, Depth.TRUE)
    classify.decision(canvas, timeline, timeline.moment(), SimpleNamespace(row=0))  # type: ignore[arg-type]
    lines = ["".join(map(chr, line)) for line in canvas.glyph]
    assert any(line.startswith("1 kHz") for line in lines)
    assert "0 to 0.19 s" in lines[0]
