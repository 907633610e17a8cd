"""A run stopped once, or five times in a row, is byte-identical after it is resumed."""

from pathlib import Path

from tools.stress import resuming
from tools.stress.processes import Outcome


def test_every_case_stopped_once_and_five_times_ends_identical_on_both_engines(
    tmp_path: Path,
) -> None:
    # A case that is stopped once on one engine is stopped five times on the other.
    outcome, cases = Outcome(), list(resuming.CASES)
    for turn, engine in enumerate(resuming.ENGINES):
        for fives in (0, 1):
            some = cases[(turn + fives) % 2 :: 2]
            folder = tmp_path / f"{engine}-{fives}"
            outcome.add(resuming.every_batch(folder, 1, 1 - fives, fives, [engine], some))
    assert outcome.findings == []
    assert outcome.done == len(cases) * len(resuming.ENGINES)
    assert outcome.counts["chains of five"] >= len(cases) // 2
