"""A damaged file of a run or a model is named, and never taken for a sound one."""

from pathlib import Path

import fault_files
import pytest
from fault_files import Sample


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return fault_files.make_samples(tmp_path_factory.mktemp("samples") / "all")


def test_flipped_bits_and_cut_ends_are_never_loaded(samples: list[Sample], tmp_path: Path) -> None:
    outcome, verdicts = fault_files.damage(samples, tmp_path, flips=120, cuts=60, seed=2)
    assert outcome.findings == []
    assert set(verdicts["newest checkpoint, flip"]) == {"previous used"}
    assert set(verdicts["older checkpoint alone, flip"]) == {"named"}
    assert set(verdicts["model.safetensors, flip"]) == {"named"}


def test_damage_that_is_taken_is_a_finding(
    samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = next(s for s in samples if s.name == "model")
    sound = fault_files.read_sound(sample, tmp_path / "sound")
    file = sample.files()[0]
    hurt = (sample.path / file).read_bytes().replace(b"RecurrentClassifier", b"recurrentClassifier")
    assert fault_files.judge(sample, sound, file, hurt, tmp_path / "hurt") == "named"
    monkeypatch.setattr("hiddenstate.storage._digest", lambda body, arrays: body["sha256"])

    def crash(*given: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("hiddenstate.estimators.files._restore", crash)
    assert fault_files.judge(sample, sound, file, hurt[:-1], tmp_path / "hurt") == "named"
    whole = (sample.path / file).read_bytes()
    monkeypatch.setattr("hiddenstate.storage._digest", _stated)
    assert fault_files.judge(sample, sound, file, whole, tmp_path / "hurt") == "crashed"


def _stated(body: dict[str, object], arrays: object) -> str:
    return "0" * 64
