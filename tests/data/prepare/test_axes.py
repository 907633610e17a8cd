"""What the steps and features of rows are: names, the shape of flat rows, and regular times."""

import wave
from pathlib import Path

import numpy as np

from hiddenstate.config import make_config
from hiddenstate.data import load_dataset
from hiddenstate.data.prepare.axes import in_seconds

RNG = np.random.default_rng(0)


def axes(path: Path, job: str, **options):
    return load_dataset(make_config(job, {"data": str(path), **options})).axes


def table(path: Path, header: str, lines: list[str]) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def sensors(path: Path, time) -> Path:
    """Write 8 series of 6 steps of two channels."""
    lines = [
        f"{s},{time(t)},{s + t / 10},{9.81 - t},{'ab'[s % 2]}" for s in range(8) for t in range(6)
    ]
    return table(path, "id,time,acc_x,acc_y,label", lines)


def test_series_of_a_long_table_have_the_names_and_the_regular_time_of_its_columns(tmp_path):
    path = sensors(tmp_path / "a.csv", lambda t: 0.02 * t)
    found = axes(path, "classify")
    assert (found.channels, found.row_shape) == (("acc_x", "acc_y"), None)
    assert np.isclose(found.time_step, 0.02)
    assert found.time_unit is None
    flat = axes(path, "autoencode")
    assert (flat.channels, flat.row_shape) == (("acc_x", "acc_y"), (6, 2))


def test_dates_are_seconds_and_irregular_times_have_no_step(tmp_path):
    dated = axes(sensors(tmp_path / "a.csv", lambda t: f"2024-01-0{t + 1}"), "classify")
    assert (dated.time_step, dated.time_unit) == (86400, "s")
    irregular = axes(sensors(tmp_path / "b.csv", lambda t: t * t), "classify")
    assert (irregular.time_step, irregular.time_unit) == (None, None)


def test_wide_rows_are_steps_if_their_names_count_and_else_quantities(tmp_path):
    cells = [",".join(f"{v:.3f}" for v in row) for row in RNG.normal(size=(20, 3))]
    counted = axes(table(tmp_path / "a.csv", "t0,t1,t2", cells), "autoencode")
    assert (counted.row_shape, counted.channels) == ((3, 1), None)
    named = axes(table(tmp_path / "b.csv", "ash,hue,alcohol", cells), "autoencode")
    assert (named.row_shape, named.channels) == ((1, 3), ("ash", "hue", "alcohol"))


def test_windows_of_an_array_keep_their_shape_and_have_no_names(tmp_path):
    np.savez(tmp_path / "a.npz", X=RNG.normal(size=(20, 5, 3)))
    found = axes(tmp_path / "a.npz", "autoencode")
    assert (found.row_shape, found.channels, found.time_step) == ((5, 3), None, None)


def test_a_time_column_whose_name_ends_in_a_unit_is_in_seconds():
    for name, seconds in (("t_ms", 0.02), ("time (s)", 20.0), ("Seconds", 20.0), ("h", 72000.0)):
        assert np.allclose(in_seconds(20.0, name)[0], seconds)
        assert in_seconds(20.0, name)[1] == "s"
    for name in ("t", "steps", "items", None):
        assert in_seconds(20.0, name) == (20.0, None)


def test_the_frames_of_sounds_are_in_seconds(tmp_path):
    for kind, name in (("a", "1"), ("a", "2"), ("b", "3"), ("b", "4")):
        (tmp_path / "sounds" / kind).mkdir(parents=True, exist_ok=True)
        with wave.open(str(tmp_path / "sounds" / kind / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(8000))
    found = axes(tmp_path / "sounds", "classify")
    assert found.time_unit == "s"
    assert found.time_step > 0
