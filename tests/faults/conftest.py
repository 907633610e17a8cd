"""A small share of benchmarks/faults.py: faults at counted places, never at a moment of a clock."""

import sys
from pathlib import Path

# Last, so that no module of a benchmark hides another.
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
