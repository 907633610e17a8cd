"""A damaged file of a run or a model is reported by name and never accepted as intact."""

from pathlib import Path

import pytest
from tools.stress import run_files
from tools.stress.run_files import Sample


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return run_files.make_samples(tmp_path_factory.mktemp("samples") / "all")


def test_files_with_flipped_bits_or_cut_ends_are_never_loaded(
    samples: list[Sample], tmp_path: Path
) -> None:
    outcome, verdicts = run_files.damage(samples, tmp_path, flips=60, cuts=30, seed=2)
    assert outcome.findings == []
    assert set(verdicts["newest checkpoint, flip"]) == {"previous used"}
    assert set(verdicts["older checkpoint alone, flip"]) == {"named"}
    assert set(verdicts["model.safetensors, flip"]) == {"named"}


def test_a_damaged_file_that_loads_or_crashes_gets_its_verdict(tmp_path: Path) -> None:
    (tmp_path / "thing").mkdir()
    (tmp_path / "thing" / "a.txt").write_text("sound")

    def read(path: Path) -> tuple[dict[str, object], list[str]]:
        text = (path / "a.txt").read_text()
        if text == "crash":
            raise ZeroDivisionError
        return {"a.txt": text.upper()}, ["a.txt is odd"] if text == "odd" else []

    sample = Sample("thing", tmp_path / "thing", read)
    sound = run_files.read_sound(sample, tmp_path / "copy")
    for text, verdict in (
        ("other", "loaded"),
        ("crash", "crashed"),
        ("odd", "named"),
        ("SOUND", "not read"),
    ):
        damaged, place = text.encode(), tmp_path / "damaged"
        assert run_files.judge(sample, sound, Path("a.txt"), damaged, place) == verdict
