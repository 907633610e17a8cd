"""A run folder as Python reads it."""

from pathlib import Path

from hiddenstate import Run

GOLDEN = Path(__file__).parents[1] / "golden" / "v5" / "regress"


def test_a_run_is_named_by_a_text_or_a_path() -> None:
    for path in (GOLDEN, str(GOLDEN)):
        run = Run(path)
        assert (run.path, run.name, run.status()) == (GOLDEN, "regress", "done")
