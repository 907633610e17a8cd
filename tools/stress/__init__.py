"""Long fault and fuzzing tests of the guarantees; run them with `python -m tools.stress`."""
