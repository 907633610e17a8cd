"""A run stopped at a batch, or five times in a row, ends byte-equal to one never stopped."""

from pathlib import Path

import fault_resumes


def test_a_batch_and_a_chain_of_five_of_every_case_on_both_engines(tmp_path: Path) -> None:
    outcome = fault_resumes.every_batch(tmp_path / "runs", seed=1, per_case=1, chains=1)
    assert outcome.findings == []
    cases = len(fault_resumes.CASES) * len(fault_resumes.ENGINES) - (
        "native" in fault_resumes.ENGINES  # which has no dropout between layers
    )
    assert outcome.done == 2 * cases
