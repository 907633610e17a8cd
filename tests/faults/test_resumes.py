"""A run stopped at a batch, or five times in a row, ends byte-equal to one never stopped."""

from pathlib import Path

from tools.stress import resuming


def test_a_batch_and_a_chain_of_five_of_every_case_on_both_engines(tmp_path: Path) -> None:
    outcome = resuming.every_batch(tmp_path / "runs", seed=1, per_case=1, chains=1)
    assert outcome.findings == []
    assert outcome.done == 2 * len(resuming.CASES) * len(resuming.ENGINES)
