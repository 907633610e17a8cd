"""A run stopped once, or five times in a row, is byte-identical after it is resumed."""

from pathlib import Path

from tools.stress import resuming


def test_every_case_stopped_once_and_five_times_ends_identical_on_both_engines(
    tmp_path: Path,
) -> None:
    outcome = resuming.every_batch(tmp_path / "runs", seed=1, per_case=1, chains=1)
    assert outcome.findings == []
    assert outcome.done == 2 * len(resuming.CASES) * len(resuming.ENGINES)
